"""What ``ufm measure`` draws: how far from collapse, angles of class means and classifier, and the spectrum."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import canvas, draw_cosines, styled
from ufm.measure.network import Measures

SHOWN = {
    "nc1": "NC1",
    "nc2_equinorm": "NC2 norms",
    "nc2_equiangle": "NC2 angles",
    "nc3_duality": "NC3",
    "nc4_agreement": "1 - NC4",
    "nc5_orthogonality": "NC5",
}
"""Measures that are drawn; all are 0 at collapse, NC4 once it is taken from 1."""

MARKS = "os^Dvx"

ROUNDING = 1e-12
"""What is not above this is 0 in the picture."""


@styled()
def measures_figure(found: Mapping[int, Measures]) -> Figure:
    """NC1 to NC5 of one network, or over its epochs; then cosines and spectrum of the last one.

    Parameters
    ----------
    found : measures by epoch, in ascending order; a single one of any epoch is one network.
    """
    last = found[max(found)]
    matrices = {"class means": last.mean_cosines, "weights": last.weight_cosines}
    drawn = {name: matrix for name, matrix in matrices.items() if matrix is not None}
    when = f", epoch {max(found)}" if len(found) > 1 else ""
    figure = canvas(2.6 + 2.1 * (len(drawn) + 1), 2.3)
    axes = figure.subplots(1, len(drawn) + 2, width_ratios=[1.35, *[1.0] * (len(drawn) + 1)])
    if len(found) > 1:
        _curves(figure, axes[0], found)
    else:
        _points(axes[0], last)
    for axis, (name, matrix) in zip(axes[1:], drawn.items(), strict=False):
        whole = matrix.copy()
        whole[np.diag_indices(len(whole))] = 1.0
        image = draw_cosines(axis, whole)
        axis.set(xlabel="class", ylabel="class", title=name + when)
        _name_classes(axis, [name for name, count in zip(last.classes, last.counts, strict=True) if count])
    figure.colorbar(image, ax=axes[1 : 1 + len(drawn)], ticks=[-1, 0, 1], shrink=0.7, label="cosine")
    _spectrum(axes[-1], last)
    return figure


NAMED = 12
"""So many classes have their names in the picture, if these are short."""


def _name_classes(axis: Any, names: list[Any]) -> None:
    """Rows and columns as the classes are called: all of a few, else some."""
    short = [str(name) if len(str(name)) <= 8 else f"{str(name)[:7]}…" for name in names]
    places = range(len(names)) if len(names) <= NAMED else range(0, len(names), -(-len(names) // 5))
    shown, upright = [short[place] for place in places], max(map(len, short)) > 2
    axis.set_xticks([place + 1 for place in places], shown, rotation=90 if upright else 0)
    axis.set_yticks([place + 1 for place in places], shown)


def _from_collapse(measures: Measures) -> dict[str, float]:
    """Distance of the shown measures from collapse, of those that there are."""
    values = {name: measures.metrics[name] for name in SHOWN if name in measures.metrics}
    return {name: 1.0 - value if name == "nc4_agreement" else value for name, value in values.items()}


def _floor(values: Any) -> float:
    """The left end of a logarithmic axis: below what is above rounding."""
    seen = [value for value in values if value > ROUNDING]
    return min([1e-3, *(value / 3.0 for value in seen)])


def _points(axis: Any, measures: Measures) -> None:
    """A point for each measure, with its number; one that is 0 lies at the edge, open."""
    values = _from_collapse(measures)
    low, high = _floor(values.values()), max([1.0, *values.values()])
    for place, value in enumerate(values.values()):
        above = value > low
        axis.plot(max(value, low), place, "o" if above else "<", color="C0", markerfacecolor="C0" if above else "none")
        axis.text(1.04, place, f"{value:.2g}", transform=axis.get_yaxis_transform(), va="center", fontsize=7)
    axis.set_yticks(range(len(values)), [SHOWN[name] for name in values])
    axis.set(xscale="log", xlim=(low * 0.8, high * 1.5), ylim=(len(values) - 0.5, -0.5))
    axis.set(xlabel="distance from collapse, where all are 0", ylabel="measure")
    axis.grid(axis="y", linewidth=0.4, alpha=0.5)


def _curves(figure: Figure, axis: Any, found: Mapping[int, Measures]) -> None:
    """A curve for each measure; where one is 0 its curve leaves the axis."""
    table = {epoch: _from_collapse(measures) for epoch, measures in found.items()}
    names = [name for name in SHOWN if any(name in row for row in table.values())]
    epochs = np.array(list(table))
    for mark, name in zip(MARKS, names, strict=False):
        values = np.array([row.get(name, np.nan) for row in table.values()])
        seen = np.where(values > ROUNDING, values, np.nan)
        label = SHOWN[name] if np.isfinite(seen).any() else f"{SHOWN[name]} = 0"
        axis.plot(epochs, seen, f"{mark}-", markersize=3, label=label)
    axis.set(yscale="log", xlabel="epoch", ylabel="distance from collapse")
    if epochs.min() > 0 and epochs.max() >= 10 * epochs.min():
        axis.set_xscale("log")
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    figure.legend(loc="outside lower left", ncols=len(names))


def _spectrum(axis: Any, measures: Measures) -> None:
    """Singular values of the centered class means over the largest; at collapse all are the same."""
    sizes = measures.spectrum / measures.spectrum[0] if len(measures.spectrum) else measures.spectrum
    axis.plot(np.arange(1, len(sizes) + 1), sizes, "o-" if len(sizes) <= 40 else "-", markersize=3)
    axis.axhline(1.0, color="0.5", linestyle=":", linewidth=0.8)
    axis.set(xlabel="number of direction", ylabel="over the largest (collapse: 1)")
    axis.set(xlim=(0.5, max(len(sizes), 1) + 0.5), ylim=(0.0, 1.08))
    axis.set_title("spectrum of means")
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
