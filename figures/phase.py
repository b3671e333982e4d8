"""What ``ufm phase`` draws: living classes over the grid, theory's boundaries over them, and norms along the middle."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.style import class_colors, panels, shown_classes, styled
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, PhaseDiagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINE = 61
"""Points per axis at which theory's boundaries are drawn."""


def phase_figure(diagram: PhaseDiagram) -> "Figure":
    """Number of living classes (dots: simulated, lines: where theory says that a class dies), and norms along a row."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    count = diagram.living.shape[-1]
    horizontal, vertical = diagram.horizontal, diagram.vertical
    with styled():
        figure, ((left, right),) = panels(1, 2, 3.4, 2.7)
        colors = class_colors(count + 1)
        across, up = np.meshgrid(horizontal.values, vertical.values)
        dots = left.scatter(
            across,
            up,
            c=diagram.living.sum(axis=-1),
            s=9,
            cmap=ListedColormap(colors),
            norm=BoundaryNorm(np.arange(-0.5, count + 1), count + 1),
        )
        fine = [np.geomspace(axis.values[0], axis.values[-1], FINE) for axis in (vertical, horizontal)]
        alive = [[int((predict(diagram.problem_at(v, h)).square_norm > 0).sum()) for h in fine[1]] for v in fine[0]]
        if np.ptp(alive):
            left.contour(fine[1], fine[0], alive, levels=np.arange(count) + 0.5, colors="0.2", linewidths=0.7)
        left.set(xscale="log", yscale="log", xlabel=horizontal.label, ylabel=vertical.label)
        left.set(xlim=_roomy(horizontal), ylim=_roomy(vertical))
        left.set_title("living classes (lines: theory)", loc="left")
        step = max(1, (count + 1) // 5)
        figure.colorbar(dots, ax=left, ticks=np.arange(0, count + 1, step))
        _norms(right, diagram, vertical, horizontal)
        return figure


def _roomy(axis: Axis) -> tuple[float, float]:
    """Limits half a step of the grid beyond its ends."""
    step = float(axis.values[-1] / axis.values[0]) ** (0.5 / (len(axis.values) - 1))
    return float(axis.values[0]) / step, float(axis.values[-1]) * step


def _norms(axis: Any, diagram: PhaseDiagram, vertical: Axis, horizontal: Axis) -> None:
    """Squared norms of the classes along the middle row: dots simulated, lines theory."""
    middle = len(vertical.values) // 2
    level = float(vertical.values[middle])
    fine = np.geomspace(horizontal.values[0], horizontal.values[-1], 4 * FINE)
    predicted = np.array([predict(diagram.problem_at(level, float(h))).square_norm for h in fine])
    shown = shown_classes(predicted.shape[1])
    for k, color in zip(shown, class_colors(len(shown)), strict=True):
        axis.plot(fine, predicted[:, k], color=color, linewidth=0.8)
        axis.plot(
            horizontal.values, diagram.square_norms[middle, :, k], ".", markersize=4, color=color, label=f"{k + 1}"
        )
    axis.set(xscale="log", xlabel=horizontal.label, ylabel="$|w_k|^2$")
    axis.set_title(f"norms at {vertical.symbol} = {level:.2g}", loc="left")
    axis.legend(title="class", ncols=2)
