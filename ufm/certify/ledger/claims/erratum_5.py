"""A frame exists for d >= F + K, as the theorems say; the definition asks for one dimension more than is needed."""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-5",
    section="Errata",
    verdict="fails",
    source="definition 3.2, dimension",
    latex=r"d \ge F + K",
    printed="d > (f + 1) K",
    hypotheses="none",
    functions=("theory.multicenter.geometry.minimum_dimension",),
    tests=("tests/ufm/problems/test_frames.py::test_frames_are_what_the_definition_says",),
)


def evidence() -> Evidence:
    counts, rng = (3, 3), np.random.default_rng(0)
    ranks = [int(np.linalg.matrix_rank(rng.standard_normal((8, d)))) for d in range(1, 12)]
    smallest = 1 + ranks.index(8)
    needed = geometry.minimum_dimension(counts)
    name = "smallest d with 8 independent rows: f = 3, K = 2"
    yield compare(name, "rank of random matrices", smallest, needed, printed=9)
    frame = frame_by_hand(counts, 0.3, needed)
    q = np.concatenate([frame.auxiliary, frame.classifier])
    defect = np.abs(q @ q.T - np.eye(8)).max()
    yield compare("defect of a frame with d = (f + 1) K exactly", "explicit vectors", defect, 0.0, absolute=1e-14)
