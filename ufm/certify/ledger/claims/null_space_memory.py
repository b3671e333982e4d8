"""Without norm regularisation the part of the initial features that no center sees never decays: P does not collapse to
multiple centers, and its final NC is known at time 0. This is the paper's figure 4 (regularisation gives heavier
collapse) as a formula.
"""

import numpy as np

from theory.multicenter.geometry import Array
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SEED, random_frame
from ufm.certify.predict import predict
from ufm.certify.slow import null_part
from ufm.measure.metrics import unit_rows
from ufm.problems.frames import dense
from ufm.problems.kinds import MSEProblem
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import Start, draw
from ufm.simulate.flow import gradient_flow

CLAIM = Claim(
    id="null-space-memory",
    section="Gradients and flows",
    source="new (explains figure 4)",
    latex=r"""
        \lambda_H = 0: \quad NC(\infty) = 2 - \frac{2 |h^*|}{\sqrt{|h^*|^2 + |\nu|^2}}, \qquad \nu = \text{null part of
        } h(0)
    """,
    hypotheses="P with a fixed frame.",
    derivations=("mse_flow",),
    functions=("theory.multicenter.flows.nc_with_residue",),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_residue",
        "tests/ufm/certify/test_certify.py::test_every_prediction_holds_for_every_flow",
    ),
)

RIDGE = MSEProblem((6, 4, 2), (1, 3, 5), 0.3, dim=20, lam_h=0.02)


def end_and_residue(problem: MultiCenterProblem) -> tuple[Array, Array]:
    """NC of every sample at the very end of P's flow, and the length of its start's part that no center sees."""
    frame = random_frame(problem)
    start = draw(problem, frame, Start(), SEED)
    trajectory = gradient_flow(problem, frame=frame, features=start, t_eval=[0.0, 1e6], keep="features", method="exact")
    away = unit_rows(trajectory.require_features()[-1]) - dense(frame.mean_directions)[problem.labels]
    return np.sum(away**2, axis=1), np.linalg.norm(null_part(frame, start), axis=1)


def evidence() -> Evidence:
    problem = RIDGE.replace(lam_h=0.0)
    nc, residue = end_and_residue(problem)
    stated = predict(problem).nc_with_residue(residue, problem.labels)
    how = "matrix exponential at t = 1e6, null part by least squares"
    yield compare("final NC without regularisation", how, nc, stated, absolute=1e-9)
    yield compare("smallest of them: no NCMC", "as before", nc.min(), 0.1, relation=">=")
    nc, _ = end_and_residue(RIDGE)
    yield compare("final NC with lam_H = 0.02", "matrix exponential at t = 1e6", nc, 0.0, absolute=1e-12)
