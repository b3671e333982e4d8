"""The flow of P with a fixed frame is linear, with one rate per eigenspace of the frame."""

import numpy as np

from theory.multicenter.flows import Modes, mse_flow
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import flow
from ufm.certify.predict import predict
from ufm.problems.kinds import MSEProblem

CLAIM = Claim(
    id="mse-flow",
    section="Gradients and flows",
    latex=r"""
        H(t) = H^* + e^{-t (W^\top W/S + \lambda_H I)} (H(0) - H^*), \qquad \text{rates } \tfrac{fc^2}{S} + \lambda_H,\
        \tfrac{\cos^2\theta}{S} + \lambda_H,\ \lambda_H
    """,
    hypotheses="Fixed unit frame.",
    derivations=("mse_flow",),
    functions=("theory.multicenter.flows.mse_rates", "theory.multicenter.flows.mse_flow"),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_mse_rates_are_the_eigenvalues",
        "tests/theory/multicenter/test_flows.py::test_mse_flow_against_the_matrix_exponential",
    ),
)


def evidence() -> Evidence:
    times, problem = np.array([0.0, 5.0, 20.0, 80.0]), MSEProblem((3,), (4,), 0.3, dim=9, lam_h=0.02)
    path, said = flow(problem, times), predict(problem)
    found = Modes(path.x * path.r, path.y * path.r, path.z * path.r)
    start = Modes(*(part[0] for part in found))
    exact = mse_flow(times[:, None], start, 4, problem.theta, problem.total, problem.lam_h)
    for name, part, stated in zip(("mean center", "differences", "null space"), found, exact, strict=True):
        name = f"coordinate along the {name} at four times"
        yield compare(name, "flow in 9 dimensions", part, stated, absolute=1e-8)
    w = frame_by_hand((4,), problem.theta, 9).centers
    eigenvalues = np.linalg.eigvalsh(w.T @ w / problem.total + problem.lam_h * np.eye(9))
    rates = np.repeat([said.null_rate, said.difference_rate[0], said.mean_rate[0]], [5, 3, 1])
    yield compare("rates of the flow", "eigenvalues of W^T W / S + lam_H I", eigenvalues, rates, relative=1e-11)
