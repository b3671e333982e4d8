"""The alignment of a feature with its mean center never decreases along the cosine flow: neural collapse is monotone,
sample by sample.
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SPHERE, SPHERE_FLOW, flow
from ufm.problems.start import Start

CLAIM = Claim(
    id="alignment-monotone",
    section="Gradients and flows",
    latex=r"\dot x = 2\beta(1 - x^2)\Big[fc(1 - cx) + \cos^2\theta\, x \frac{y^2}{y^2 + z^2}\Big] \ge 0",
    hypotheses="As reduced-flow.",
    derivations=("reduced_flow",),
    functions=("theory.multicenter.flows.reduced_field",),
    tests=("tests/theory/multicenter/test_flows.py::test_alignment_only_grows",),
)


def evidence() -> Evidence:
    for start in (Start("gaussian"), Start("antipode")):
        path = flow(SPHERE.replace(lam=0.1), np.linspace(0.0, 20.0, 201), start=start)
        fall = float(np.diff(path.x, axis=0).min())
        name = f"largest fall of the alignment, {start.kind} start"
        yield compare(name, SPHERE_FLOW, fall, 0.0, relation=">=", absolute=1e-10)
    x = np.linspace(-1.0, 1.0, 401)[:, None, None, None]
    share = np.linspace(0.0, 1.0, 21)[:, None, None]
    f, theta, side = np.array([[1], [2], [5], [50]]), np.array([0.0, 0.2, 1.0, np.pi / 2]), np.sqrt(1.0 - x**2)
    velocity = flows.reduced_field(x, side * np.sqrt(share), side * np.sqrt(1.0 - share), f, theta, 1.0).x
    name = "smallest dx/dt over the sphere, f in 1..50"
    yield compare(name, "grid of 8,421 points", velocity.min(), 0.0, relation=">=", absolute=1e-12)
