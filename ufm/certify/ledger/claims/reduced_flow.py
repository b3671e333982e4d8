"""On the sphere the cosine flow of a sample closes in three numbers: the alignment x with the mean center, and the
lengths y and z of the parts in the differences of centers and outside.
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SPHERE, SPHERE_FLOW, flow

CLAIM = Claim(
    id="reduced-flow",
    section="Gradients and flows",
    latex=r"""
        \dot x = 2\beta(fc - fc^2 x + qx),\ \dot y = -2\beta(\cos^2\theta - q)y,\ \dot z = 2\beta q z,\quad q = fc^2x^2
        - fcx + \cos^2\theta\, y^2
    """,
    hypotheses="Fixed multi-center frame; derivatives in clock time.",
    derivations=("reduced_flow",),
    functions=("theory.multicenter.flows.reduced_field",),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_reduced_field_is_the_projected_gradient",
        "tests/ufm/simulate/test_flow.py::test_full_span_and_reduced_are_one_flow",
    ),
)


def evidence() -> Evidence:
    step, moments = 1e-4, np.array([0.1, 0.4, 1.0])
    times = (moments[:, None] + step * np.array([-1.0, 0.0, 1.0])).ravel()
    path = flow(SPHERE.replace(lam=0.0), times)
    before, now, after = (np.array([path.x[i::3], path.y[i::3], path.z[i::3]]) for i in range(3))
    x, y, z = now
    velocity = flows.reduced_field(x, y, z, np.array(SPHERE.centers)[SPHERE.labels], SPHERE.theta, 1.0)
    found = (after - before) / (2.0 * step)
    for name, measured, stated in zip("xyz", found, velocity, strict=True):
        name = f"d{name}/dt at three times"
        yield compare(name, f"{SPHERE_FLOW}, central differences", measured, stated / path.r[0] ** 2, absolute=2e-6)
