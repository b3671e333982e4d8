"""The directions of the parts y and z never change, and y/z decays at one exact rate. Plain descent and heavy-ball
momentum stay in the same three directions.
"""

from typing import Any

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SEED, SPHERE, SPHERE_FLOW, flow, random_frame
from ufm.certify.predict import predict
from ufm.problems.problem import MultiCenterProblem
from ufm.simulate.descent import gradient_descent
from ufm.simulate.methods import Name

CLAIM = Claim(
    id="conserved-directions",
    section="Gradients and flows",
    latex=r"y/z = (y_0/z_0)\, e^{-2\beta\cos^2\theta\,\tau}",
    hypotheses="As reduced-flow. (Adam rescales coordinates one by one and does not.)",
    derivations=("reduced_flow",),
    functions=("theory.multicenter.flows.reduced_field",),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_reduced_field_is_the_projected_gradient",
        "tests/ufm/simulate/test_descent.py::test_every_method_takes_the_steps_of_the_obvious_loop",
    ),
)


def descent_defect(problem: MultiCenterProblem, momentum: float) -> float:
    """Largest difference of the final features after 50 steps of descent, in d and in the reduced coordinates."""
    frame, finals = random_frame(problem), []
    methods: tuple[Name, ...] = ("full", "reduced")
    for method in methods:
        options: dict[str, Any] = {"step_size": 0.05, "momentum": momentum, "n_steps": 50, "keep": "final"}
        run = gradient_descent(problem, frame=frame, seed=SEED, method=method, **options)
        finals.append(run.require_final())
    return float(np.abs(finals[0] - finals[1]).max())


def evidence() -> Evidence:
    times, said = np.linspace(0.0, 3.0, 7), predict(SPHERE)
    path = flow(SPHERE, times)
    yield compare("by how much the two directions turn, 1 - cosine", SPHERE_FLOW, path.turn, 0.0, absolute=1e-9)
    decay = 0.5 * said.tilt_rate[SPHERE.labels] * said.clock(times[:, None], path.r[0])
    stated = path.y[0] / path.z[0] * np.exp(-decay)
    yield compare("y / z at seven times", SPHERE_FLOW, path.y / path.z, stated, relative=1e-6)
    yield compare("x^2 + y^2 + z^2", SPHERE_FLOW, path.x**2 + path.y**2 + path.z**2, 1.0, absolute=1e-12)
    for momentum in (0.0, 0.9):
        name = f"descent with momentum {momentum}: 24 dimensions against three"
        yield compare(name, "50 steps of each", descent_defect(SPHERE, momentum), 0.0, absolute=1e-12)
