"""The time from one NC to another is one scalar integral, and in closed form for a start without a part in the
differences of the centers.
"""

import mpmath
import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SPHERE, SPHERE_FLOW, flow
from ufm.certify.predict import predict

CLAIM = Claim(
    id="time-to-collapse",
    section="Gradients and flows",
    latex=r"""
        \tau = \frac{1}{2 \beta f c (1 + c)} \Big[ \frac12 \ln\frac{4 - NC}{NC} + \frac{c}{1 - c} \ln\Big(1 + (1 - c)
        \frac{2 - NC}{NC}\Big) \Big]_{NC_0}^{NC}
    """,
    hypotheses="As reduced-flow; closed form for y = 0.",
    derivations=("reduced_flow",),
    functions=("theory.multicenter.flows.clock_to_nc", "theory.multicenter.flows.time_to_nc"),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_clock_to_nc_against_the_field_it_never_sees",
        "tests/theory/multicenter/test_flows.py::test_time_to_nc_reads_the_clock",
    ),
)


def _clock_by_quadrature(nc: float, nc0: float, f: int, theta: float) -> float:
    """Integral of dx / x' over x = 1 - e^w, for y = 0: x' = 2 f c (1 - x^2)(1 - c x)."""
    c = mpmath.sqrt(mpmath.cos(theta) ** 2 / f + mpmath.sin(theta) ** 2)

    def integrand(w: mpmath.mpf) -> mpmath.mpf:
        beyond = mpmath.exp(w)
        return 1 / (2 * f * c * (2 - beyond) * (1 - c + c * beyond))

    ends = (mpmath.log(mpmath.mpf(value) / 2) for value in (nc, nc0))
    return float(mpmath.quad(integrand, mpmath.linspace(*ends, 9)))


def evidence() -> Evidence:
    for f, theta, nc0, nc in ((5, 0.3, 1.9, 1e-8), (2, 1.2, 3.5, 1e-3), (1, 0.3, 1.0, 1e-2)):
        with mpmath.workdps(30):
            exact = _clock_by_quadrature(nc, nc0, f, theta)
        name = f"clock time from NC {nc0} to {nc}, f={f}, theta={theta}"
        stated = flows.clock_to_nc(nc, nc0, f, theta, 1.0)
        yield compare(name, "mpmath quadrature of 1 / x'", exact, stated, relative=1e-12)
    times = np.linspace(0.0, 8.0, 9)
    path = flow(SPHERE, times)
    tilts = path.y[0] / path.z[0]
    samples = zip(path.nc[-1], path.nc[0], path.r[0], SPHERE.labels, tilts, strict=True)
    time = predict(SPHERE).time_to_nc
    predicted = [time(nc, nc0, r0, k, tilt=tilt, opposite=4.0 - nc0) for nc, nc0, r0, k, tilt in samples]
    name = "time at which samples have the NC that they have at t = 8"
    yield compare(name, SPHERE_FLOW, times[-1], predicted, absolute=1e-5)
