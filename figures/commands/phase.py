"""What ``ufm phase`` draws: living classes over the grid, theory's boundaries over them, and norms along the middle."""

from typing import Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from figures.style import class_colors, legend_beside, panels, shown_classes, styled
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, PhaseDiagram
from ufm.problems.frames import Array

FINE = 61
"""Points per axis at which theory's boundaries are drawn."""


@styled()
def phase_figure(diagram: PhaseDiagram) -> Figure:
    """Number of living classes (dots: simulated, lines: where theory says that a class dies), and norms along a row."""
    count = diagram.living.shape[-1]
    horizontal, vertical = diagram.horizontal, diagram.vertical
    figure, ((left, right),) = panels(1, 2, 3.4, 2.7, right=0.8)
    colors, norm = ListedColormap(class_colors(count + 1)), BoundaryNorm(np.arange(-0.5, count + 1), count + 1)
    across, up = np.meshgrid(horizontal.values, vertical.values)
    dots = left.scatter(across, up, c=diagram.living.sum(axis=-1), s=9, cmap=colors, norm=norm)
    columns, rows = _between(horizontal, FINE), _between(vertical, FINE)
    alive = [[int((predict(diagram.problem_at(v, h)).square_norm > 0).sum()) for h in columns] for v in rows]
    if np.ptp(alive):
        left.contour(columns, rows, alive, levels=np.arange(count) + 0.5, colors="0.2", linewidths=0.7)
    left.set(xscale="log", yscale="log", xlabel=horizontal.label, ylabel=vertical.label)
    left.set(xlim=_roomy(horizontal), ylim=_roomy(vertical))
    left.set_title("living classes (lines: theory)", loc="left")
    figure.colorbar(dots, ax=left, ticks=np.arange(0, count + 1, max(1, (count + 1) // 5)))
    _norms(right, diagram)
    return figure


def _between(axis: Axis, points: int) -> Array:
    return np.geomspace(axis.values[0], axis.values[-1], points)


def _roomy(axis: Axis) -> tuple[float, float]:
    """Limits half a step of the grid beyond its ends."""
    step = float(axis.values[-1] / axis.values[0]) ** (0.5 / (len(axis.values) - 1))
    return float(axis.values[0]) / step, float(axis.values[-1]) * step


def _norms(axis: Any, diagram: PhaseDiagram) -> None:
    """Squared norms of the classes along the middle row: dots simulated, lines theory."""
    horizontal, vertical = diagram.horizontal, diagram.vertical
    middle = len(vertical.values) // 2
    level, fine = float(vertical.values[middle]), _between(horizontal, 4 * FINE)
    predicted = np.array([predict(diagram.problem_at(level, float(h))).square_norm for h in fine])
    for k, color in shown_classes(predicted.shape[1]):
        found = diagram.square_norms[middle, :, k]
        axis.plot(fine, predicted[:, k], color=color, linewidth=0.8)
        axis.plot(horizontal.values, found, ".", markersize=4, color=color, label=f"{k + 1}")
    axis.set(xscale="log", xlabel=horizontal.label, ylabel="$|w_k|^2$")
    axis.set_title(f"norms at {vertical.symbol} = {level:.2g}", loc="left")
    legend_beside(axis, title="class")
