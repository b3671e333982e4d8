"""What figures are made of: data that know their settings, results of sweeps, records of trainings; and captions."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xarray import Dataset

from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder
from ufm.train.run import Run


def recorded(
    settings: Mapping[str, Any], variables: Mapping[str, Any], coordinates: Mapping[str, Any] | None = None
) -> Dataset:
    """Variables with the settings they were computed from, as JSON in the attribute ``settings``."""
    return Dataset(dict(variables), dict(coordinates or {}), {"settings": store.to_json(dict(settings))})


def settings_of(data: Dataset) -> dict[str, Any]:
    """The settings that a Dataset was computed from."""
    return dict(json.loads(data.attrs["settings"]))


def having(data: Dataset, name: str, value: Any) -> Dataset:
    """The part in which a coordinate, which need not be an index, has a value."""
    return data.isel({data[name].dims[0]: np.flatnonzero(data[name].values == value)})


def results_of(sweep: Sweep) -> Dataset:
    """All cells of a sweep, run in this process. Raises RuntimeError with the first reason if a cell has no answer."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(sweep, Path(folder), workers=1)  # cells are small: starting workers would take longer
        if outcome.failed:
            name, reason = next(iter(outcome.failed.items()))
            raise RuntimeError(f"{len(outcome.failed)} cells have no answer; {name}: {reason}")
        return store.load(Folder(Path(folder)).results).to_dataset()


def training(folder: Path, needed: Sequence[str], predicted: Sequence[str] = ()) -> Dataset:
    """What was measured on the training images of a training, and what was predicted of it, ``predicted_NAME``.

    The attribute ``title`` is method, network and data, without the seed; ``length`` says how far it was trained.

    Raises
    ------
    ValueError : fewer than two measured epochs, or a lack of what the figure needs: naming the folder.
    DamagedFile : a file that cannot be read.
    """
    run = Run(folder)
    config = run.config()  # says so if this is no training
    data = run.record().data
    said = {each["quantity"]: each["predicted"] for each in run.predictions()["predictions"]}
    if data.sizes["epoch"] < 2:
        raise ValueError(f"{folder} has {data.sizes['epoch']} measured epochs: the figure needs at least 2")
    if lacking := [name for name in needed if name not in data or not np.isfinite(data[name].values).any()]:
        raise ValueError(f"{folder} has no {', '.join(lacking)} in its record: the figure needs that")
    if unsaid := [name for name in predicted if name not in said]:
        raise ValueError(f"{folder} has no prediction of {', '.join(unsaid)}: method {config.method} has none")
    data = data.sel(split="train").assign({f"predicted_{name}": ("class", said[name]) for name in predicted})
    title = config.title.removesuffix(f", seed {config.seed}")
    right = float(data.accuracy.isel(epoch=-1).sel(rule="own"))
    images = int(data.class_size.sum())
    length = f"{int(data.epoch[-1])} epochs of {images:,} images, seed {config.seed}, "
    length += f"training accuracy {100 * right:.1f} %"
    return data.assign_attrs(title=title, length=length)


def number(value: Any, digits: int = 3) -> str:
    """Significant digits, as captions write them."""
    return f"{float(value):.{digits}g}"


def gap(measured: Any, predicted: Any) -> float:
    """Largest distance, ignoring what is not a number on either side."""
    return float(np.nanmax(np.abs(np.asarray(measured) - np.asarray(predicted))))


def markdown(*parts: str | Sequence[str]) -> str:
    """A caption: texts, each paragraph of which becomes one line, and lists of points."""
    blocks: list[str] = []
    for part in parts:
        if isinstance(part, str):
            blocks += [" ".join(paragraph.split()) for paragraph in part.split("\n\n")]
        else:
            blocks.append("\n".join(f"- {point}" for point in part))
    return "\n\n".join(blocks)
