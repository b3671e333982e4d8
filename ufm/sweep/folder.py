"""A sweep on disk.

::

    OUT/sweep.json      the description
    OUT/cells/KEY.nc    one netCDF file per cell, named by the hash of its configuration
    OUT/results.nc      all cells in one Dataset
    OUT/runs/           trainings, a folder each
"""

import contextlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.io import netcdf_file

from ufm.files import store
from ufm.sweep.description import Cell, Sweep, label
from ufm.sweep.kinds import Answer

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Folder:
    """A folder and what it says. Nothing is read or written before a method is called."""

    path: Path

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Hold the folder against other processes. Raises ValueError if one holds it already."""
        return store.alone(self.path, "sweeping")

    def sweep(self) -> Sweep:
        """The sweep that lives here. Raises ValueError if there is none, DamagedFile."""
        path = self.path / "sweep.json"
        try:
            return Sweep.from_dict(store.unsealed(path))
        except FileNotFoundError:
            raise ValueError(f"{self.path} is not the folder of a sweep: sweep.json is missing") from None
        except store.DamagedFile:
            raise
        except ValueError as error:
            raise store.DamagedFile(f"{path} is damaged: {error}") from None

    def check(self, sweep: Sweep) -> None:
        """Raise ValueError if the folder belongs to something else than this sweep."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ValueError(f"out={self.path} exists and is not a folder")
        if not (self.path / "sweep.json").exists():
            if any(entry.name != "lock" and not store.half_written(entry) for entry in self.path.iterdir()):
                raise ValueError(f"out={self.path} holds other files and no sweep: take an empty folder")
            return
        there, wanted = (json.loads(store.to_json(each.to_dict())) for each in (self.sweep(), sweep))
        # TOML knows 1 from 1.0, and a number from its text; about and picture change no result
        other = [key for key in wanted if key not in ("about", "picture") and there[key] != wanted[key]]
        if other:
            raise ValueError(f"out={self.path} belongs to another sweep: {', '.join(other)} differ")

    def begin(self, sweep: Sweep) -> None:
        """Write the description down."""
        store.save_json(self.path / "sweep.json", store.sealed(sweep.to_dict()))

    def _file(self, cell: Cell) -> Path:
        return self.path / "cells" / f"{cell.key}.nc"

    def put(self, cell: Cell, answer: Answer, sweep: Sweep) -> None:
        """Write the answer of a cell. (netCDF 3, which takes a tenth of the time of netCDF 4.)"""
        import xarray

        about, no_fill = {"configuration": store.to_json(cell.configuration)}, {"_FillValue": None}
        variables = {n: (sweep.does.quantities[n].dims, values, None, no_fill) for n, values in answer.items()}
        store.save_classic(xarray.Dataset(variables, attrs=about), self._file(cell))

    def get(self, cell: Cell, sweep: Sweep) -> Answer | None:
        """The answer of a cell; None if it has none. Raises DamagedFile."""
        path = self._file(cell)
        if not path.exists():
            return None
        content = store.load_bytes(path)
        try:
            with netcdf_file(io.BytesIO(content), "r", mmap=False) as file:
                answer = {name: np.array(file.variables[name][...], dtype=np.float64) for name in sweep.record}
            wanted = [len(sweep.does.quantities[name].dims) for name in sweep.record]
            if (found := [values.ndim for values in answer.values()]) != wanted:
                raise ValueError(f"dimensions {found}, not {wanted}")
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise store.DamagedFile(f"{path} is whole, but no cell of this sweep: {error}") from None
        return answer

    def missing(self, sweep: Sweep) -> tuple[list[Cell], list[Path]]:
        """Cells without an answer, each configuration once; and the damaged files among them."""
        lacking, damaged = {}, []
        for cell in sweep.cells:
            try:
                if self.get(cell, sweep) is None:
                    lacking[cell.key] = cell
            except store.DamagedFile:
                lacking[cell.key] = cell
                damaged.append(self._file(cell))
        return list(lacking.values()), damaged

    def collect(self, sweep: Sweep, reasons: Mapping[str, str]) -> "xarray.Dataset":
        """All answers in one Dataset: NaN where a cell has none; ``reasons`` say why it has none, by key.

        Returns
        -------
        Variables over the axes of the sweep and, behind them, class and time; the attribute ``missing`` is JSON, the
        reason for every cell without an answer; ``sweep`` the description.
        """
        import xarray

        answers = {cell.key: self.get(cell, sweep) for cell in sweep.cells}
        found = [answer for answer in answers.values() if answer is not None]
        variables = {}
        for name in sweep.record:
            quantity = sweep.does.quantities[name]
            shapes = [answer[name].shape for answer in found]
            inner = tuple(max(sizes) for sizes in zip(*shapes, strict=True)) if shapes else (0,) * len(quantity.dims)
            values: Any = np.full((*sweep.shape, *inner), np.nan)
            for cell in sweep.cells:
                if (answer := answers[cell.key]) is not None:
                    values[(*cell.place, *map(slice, answer[name].shape))] = answer[name]
            attributes = {"units": quantity.units, "long_name": quantity.about}
            variables[name] = ((*sweep.dims, *quantity.dims), values, attributes)
        coordinates: dict[str, Any] = {"seed": ("seed", np.asarray(sweep.seeds))}
        for axis in sweep.axes:
            columns = dict(zip(axis.fields, zip(*axis.values, strict=True), strict=True))
            coordinates |= {n: (axis.name, _labels(column)) for n, column in columns.items()}
            if axis.name not in columns:
                coordinates[axis.name] = (axis.name, np.arange(len(axis.values)))
        lacking = {label(c.values): reasons.get(c.key, "not run") for c in sweep.cells if answers[c.key] is None}
        attributes = {"sweep": store.to_json(sweep.to_dict()), "missing": store.to_json(lacking), "about": sweep.about}
        return xarray.Dataset(variables, coords=coordinates, attrs=attributes)

    @property
    def results(self) -> Path:
        """The file with all cells."""
        return self.path / "results.nc"


def _labels(values: Iterable[Any]) -> Any:
    """Points of an axis: numbers, or all of them strings."""
    plain = [v if isinstance(v, int | float | str) and not isinstance(v, bool) else json.dumps(v) for v in values]
    return np.asarray([str(v) for v in plain] if any(isinstance(v, str) for v in plain) else plain)
