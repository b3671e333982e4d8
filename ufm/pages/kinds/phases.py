"""What ``ufm phase`` wrote: which classes live or merge over a grid of weights, and their norms."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files import store
from ufm.pages.content import Part, Plots, Section
from ufm.pages.draw import BAR
from ufm.pages.lines import chart, over
from ufm.pages.palette import ordered

if TYPE_CHECKING:
    import xarray

FOLDER = "phase.nc"
VARIABLES = ("gap", "optimal", "class_size")

COUNTED = {
    "living": ("Classes that live", ("alive",)),
    "alive": ("Classes that live", ("alive", "learns")),
    "merged": ("Classes that are merged", ("merged",)),
}
"""What is counted, and what theory says of it."""

FEW = 6
"""Kinds of classes up to which each is named."""

RANK = ("rank", "learns")
NORMS = {
    "square_norm": "|w|^2, squared norm of classifier vectors",
    "weight_norm": "|w|, norm of weights",
    "feature_norm": "|h|, norm of features",
}


def of_folder(folder: Path) -> Iterator[Section]:
    """The diagram of a folder."""
    path = folder / FOLDER
    yield from of_data(store.load_having(path, VARIABLES), path)


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """Maps of numbers of classes and of the rank, and norms along the horizontal axis."""
    vertical, horizontal = (str(dim) for dim in data.gap.dims)
    open_gaps = int((data.optimal == 0).sum())
    about = (
        f"A minimum at each of {data.gap.size} points of {vertical} and {horizontal}, {data.sizes['class']} classes: "
        f"{_sizes(data.class_size)} samples.",
        "Every minimum is certified." if not open_gaps else f"{open_gaps} minima have no certificate.",
    )
    title = data.attrs.get("title", f"phases over {vertical} and {horizontal}")
    yield Section(f"{title[:1].upper()}{title[1:]}", about, [*_parts(data, vertical, horizontal)], str(source))


def _sizes(sizes: "xarray.DataArray") -> str:
    """How many classes are of which size; of many kinds, or where sizes change over the grid, the range."""
    everywhere = sizes.transpose(..., "class").values.reshape(-1, sizes.sizes["class"])
    kinds = [f"{len([*run])} of {int(n)}" for n, run in groupby(everywhere[0].tolist())]
    if len(kinds) <= FEW and np.all(everywhere == everywhere[0]):
        return ", ".join(kinds)
    return f"{int(everywhere.max())} to {int(everywhere.min())}"


def _parts(data: "xarray.Dataset", vertical: str, horizontal: str) -> Iterator[Part]:
    counts: dict[str, Any] = {"colorbar": {**BAR, "dtick": max(1, data.sizes["class"] // 5)}}
    for name, (title, said) in COUNTED.items():
        if name in data:
            whole = counts | {"zmin": 0, "zmax": data.sizes["class"]}
            yield bounded(chart(data[name].sum("class"), horizontal, vertical, title, **whole), data, said)
    if "rank" in data:
        about = "Dimensions that features and weights fill."
        yield bounded(chart(data["rank"], horizontal, vertical, "Rank", about, **counts), data, RANK)
    for name, title in NORMS.items():
        if name in data:
            yield over(data[name], horizontal, "class", title)


def bounded(shown: Plots, data: "xarray.Dataset", said: tuple[str, ...]) -> Plots:
    """The same with lines where one of these numbers of theory changes: those that ``ufm phase`` wrote."""
    known = [each for name in said if (each := data.get(f"theory_{name}")) is not None]
    lines = [boundary(each) for each in known if each.max() > each.min()]
    if not lines:
        return shown
    (plot,) = shown.plots
    figure = {**plot.figure, "data": [*plot.figure["data"], *lines]}
    caption = f"{plot.caption} Lines: where theory says that it changes.".strip()
    return replace(shown, plots=(replace(plot, figure=figure, caption=caption),))


def boundary(values: "xarray.DataArray") -> dict[str, Any]:
    """A trace of lines between different numbers over two dimensions; a single row is as high as its colours."""
    rows, columns = (values[dim].values for dim in values.dims)
    if len(rows) == 1:
        rows, values = rows + np.array([-0.5, 0.5]), values.isel({values.dims[0]: [0, 0]})
    steps = np.unique(values.values[np.isfinite(values.values)])
    height = np.where(np.isfinite(values), np.searchsorted(steps, values), np.nan)  # one line for a jump by several
    levels = {"start": 0.5, "end": len(steps) - 1.5, "size": 1, "coloring": "none"}
    look = {"line": {"color": ordered(2)[-1], "width": 2}, "showscale": False, "showlegend": False, "hoverinfo": "skip"}
    return {"type": "contour", "x": columns, "y": rows, "z": height, "contours": levels, "name": "theory", **look}
