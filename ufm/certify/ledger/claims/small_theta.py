"""The paper suggests a small theta in (0, pi/4). The angle at which features collapse fastest is in there for every
number of centers above 4 (above 9/4 with the weights that the paper trains with). It is a matter of speed: at the end
of training the margins of RCR and GCR only grow with theta (erratum-13), and no peak in between comes from them.
"""

import numpy as np
from scipy import optimize

from ufm.certify.ledger.by_hand import frame_by_hand, term_gradient
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="small-theta",
    section="Gradients and flows",
    verdict="holds",
    source="section 4.4, hyper-parameters (the reason: new)",
    latex=r"""
        \arg\max_\theta f c (1 - c) \in (0, \tfrac{\pi}{6}),\ f > 4; \qquad \arg\max_\theta f c^2 (1 - c) \in (0,
        \tfrac{\pi}{4}),\ f > \tfrac94
    """,
    hypotheses="Cosine loss, fixed frame, weight 1 or cos(alpha_k); speed on a sample's own clock.",
    derivations=("collapse_speed",),
    functions=("theory.multicenter.flows.nc_rate",),
    tests=("tests/theory/multicenter/test_flows.py::test_rate_is_the_slope_of_late_collapse",),
)


def speed(theta: float, f: int, power: int) -> float:
    """Pull back to the mean center of a feature a little outside the centers, times c^power."""
    frame, step = frame_by_hand((f,), theta, f + 2), 1e-4
    e, outside = frame.direction(0), np.linalg.svd(np.vstack([frame.centers, frame.classifier]))[2][-1]
    h, along = np.cos(step) * e + np.sin(step) * outside, np.cos(step) * outside - np.sin(step) * e
    pull = sum(term_gradient(w, h) @ along for w in frame.centers) / step
    return float(pull * (frame.centers[0] @ e) ** power)


def evidence() -> Evidence:
    for power, said, below, counts in (
        (0, "weight 1", np.pi / 6, (5, 12)),
        (1, "weight cos alpha", np.pi / 4, (3, 12)),
    ):
        for f in counts:
            found = optimize.minimize_scalar(
                lambda theta, f=f, power=power: -speed(theta, f, power),
                bounds=(0.0, np.pi / 2),
                method="bounded",
                options={"xatol": 1e-4},
            )
            how, name = "pull by complex steps, searched over theta", f"theta of fastest collapse, {said}, f={f}"
            yield compare(f"{name}: below", how, found.x, below, relation="<=")
            yield compare(f"{name}: above", how, found.x, 0.1, relation=">=")
