"""The results of a sweep, as people look at them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ufm.files import store
from ufm.files.face import Face, Shown
from ufm.problems.frames import Array
from ufm.sweep.description import Sweep
from ufm.sweep.folder import Folder

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, repr=False)
class Results(Face):
    """All cells of a sweep.

    Attributes
    ----------
    sweep : its description.
    data : variables over its axes, NaN where a cell has no answer.
    """

    sweep: Sweep
    data: "xarray.Dataset"

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read the folder of a sweep. Raises ValueError if it is none or has no results yet, DamagedFile."""
        there = Folder(Path(folder))
        sweep = there.sweep()
        if not there.results.exists():
            raise ValueError(f"{folder} has no results.nc yet: ufm sweep FILE --out {folder}")
        return cls(sweep, store.load_having(there.results, (*sweep.dims, *sweep.record)))

    @property
    def missing(self) -> dict[str, str]:
        """The reason for every cell without an answer, by its name."""
        return dict(json.loads(self.data.attrs.get("missing", "{}")))

    def shown(self) -> Shown:
        """Its cells, and the range of each quantity."""
        rows = [(name, *(f"{value:.6g}" for value in _range(self.data[name].values))) for name in self.sweep.record]
        axes = " x ".join(f"{self.data.sizes[name]} of {name}" for name in self.sweep.dims)
        head = f"{self.sweep.n_cells} cells ({axes}), {len(self.missing)} without an answer"
        return Shown(head, [("quantity", "smallest", "mean", "largest"), *rows])


def _range(values: Array) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.mean()), float(known.max())) if known.size else (np.nan,) * 3
