"""Which classes live under P with a learned frame, over both weights."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.phase import phase_figure
from figures.recorded import gap, number, settings_of
from ufm.certify.predict import predict
from ufm.files import store
from ufm.minimize.phase import Axis, PhaseDiagram, phase_diagram
from ufm.problems.problem import Problem

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "which classes live under P with a learned frame"

LAM_W, LAM_H = r"$\lambda_W$", r"$\lambda_H$"


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


def _axes(said: dict[str, Any]) -> tuple[Axis, Axis]:
    weights = np.geomspace(said["low"], said["high"], said["points"])
    return Axis("lam_w", r"$\lambda_W$", r"$\lambda_W$", weights), Axis(
        "lam_h", r"$\lambda_H$", r"$\lambda_H$", weights
    )


def _problem_at(said: dict[str, Any]) -> Any:
    def problem(lam_w: float, lam_h: float) -> Problem:
        return Problem(
            said["class_sizes"], said["centers"], said["theta"], loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned"
        )

    return problem


def data(quick: bool) -> "xarray.Dataset":
    """Minimisers over the grid (lam_w, lam_h): who lives, norms, and the gap to the dual bound."""
    said = settings(quick)
    found = phase_diagram(_problem_at(said), *_axes(said), seed=said["seed"]).dataset()
    return found.assign_attrs(settings=store.to_json(said))


def _diagram(data: "xarray.Dataset") -> PhaseDiagram:
    said = settings_of(data)
    problem_at, (vertical, horizontal) = _problem_at(said), _axes(said)
    return PhaseDiagram(
        problem_at,
        vertical,
        horizontal,
        [[problem_at(float(v), float(h)) for h in horizontal.values] for v in vertical.values],
        data.square_norm.values,
        data.feature_norm.values,
        data.living.values.astype(bool),
        data.gap.values,
        data.optimal.values.astype(bool),
    )


def plot(data: "xarray.Dataset") -> "Figure":
    """As ``ufm phase`` draws it."""
    return phase_figure(_diagram(data))


def caption(data: "xarray.Dataset") -> str:
    """Who lives where theory says so, and how well norms agree."""
    said, diagram = settings_of(data), _diagram(data)
    problems = [problem for row in diagram.problems for problem in row]
    predicted = np.array([predict(problem).square_norm for problem in problems]).reshape(diagram.square_norms.shape)
    agree = int((diagram.living == (predicted > 0)).all(axis=-1).sum())
    critical = ", ".join(number(value) for value in predict(diagram.problem_at(1.0, 1.0)).clearance)
    return (
        f"**Living classes.** Problem P with a learned frame, n = {tuple(said['class_sizes'])}, one center each, theta "
        "= "
        f"{said['theta']:g}. Left: number of living classes at the minimiser found from a random start (dots) and the "
        "boundaries of theory (lines). Right: squared norms of the classifier vectors along the middle row, simulated "
        "(dots) and by theory (lines). Theory: each class has its own threshold and dies alone (theorem 3.4 as "
        f"corrected), where sqrt(lam_W lam_H) passes {critical} (first to last class).\n\n"
        f"- Life and death agree with theory at {agree} of {len(problems)} points.\n"
        f"- Squared norms are within {number(gap(diagram.square_norms, predicted), 2)} of theory.\n"
        f"- The dual bound certifies {int(diagram.optimal.sum())} of {len(problems)} minimisers."
    )
