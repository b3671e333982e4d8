"""On the sphere the cosine loss of a class has exactly two critical points: the minimum at the mean center and the
maximum at its antipode. The gradient flow of every start but the antipode ends in the minimum.
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.landscape import critical_points
from ufm.certify.ledger.simulations import COSINE
from ufm.certify.predict import predict

CLAIM = Claim(
    id="two-critical-points",
    section="Minimisers",
    latex=r"(G + \mu) u = b,\ b = f c\, e \;\Rightarrow\; u = \pm e, \qquad L(-e) = \beta f (1 + c)^2",
    hypotheses="""
        Unit frame. It is a trust-region problem whose linear term is the top eigenvector of its quadratic one.
    """,
    derivations=("cosine_minimum",),
    functions=("theory.multicenter.minimum.cosine_minimum",),
    tests=("tests/ufm/certify/ledger/test_landscape.py::test_the_cosine_loss_has_two_critical_points_and_p_one",),
)


def evidence() -> Evidence:
    points = critical_points(COSINE, 60)
    how = "Newton's method from 60 starts a class, minima and maxima alike"
    yield compare("critical points of each class", how, np.bincount([p.k for p in points]), 2)
    yield compare("NC of the one of lower value", how, [p.nc for p in points[::2]], 0.0, absolute=1e-10)
    yield compare("NC of the other one: the antipode", how, [p.nc for p in points[1::2]], 4.0, absolute=1e-10)
    f, c = np.array(COSINE.centers), predict(COSINE).center_cosine
    values = [p.value for p in points[1::2]]
    yield compare("value at the antipode: f (1 + c)^2", how, values, f * (1 + c) ** 2, relative=1e-12)
