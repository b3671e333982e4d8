"""Figure 3: centers of two classes on the sphere, their mean, and its angle to the classifier vector."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures import turning
from figures.recorded import markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from ufm.certify.predict import predict
from ufm.problems.frames import dense, multi_center_frame
from ufm.problems.problem import MultiCenterProblem, Problem

ABOUT = "centers, mean center and classifier vector"
NUMBER = 3
TURNS = True

COLORS = ("C0", "C1")
"""Of the two classes."""

VIEWS = ((25, -77), (25, -60))
"""Elevation and azimuth, degrees, from which no vector hides another."""


def settings(quick: bool) -> dict[str, Any]:
    """Two classes, one with few centers and one with many."""
    return {"centers": [2, 12], "theta": 0.4}


def _problem(said: dict[str, Any]) -> MultiCenterProblem:
    return Problem((1, 1), said["centers"], said["theta"])


def data(quick: bool) -> Dataset:
    """Each class in three coordinates of its own: mean of its auxiliary vectors, one difference of them, classifier.

    With two centers that is all of the class's span. With more, the other differences are left out: the plane of mean
    center and classifier is exact, centers are shadows.
    """
    said = settings(quick)
    counts = said["centers"]
    problem = _problem(said)
    frame = multi_center_frame(problem, basis="random")
    centers, auxiliary = np.full((2, 2, max(counts), 3), np.nan)
    mean, classifier = np.empty((2, 2, 3))
    for k, count in enumerate(counts):
        v = np.asarray(frame.auxiliary)[frame.offsets[k] : frame.offsets[k + 1]]
        basis = np.stack([v.mean(axis=0), np.linspace(-1.0, 1.0, count) @ v, frame.classifier_row(k)])
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        centers[k, :count], auxiliary[k, :count] = frame.class_centers(k) @ basis.T, v @ basis.T
        mean[k], classifier[k] = frame.mean_centers[k] @ basis.T, frame.classifier_row(k) @ basis.T
    variables = {
        "center": (("class", "number", "axis"), centers),
        "auxiliary": (("class", "number", "axis"), auxiliary),
        "mean_center": (("class", "axis"), mean),
        "classifier": (("class", "axis"), classifier),
        "cosine": (("class",), np.einsum("kd,kd->k", dense(frame.mean_directions), dense(frame.classifier))),
        "predicted_cosine": (("class",), predict(problem).classifier_cosine),
        "between_classes": ((), float(np.abs(frame.class_centers(0) @ frame.class_centers(1).T).max())),
    }
    return recorded(said, variables)


@styled()
def plot(data: Dataset) -> Figure:
    """One sphere per class."""
    figure = canvas(TWO_COLUMNS, 3.6)
    for k, (color, view, count) in enumerate(zip(COLORS, VIEWS, settings_of(data)["centers"], strict=True)):
        axis = turning.scene(figure, (1, 2, k + 1), ("mean of the $v$", "difference of the $v$", "$w$"), view)
        turning.draw_sphere(axis)
        part, exact = data.isel({"class": k}), count == 2
        for j in range(count):
            v, w = (f"$v_{{{j + 1}}}$", rf"$w_{{{j + 1}}}^{{({k + 1})}}$") if exact else ("", "")
            turning.draw_vector(axis, part.auxiliary.values[j], "0.6", v, linewidth=0.7)
            turning.draw_vector(axis, part.center.values[j], color, w, 0.36, linewidth=1.4 if exact else 0.7)
        turning.draw_vector(axis, part.classifier.values, "k", f"$w_{k + 1}$")
        direction = part.mean_center.values / np.linalg.norm(part.mean_center.values)
        axis.plot(*np.stack([np.zeros(3), direction], axis=1), color="C2", linewidth=0.9, linestyle=":")
        turning.draw_vector(axis, part.mean_center.values, "C2", linewidth=2.0)
        axis.text(*(1.18 * direction), rf"$\bar w^{{({k + 1})}}$", color="C2", ha="center", fontsize=7)
        bow = turning.arc(direction, part.classifier.values, 0.45)
        axis.plot(*bow, color="C3", linewidth=1.2)
        axis.text(*(1.25 * bow[:, bow.shape[1] // 2]), rf"$\rho_{k + 1}$", color="C3", ha="center", fontsize=8)
        degrees = np.degrees(np.arccos(float(part.cosine)))
        shadows = "" if exact else " (projected)"
        turning.entitle(axis, rf"class {k + 1}: {count} centers{shadows}, $\rho$ = {degrees:.1f}°")
    return figure


def caption(data: Dataset) -> str:
    """What is exact, and the angles."""
    said = settings_of(data)
    angles = "; ".join(
        f"class {k}: cos rho = {number(measured, 6)} measured, {number(predicted, 6)} by theory"
        for k, (measured, predicted) in enumerate(zip(data.cosine, data.predicted_cosine, strict=True), start=1)
    )
    lengths = ", ".join(number(value, 4) for value in predict(_problem(said)).center_cosine)
    few, many = said["centers"]
    return markdown(
        f"""**Figure 3 of the paper.** Two classes with {few} and {many} centers, theta = {said["theta"]:g}. Centers
        w_j = cos(theta) v_j + sin(theta) w (colour) stand at the angle theta over the orthonormal auxiliary vectors v_j
        (grey); their mean wbar (green) is inside the sphere, its direction dotted; rho is the angle between it and the
        classifier vector w (black). Left: all three dimensions of the class, exact. Right: the class has {many + 1}
        dimensions; wbar, w and rho are exact, of the differences of centers one direction is shown, so that its vectors
        are projections, shorter than 1. The two pictures are of orthogonal subspaces: the largest product of centers of
        different classes is {number(data.between_classes, 1)}.

        More centers bring the mean center nearer to the classifier vector: {angles} (lengths of wbar: {lengths})."""
    )
