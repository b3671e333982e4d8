"""What ``ufm measure`` wrote: all measures, by class and over epochs, and the spectrum of the class means."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files import store
from ufm.measure.network import at_collapse
from ufm.pages.content import Part, Section, Table, number
from ufm.pages.kinds.solved import cosines_of
from ufm.pages.lines import over

if TYPE_CHECKING:
    import xarray

FOLDER = "measures.nc"
VARIABLES = ("spectrum", "samples")
KEYS = ("metrics", "classes", "conventions", "left_out")

CURVES = ("nc1", "nc2_equinorm", "nc2_equiangle", "nc3_duality", "nc4_agreement", "accuracy")
"""What is drawn over epochs, where there are several."""

PAIRS = {"mean_cosines": "centered class means", "weight_cosines": "rows of the classifier"}
"""Matrices, of the last epoch."""

MOST = 200
"""Classes up to which a matrix is shown."""


def of_folder(folder: Path) -> Iterator[Section]:
    """The measurement of a folder."""
    path = folder / FOLDER
    yield from of_data(store.load_having(path, VARIABLES), path)


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """Tables of the last epoch, curves of several, and what each class has."""
    last = data.isel(epoch=-1)
    metrics = {str(name): float(last[name]) for name in last.data_vars if last[name].ndim == 0}
    by_class = [str(name) for name in last.data_vars if last[name].dims == ("class",)]
    rows = [
        {"class": str(label), **{name: float(last[name].values[k]) for name in by_class}}
        for k, label in enumerate(last["class"].values.tolist())
    ]
    head = f"Epoch {int(last.epoch)}, the last of {data.sizes['epoch']}, " if data.sizes["epoch"] > 1 else ""
    about = f"{head}{int(last.samples.sum())} samples of {last.sizes['class']} classes.".capitalize()
    yield Section(f"Collapse: {_name(source)}", (about,), [*_drawn(data), *_tables(metrics, rows)], str(source))


def of_object(values: Mapping[str, Any], source: Path) -> Iterator[Section]:
    """What ``ufm measure --json`` prints."""
    reasons = tuple(f"Without {name}: {reason}" for name, reason in values["left_out"].items())
    yield Section(f"Collapse: {_name(source)}", reasons, [*_tables(values["metrics"], values["classes"])], str(source))


def _name(source: Path) -> str:
    return source.resolve().parent.name if source.name == FOLDER else source.stem


def _drawn(data: "xarray.Dataset") -> Iterator[Part]:
    if data.sizes["epoch"] > 1:
        for name in CURVES:
            if name in data:
                yield over(data[name], "epoch", None, name)
        if "nc1_of_class" in data:
            yield over(data["nc1_of_class"], "epoch", "class", "nc1 of class")
    if data.sizes["direction"]:
        values = data.spectrum.assign_coords(direction=np.arange(1, data.sizes["direction"] + 1))
        title = "spectrum, the singular values of centered class means"
        yield over(values, "direction", "epoch", title, type="linear", rangemode="tozero")
    for name, what in PAIRS.items():
        if name in data and len(data["class"]) <= MOST:
            yield cosines_of(f"Cosines between {what}", data[name].values, "class")


def _tables(metrics: Mapping[str, Any], classes: Any) -> Iterator[Table]:
    rows = tuple((name, number(value), at_collapse(name)) for name, value in metrics.items())
    yield Table("Measures", ("measure", "value", "at collapse"), rows)
    if classes:
        heads = tuple(map(str, classes[0]))
        yield Table("Classes", heads, tuple(tuple(number(row[name], 4) for name in heads) for row in classes))
