"""A center of class k has cosine c_k with the mean center of its class, and the mean center has cosine sin(theta)/c_k
with the classifier vector.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import FRAME, random_frame
from ufm.certify.predict import predict

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
    functions=(
        "theory.multicenter.geometry.center_cosine",
        "theory.multicenter.geometry.classifier_cosine",
        "theory.multicenter.geometry.center_gap",
    ),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_angles_are_those_of_explicit_vectors",
        "tests/theory/multicenter/test_geometry.py::test_fifty_digits",
    ),
)


def evidence() -> Evidence:
    for f in (1, 2, 5, 12):
        for theta in (0.0, 0.3, 1.2, np.pi / 2):
            frame, where, how = frame_by_hand((f,), theta, f + 3), f"f={f}, theta={theta:.3g}", "explicit vectors"
            cosines, skew = frame.centers @ frame.direction(0), frame.classifier @ frame.direction(0)
            yield compare(f"cos alpha, {where}", how, cosines, geometry.center_cosine(f, theta), absolute=1e-14)
            yield compare(f"cos rho, {where}", how, skew, geometry.classifier_cosine(f, theta), absolute=1e-14)
    measured, stated, how = random_frame(FRAME).geometry, predict(FRAME), "ufm.Frame.geometry"
    cosines = measured.mean / measured.length
    yield compare("cos alpha of a simulated frame", how, cosines, stated.center_cosine, absolute=1e-13)
    yield compare("cos rho of a simulated frame", how, measured.alignment, stated.classifier_cosine, absolute=1e-13)
