"""Trainings as material for figures: records of ``ufm train``, and what is refused with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.train.run import Run

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Training:
    """What was measured in a training, and what was predicted for it."""

    folder: Path
    data: "xarray.Dataset"
    """The record, training images only."""
    predicted: dict[str, Any]
    """By quantity."""

    @property
    def title(self) -> str:
        """Method, network and data, without the seed."""
        return str(self.data.attrs["title"]).rpartition(", seed")[0]


def read(folder: Path, needed: Sequence[str], *, predicted: Sequence[str] = ()) -> Training:
    """A training with at least two measured epochs and everything that a figure needs.

    Raises ValueError naming the folder and what it lacks, DamagedFile.
    """
    run = Run(folder)
    run.config()  # says so if this is no training
    data = run.record().data
    said = {each["quantity"]: each["predicted"] for each in run.predictions()["predictions"]}
    if data.sizes["epoch"] < 2:
        raise ValueError(f"{folder} has {data.sizes['epoch']} measured epochs: the figure needs at least 2")
    lacking = [name for name in needed if name not in data or not np.isfinite(data[name].values).any()]
    if lacking:
        raise ValueError(f"{folder} has no {', '.join(lacking)} in its record: the figure needs that")
    unsaid = [name for name in predicted if name not in said]
    if unsaid:
        raise ValueError(f"{folder} has no prediction of {', '.join(unsaid)}: method {run.config().method} has none")
    return Training(folder, data.sel(split="train"), said)
