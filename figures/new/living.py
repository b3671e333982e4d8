"""Which classes live under P with a learned frame, over both weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.commands.phase import phase_figure
from figures.recorded import gap, markdown, number, settings_of
from ufm.certify.predict import predict
from ufm.files import store
from ufm.minimize.phase import Axis, PhaseDiagram, phase_diagram
from ufm.problems.problem import MultiCenterProblem, Problem

ABOUT = "which classes live under P with a learned frame"

SYMBOLS = {"lam_w": r"$\lambda_W$", "lam_h": r"$\lambda_H$"}


def settings(quick: bool) -> dict[str, Any]:
    """The example of the README, from weights at which all classes live to weights at which all are dead."""
    return {
        "class_sizes": [100, 10, 1],
        "centers": [1, 1, 1],
        "theta": 0.3,
        "low": 3e-3,
        "high": 3.0,
        "points": 9 if quick else 25,
        "seed": 0,
    }


def _grid(said: dict[str, Any]) -> tuple[Callable[[float, float], MultiCenterProblem], Axis, Axis]:
    """The problem at a pair of weights, and the axes."""
    sizes, counts, theta = said["class_sizes"], said["centers"], said["theta"]

    def problem_at(lam_w: float, lam_h: float) -> MultiCenterProblem:
        return Problem(sizes, counts, theta, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")

    weights = np.geomspace(said["low"], said["high"], said["points"])
    vertical, horizontal = (Axis(name, symbol, symbol, weights) for name, symbol in SYMBOLS.items())
    return problem_at, vertical, horizontal


def data(quick: bool) -> Dataset:
    """Minimisers over the grid (lam_w, lam_h): who lives, norms, and the gap to the dual bound."""
    said = settings(quick)
    return phase_diagram(*_grid(said), seed=said["seed"]).dataset().assign_attrs(settings=store.to_json(said))


def _diagram(data: Dataset) -> PhaseDiagram:
    problem_at, vertical, horizontal = _grid(settings_of(data))
    problems = [[problem_at(float(v), float(h)) for h in horizontal.values] for v in vertical.values]
    found = (data[name].values for name in ("gap", "optimal", "square_norm", "feature_norm", "living"))
    return PhaseDiagram(problem_at, vertical, horizontal, problems, *found)


def plot(data: Dataset) -> Figure:
    """As ``ufm phase`` draws it."""
    return phase_figure(_diagram(data))


def caption(data: Dataset) -> str:
    """Who lives where theory says so, and how well norms agree."""
    said, diagram = settings_of(data), _diagram(data)
    predicted = np.array([[predict(problem).square_norm for problem in row] for row in diagram.problems])
    agree = (diagram.living == (predicted > 0)).all(axis=-1)
    critical = ", ".join(number(value) for value in predict(diagram.problem_at(1.0, 1.0)).clearance)
    return markdown(
        f"""**Living classes.** Problem P with a learned frame, n = {tuple(said["class_sizes"])}, one center each,
        theta = {said["theta"]:g}. Left: number of living classes at the minimiser found from a random start (dots) and
        the boundaries of theory (lines). Right: squared norms of the classifier vectors along the middle row,
        simulated (dots) and by theory (lines). Theory: each class has its own threshold and dies alone (theorem 3.4 as
        corrected), where sqrt(lam_W lam_H) passes {critical} (first to last class).""",
        [
            f"Life and death agree with theory at {agree.sum()} of {agree.size} points.",
            f"Squared norms are within {number(gap(diagram.square_norms, predicted), 2)} of theory.",
            f"The dual bound certifies {diagram.optimal.sum()} of {agree.size} minimisers.",
        ],
    )
