"""Along the cosine flow the norm relaxes by itself, whatever the direction does, and the direction moves autonomously
in a clock of its own.
"""

import mpmath
import numpy as np

from theory.multicenter import clock
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import LAM, SPHERE, SPHERE_FLOW
from ufm.certify.ledger.simulations import flow
from ufm.problems.start import Start

CLAIM = Claim(
    id="radius-and-clock",
    section="Gradients and flows",
    verdict="new",
    source="new",
    latex=r"""
        r = 1 + (r_0 - 1) e^{-2\lambda t}, \qquad \tau = \int_0^t \frac{ds}{r^2} = t + \frac{\ln(r/r_0) + 1/r_0 -
        1/r}{2\lambda}
    """,
    hypotheses="Cosine loss, any frame; for lambda = 0, tau = t / r_0^2.",
    derivations=("radius_clock",),
    functions=("theory.multicenter.clock.radius", "theory.multicenter.clock.clock"),
    tests=(
        "tests/theory/multicenter/test_clock.py::test_radius_solves_its_equation",
        "tests/theory/multicenter/test_clock.py::test_clock_is_the_integral_of_one_over_radius_squared",
    ),
)


def evidence() -> Evidence:
    times = np.linspace(0.0, 6.0, 13)
    path = flow(SPHERE, times, start=Start(scale=2.0))
    r0 = path.r[0]
    stated = clock.radius(times[:, None], r0, LAM)
    yield compare("norm at 13 times", SPHERE_FLOW, path.r, stated, relative=1e-9)
    with mpmath.workdps(30):
        for start in (0.2, 1.0, 9.0):
            exact = mpmath.quad(
                lambda s, r0=start: 1 / (1 + (r0 - 1) * mpmath.exp(-mpmath.mpf("0.6") * s)) ** 2, [0, 1, 6]
            )
            stated = clock.clock(6.0, start, 0.3)
            name = f"clock at t = 6, r0 = {start}"
            yield compare(name, "mpmath quadrature of 1/r^2", float(exact), stated, relative=1e-13)
    still = clock.clock(6.0, 3.0, 0.0)
    yield compare("clock without a penalty: t / r0^2", "limit", still, 6.0 / 9.0, relative=1e-15)
