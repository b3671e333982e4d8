"""What ``ufm phase`` draws: living classes over the grid, theory's boundaries over them, and norms along the middle."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import class_colors, legend_beside, panels, shown_classes, styled
from ufm.certify.phases import FINE, counts, fine, theory_of
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, Diagram, ModelDiagram, PhaseDiagram

if TYPE_CHECKING:
    import xarray


@styled()
def phase_figure(diagram: PhaseDiagram, theory: "xarray.Dataset | None" = None) -> Figure:
    """Number of living classes (dots: simulated, lines: where theory says that a class dies), and norms along a row.

    theory : :func:`ufm.certify.phases.theory_of` the diagram, where it is known already.
    """
    figure, ((left, right),) = panels(1, 2, 3.4, 2.7, right=0.8)
    _numbers(left, diagram, diagram.living.sum(axis=-1))
    _boundaries(left, theory or theory_of(diagram), alive="0.2")
    left.set_title("living classes (lines: theory)", loc="left")
    _norms(right, diagram)
    return figure


@styled()
def model_phase_figure(diagram: ModelDiagram, theory: "xarray.Dataset | None" = None) -> Figure:
    """Rank (dots) and merged classes (crosses) over the grid, and along its middle row; lines are theory's boundaries.

    Over the strength alone, norms of the weights stand in place of the grid. theory : as of :func:`phase_figure`.
    """
    figure, ((left, right),) = panels(1, 2, 3.4, 2.7, right=0.8)
    if len(diagram.vertical.values) > 1:
        _numbers(left, diagram, diagram.rank)
        across, up = np.meshgrid(diagram.horizontal.values, diagram.vertical.values)
        merged = diagram.merged.any(axis=-1)
        left.plot(across[merged], up[merged], "x", markersize=5, markeredgewidth=0.7, color="C3")
        _boundaries(left, theory or theory_of(diagram), rank="0.2", learns="0.2", merged="C3")
        left.set_title("rank (x: merged; lines: theory)", loc="left")
    else:
        for k, color in shown_classes(diagram.alive.shape[-1]):
            found = diagram.weight_norms[0, :, k]
            left.plot(diagram.horizontal.values, found, ".-", markersize=4, linewidth=0.8, color=color)
        left.set(xscale="log", xlabel=diagram.horizontal.label, ylabel="$|w|$")
        left.set_title("norms, first class to last", loc="left")
    _staircase(right, diagram)
    return figure


def _staircase(axis: Any, diagram: ModelDiagram) -> None:
    """Rank and number of merged classes along the middle row: dots simulated, lines theory."""
    horizontal, vertical = diagram.horizontal, diagram.vertical
    middle = len(vertical.values) // 2
    level, across = float(vertical.values[middle]), fine(horizontal, 4 * FINE)
    said = [counts(diagram.problem_at(level, float(h))) for h in across]
    merged = diagram.merged[middle].sum(axis=-1)
    for name, label, found, color in (("rank", "rank", diagram.rank[middle], "C0"), ("merged", "merged", merged, "C3")):
        axis.plot(horizontal.values, found, ".", markersize=5, color=color, label=label)
        axis.plot(across, [each.get(name, np.nan) for each in said], color=color, linewidth=0.8)
    dead = next((h for h, each in zip(across, said, strict=True) if each.get("learns") == 0.0), None)
    if dead is not None:
        axis.axvline(dead, color="0.2", linewidth=0.7, linestyle=":", label="all dead")
    axis.set(xscale="log", xlabel=horizontal.label, ylabel="number")
    axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_title(f"at {vertical.symbol} = {level:.2g} (lines: theory)", loc="left")
    legend_beside(axis)


def _numbers(axis: Any, diagram: Diagram, numbers: Any) -> None:
    """A dot at each point, coloured by a number from 0 to that of the classes."""
    horizontal, vertical = diagram.horizontal, diagram.vertical
    count = len(diagram.problems[0][0].class_sizes)
    colors, norm = ListedColormap(class_colors(count + 1)), BoundaryNorm(np.arange(-0.5, count + 1), count + 1)
    across, up = np.meshgrid(horizontal.values, vertical.values)
    dots = axis.scatter(across, up, c=numbers, s=9, cmap=colors, norm=norm)
    axis.set(xscale="log", yscale="log", xlabel=horizontal.label, ylabel=vertical.label)
    axis.set(xlim=_roomy(horizontal), ylim=_roomy(vertical))
    axis.figure.colorbar(dots, ax=axis, ticks=np.arange(0, count + 1, max(1, (count + 1) // 5)))


def _boundaries(axis: Any, theory: "xarray.Dataset", **colors: str) -> None:
    """Lines between different numbers of theory, in these colours."""
    for name, color in colors.items():
        if (known := theory.get(f"theory_{name}")) is not None and known.max() > known.min():
            levels = np.unique(known.values[np.isfinite(known.values)])[1:] - 0.5
            rows, columns = (known[dim].values for dim in known.dims)
            axis.contour(columns, rows, known.values, levels=levels, colors=color, linewidths=0.7)


def _roomy(axis: Axis) -> tuple[float, float]:
    """Limits half a step of the grid beyond its ends."""
    step = float(axis.values[-1] / axis.values[0]) ** (0.5 / (len(axis.values) - 1))
    return float(axis.values[0]) / step, float(axis.values[-1]) * step


def _norms(axis: Any, diagram: PhaseDiagram) -> None:
    """Squared norms of the classes along the middle row: dots simulated, lines theory."""
    horizontal, vertical = diagram.horizontal, diagram.vertical
    middle = len(vertical.values) // 2
    level, across = float(vertical.values[middle]), fine(horizontal, 4 * FINE)
    predicted = np.array([predict(diagram.problem_at(level, float(h))).square_norm for h in across])
    for k, color in shown_classes(predicted.shape[1]):
        found = diagram.square_norms[middle, :, k]
        axis.plot(across, predicted[:, k], color=color, linewidth=0.8)
        axis.plot(horizontal.values, found, ".", markersize=4, color=color, label=f"{k + 1}")
    axis.set(xscale="log", xlabel=horizontal.label, ylabel="$|w_k|^2$")
    axis.set_title(f"norms at {vertical.symbol} = {level:.2g}", loc="left")
    legend_beside(axis, title="class")
