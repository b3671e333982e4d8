"""Along the cosine flow the norm relaxes by itself, whatever the direction does, and the direction moves autonomously
in a clock of its own.
"""

import mpmath
import numpy as np

from theory.multicenter.clock import clock
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SPHERE, SPHERE_FLOW, flow
from ufm.certify.predict import predict
from ufm.problems.start import Start

CLAIM = Claim(
    id="radius-and-clock",
    section="Gradients and flows",
    latex=r"""
        r = 1 + (r_0 - 1) e^{-2\lambda t}, \qquad \tau = \int_0^t \frac{ds}{r^2} = t + \frac{\ln(r/r_0) + 1/r_0 -
        1/r}{2\lambda}
    """,
    hypotheses="Cosine loss, any frame; for lambda = 0, tau = t / r_0^2.",
    derivations=("radius_clock",),
    functions=(
        "theory.multicenter.clock.radius",
        "theory.multicenter.clock.clock",
        "theory.multicenter.clock.flow_time",
        "theory.multicenter.flows.norm_penalty",
    ),
    tests=(
        "tests/theory/multicenter/test_clock.py::test_radius_solves_its_equation",
        "tests/theory/multicenter/test_clock.py::test_clock_is_the_integral_of_one_over_radius_squared",
        "tests/theory/multicenter/test_clock.py::test_flow_time_inverts_the_clock",
    ),
)


def evidence() -> Evidence:
    times, said = np.linspace(0.0, 6.0, 13), predict(SPHERE)
    path = flow(SPHERE, times, start=Start(scale=2.0))
    stated = said.radius(times[:, None], path.r[0])
    yield compare("norm at 13 times", SPHERE_FLOW, path.r, stated, relative=1e-9)
    for start in (0.2, 1.0, 9.0):

        def pace(s: mpmath.mpf, r0: float = start) -> mpmath.mpf:
            return 1 / (1 + (r0 - 1) * mpmath.exp(-mpmath.mpf("0.6") * s)) ** 2

        with mpmath.workdps(30):
            exact = float(mpmath.quad(pace, [0, 1, 6]))
        name, how = f"clock at t = 6, r0 = {start}", "mpmath quadrature of 1/r^2"
        yield compare(name, how, exact, said.clock(6.0, start), relative=1e-13)
    still = clock(6.0, 3.0, 0.0)
    yield compare("clock without a penalty: t / r0^2", "limit", still, 6.0 / 9.0, relative=1e-15)
