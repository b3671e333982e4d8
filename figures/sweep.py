"""A recorded quantity of a sweep, over one axis or two."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.style import class_colors, panels, shown_classes, styled
from ufm.sweep.description import Sweep
from ufm.sweep.picture import Nothing, Picture

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

WIDE, ROUNDING = 30.0, 1e-18
"""Values that span more than the factor WIDE are drawn on a logarithmic scale, unless some are 0, or smaller than
ROUNDING times the largest."""


def sweep_figure(data: "xarray.Dataset", sweep: Sweep, picture: Picture | None = None) -> "Figure":
    """Lines with bands over seeds, a map, or a scatter plot of two quantities: see :class:`ufm.sweep.picture.Picture`.

    data : results of the sweep. Raises ValueError if there is nothing to draw, or for a picture that does not fit.
    """
    plan = (picture or Picture.of(sweep.picture)).complete(sweep)
    names = [name for name in dict.fromkeys((plan.quantity, plan.against, "time")) if name in data.data_vars]
    data = data[names]
    if not np.isfinite(data[plan.quantity].values).any():
        raise Nothing(f"no cell has a finite {plan.quantity}: nothing to draw")
    data, fixed = _selected(data, sweep, plan)
    parts = [data.isel({plan.panels: i}) for i in range(data.sizes[plan.panels])] if plan.panels else [data]
    compared = [plan.quantity, plan.against] if plan.scatter else [plan.quantity]
    logarithmic = _wide(data[compared].to_dataarray().values)
    draw = _scatter if plan.scatter else _map if plan.y else _lines
    with styled():
        figure, (axes,) = panels(1, len(parts), 3.6, 2.8)
        for number, (axis, part) in enumerate(zip(axes, parts, strict=True)):
            draw(axis, part, plan, logarithmic)
            title = [_titled(data, plan.panels, number)] if plan.panels else []
            axis.set_title(", ".join([*title, *fixed]), loc="left", fontsize=7)
            if number and axis.get_legend():
                axis.get_legend().remove()  # the first panel has said it
        if not plan.y:  # side by side is for comparing
            lows, highs = zip(*(axis.get_ylim() for axis in axes), strict=True)
            for axis in axes:
                axis.set_ylim(min(lows), max(highs))
        return figure


def _selected(data: "xarray.Dataset", sweep: Sweep, plan: Picture) -> tuple["xarray.Dataset", list[str]]:
    """The points that are drawn, and in words those of axes that are not."""
    used = {plan.x, plan.y, plan.lines, plan.panels, "seed", "time", *(data.dims if plan.scatter else ())}
    fixed = []
    for name in [str(dim) for dim in data.dims if dim not in used or dim in plan.select]:
        size = data.sizes[name]
        if name == "class":
            number = _class(plan.select.get(name, -1), size)
            fixed.append(f"{_titled(data, name, number)} of {size}")
        else:
            number = _nearest(name, data[name].values, plan.select[name]) if name in plan.select else size // 2
            fixed += [_titled(data, name, number)] if size > 1 else []
        data = data.isel({name: number})
    return data, fixed


def _class(wanted: Any, count: int) -> int:
    """Where a class is along its axis; -1 is the last."""
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        raise ValueError(f"class={wanted} of select is not a number of a class") from None
    if not -count <= number < count:
        raise ValueError(f"class {number} of select: there are {count}")
    return number % count


def _nearest(name: str, values: Any, wanted: Any) -> int:
    """Where a point is along its axis: the nearest number, or the very word."""
    if values.dtype.kind in "iuf":
        try:
            number = float(wanted)
        except (TypeError, ValueError):
            raise ValueError(f"{name}={wanted} of select is not a number") from None
        if not values.min() <= number <= values.max():
            raise ValueError(f"{name}={wanted} of select: there are {values.min():g} to {values.max():g}")
        return int(np.argmin(np.abs(values - number)))
    if str(wanted) not in values:
        raise ValueError(f"{name}={wanted} of select: there are {', '.join(map(str, values))}")
    return values.tolist().index(str(wanted))


def _point(data: "xarray.Dataset", name: str, number: int) -> str:
    """One point of an axis; classes count from 1."""
    value = number + 1 if name == "class" else data[name].values[number].item()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _titled(data: "xarray.Dataset", name: str, number: int) -> str:
    """One point of an axis, with the axis."""
    return f"{name}{' ' if name == 'class' else '='}{_point(data, name, number)}"


def _finite(values: Any) -> Any:
    known = np.asarray(values, dtype=np.float64)
    return known[np.isfinite(known)]


def _wide(values: Any) -> bool:
    known = _finite(values)
    return bool(known.size and known.min() > ROUNDING * known.max() and known.max() > WIDE * known.min())


def _positions(axis: Any, data: "xarray.Dataset", name: str) -> Any:
    """Numbers as they are, classes from 1, words as 0, 1, 2 ... with the words as ticks."""
    if name == "class":
        return np.arange(1.0, data.sizes[name] + 1)
    values = data[name].values
    if values.dtype.kind in "iuf":
        return values.astype(float)
    axis.set_xticks(range(len(values)), [str(value) for value in values])
    return np.arange(len(values), dtype=float)


def _named(data: "xarray.Dataset", name: str) -> str:
    """A quantity in words, with its unit."""
    units = data[name].attrs.get("units", "1")
    return name.replace("_", " ") + ("" if units == "1" else f" ({units})")


def _colored(data: "xarray.Dataset", lines: str) -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
    """Points of the axis that has a line each: where they are, and colour and label of their lines."""
    shown = shown_classes(data.sizes[lines] if lines else 1)
    for number, color in zip(shown, class_colors(len(shown)), strict=True):
        label = _point(data, lines, number) if lines else None
        yield ({lines: number} if lines else {}), {"color": color, "label": label}


def _lines(axis: Any, data: "xarray.Dataset", plan: Picture, logarithmic: bool) -> None:
    over_time = plan.x == "time"
    for place, look in _colored(data, plan.lines):
        one, color = data.isel(place), look["color"]
        x = one["time"].isel(seed=0).values if over_time else _positions(axis, data, plan.x)
        values = one[plan.quantity].transpose("seed", plan.x)
        axis.plot(x, values.mean("seed", skipna=False), marker="" if over_time else ".", markersize=4, **look)
        if values.sizes["seed"] > 1:
            axis.fill_between(x, values.min("seed"), values.max("seed"), color=color, alpha=0.2, linewidth=0)
        if plan.against:
            axis.plot(x, one[plan.against].mean("seed", skipna=False), color=color, linestyle="--", linewidth=0.8)
    if plan.x in data.coords and data[plan.x].dtype.kind in "iuf" and _wide(data[plan.x].values):
        axis.set_xscale("log")
    if logarithmic:
        axis.set_yscale("log")
    axis.set(xlabel=_named(data, "time") if over_time else plan.x, ylabel=_named(data, plan.quantity))
    if plan.against:
        axis.plot([], [], color="0.4", linestyle="--", linewidth=0.8, label=plan.against.replace("_", " "))
    if plan.lines or plan.against:
        axis.legend(title=plan.lines or None)


def _map(axis: Any, data: "xarray.Dataset", plan: Picture, logarithmic: bool) -> None:
    from matplotlib.colors import LogNorm

    for name in (plan.x, plan.y):
        if name != "class" and data[name].dtype.kind not in "iuf":
            raise ValueError(f"axis {name!r} has words for points: it cannot be a side of a map")
    sides = [_positions(axis, data, name) for name in (plan.x, plan.y)]
    means = data.mean("seed", skipna=False).transpose(plan.y, plan.x, ...)
    shown = np.ma.masked_invalid(means[plan.quantity].values)
    norm = LogNorm() if logarithmic else None
    mesh = axis.pcolormesh(*sides, shown, shading="nearest", norm=norm, cmap="viridis")
    if plan.against:
        other = means[plan.against].values
        known = np.unique(_finite(other))
        if known.size > 1:
            levels = np.linspace(known[0], known[-1], 3 if known.size == 2 else 7)[1:-1]
            axis.contour(*sides, np.ma.masked_invalid(other), levels=levels, colors="white", linewidths=1.0)
    axis.set(xlabel=plan.x, ylabel=plan.y)
    for points, scale in zip(sides, (axis.set_xscale, axis.set_yscale), strict=True):
        if _wide(points):
            scale("log")
    axis.figure.colorbar(mesh, ax=axis, label=_named(data, plan.quantity))


def _scatter(axis: Any, data: "xarray.Dataset", plan: Picture, logarithmic: bool) -> None:
    import xarray

    across, up = xarray.broadcast(data[plan.against], data[plan.quantity])
    for place, look in _colored(data, plan.lines):
        axis.plot(across.isel(place).values.ravel(), up.isel(place).values.ravel(), ".", markersize=3, **look)
    both = _finite([across.values, up.values])
    ends = [both.min(), both.max()]
    axis.plot(ends, ends, color="0.4", linewidth=0.7)
    if logarithmic:
        axis.set(xscale="log", yscale="log")
    axis.set(xlabel=_named(data, plan.against), ylabel=_named(data, plan.quantity))
    if plan.lines:
        axis.legend(title=plan.lines)
