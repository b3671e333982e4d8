"""Methods next to each other, from results over seeds: how rare classes collapse, and what they gain by it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.style import panels, styled
from ufm.problems.sizes import rare_classes
from ufm.tables.tables import labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def comparison_figure(results: Sequence[Mapping[str, Any]]) -> "Figure":
    """One column per column of the table: NC of the rarest third on training images, and test accuracy, by epoch.

    Lines are means over seeds (geometric for NC), bands reach from the smallest to the largest. Raises ValueError if
    there are no results.
    """
    if not results:
        raise ValueError("no results to draw: run the table first")
    grid: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for result in results:
        row, title = labels(result["name"])
        grid.setdefault(title, {}).setdefault(row, []).append(result)
    rows = list(dict.fromkeys(row for cells in grid.values() for row in cells))
    with styled():
        figure, axes = panels(2, len(grid), 3.1, 2.1)
        for (upper, lower), title in zip(axes.T, grid, strict=True):
            column = grid[title]
            for row, runs in column.items():
                style = {"color": f"C{rows.index(row)}", "label": row}
                epochs = runs[0]["curves"]["epoch"]
                _band(upper, epochs, [_rare_nc(run) for run in runs], style, geometric=True)
                accuracy = [100 * np.asarray(run["curves"]["test_accuracy"]) for run in runs]
                _band(lower, epochs, accuracy, style, geometric=False)
            upper.set(yscale="log", xlabel="epoch", ylabel="NC, rarest third")
            upper.set_title(title, loc="left")
            top = max(float(100 * np.max(run["curves"]["test_accuracy"])) for runs in column.values() for run in runs)
            ends = [float(100 * run["curves"]["test_accuracy"][-1]) for runs in column.values() for run in runs]
            lower.set(xlabel="epoch", ylabel="test accuracy, %", ylim=(min(top - 15.0, min(ends) - 1.0), top + 1.0))
        axes[1, 0].legend(loc="lower right")
        return figure


def _rare_nc(result: Mapping[str, Any]) -> Any:
    nc = np.asarray(result["curves"]["nc"], dtype=np.float64)
    return np.exp(np.log(np.maximum(nc, 1e-12))[:, rare_classes(result["class_sizes"])].mean(axis=1))


def _band(
    axis: Any, epochs: Sequence[int], curves: Sequence[Any], style: Mapping[str, Any], *, geometric: bool
) -> None:
    stacked = np.stack(curves)
    middle = np.exp(np.log(stacked).mean(axis=0)) if geometric else stacked.mean(axis=0)
    axis.plot(epochs, middle, **style)
    axis.fill_between(epochs, stacked.min(axis=0), stacked.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
