"""What ``ufm sweep`` recorded: each quantity over its axes, with a slider for what is neither drawn nor a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ufm.pages.content import Part, Plot, Plots, Section, Table
from ufm.pages.draw import as_figure, axis, flat, line
from ufm.pages.lines import LARGEST, chart, over
from ufm.sweep.picture import Map, Nothing, Picture
from ufm.sweep.results import Results

if TYPE_CHECKING:
    import xarray

    from ufm.sweep.description import Sweep

FOLDER = "sweep.json"


def of_folder(folder: Path) -> Iterator[Section]:
    """All quantities of a sweep that has results."""
    results = Results.load(folder)
    sweep, data, missing = results.sweep, results.data, results.missing
    about = [sweep.about] if sweep.about else []
    shape = " x ".join(f"{data.sizes[name]} of {name}" for name in sweep.dims)
    about.append(
        f"{sweep.n_cells} cells ({shape}), {len(missing)} of them without an answer. Means over seeds are shown."
    )
    found = [*_parts(data, sweep, about)]
    if missing:
        cells = tuple((str(name), str(reason)) for name, reason in missing.items())
        found.append(Table("Cells without an answer", ("cell", "reason"), cells))
    yield Section(f"Sweep: {folder.resolve().name}", tuple(about), found, f"{folder}/results.nc")


def _parts(data: "xarray.Dataset", sweep: "Sweep", about: list[str]) -> Iterator[Part]:
    """A plot for each quantity; what cannot be shown is said in ``about``."""
    for name in sweep.record:
        values = data[name].mean("seed", skipna=False)
        if values.size > LARGEST:
            about.append(f"{name} is left out: {values.size} numbers are too many for a page.")
        elif not np.isfinite(values.values).any():
            about.append(f"{name} is left out: no cell has a finite value.")
        elif name != "time":
            yield _plot(values, data, sweep, name)
    if (pair := Picture.of(sweep.picture)).scatter and pair.quantity and pair.against:
        yield _against(data, pair.quantity, pair.against)


def _plot(values: "xarray.DataArray", data: "xarray.Dataset", sweep: "Sweep", name: str) -> Part:
    """A map or lines, as the picture of the sweep says where it is of this quantity."""
    said, caption = Picture.of(sweep.picture), str(data[name].attrs.get("long_name", ""))
    try:
        plan = (said if said.quantity == name and not said.scatter else Picture(quantity=name)).complete(sweep)
    except Nothing:
        return Table(name, (name, "value"), ((caption, f"{float(values):.6g}"),))
    title = name.replace("_", " ")
    if isinstance(plan, Map):
        return chart(values, plan.x, plan.y, title, caption)
    return over(values, plan.x, plan.lines, title, caption)  # type: ignore[attr-defined]


def _against(data: "xarray.Dataset", quantity: str, against: str) -> Part:
    """A point a cell, one quantity over the other, and the line where both are equal."""
    across, up = (data[name].values.ravel().astype(np.float64) for name in (against, quantity))
    both = np.concatenate([across, up])
    both = both[np.isfinite(both)]
    diagonal = np.array([both.min(), both.max()]) if both.size else np.zeros(2)
    traces = [line(across, up, "cells", mode="markers"), line(diagonal, diagonal, "equal", "#7d848d")]
    names = [name.replace("_", " ") for name in (against, quantity)]
    layout = flat(axis(names[0], across), axis(names[1], up), "of")
    said = f"{across.size} points; on the line both are equal."
    return Plots((Plot(f"{names[1]} against {names[0]}", "A point for each cell.", said, as_figure(traces, layout)),))
