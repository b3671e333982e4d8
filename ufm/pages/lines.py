"""Numbers over several axes: one of them along the page, one as lines, and a slider for each of the others."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.pages.content import Move, Plot, Plots, Slider
from ufm.pages.draw import as_figure, axis, ends, few_ticks, flat, heatmap, line, some
from ufm.pages.palette import ordered

if TYPE_CHECKING:
    import xarray

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Of lines that have words for names: colours in order would say that they have an order."""

LARGEST = 60_000
"""Numbers of a plot, beyond which a page would become too large to send."""


def over(values: "xarray.DataArray", x: str, lines: str | None, title: str, caption: str = "", **look: Any) -> Plots:
    """Lines over a dimension, one for each point of another (or some of many); of the others sliders choose a point.

    title : of the plot; the vertical axis has what stands before its first comma, for an axis cuts long words off.
    look : of the vertical axis. Raises ValueError for more numbers than :data:`LARGEST`.
    """
    require_few(values, title)
    others = [str(dim) for dim in values.dims if dim not in (x, lines)]
    ways = tuple(slider(values, name) for name in others)
    count = values.sizes[lines] if lines else 1
    shown, names = some(count), labels(values, lines) if lines else [title]
    across = points(values, x)
    traces, moves = [], []
    for place, (k, color) in enumerate(zip(shown, ordered(len(shown)), strict=True)):
        own = (values.isel({lines: k}) if lines else values).transpose(*others, x).values.astype(np.float64)
        first = own[tuple(each.start for each in ways)]
        dash = DASHES[place % len(DASHES)] if lines and _of_words(values, lines) else "solid"
        traces.append(line(across, first, names[k], color, mode="lines+markers", line={"color": color, "dash": dash}))
        if others:
            moves.append(Move(place, "y", tuple(others), own))
    legend = "" if lines is None else lines if len(shown) == count else f"some of {count}: {lines}"
    layout = flat(_numbered(x, across), axis(title.partition(",")[0], values.values) | look, legend)
    first = np.stack([np.asarray(trace["y"]) for trace in traces], axis=1)
    said = f"Lines over {x}. {ends(first, [names[k] for k in shown])}"
    return Plots((Plot(title, caption, said, as_figure(traces, layout), tuple(moves)),), ways)


def chart(values: "xarray.DataArray", x: str, y: str, title: str, caption: str = "", **look: Any) -> Plots:
    """A number as a colour over two dimensions; of the others sliders choose a point. look : of the colours."""
    require_few(values, title)
    others = [str(dim) for dim in values.dims if dim not in (x, y)]
    ways = tuple(slider(values, name) for name in others)
    own = values.transpose(*others, y, x).values.astype(np.float64)
    sides = {"x": points(values, x), "y": points(values, y), "name": title}
    shown = (
        "%{xaxis.title.text}: %{x:.5~g}<br>%{yaxis.title.text}: %{y:.5~g}<br>%{fullData.name}: %{z:.5~g}<extra></extra>"
    )
    known = own[np.isfinite(own)]
    limits: dict[str, Any] = {"zmin": float(known.min()), "zmax": float(known.max())} if known.size else {}
    trace = heatmap(own[tuple(each.start for each in ways)], **{**sides, "hovertemplate": shown, **limits, **look})
    layout = flat(_numbered(x, sides["x"]), _numbered(y, sides["y"]))
    said = f"Colours over {x} and {y}" + (f", from {known.min():.4g} to {known.max():.4g}." if known.size else ".")
    moves = (Move(0, "z", tuple(others), own),) if others else ()
    return Plots((Plot(title, caption, said, as_figure([trace], layout), moves),), ways)


def _numbered(name: str, values: Any) -> dict[str, Any]:
    """An axis of numbers, integers as they are, or of words, some of which may look like numbers: names of layers."""
    words = {"type": "category"} if values.dtype.kind not in "iuf" and name != "class" else {}
    return axis(name, values if values.dtype.kind == "f" else None) | few_ticks(values) | words


def _of_words(values: "xarray.DataArray", name: str) -> bool:
    return name in values.coords and values[name].dtype.kind in "UOT"


def require_few(values: "xarray.DataArray", title: str) -> None:
    """Raise ValueError for more numbers than :data:`LARGEST`."""
    if values.size > LARGEST:
        raise ValueError(f"{title} has {values.size} numbers, more than {LARGEST}")


def labels(values: "xarray.DataArray", name: str) -> list[str]:
    """The points of a dimension in words: classes from 1 where they have no names."""
    if name in values.coords and not (name == "class" and values[name].dtype.kind in "iu"):
        return [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values[name].values.tolist()]
    return [str(k + 1) for k in range(values.sizes[name])]


def points(values: "xarray.DataArray", name: str) -> Any:
    """Where the points of a dimension lie: numbers as they are, all else by its words."""
    if name in values.coords and name != "class" and values[name].dtype.kind in "iuf":
        return values[name].values
    return np.array(labels(values, name))


def slider(values: "xarray.DataArray", name: str) -> Slider:
    """A choice among the points of a dimension, at first in the middle, of classes the last."""
    count = values.sizes[name]
    words = name in values.coords and values[name].dtype.kind not in "iuf"
    return Slider(name, name, tuple(labels(values, name)), count - 1 if name == "class" else count // 2, words)
