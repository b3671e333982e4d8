"""GCR keeps its decision until some center of another class beats all of its own: on the nearest of polyhedral cones.
In a multi-center frame the distance has a closed form in the sorted scores of the own centers and the best other one.
"""

import numpy as np
from scipy import optimize

from ufm.certify.ledger.by_hand import FrameByHand, frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.measure.radius import certified_radius
from ufm.problems.frames import Frame

CLAIM = Claim(
    id="certified-radius",
    section="Decisions",
    latex=r"""
        R^2 = (1 + \sin^2\theta) \Lambda^2 + \sum_i \frac{(g_i - (1 + \sin^2\theta) \Lambda)_+^2}{\cos^2\theta}, \qquad
        \Lambda = \max_m \frac{g_{(1)} + \dots + g_{(m)}}{\cos^2\theta + m (1 + \sin^2\theta)}
    """,
    hypotheses="Unit frame; g_i are the scores of the own centers less the best score of all others, sorted in Lambda.",
    derivations=("cone_radius",),
    functions=("ufm.measure.radius.certified_radius",),
    tests=(
        "tests/ufm/measure/test_radius.py::test_gcr_is_the_least_of_quadratic_programs",
        "tests/ufm/measure/test_radius.py::test_no_move_inside_the_radius_changes_a_decision",
    ),
)


def program(z: np.ndarray, frame: FrameByHand) -> float:
    """The shortest move after which a center of another class beats all own ones: a program for each such center."""
    k = frame.owner[np.argmax(frame.centers @ z)]
    found = []
    for rival in frame.centers[frame.owner != k]:
        normals = rival - frame.own(k)
        allowed = {"type": "ineq", "fun": lambda x, n=normals: n @ (z + x), "jac": lambda x, n=normals: n}
        start = np.zeros(z.size)
        options = {"ftol": 1e-15, "maxiter": 500}
        end = optimize.minimize(
            lambda x: x @ x / 2, start, jac=lambda x: x, constraints=allowed, method="SLSQP", options=options
        )
        found.append(np.linalg.norm(end.x))
    return float(min(found))


def evidence() -> Evidence:
    rng = np.random.default_rng(19)
    for theta in (0.0, 0.4, 1.2):
        by_hand = frame_by_hand((1, 4, 3), theta, 12)
        frame = Frame((1, 4, 3), by_hand.centers, by_hand.classifier)
        z = by_hand.centers[rng.integers(8, size=6)] + 0.3 * rng.standard_normal((6, 12))
        slow = [program(each, by_hand) for each in z]
        stated = certified_radius(z, frame, "gcr").radius
        yield compare(f"radius of GCR, theta = {theta}", "quadratic programs", slow, stated, absolute=1e-6)
    rows, counts = rng.standard_normal((7, 5)), (2, 3, 2)
    rows[3] = rows[2] + 0.05 * rows[3]  # nearly the same center
    centers = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    by_hand = FrameByHand(rows, rows[:3], centers, np.repeat([0, 1, 2], counts))
    z = 0.8 * centers + 0.3 * rng.standard_normal((7, 5))
    slow = [program(each, by_hand) for each in z]
    stated = certified_radius(z, Frame.from_centers(centers, counts), "gcr").radius
    yield compare("radius of GCR among any unit centers", "quadratic programs", slow, stated, absolute=1e-6)
    by_hand = frame_by_hand((20, 20), 0.2, 42)
    frame = Frame((20, 20), by_hand.centers, by_hand.classifier)
    middle = by_hand.direction(0)
    stated = certified_radius(middle[None], frame, "gcr").radius
    name = "at the mean center, f = 20, theta = 0.2"
    yield compare(name, "quadratic programs", program(middle, by_hand), stated, absolute=1e-6)
