"""The flow of P with a fixed frame is linear, with one rate per eigenspace of the frame."""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import LAM_H, RIDGE
from ufm.certify.ledger.simulations import flow

CLAIM = Claim(
    id="mse-flow",
    section="Gradients and flows",
    verdict="new",
    source="new",
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
    times = np.array([0.0, 5.0, 20.0, 80.0])
    path = flow(RIDGE.replace(class_sizes=(3,), centers=(4,), dim=9), times)
    s, lam = 12, LAM_H
    start = flows.Coordinates(path.x[0] * path.r[0], path.y[0] * path.r[0], path.z[0] * path.r[0])
    stated = flows.mse_flow(times[:, None], start, 4, RIDGE.theta, s, lam)
    for name, found, exact in zip(
        ("mean center", "differences", "null space"), (path.x, path.y, path.z), stated, strict=True
    ):
        yield compare(
            f"coordinate along the {name} at four times",
            "flow in 9 dimensions",
            found * path.r,
            np.abs(exact) if name != "mean center" else exact,
            absolute=1e-8,
        )
    rng = np.random.default_rng(2)
    q, _ = np.linalg.qr(rng.standard_normal((9, 5)))
    w = np.cos(0.3) * q.T[:4] + np.sin(0.3) * q.T[4]
    found = np.linalg.eigvalsh(w.T @ w / s + lam * np.eye(9))
    rates = flows.mse_rates(4, 0.3, s, lam)
    yield compare(
        "rates of the flow",
        "eigenvalues of W^T W / S + lam_H I",
        found,
        np.repeat([rates.null, rates.difference, rates.mean], [5, 3, 1]),
        relative=1e-11,
    )
