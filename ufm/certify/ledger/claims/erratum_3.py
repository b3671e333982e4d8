"""The condition that a frame is orthogonal is printed with the d x d product, which has rank F + K < d and cannot be an
identity.
"""

import numpy as np

from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-3",
    section="Errata",
    verdict="fails",
    source="definition 3.2, frame condition",
    latex=r"[V^\top | W_0^\top]^\top [V^\top | W_0^\top] = I_{F + K}",
    printed=r"[V^\top | W_0^\top] [V^\top | W_0^\top]^\top = I",
    hypotheses="d > F + K, unit norms.",
    functions=("ufm.problems.frames.multi_center_frame",),
    tests=("tests/ufm/problems/test_frames.py::test_frames_are_what_the_definition_says",),
)


def evidence() -> Evidence:
    frame = frame_by_hand((2, 3), 0.3, 9)
    stacked = np.concatenate([frame.auxiliary, frame.classifier]).T  # [V^T | W0^T], d x (F + K)
    gram, projection = np.linalg.norm(stacked.T @ stacked - np.eye(7)), np.linalg.norm(stacked @ stacked.T - np.eye(9))
    name = "distance of [V'|W0']' [V'|W0'] from the identity"
    yield compare(name, "explicit vectors, d = 9, F + K = 7", gram, 0.0, absolute=1e-13, printed=projection)
    rank = np.linalg.matrix_rank(stacked @ stacked.T)
    name = "rank of the d x d matrix as printed, which must be d for an identity"
    yield compare(name, "singular values", rank, 7, printed=9)
