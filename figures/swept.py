"""Sweeps as material for figures: a description in, its results out, in this process."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder

if TYPE_CHECKING:
    import xarray


def results_of(sweep: Sweep) -> "xarray.Dataset":
    """All cells of a sweep. Raises RuntimeError with the first reason if a cell has no answer."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(sweep, Path(folder), workers=1)  # cells are small: starting workers would take longer
        if outcome.failed:
            name, reason = next(iter(outcome.failed.items()))
            raise RuntimeError(f"{len(outcome.failed)} cells have no answer; {name}: {reason}")
        return store.load(Folder(Path(folder)).results).to_dataset()
