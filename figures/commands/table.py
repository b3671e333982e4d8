"""Methods next to each other, from results over seeds: how rare classes collapse, and what they gain by it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.style import legend_below, panels, styled
from ufm.problems.sizes import rare_classes
from ufm.tables.tables import labels
from ufm.train.catalogue import METHODS

USUAL = METHODS["CAL"].target
"""What NC is the distance to, unless the label of a curve says otherwise."""


@styled()
def comparison_figure(results: Sequence[Mapping[str, Any]]) -> Figure:
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
    figure, axes = panels(2, len(grid), 3.1, 2.1, below=0.2 * (len(rows) // 3 + 2))
    for (upper, lower), (title, column) in zip(axes.T, grid.items(), strict=True):
        accuracies = {row: np.array([run["curves"]["test_accuracy"] for run in runs]) for row, runs in column.items()}
        for row, runs in column.items():
            target = METHODS[runs[0]["configuration"]["method"]].target
            label = row if target == USUAL else f"{row} (NC to {target})"
            epochs, look = runs[0]["curves"]["epoch"], {"color": f"C{rows.index(row)}", "label": label}
            nc = np.array([_log_nc(run) for run in runs])
            _band(upper, epochs, np.exp(nc), np.exp(nc.mean(axis=0)), look)
            _band(lower, epochs, 100 * accuracies[row], 100 * accuracies[row].mean(axis=0), look)
        upper.set(yscale="log", xlabel="epoch", ylabel=f"NC to {USUAL}")
        upper.set_title(title, loc="left")
        top = 100 * max(each.max() for each in accuracies.values())
        end = 100 * min(each[:, -1].min() for each in accuracies.values())
        lower.set(xlabel="epoch", ylabel="test accuracy, %", ylim=(min(top - 15.0, end - 1.0), top + 1.0))
    legend_below(figure, axes[1, 0], ncols=3, title="NC: geometric mean over the rarest third of the classes")
    return figure


def _log_nc(result: Mapping[str, Any]) -> Any:
    nc = np.asarray(result["curves"]["nc"], dtype=np.float64)
    return np.log(np.maximum(nc, 1e-12))[:, rare_classes(result["class_sizes"])].mean(axis=1)


def _band(axis: Any, epochs: Sequence[int], curves: Any, middle: Any, look: Mapping[str, Any]) -> None:
    axis.plot(epochs, middle, **look)
    axis.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=look["color"], alpha=0.2, linewidth=0)
