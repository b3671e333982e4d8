"""With one center (f = 1, or theta = pi/2) the loss is quartic around its minimum and collapse is algebraic. A single
fixed center with a dot-regression loss on unit features (SETF) is this degenerate case.
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import flow
from ufm.certify.predict import predict
from ufm.problems.kinds import CosineProblem

CLAIM = Claim(
    id="algebraic-collapse",
    section="Gradients and flows",
    latex=r"NC \sim \frac{1}{2\beta f \tau}",
    hypotheses="The centers of the class coincide, c = 1.",
    derivations=("collapse_speed",),
    functions=("theory.multicenter.flows.algebraic_nc", "theory.multicenter.flows.clock_to_nc"),
    tests=("tests/theory/multicenter/test_flows.py::test_coinciding_centers_collapse_algebraically",),
)


SINGLE = CosineProblem((4,), (1,), 0.4, dim=8, beta=1.0, lam=0.0)


def evidence() -> Evidence:
    times, how = np.array([0.0, 1e2, 1e3, 1e4]), "flow in 8 dimensions"
    path = flow(SINGLE, times)
    tau = times[-1] / path.r[0] ** 2
    yield compare("NC tau beta f at late times", how, path.nc[-1] * tau, 0.5, relative=5e-3)
    exact = [flows.clock_to_nc(nc, nc0, 1, 0.4, 1.0) for nc, nc0 in zip(path.nc[-1], path.nc[0], strict=True)]
    yield compare("clock time to reach it", how, tau, exact, relative=1e-5)
    several = flow(SINGLE.replace(centers=(4,)), [0.0, 100.0])
    name = "NC with four centers at t = 100, over NC with one"
    yield compare(name, how, several.nc[-1] / path.nc[1], 1e-5, relation="<=")
    yield compare("rate of exponential collapse with one center", "formula", predict(SINGLE).rate, 0.0)
