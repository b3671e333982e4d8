"""The Gram matrix of one class's unit centers has the eigenvalue f c^2 once, along the mean center, and cos(theta)^2 on
the f - 1 differences of centers; centers of different classes are orthogonal.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import FRAME, random_frame

CLAIM = Claim(
    id="gram-spectrum",
    section="The frame",
    verdict="holds",
    source="definition 3.2",
    latex=r"""
        G = \cos^2\theta\, I + \sin^2\theta\, 1 1^\top, \qquad \operatorname{spec} G = \{f c^2, \cos^2\theta, \dots,
        \cos^2\theta\}
    """,
    hypotheses="Unit centers.",
    derivations=("angles",),
    functions=(
        *("theory.multicenter.geometry.gram_eigenvalues", "theory.multicenter.geometry.class_gram"),
        *("theory.multicenter.geometry.squares", "theory.multicenter.geometry.squared_cosine"),
    ),
    tests=("tests/theory/multicenter/test_geometry.py::test_gram_eigenvalues",),
)


def evidence() -> Evidence:
    for f in (1, 2, 5, 12):
        for theta in (0.0, 0.3, 1.2):
            own = frame_by_hand((f, 2), theta, f + 8).own(0)
            found = np.linalg.eigvalsh(own @ own.T)
            mean, difference = geometry.gram_eigenvalues(f, theta)
            stated = np.append(np.full(f - 1, difference), mean)
            name = f"eigenvalues of the Gram matrix, f={f}, theta={theta}"
            yield compare(name, "explicit vectors", found, stated, absolute=1e-13)
    measured = random_frame(FRAME).geometry.spread
    stated = np.where(np.array(FRAME.centers) > 1, np.cos(FRAME.theta) ** 2, 0.0)
    yield compare("eigenvalue on differences, simulated frame", "ufm.Frame.geometry", measured, stated, absolute=1e-13)
