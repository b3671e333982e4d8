"""A recorded quantity of a sweep, over one axis or two."""

import json
from collections.abc import Iterator
from functools import singledispatch
from itertools import groupby
from textwrap import fill
from typing import Any

import numpy as np
import xarray
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from xarray import Dataset

from figures.style import TWO_COLUMNS, class_colors, legend_beside, panels, shown_classes, styled
from ufm.sweep.description import Sweep
from ufm.sweep.picture import Lines, Map, Nothing, Picture, Plan, Scatter

WIDE, ROUNDING = 30.0, 1e-18
"""Values that span more than the factor WIDE are drawn on a logarithmic scale, unless some are 0, or smaller than
ROUNDING times the largest."""

WRAPPED = 30
"""Letters in a line of a panel's title."""

ANSWERS = ("no", "yes")
"""What 0 and 1 say where a quantity has no other values."""

APART = 0.04
"""Lines of such a quantity are so far from one another: they would hide each other."""

WORDS = {
    "class_sizes": "class sizes",
    "n_classes": "number of classes",
    "n_max": "size of the largest class",
    "tau": r"imbalance $\tau$",
    "f": "centers, mean $f$",
    "theta": r"angle $\theta$",
    "lam": r"decay $\lambda$",
    "lam_w": "decay of the classifier",
    "lam_h": "decay of the features",
    "scale": "start size",
    "gain": "gain of GCR over RCR",
    "merged": "merged with its like",
    "living": "living class",
    "nc": "NC",
    "nc_mean": "NC, mean of the class",
    "nc_max": "NC, largest of the class",
    "nc_curve": "NC, mean of the class",
    "collapse_time_median": "collapse, half of the class",
    "value": "objective",
}
"""Names that say too little, in words; others are words with _ for spaces."""


@styled()
def sweep_figure(data: Dataset, sweep: Sweep, picture: Picture | None = None) -> Figure:
    """Lines with bands over seeds, a map, or a scatter plot of two quantities: see :class:`ufm.sweep.picture.Picture`.

    data : results of the sweep. Raises ValueError if there is nothing to draw, or for a picture that does not fit.
    """
    plan = (picture or Picture.of(sweep.picture)).complete(sweep)
    names = [plan.quantity, *([plan.against] if plan.against else [])]
    data = data[[*names, *(["time"] if "time" in data.data_vars and "time" not in names else [])]]
    if not np.isfinite(data[plan.quantity].values).any():
        raise Nothing(f"no cell has a finite {plan.quantity}: nothing to draw")
    data, fixed = _selected(data, plan)
    if isinstance(plan, Lines | Scatter) and plan.lines == "class":
        data = _alike(data)
    parts = [(data, "")]
    if plan.panels is not None:
        parts = [(data.isel({plan.panels: i}), _point(data, plan.panels, i)) for i in range(data.sizes[plan.panels])]
    logarithmic = _wide(data[names if isinstance(plan, Scatter) else names[:1]].to_dataarray().values)
    figure, axes = _grid(len(parts), isinstance(plan, Map))
    for axis, (part, point) in zip(axes, parts, strict=True):
        _draw(plan, axis, part, logarithmic)
        title = ", ".join([point, *fixed] if point else fixed)
        axis.set_title(fill(title, WRAPPED) if len(parts) > 1 else title, loc="left", fontsize=7)
        if axis is not axes[-1] and axis.get_legend():
            axis.get_legend().remove()  # the last panel says it
        if not isinstance(plan, Map) and not axis.get_subplotspec().is_first_col():
            axis.set_ylabel("")  # as that of the first
    return figure


def _grid(count: int, maps: bool) -> tuple[Figure, list[Any]]:
    """So many panels in rows of three, or of two maps, no wider than two columns of a journal.

    Maps have room for their scales. Others share their vertical axis, and have room for a legend beside.
    """
    columns = min(count, 2 if maps else 3)
    rows = -(-count // columns)
    right = 0.45 if maps else 1.5
    width = min(3.6, (TWO_COLUMNS - right + 0.45) / columns)
    look: dict[str, Any] = {"between": 0.6} if maps else {"between": 0.15, "sharey": True}
    wide = (width * columns + right - 0.45) / columns
    figure, axes = panels(rows, columns, wide, 2.5 if count > 1 else 2.8, right=right, **look)
    for axis in axes.ravel()[count:]:
        axis.remove()
    return figure, list(axes.ravel()[:count])


def _selected(data: Dataset, plan: Plan) -> tuple[Dataset, list[str]]:
    """The points that are drawn, and in words those of axes that are not."""
    drawn = {plan.panels, "seed", "time"}
    match plan:
        case Lines():
            drawn |= {plan.x, plan.lines}
        case Map():
            drawn |= {plan.x, plan.y}
        case Scatter():
            drawn |= {str(dim) for dim in data.dims if dim not in plan.select}
    fixed = []
    for name in [str(dim) for dim in data.dims if dim not in drawn]:
        place, size = _place(data, name, plan.select.get(name)), data.sizes[name]
        if name == "class":
            fixed.append(f"class {place + 1} of {size}")
        elif size > 1:
            fixed.append(_point(data, name, place) + ("" if name in plan.select else f" (of {size})"))
        data = data.isel({name: place})
    return data, fixed


def _place(data: Dataset, name: str, wanted: Any) -> int:
    """Index of the point that is asked for; without that, of the last class, or of the middle of another axis."""
    values, size, is_class = data[name].values, data.sizes[name], name == "class"
    if wanted is None:
        return size - 1 if is_class else size // 2
    if not is_class and values.dtype.kind not in "iuf":
        if str(wanted) not in values:
            raise ValueError(f"{name}={wanted} of select: there are {', '.join(map(str, values))}")
        return values.tolist().index(str(wanted))
    try:
        number = int(wanted) if is_class else float(wanted)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={wanted} of select is not a number{' of a class' if is_class else ''}") from None
    if is_class:
        if not -size <= number < size:
            raise ValueError(f"class {number} of select: there are {size}")
        return int(number % size)
    if not values.min() <= number <= values.max():
        raise ValueError(f"{name}={wanted} of select: there are {values.min():g} to {values.max():g}")
    return int(np.argmin(np.abs(values - number)))


def _point(data: Dataset, name: str, number: int) -> str:
    """One point of an axis in words."""
    return f"class {number + 1}" if name == "class" else f"{_words(name)} = {_text(data[name].values[number].item())}"


def _words(name: str) -> str:
    return WORDS.get(name, name.replace("_", " "))


def _text(value: Any) -> str:
    """A point in words: lists of numbers, which files have as JSON, with their repetitions counted."""
    if isinstance(value, str) and value.startswith("["):
        runs = [(len(list(run)), number) for number, run in groupby(json.loads(value))]
        return ", ".join(f"{count} x {number}" if count > 1 else str(number) for count, number in runs)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _alike(data: Dataset) -> Dataset:
    """One of each run of classes with the same values, with its name in the coordinate ``class``: 1 to 3."""
    classes = [data.isel({"class": k}).reset_coords(drop=True) for k in range(data.sizes["class"])]
    first = [k for k, each in enumerate(classes) if k == 0 or not each.equals(classes[k - 1])]
    last = [*(k - 1 for k in first[1:]), len(classes) - 1]
    names = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in zip(first, last, strict=True)]
    return data.isel({"class": first}).assign_coords({"class": names})


def _wide(values: Any) -> bool:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return bool(known.size and known.min() > ROUNDING * known.max() and known.max() > WIDE * known.min())


def _is_said(values: Any) -> bool:
    """Whether a quantity says no or yes, 0 or 1."""
    known = np.asarray(values, dtype=np.float64)
    return bool({*known[np.isfinite(known)]} <= {0.0, 1.0})


def _positions(axis: Any, data: Dataset, name: str, *, vertical: bool = False) -> Any:
    """Numbers as they are, classes from 1, words as 0, 1, 2 ... with the words as ticks."""
    values = np.arange(1, data.sizes[name] + 1) if name == "class" else data[name].values
    if values.dtype.kind in "iu":
        side = axis.yaxis if vertical else axis.xaxis
        side.set_major_locator(MaxNLocator(integer=True))
    if values.dtype.kind in "iuf":
        return values.astype(float)
    axis.set_xticks(range(len(values)), [str(value) for value in values])
    return np.arange(len(values), dtype=float)


def _named(data: Dataset, name: str) -> str:
    """A quantity in words, with its unit, which says all of a time."""
    units = data[name].attrs.get("units", "1")
    return units if name == "time" and units != "1" else _words(name) + ("" if units == "1" else f" ({units})")


def _split(data: Dataset, name: str | None) -> Iterator[tuple[Dataset, dict[str, Any]]]:
    """Parts, one per point of an axis (of many ten), with colour and label; all of it without an axis."""
    for number, color in shown_classes(data.sizes[name] if name else 1):
        if name is None:
            yield data, {"color": color}
        else:
            label = _text(data[name].values[number].item())
            yield data.isel({name: number}), {"color": color, "label": label}


def _of_many(data: Dataset, name: str | None) -> str | None:
    """Title of a legend: the axis, and how many of its points are drawn unless all are."""
    if name is None:
        return None
    drawn, size = len(shown_classes(data.sizes[name])), data.sizes[name]
    return _words(name) if drawn == size else f"{_words(name)} ({drawn} of {size})"


@singledispatch
def _draw(plan: Plan, axis: Any, data: Dataset, logarithmic: bool) -> None:
    raise TypeError(f"nobody draws a {type(plan).__name__}")


@_draw.register
def _lines(plan: Lines, axis: Any, data: Dataset, logarithmic: bool) -> None:
    in_time = plan.x == "time"
    said = _is_said(data[plan.quantity].values)
    for number, (part, look) in enumerate(_split(data, plan.lines)):
        x = part["time"].isel(seed=0).values if in_time else _positions(axis, data, plan.x)
        values = part[plan.quantity].transpose("seed", plan.x)
        line = "" if plan.against and not in_time else "-"  # dots then, on the dashes of what they are held against
        marker = "" if in_time else "."
        up = APART * number if said else 0.0
        axis.plot(x, values.mean("seed", skipna=False) + up, linestyle=line, marker=marker, markersize=4, **look)
        if values.sizes["seed"] > 1:
            axis.fill_between(
                x, values.min("seed") + up, values.max("seed") + up, color=look["color"], alpha=0.2, linewidth=0
            )
        if plan.against:
            other = part[plan.against].mean("seed", skipna=False)
            axis.plot(x, other + up, color=look["color"], linestyle="--", linewidth=0.8)
    if plan.x in data.coords and data[plan.x].dtype.kind in "iuf" and _wide(data[plan.x].values):
        axis.set_xscale("log")
    if logarithmic:
        axis.set_yscale("log")
    if said:
        axis.set_yticks([0.0, 1.0], ANSWERS)
    axis.set(xlabel=_named(data, "time") if in_time else _words(plan.x), ylabel=_named(data, plan.quantity))
    if plan.against:
        label = "predicted" if plan.against.startswith("predicted_") else _words(plan.against)
        axis.plot([], [], color="0.4", linestyle="--", linewidth=0.8, label=label)
    if plan.lines or plan.against:
        legend_beside(axis, title=_of_many(data, plan.lines))


@_draw.register
def _map(plan: Map, axis: Any, data: Dataset, logarithmic: bool) -> None:
    for name in (plan.x, plan.y):
        if name != "class" and data[name].dtype.kind not in "iuf":
            raise ValueError(f"axis {name!r} has words for points: it cannot be a side of a map")
    sides = [_positions(axis, data, plan.x), _positions(axis, data, plan.y, vertical=True)]
    means = data.mean("seed", skipna=False).transpose(plan.y, plan.x, ...)
    shown = np.ma.masked_invalid(means[plan.quantity].values)
    colors: dict[str, Any] = {"norm": LogNorm() if logarithmic else None, "cmap": "viridis"}
    bar: dict[str, Any] = {}
    if _is_said(shown.compressed()):
        bar = {"ticks": [0.0, 1.0], "format": FuncFormatter(lambda value, _: ANSWERS[round(value)])}
        colors = {"norm": BoundaryNorm([-0.5, 0.5, 1.5], 2), "cmap": ListedColormap(class_colors(2))}
    mesh = axis.pcolormesh(*sides, shown, shading="nearest", **colors)
    if plan.against:
        other = np.ma.masked_invalid(means[plan.against].values)
        known = np.unique(other.compressed())
        if known.size > 1:
            levels = np.linspace(known[0], known[-1], 3 if known.size == 2 else 7)[1:-1]
            axis.contour(*sides, other, levels=levels, colors="white", linewidths=1.0)
    axis.set(xlabel=_words(plan.x), ylabel=_words(plan.y))
    for points, scale in zip(sides, (axis.set_xscale, axis.set_yscale), strict=True):
        if _wide(points):
            scale("log")
    axis.figure.colorbar(mesh, ax=axis, label=_named(data, plan.quantity), **bar)


@_draw.register
def _scatter(plan: Scatter, axis: Any, data: Dataset, logarithmic: bool) -> None:
    for part, look in _split(data, plan.lines):
        across, up = xarray.broadcast(part[plan.against], part[plan.quantity])
        axis.plot(across.values.ravel(), up.values.ravel(), ".", markersize=3, **look)
    both = np.concatenate([data[name].values.ravel() for name in (plan.against, plan.quantity)])
    both = both[np.isfinite(both)]
    ends = [both.min(), both.max()]
    axis.plot(ends, ends, color="0.4", linewidth=0.7)
    if logarithmic:
        axis.set(xscale="log", yscale="log")
    axis.set(xlabel=_named(data, plan.against), ylabel=_named(data, plan.quantity))
    if plan.lines:
        legend_beside(axis, title=_of_many(data, plan.lines))
