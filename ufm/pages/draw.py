"""Plots that many results share: lines, points, maps of numbers, and scenes in three dimensions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ufm.pages.content import Figure, Move, Plot
from ufm.pages.palette import COSINES, GREY, SINGLE, ordered
from ufm.problems.frames import Array

FEW = 5
"""Integers that span no more have a tick each."""

SHOWN = 10
"""At most so many classes have a curve."""


def some(count: int, most: int = SHOWN) -> list[int]:
    """At most so many of ``count`` things, evenly, the first and the last among them."""
    return sorted({int(k) for k in np.round(np.linspace(0, count - 1, min(count, most)))})


def axis(title: str, values: ArrayLike | None = None, **look: Any) -> dict[str, Any]:
    """An axis; with values a logarithmic one where these are positive and span more than a factor of 30."""
    found = {"title": {"text": title}, "automargin": True, "exponentformat": "power", "zeroline": False, **look}
    return found | ({"type": "log"} if values is not None and _wide(values) else {})


def few_ticks(values: ArrayLike) -> dict[str, Any]:
    """What an axis says of integers that span little: a tick for each."""
    known = np.asarray(values)
    return {"dtick": 1} if known.dtype.kind in "iu" and known.size and int(np.ptp(known)) <= FEW else {}


def _wide(values: ArrayLike) -> bool:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return bool(known.size and known.min() > 1e-18 * known.max() and known.max() > 30.0 * known.min())


def flat(x: Mapping[str, Any], y: Mapping[str, Any], legend: str = "", **look: Any) -> dict[str, Any]:
    """The layout of two axes with the legend below."""
    below = {"orientation": "h", "yref": "container", "y": 0.0, "yanchor": "bottom", "title": {"text": legend}}
    return {
        "margin": {"l": 55, "r": 8, "t": 8, "b": 95 if legend else 45},
        "xaxis": x,
        "yaxis": y,
        "legend": below,
        **look,
    }


def line(x: ArrayLike, y: ArrayLike, name: str, color: str = SINGLE, hover: str = "", **look: Any) -> dict[str, Any]:
    """A trace of two dimensions."""
    shown = f"{hover or '%{fullData.name}'}<br>%{{xaxis.title.text}}: %{{x:.5~g}}"
    shown += "<br>%{yaxis.title.text}: %{y:.5~g}<extra></extra>"
    look = {"mode": "lines", "line": {"color": color}, "marker": {"color": color}, **look}
    return {"type": "scatter", "x": _floats(x), "y": _floats(y), "name": name, "hovertemplate": shown, **look}


def _floats(values: ArrayLike) -> Any:
    found = np.asarray(values)
    return found.astype(np.float64) if found.dtype.kind in "fiub" else found


def dotted(values: Sequence[float], colors: Sequence[str]) -> list[dict[str, Any]]:
    """Horizontal lines where theory says that curves end."""
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": float(v), "y1": float(v)}
        | {"line": {"color": color, "width": 1, "dash": "dot"}}
        for v, color in zip(values, colors, strict=True)
        if np.isfinite(v)
    ]


def by_class(
    title: str,
    caption: str,
    x: tuple[str, ArrayLike],
    y: tuple[str, Array],
    about: Sequence[str] | None = None,
    limits: ArrayLike | None = None,
    until: Sequence[float] | None = None,
    *,
    decades: bool = False,
    **look: Any,
) -> Plot:
    """A line for each class, (points, classes), or for some of many; ``limits`` are dotted.

    x, y : the title of the axis, and values. about : of each class, what is said when it is pointed at. until : ends of
    the horizontal axis at first. decades : it is logarithmic. look : of the vertical axis.
    """
    shown = some(y[1].shape[1])
    colors = ordered(len(shown))
    names = about or [f"class {k + 1}" for k in range(y[1].shape[1])]
    traces = [
        line(x[1], y[1][:, k], f"{k + 1}", color, "%{meta}", meta=names[k])
        for k, color in zip(shown, colors, strict=True)
    ]
    across = axis(x[0]) | few_ticks(x[1]) | ({"range": list(until)} if until is not None else {})
    across |= {"type": "log", "dtick": 1} if decades else {}
    layout = flat(across, axis(y[0], y[1]) | look, "class" if len(shown) == y[1].shape[1] else "some classes")
    if limits is not None:
        layout["shapes"] = dotted(np.asarray(limits)[shown].tolist(), colors)
    return Plot(
        title, caption, f"Lines over {x[0]}. {ends(y[1][:, shown], [k + 1 for k in shown])}", as_figure(traces, layout)
    )


def ends(values: Array, names: Sequence[Any]) -> str:
    """First and last values of curves, (points, curves), in words."""
    each = (
        f"{name}: {first:.3g} to {last:.3g}" for name, first, last in zip(names, values[0], values[-1], strict=True)
    )
    return f"From first to last value, {'; '.join(each)}."


def as_figure(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> Figure:
    """The two as a figure."""
    return {"data": list(traces), "layout": dict(layout)}


BAR = {"thickness": 12, "outlinewidth": 0}
"""Of colours, beside a plot."""


def heatmap(values: Array, *, cosines: bool = False, **look: Any) -> dict[str, Any]:
    """A trace of colours over rows and columns, counted from 1."""
    scale = {"colorscale": COSINES, "zmin": -1, "zmax": 1} if cosines else {"colorscale": "Viridis"}
    sides = {"x": np.arange(1, values.shape[1] + 1), "y": np.arange(1, values.shape[0] + 1)}
    shown = "row %{y}, column %{x}<br>%{z:.4~g}<extra></extra>"
    return {"type": "heatmap", "z": values, "hovertemplate": shown, **sides, **scale, "colorbar": BAR, **look}


def square(title: str, count: int) -> dict[str, Any]:
    """The layout of a matrix of so many rows, the first on top."""
    side = axis(title) | {"constrain": "domain", "tick0": 1, "dtick": max(1, count // 5)}
    return flat(side, side | {"autorange": "reversed", "scaleanchor": "x"})


def matrices(title: str, caption: str, side: str, values: Array, slider: str, start: int = 0) -> Plot:
    """Matrices of cosines, (choices, rows, rows), one of which a slider shows, at first that of ``start``."""
    last = values[-1]
    away = last[~np.eye(len(last), dtype=bool)]
    said = f"A matrix of cosines; at the end those off the diagonal are {_span(away)}"
    trace = heatmap(values[start], cosines=True)
    return Plot(title, caption, said, as_figure([trace], square(side, len(last))), (Move(0, "z", (slider,), values),))


def _span(values: Array) -> str:
    known = values[np.isfinite(values)]
    return f"between {known.min():.3g} and {known.max():.3g}." if known.size else "not known."


def scene(x: str, y: str, z: str, reach: float = 1.05) -> dict[str, Any]:
    """The layout of three axes of one scale, which can be turned."""
    sides = {
        f"{name}axis": {"title": {"text": title}, "range": [-reach, reach], "nticks": 5}
        for name, title in (("x", x), ("y", y), ("z", z))
    }
    eye = {"center": {"x": 0, "y": 0, "z": -0.12}, "eye": {"x": 1.6, "y": 1.4, "z": 0.8}}
    below = {"orientation": "h", "yref": "container", "y": 0.0, "yanchor": "bottom"}
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 50},
        "scene": {**sides, "aspectmode": "cube", "camera": eye},
        "legend": below,
    }


def points(xyz: Array, name: str, color: Any = SINGLE, hover: str = "", **look: Any) -> dict[str, Any]:
    """A trace of three dimensions through the rows of (n, 3): points, or lines."""
    shown = f"{hover or '%{fullData.name}'}<br>(%{{x:.3f}}, %{{y:.3f}}, %{{z:.3f}})<extra></extra>"
    sides = dict(zip("xyz", np.asarray(xyz, dtype=np.float64).T, strict=True))
    look = {"mode": "markers", "marker": {"color": color, "size": 3}, "line": {"color": color, "width": 4}, **look}
    return {"type": "scatter3d", **sides, "name": name, "hovertemplate": shown, **look}


def vectors(tips: Array) -> Array:
    """Points of lines from the origin to each tip, (..., n, 3), with gaps between them: (..., 3 n, 3)."""
    parts = np.stack([np.zeros_like(tips), tips, np.full_like(tips, np.nan)], axis=-2)
    return np.asarray(parts.reshape(*tips.shape[:-2], -1, 3))


def net() -> dict[str, Any]:
    """The unit sphere as thin lines."""
    turn, rise = np.linspace(0, 2 * np.pi, 49), np.linspace(-np.pi / 2, np.pi / 2, 25)
    rings = [(np.cos(u) * np.cos(turn), np.cos(u) * np.sin(turn), np.full(49, np.sin(u))) for u in rise[4:-4:4]]
    arcs = [(np.cos(rise) * np.cos(a), np.cos(rise) * np.sin(a), np.sin(rise)) for a in turn[:-1:6]]
    gap = np.full((1, 3), np.nan)
    lines = np.concatenate([part for curve in (*rings, *arcs) for part in (np.stack(curve, axis=1), gap)])
    thin = {"mode": "lines", "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False}
    return {**points(lines, "unit sphere"), **thin, "hovertemplate": ""}


def moved(trace: int, slider: tuple[str, ...], xyz: Array) -> list[Move]:
    """Moves of all three coordinates of a trace, from (choices..., points, 3)."""
    return [Move(trace, name, slider, xyz[..., i]) for i, name in enumerate("xyz")]
