"""With one center (f = 1, or theta = pi/2) the loss is quartic around its minimum and collapse is algebraic. A single
fixed center with a dot-regression loss on unit features (SETF) is this degenerate case.
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import flow
from ufm.problems.problem import Problem

CLAIM = Claim(
    id="algebraic-collapse",
    section="Gradients and flows",
    verdict="new",
    source="new",
    latex=r"NC \sim \frac{1}{2\beta f \tau}",
    hypotheses="The centers of the class coincide, c = 1.",
    derivations=("collapse_speed",),
    functions=("theory.multicenter.flows.algebraic_nc", "theory.multicenter.flows.clock_to_nc"),
    tests=("tests/theory/multicenter/test_flows.py::test_coinciding_centers_collapse_algebraically",),
)


SINGLE = Problem((4,), (1,), 0.4, dim=8, beta=1.0, lam=0.0)


def evidence() -> Evidence:
    times = np.array([0.0, 1e2, 1e3, 1e4])
    path = flow(SINGLE, times)
    tau = times[-1] / path.r[0] ** 2
    yield compare("NC tau beta f at late times", "flow in 8 dimensions", path.nc[-1] * tau, 0.5, relative=5e-3)
    exact = np.array(
        [flows.clock_to_nc(float(a), float(b), 1, 0.4, 1.0) for a, b in zip(path.nc[-1], path.nc[0], strict=True)]
    )
    yield compare("clock time to reach it", "flow in 8 dimensions", tau, exact, relative=1e-5)
    several = flow(SINGLE.replace(centers=(4,)), [0.0, 100.0])
    name = "NC with four centers at t = 100, over NC with one"
    yield compare(name, "flow in 8 dimensions", several.nc[-1] / path.nc[1], 1e-5, relation="<=")
    yield compare("rate of exponential collapse with one center", "formula", flows.nc_rate(1, 0.4, 1.0), 0.0)
