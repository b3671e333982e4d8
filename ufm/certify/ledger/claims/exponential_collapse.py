"""As soon as the centers of a class differ, its features collapse exponentially, at a rate that grows with every
further center (in the limit linearly, for theta > 0): rare classes, which get more centers, collapse faster. For f >= 4
it is largest, beta f, at c = 1/2.
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SPHERE, SPHERE_FLOW, flow
from ufm.certify.predict import predict
from ufm.problems.start import Start

CLAIM = Claim(
    id="exponential-collapse",
    section="Gradients and flows",
    latex=r"NC \sim e^{-4\beta f c (1 - c)\tau}",
    hypotheses="f > 1, theta < pi/2; a start with a part outside the class's centers (without one it is faster).",
    derivations=("collapse_speed",),
    functions=("theory.multicenter.flows.nc_rate",),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_rate_is_the_slope_of_late_collapse",
        "tests/ufm/certify/test_certify.py::test_every_prediction_holds_for_every_flow",
    ),
)


def evidence() -> Evidence:
    times = np.linspace(0.0, 14.0, 57)
    path = flow(SPHERE.replace(lam=0.0), times, start=Start(scale=0.2))
    tau = times[:, None] / path.r[0] ** 2
    slope = -2.0 * np.diff(np.log(path.z), axis=0) / np.diff(tau, axis=0)
    late = (path.nc[:-1] < 1e-6) & (path.nc[1:] > 1e-14)
    stated = np.broadcast_to(predict(SPHERE).rate[SPHERE.labels], late.shape)
    yield compare("rate of collapse while 1e-14 < NC < 1e-6", SPHERE_FLOW, slope[late], stated[late], relative=1e-4)
    many, limit = 10_000, 4.0 * np.sin(0.3) * (1.0 - np.sin(0.3))
    name = "rate / (beta f) for f = 10,000: 4 sin(theta) (1 - sin(theta))"
    yield compare(name, "evaluated", flows.nc_rate(many, 0.3, 1.0) / many, limit, relative=1e-3)
    f, how = np.arange(2, 60), "grid of 2,001 angles"
    peak = flows.nc_rate(f[:, None], np.linspace(0.0, np.pi / 2, 2001), 1.0).max(axis=1) / f
    reach = f >= 4  # c = 1/2 needs 1/sqrt(f) <= 1/2
    yield compare("largest rate / (beta f) over theta, f >= 4", how, peak[reach], 1.0, relative=1e-5)
    few = 4.0 * (np.sqrt(f[~reach]) - 1.0) / f[~reach]
    yield compare("the same for f = 2 and 3, at theta = 0", how, peak[~reach], few, relative=1e-12)
    rise = np.diff(flows.nc_rate(np.arange(1, 200)[:, None], np.linspace(0.0, 1.5, 31), 1.0), axis=0).min()
    yield compare("smallest rise of the rate with one more center", "f to 200, 31 angles", rise, 0.0, relation=">=")
