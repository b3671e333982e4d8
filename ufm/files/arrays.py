"""Arrays in files of many kinds, by name: of numpy, torch, safetensors, and tables. Nothing that is read can run."""

import contextlib
import importlib.util
import pickle
import textwrap
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ufm.files.text import read_text, require_file

Arrays: TypeAlias = Mapping[str, Callable[[], Any]]
"""What a file holds: by its name what reads each array; a single one without a name is called ''."""

TABLES = (".csv", ".parquet")
"""Endings of tables, whose columns have names."""

SHOWN = 20
"""At most so many names stand in a message."""


def read(place: str | Path, without: Collection[str] = ()) -> Any:
    """The array of ``FILE``, or of ``FILE::NAME`` where it holds several: torch's from its own files, else numpy's.

    .npy is mapped into memory, and so are .pt and .safetensors. A table, .csv or .parquet, is (N, columns) in float64
    but for the columns ``without``, or its column ``NAME``. In .csv there are commas, tabs or semicolons between cells.
    A header is a first line of words above numbers, one with such a name, or 0, 1, 2, ... over three columns or more,
    as pandas numbers them; its index, a first column without a name that counts the rows, is left out.

    Raises
    ------
    ValueError : another kind of file, Python objects in place of numbers (they could run code, and are not read), no
        such name, or a package that is missing.
    OSError : the file cannot be read.
    """
    path, name = split(place)
    if path.suffix not in TABLES:
        return pick(path, arrays(path), name)
    table = _table(path, [name] if name else without)
    if name:
        return _numbers(path, name, _column(path, table, name))
    kept = [column for column in table.columns if column not in without]
    if not kept:
        raise ValueError(f"{path}: no column is left for the features")
    return np.stack([_numbers(path, column, table[column]) for column in kept], axis=1)


def read_labels(place: str | Path) -> Any:
    """Labels, (N,) or one-hot: as :func:`read`; words too from tables and from .txt, which has one a line."""
    path, name = split(place)
    if path.suffix == ".txt":
        return _words(path)
    if path.suffix not in TABLES:
        return read(place)
    table = _table(path, [name] if name else [])
    if not name and len(table.columns) > 1:
        raise ValueError(f"{path}: {len(table.columns)} columns, say which one: FILE::NAME of {_some(table.columns)}")
    column = _column(path, table, name or table.columns[0])
    if column.isna().any():
        raise ValueError(f"{path}: row {int(np.argmax(column.isna()))} has no label")
    return column.to_numpy() if column.dtype.kind in "iuf" else np.array([str(each) for each in column])


def split(place: str | Path) -> tuple[Path, str]:
    """The file of ``FILE::NAME``, and the name, '' where there is none."""
    file, _, name = str(place).partition("::")
    return Path(file), name


def arrays(path: Path) -> Arrays:
    """What a file holds that is no table. Raises as :func:`read`."""
    if path.suffix not in READERS:
        raise ValueError(f"{path}: a file of arrays ends in {', '.join((*READERS, *TABLES))}")
    require_file(path)
    path.stat()  # says which file is not there, in one way for all kinds
    return READERS[path.suffix](path)


def pick(path: Path, found: Arrays, name: str) -> Any:
    """One of the arrays of a file; a single one needs no name. Raises ValueError saying which there are."""
    if name in found:
        return found[name]()
    if not found:
        raise ValueError(f"{path}: no dense array in it")
    if not name and len(found) == 1:
        return next(iter(found.values()))()
    if "" in found:
        raise ValueError(f"{path}: no array {name!r}, only one without a name")
    said = f"no array {name!r}" if name else f"{len(found)} arrays, say which one: FILE::NAME"
    raise ValueError(f"{path}: {said}; there are {_some(found)}")


def _some(names: Collection[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:SHOWN]) + (f", and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")


def _npy(path: Path) -> Arrays:
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")  # of numbers only, whatever the file says
    except ValueError as error:
        raise _no_array(path, error) from None
    return {"": lambda: mapped}


def _npz(path: Path) -> Arrays:
    with _archive(path) as archive:
        return {name: partial(_member, path, name) for name in archive.files}


def _member(path: Path, name: str) -> NDArray[Any]:
    with _archive(path) as archive:
        return np.asarray(archive[name])


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[Any]:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an archive in .npz format")
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except (ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise _no_array(path, error) from None


def _no_array(path: Path, error: Exception) -> ValueError:
    """Objects are pickled: in an array of them, or as the whole file, which then begins with the byte 0x80."""
    with path.open("rb") as file:
        begins_as_pickle = file.read(1) == b"\x80"
    if begins_as_pickle or "object" in str(error).lower():
        return _refused(path, "np.save(file, np.asarray(values, dtype=float)), labels with dtype=int or str")
    return ValueError(f"{path}: not an array in the format of numpy: {error}")


def _refused(path: Path, instead: str) -> ValueError:
    return ValueError(f"{path}: pickled Python objects, which could run code, are not read; save numbers: {instead}")


def _safetensors(path: Path) -> Arrays:
    _require_package("safetensors", path)
    import safetensors

    framework = "np" if importlib.util.find_spec("torch") is None else "pt"
    try:
        opened: Any = safetensors.safe_open(path, framework)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path}: not in the format of safetensors: {error}") from None
    return {name: partial(opened.get_tensor, name) for name in opened.keys()}  # noqa: SIM118


def _torch(path: Path) -> Arrays:
    """Dense tensors of a file that torch wrote, those of nested containers with dotted names."""
    _require_package("torch", path)
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of other protocols of pickle
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError:
        raise _refused(path, "torch.save(model.state_dict(), file), or torch.save(features, file)") from None
    except (RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: not a file of torch: {type(error).__name__}") from None
    leaves = dict(_leaves("", held))
    return {name: partial(leaves.get, name) for name in leaves}


def _leaves(name: str, held: Any) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(held, torch.Tensor) and held.layout == torch.strided and not (held.is_meta or held.is_quantized):
        yield name, held
    items = held.items() if isinstance(held, Mapping) else enumerate(held) if isinstance(held, list | tuple) else ()
    for key, value in items:
        yield from _leaves(f"{name}.{key}" if name else str(key), value)


READERS: Mapping[str, Callable[[Path], Arrays]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".pt": _torch,
    ".pth": _torch,
}
"""What reads the files of each ending that are no tables."""


def _require_package(name: str, path: Path) -> None:
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"{path}: to read it, {name} is needed: pip install {name}")


def _table(path: Path, names: Collection[str]) -> Any:
    """The table, some of whose columns have these names; without the index that pandas writes."""
    import pandas as pd

    require_file(path)
    if path.suffix == ".parquet":
        _require_package("pyarrow", path)
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else _csv(path, names)
    except ValueError as error:  # of pandas, and of text that is none
        raise ValueError(f"{path}: not a table: {error}") from None
    table.columns = [str(column) for column in table.columns]
    if table.columns[:1].tolist() == ["Unnamed: 0"] and table.iloc[:, 0].tolist() == list(range(len(table))):
        table = table.iloc[:, 1:]
    return table


def _column(path: Path, table: Any, name: str) -> Any:
    if name not in table.columns:
        raise ValueError(f"{path}: no column {name!r}; there are {_some(table.columns)}")
    return table[name]


def _csv(path: Path, names: Collection[str]) -> Any:
    import pandas as pd

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline()
    options = {"keep_default_na": False, "na_values": [""], "skipinitialspace": True}
    options["sep"] = next((each for each in ",\t;" if each in line), ",")
    top = pd.read_csv(path, header=None, nrows=2, dtype=str, **options).fillna("")
    first, second = top.iloc[0].tolist(), top.iloc[-1].tolist()
    return pd.read_csv(path, header=0 if _is_header(first, second, names) else None, **options)


NUMBERED = 3
"""Columns 0, 1, 2, ... from so many on: fewer could be a row of one-hot labels."""


def _is_header(first: list[str], second: list[str], names: Collection[str]) -> bool:
    """Whether the first line has names in it: words above numbers, one of these names, or numbers of the columns."""
    if any(a and not _is_number(a) and _is_number(b) for a, b in zip(first, second, strict=True)):
        return True
    numbers = [str(column) for column in range(len(first))]
    indexed = len(first) > 1 and first == ["", *numbers[:-1]]
    numbered = len(first) >= NUMBERED and first == numbers
    return indexed or numbered or any(name in first and not _is_number(name) for name in names)


def _is_number(word: Any) -> bool:
    try:
        float(word)
    except (TypeError, ValueError):
        return False
    return True


def _numbers(path: Path, name: str, column: Any) -> NDArray[np.float64]:
    """A column, (N,), or (N, d) where each of its cells is a list of d numbers."""
    if len(column) and isinstance(column.iloc[0], list | np.ndarray):
        return np.stack([np.asarray(cell, dtype=float) for cell in column])
    try:
        return np.asarray(column.astype(float).to_numpy())
    except (TypeError, ValueError):
        row = next(row for row, cell in enumerate(column) if not _is_number(cell))
        cell = textwrap.shorten(repr(column.iloc[row]), 40, placeholder=" ...")
        raise ValueError(f"{path}: column {name!r} has {cell} in row {row}, no number") from None


def _words(path: Path) -> NDArray[Any]:
    """Lines: integers where all are, else words."""
    lines = [line.strip() for line in read_text(path).splitlines()]
    if "" in lines:
        raise ValueError(f"{path}: line {lines.index('') + 1} is empty")
    try:
        return np.array([int(line) for line in lines], dtype=np.int64)
    except ValueError:
        return np.array(lines, dtype=str)
