"""A sweep on disk.

::

    OUT/sweep.json      the description
    OUT/cells.jsonl     answers, a line for each group of cells, by the hashes of their configurations
    OUT/results.nc      all cells in one Dataset
    OUT/runs/           trainings, a folder each
    OUT/cells/KEY.nc    one netCDF file per cell, in folders from before there was cells.jsonl

Each line of answers begins with its digest (:mod:`ufm.files.journal`) and goes on as JSON: ``keys`` of the cells, the
parts of their configurations that are ``shared`` and those that are their ``own``, and their ``answers``, arrays as
their shape and their float64 numbers, little-endian, in base64.
"""

import base64
import contextlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.io import netcdf_file

from ufm.files import store
from ufm.files.journal import Journal, lines
from ufm.problems.frames import Array
from ufm.sweep.description import Cell, Sweep, label
from ufm.sweep.kinds import Answer

if TYPE_CHECKING:
    import xarray


UNREADABLE = (TypeError, ValueError, KeyError, AttributeError)
"""What the line of something else than a group of cells raises."""


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

    def journal(self, sweep: Sweep) -> Journal:
        """The file of answers, opened to write; what was damaged in it goes. Hold the folder: :meth:`alone`."""

        def readable(content: bytes) -> bool:
            with contextlib.suppress(*UNREADABLE):
                return bool(_unpacked(content, sweep))
            return False

        return Journal(self.answered, readable)

    def put(self, journal: Journal, cells: Sequence[Cell], answers: Sequence[Answer]) -> None:
        """Write the answers of a group of cells, as one line; what their configurations share stands there once."""
        first, *others = (cell.configuration for cell in cells)
        shared = {name: part for name, part in first.items() if all(other.get(name) == part for other in others)}
        own = [{n: part for n, part in cell.configuration.items() if n not in shared} for cell in cells]
        packed = [{name: _packed(values) for name, values in answer.items()} for answer in answers]
        block = {"keys": [cell.key for cell in cells], "shared": shared, "own": own, "answers": packed}
        journal.append(json.dumps(block).encode())

    def answers(self, sweep: Sweep) -> tuple[dict[str, Answer], list[str]]:
        """Answers by the keys of their cells, and the names of what is damaged: lines, or files of older folders."""
        found: dict[str, Answer] = {}
        damaged = []
        for number, content in lines(self.answered):
            try:
                found |= _unpacked(content, sweep)
            except UNREADABLE:
                damaged.append(f"line {number} of {self.answered}")
        if self.cells.is_dir():
            for key in {cell.key for cell in sweep.cells} - found.keys():
                path = self.cells / f"{key}.nc"
                with contextlib.suppress(FileNotFoundError):
                    try:
                        found[key] = _read_cell(path, sweep)
                    except store.DamagedFile:
                        damaged.append(str(path))
        return found, sorted(damaged)

    def missing(self, sweep: Sweep) -> tuple[list[Cell], list[str]]:
        """Cells without an answer, each configuration once; and the names of what is damaged."""
        found, damaged = self.answers(sweep)
        return list({cell.key: cell for cell in sweep.cells if cell.key not in found}.values()), damaged

    def collect(self, sweep: Sweep, reasons: Mapping[str, str]) -> "xarray.Dataset":
        """All answers in one Dataset: NaN where a cell has none; ``reasons`` say why it has none, by key.

        Returns
        -------
        Variables over the axes of the sweep and, behind them, class and time; the attribute ``missing`` is JSON, the
        reason for every cell without an answer; ``sweep`` the description.
        """
        import xarray

        answers, _ = self.answers(sweep)
        variables = {}
        for name in sweep.record:
            quantity = sweep.does.quantities[name]
            shapes = [answer[name].shape for answer in answers.values()]
            inner = tuple(max(sizes) for sizes in zip(*shapes, strict=True)) if shapes else (0,) * len(quantity.dims)
            values: Any = np.full((*sweep.shape, *inner), np.nan)
            for cell in sweep.cells:
                if (answer := answers.get(cell.key)) is not None:
                    values[(*cell.place, *map(slice, answer[name].shape))] = answer[name]
            attributes = {"units": quantity.units, "long_name": quantity.about}
            variables[name] = ((*sweep.dims, *quantity.dims), values, attributes)
        coordinates: dict[str, Any] = {"seed": ("seed", np.asarray(sweep.seeds))}
        for axis in sweep.axes:
            columns = dict(zip(axis.fields, zip(*axis.values, strict=True), strict=True))
            coordinates |= {n: (axis.name, _labels(column)) for n, column in columns.items()}
            if axis.name not in columns:
                coordinates[axis.name] = (axis.name, np.arange(len(axis.values)))
        lacking = {label(c.values): reasons.get(c.key, "not run") for c in sweep.cells if c.key not in answers}
        attributes = {"sweep": store.to_json(sweep.to_dict()), "missing": store.to_json(lacking), "about": sweep.about}
        return xarray.Dataset(variables, coords=coordinates, attrs=attributes)

    @property
    def answered(self) -> Path:
        """The file of answers."""
        return self.path / "cells.jsonl"

    @property
    def cells(self) -> Path:
        """The files of cells, in older folders."""
        return self.path / "cells"

    @property
    def results(self) -> Path:
        """The file with all cells."""
        return self.path / "results.nc"


def _packed(values: Array) -> dict[str, Any]:
    """An array as plain values, to the last bit."""
    return {"shape": values.shape, "numbers": base64.b64encode(values.astype("<f8").tobytes()).decode()}


def _array(packed: Mapping[str, Any]) -> Array:
    """Inverse of :func:`_packed`. Raises ValueError, TypeError, KeyError."""
    numbers = np.frombuffer(base64.b64decode(packed["numbers"], validate=True), dtype="<f8")
    return numbers.astype(np.float64).reshape(packed["shape"])


def _unpacked(content: bytes | None, sweep: Sweep) -> dict[str, Answer]:
    """The answers of a line. Raises ValueError, TypeError, KeyError, AttributeError for what is none of this sweep."""
    if content is None:
        raise ValueError("the line does not match its digest")
    block = json.loads(content)
    answers = [{name: _array(answer[name]) for name in sweep.record} for answer in block["answers"]]
    for answer in answers:
        _require_dimensions(answer, sweep)
    return dict(zip(block["keys"], answers, strict=True))


def _read_cell(path: Path, sweep: Sweep) -> Answer:
    """The answer in a file of an older folder. Raises FileNotFoundError, DamagedFile."""
    content = store.load_bytes(path)
    try:
        with netcdf_file(io.BytesIO(content), "r", mmap=False) as file:
            answer = {name: np.array(file.variables[name][...], dtype=np.float64) for name in sweep.record}
        _require_dimensions(answer, sweep)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise store.DamagedFile(f"{path} is whole, but no cell of this sweep: {error}") from None
    return answer


def _require_dimensions(answer: Answer, sweep: Sweep) -> None:
    """Raise ValueError for arrays of other numbers of dimensions than the quantities of the sweep."""
    wanted = [len(sweep.does.quantities[name].dims) for name in sweep.record]
    if (found := [values.ndim for values in answer.values()]) != wanted:
        raise ValueError(f"dimensions {found}, not {wanted}")


def _labels(values: Iterable[Any]) -> Any:
    """Points of an axis: numbers, or all of them strings."""
    plain = [v if isinstance(v, int | float | str) and not isinstance(v, bool) else json.dumps(v) for v in values]
    return np.asarray([str(v) for v in plain] if any(isinstance(v, str) for v in plain) else plain)
