"""Figure 3: centers of two classes on the sphere, their mean, and its angle to the classifier vector."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures import turning
from figures.recorded import number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.geometry import center_cosine, classifier_cosine
from ufm.problems.frames import dense, multi_center_frame
from ufm.problems.problem import Problem

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

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


def data(quick: bool) -> "xarray.Dataset":
    """Each class in three coordinates of its own: mean of its auxiliary vectors, one difference of them, classifier.

    With two centers that is all of the class's span. With more, the other differences are left out: the plane of mean
    center and classifier is exact, centers are shadows.
    """
    said = settings(quick)
    counts = said["centers"]
    frame = multi_center_frame(Problem((1, 1), counts, said["theta"]), basis="random")
    assert frame.auxiliary is not None
    width = max(counts)
    centers, auxiliary = np.full((2, width, 3), np.nan), np.full((2, width, 3), np.nan)
    mean, classifier = np.empty((2, 3)), np.empty((2, 3))
    for k, count in enumerate(counts):
        own = slice(int(frame.offsets[k]), int(frame.offsets[k + 1]))
        v = frame.auxiliary[own]
        slope = np.linspace(-1.0, 1.0, count) @ v
        basis = np.stack([v.mean(axis=0), slope, frame.classifier_row(k)])
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        centers[k, :count], auxiliary[k, :count] = frame.class_centers(k) @ basis.T, v @ basis.T
        mean[k], classifier[k] = frame.mean_centers[k] @ basis.T, frame.classifier_row(k) @ basis.T
    measured = np.einsum("kd,kd->k", dense(frame.mean_directions), dense(frame.classifier))
    across = np.abs(frame.class_centers(0) @ frame.class_centers(1).T).max()
    variables = {
        "center": (("class", "number", "axis"), centers),
        "auxiliary": (("class", "number", "axis"), auxiliary),
        "mean_center": (("class", "axis"), mean),
        "classifier": (("class", "axis"), classifier),
        "cosine": (("class",), measured),
        "predicted_cosine": (("class",), classifier_cosine(counts, said["theta"])),
        "between_classes": ((), float(across)),
    }
    return recorded(said, variables)


def plot(data: "xarray.Dataset") -> "Figure":
    """One sphere per class."""
    counts = settings_of(data)["centers"]
    with styled():
        figure = canvas(TWO_COLUMNS, 3.6)
        for k, color in enumerate(COLORS):
            names = ("mean of $v_j$", "difference of $v_j$", "$w$")
            axis = turning.scene(figure, (1, 2, k + 1), names, VIEWS[k])
            turning.draw_sphere(axis)
            part = data.isel({"class": k})
            for j in range(counts[k]):
                label = (rf"$w_{{{j + 1}}}^{{({k + 1})}}$", f"$v_{{{j + 1}}}$") if counts[k] == 2 else ("", "")
                turning.draw_vector(axis, part.auxiliary.values[j], "0.6", label[1], linewidth=0.7)
                turning.draw_vector(
                    axis, part.center.values[j], color, label[0], linewidth=1.4 if counts[k] == 2 else 0.7
                )
            turning.draw_vector(axis, part.classifier.values, "k", f"$w_{k + 1}$")
            direction = part.mean_center.values / np.linalg.norm(part.mean_center.values)
            axis.plot(*np.stack([np.zeros(3), direction], axis=1), color="C2", linewidth=0.9, linestyle=":")
            turning.draw_vector(axis, part.mean_center.values, "C2", linewidth=2.0)
            axis.text(*(1.18 * direction), rf"$\bar w^{{({k + 1})}}$", color="C2", ha="center", fontsize=7)
            bow = turning.arc(direction, part.classifier.values, 0.45)
            axis.plot(*bow, color="C3", linewidth=1.2)
            axis.text(*(1.25 * bow[:, bow.shape[1] // 2]), rf"$\rho_{k + 1}$", color="C3", ha="center", fontsize=8)
            degrees = np.degrees(np.arccos(float(part.cosine)))
            shadows = "" if counts[k] == 2 else " (projected)"
            turning.entitle(axis, rf"class {k + 1}: {counts[k]} centers{shadows}, $\rho$ = {degrees:.1f}°")
        return figure


def caption(data: "xarray.Dataset") -> str:
    """What is exact, and the angles."""
    said = settings_of(data)
    angles = [
        f"class {k + 1}: cos rho = {number(data.cosine[k], 6)} measured, {number(data.predicted_cosine[k], 6)} by "
        "theory"
        for k in range(2)
    ]
    c = ", ".join(number(value, 4) for value in center_cosine(said["centers"], said["theta"]))
    return (
        f"**Figure 3 of the paper.** Two classes with {said['centers'][0]} and {said['centers'][1]} centers, theta = "
        f"{said['theta']:g}. Centers w_j = cos(theta) v_j + sin(theta) w (colour) stand at the angle theta over the "
        "orthonormal auxiliary "
        "vectors v_j (grey); their mean wbar (green) is inside the sphere, its direction dotted; rho is the angle "
        "between it "
        "and the classifier vector w (black). Left: all three dimensions of the class, exact. Right: the class has "
        f"{said['centers'][1] + 1} dimensions; wbar, w and rho are exact, of the differences of centers one direction "
        "is "
        "shown, so that its vectors are projections, shorter than 1. The two pictures are of orthogonal subspaces: the "
        f"largest product of centers of different classes is {number(data.between_classes, 1)}.\n\nMore centers bring "
        "the "
        f"mean center nearer to the classifier vector: {'; '.join(angles)} (lengths of wbar: {c})."
    )
