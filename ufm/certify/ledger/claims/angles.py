"""A center of class k has cosine c_k with the mean center of its class, and the mean center has cosine sin(theta)/c_k
with the classifier vector.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import FRAME
from ufm.certify.ledger.simulations import random_frame

CLAIM = Claim(
    id="angles",
    section="The frame",
    verdict="holds",
    source="definition 3.2",
    latex=r"c_k = \cos\alpha_k = \sqrt{\cos^2\theta / f_k + \sin^2\theta}, \qquad \cos\rho_k = \sin\theta / c_k",
    hypotheses="""
        Auxiliary vectors and classifier mutually orthogonal, of equal length within a class; theta in [0, pi/2].
    """,
    derivations=("angles",),
    functions=("theory.multicenter.geometry.center_cosine", "theory.multicenter.geometry.classifier_cosine"),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_angles_are_those_of_explicit_vectors",
        "tests/theory/multicenter/test_geometry.py::test_fifty_digits",
    ),
)


def evidence() -> Evidence:
    for f in (1, 2, 5, 12):
        for theta in (0.0, 0.3, 1.2, np.pi / 2):
            _, classifier, rows = frame_by_hand((f,), theta, f + 3)
            mean = rows.mean(axis=0)
            cosines = rows @ mean / np.linalg.norm(mean)
            name = f"f={f}, theta={theta:.3g}"
            name = f"cos alpha, {name}"
            yield compare(name, "explicit vectors", cosines, geometry.center_cosine(f, theta), absolute=1e-14)
            skew = classifier[0] @ mean / np.linalg.norm(mean)
            name = f"cos rho, {name}"
            yield compare(name, "explicit vectors", skew, geometry.classifier_cosine(f, theta), absolute=1e-14)
    measured = random_frame(FRAME).geometry
    stated = geometry.center_cosine(FRAME.centers, FRAME.theta)
    name = "cos alpha of a simulated frame"
    yield compare(name, "ufm.Frame.geometry", measured.mean / measured.length, stated, absolute=1e-13)
    stated = geometry.classifier_cosine(FRAME.centers, FRAME.theta)
    yield compare("cos rho of a simulated frame", "ufm.Frame.geometry", measured.alignment, stated, absolute=1e-13)
