"""A recorded quantity of a sweep, over one axis or two."""

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
    assert plan.quantity is not None
    names = [plan.quantity, *([plan.against] if plan.against else [])]
    data = data[[*names, *(["time"] if "time" in data.data_vars and "time" not in names else [])]]
    if not np.isfinite(data[plan.quantity].values).any():
        raise Nothing(f"no cell has a finite {plan.quantity}: nothing to draw")
    data, fixed = _selected(data, sweep, plan)
    parts = [data] if plan.panels is None else [data.isel({plan.panels: i}) for i in range(data.sizes[plan.panels])]
    logarithmic = _wide(data[names if plan.scatter else names[:1]].to_dataarray().values)
    draw = _scatter if plan.scatter else _map if plan.y else _lines
    with styled():
        figure, (axes,) = panels(1, len(parts), 3.6, 2.8)
        for number, (axis, part) in enumerate(zip(axes, parts, strict=True)):
            draw(axis, part, plan, logarithmic)
            title = [_point(data, plan.panels, number)] if plan.panels else []
            axis.set_title(", ".join([*title, *fixed]), loc="left", fontsize=7)
            if number and axis.get_legend():
                axis.get_legend().remove()  # the first panel has said it
        if not plan.y:  # side by side is for comparing
            limits = [axis.get_ylim() for axis in axes]
            for axis in axes:
                axis.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        return figure


def _point(data: "xarray.Dataset", name: str, number: int) -> str:
    """One point of an axis in words."""
    return f"class {number + 1}" if name == "class" else f"{name}={_text(data[name].values[number].item())}"


def _selected(data: "xarray.Dataset", sweep: Sweep, plan: Picture) -> tuple["xarray.Dataset", list[str]]:
    """The points that are drawn, and in words those of axes that are not."""
    used = {plan.x, plan.y, plan.lines, plan.panels, "seed", "time", *(set(data.dims) if plan.scatter else ())}
    fixed = []
    for name in [str(dim) for dim in data.dims if dim not in used or dim in plan.select]:
        size = data.sizes[name]
        if name == "class":
            try:
                number = int(plan.select.get(name, size - 1))
            except (TypeError, ValueError):
                raise ValueError(f"class={plan.select[name]} of select is not a number of a class") from None
            if not -size <= number < size:
                raise ValueError(f"class {number} of select: there are {size}")
            data = data.isel({name: number})
            fixed.append(f"class {number % size + 1} of {size}")
            continue
        values = data[name].values
        if name in plan.select:
            data = data.sel({name: _nearest_value(name, values, plan.select[name])})
        else:
            data = data.isel({name: size // 2})
        if size > 1:
            fixed.append(f"{name}={_text(data[name].values.item())}")
    return data, fixed


def _nearest_value(name: str, values: Any, wanted: Any) -> Any:
    if values.dtype.kind in "iuf":
        try:
            number = float(wanted)
        except (TypeError, ValueError):
            raise ValueError(f"{name}={wanted} of select is not a number") from None
        if not values.min() <= number <= values.max():
            raise ValueError(f"{name}={wanted} of select: there are {values.min():g} to {values.max():g}")
        return values[np.argmin(np.abs(values - number))]
    if str(wanted) not in values:
        raise ValueError(f"{name}={wanted} of select: there are {', '.join(map(str, values))}")
    return str(wanted)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wide(values: Any) -> bool:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
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


def _lines(axis: Any, data: "xarray.Dataset", plan: Picture, logarithmic: bool) -> None:
    assert plan.quantity is not None
    assert plan.x is not None
    count = data.sizes[plan.lines] if plan.lines else 1
    shown = shown_classes(count)
    for number, color in zip(shown, class_colors(len(shown)), strict=True):
        one = data.isel({plan.lines: number}) if plan.lines else data
        x = one["time"].isel(seed=0).values if plan.x == "time" else _positions(axis, data, plan.x)
        values = one[plan.quantity].transpose("seed", plan.x)
        marker = "." if plan.x != "time" else ""
        axis.plot(
            x,
            values.mean("seed", skipna=False),
            color=color,
            marker=marker,
            markersize=4,
            label=_label(data, plan, number),
        )
        if values.sizes["seed"] > 1:
            axis.fill_between(x, values.min("seed"), values.max("seed"), color=color, alpha=0.2, linewidth=0)
        if plan.against:
            axis.plot(x, one[plan.against].mean("seed", skipna=False), color=color, linestyle="--", linewidth=0.8)
    if plan.x in data.coords and data[plan.x].dtype.kind in "iuf" and _wide(data[plan.x].values):
        axis.set_xscale("log")
    if logarithmic:
        axis.set_yscale("log")
    axis.set(xlabel=_named(data, "time") if plan.x == "time" else plan.x, ylabel=_named(data, plan.quantity))
    if plan.against:
        axis.plot([], [], color="0.4", linestyle="--", linewidth=0.8, label=plan.against.replace("_", " "))
    if plan.lines or plan.against:
        axis.legend(title=plan.lines)


def _label(data: "xarray.Dataset", plan: Picture, number: int) -> str | None:
    if plan.lines is None:
        return None
    return str(number + 1) if plan.lines == "class" else _text(data[plan.lines].values[number].item())


def _map(axis: Any, data: "xarray.Dataset", plan: Picture, logarithmic: bool) -> None:
    from matplotlib.colors import LogNorm

    assert plan.quantity is not None
    assert plan.x is not None
    assert plan.y is not None
    values = data[plan.quantity].mean("seed", skipna=False).transpose(plan.y, plan.x).values
    sides = []
    for name in (plan.x, plan.y):
        if name != "class" and data[name].dtype.kind not in "iuf":
            raise ValueError(f"axis {name!r} has words for points: it cannot be a side of a map")
        sides.append(_positions(axis, data, name))
    shown = np.ma.masked_invalid(values)
    norm = LogNorm() if logarithmic else None
    mesh = axis.pcolormesh(*sides, shown, shading="nearest", norm=norm, cmap="viridis")
    if plan.against:
        other = data[plan.against].mean("seed", skipna=False).transpose(plan.y, plan.x).values
        known = np.unique(other[np.isfinite(other)])
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

    assert plan.quantity is not None
    assert plan.against is not None
    across, up = xarray.broadcast(data[plan.against], data[plan.quantity])
    count = up.sizes[plan.lines] if plan.lines else 1
    shown = shown_classes(count)
    for number, color in zip(shown, class_colors(len(shown)), strict=True):
        pick = {plan.lines: number} if plan.lines else {}
        a, b = across.isel(pick).values.ravel(), up.isel(pick).values.ravel()
        axis.plot(a, b, ".", markersize=3, color=color, label=_label(data, plan, number))
    both = np.concatenate([across.values.ravel(), up.values.ravel()])
    both = both[np.isfinite(both)]
    ends = [both.min(), both.max()]
    axis.plot(ends, ends, color="0.4", linewidth=0.7)
    if logarithmic:
        axis.set(xscale="log", yscale="log")
    axis.set(xlabel=_named(data, plan.against), ylabel=_named(data, plan.quantity))
    if plan.lines:
        axis.legend(title=plan.lines)
