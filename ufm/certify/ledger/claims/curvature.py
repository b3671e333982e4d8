"""At the minimum the Riemannian Hessian of the cosine loss has one eigenvalue on the differences of centers and a
smaller one outside the class's centers; the latter is 0 exactly if the centers coincide. At the antipode all are
negative.
"""

import numpy as np

from theory.multicenter import minimum
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.landscape import critical_points
from ufm.certify.ledger.simulations import COSINE
from ufm.certify.predict import predict

CLAIM = Claim(
    id="curvature",
    section="Minimisers",
    latex=r"""
        2\beta f (c - \sin^2\theta), \quad 2\beta f c (1 - c), \quad 2\lambda \text{ (radial)}; \qquad -2\beta f c (1 +
        c),\ -2\beta f c (1 + c) + 2\beta\cos^2\theta
    """,
    hypotheses="Unit frame, |h| = 1.",
    derivations=("cosine_hessian",),
    functions=("theory.multicenter.minimum.cosine_curvatures",),
    tests=(
        "tests/theory/multicenter/test_minimum.py::test_curvatures_against_the_hessian",
        "tests/ufm/certify/ledger/test_landscape.py::test_lanczos_finds_the_extreme_eigenvalues",
    ),
)


def evidence() -> Evidence:
    points = critical_points(COSINE, 20)
    f, c, how = np.array(COSINE.centers), predict(COSINE).center_cosine, "Lanczos on Hessian-vector products"
    stated = minimum.cosine_curvatures(f, COSINE.theta, COSINE.beta, COSINE.lam)
    at, opposite = points[::2], points[1::2]
    name = "smallest eigenvalue at the minimum: outside"
    yield compare(name, how, [p.lowest for p in at], stated.outside, relative=1e-8)
    name = "largest: on the differences of centers"
    yield compare(name, how, [p.highest for p in at], stated.difference, relative=1e-8)
    antipode = -2.0 * f * c * (1.0 + c)
    other = antipode + 2.0 * np.cos(COSINE.theta) ** 2
    yield compare("smallest eigenvalue at the antipode", how, [p.lowest for p in opposite], antipode, relative=1e-8)
    yield compare("largest: still negative", how, [p.highest for p in opposite], other, relative=1e-8)
    single = COSINE.replace(class_sizes=(1,), centers=(1,), dim=6)
    (point,) = (p for p in critical_points(single, 20) if p.nc < 1)
    yield compare("curvature with a single center", how, [point.lowest, point.highest], 0.0, absolute=1e-6)
