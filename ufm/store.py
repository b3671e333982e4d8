"""Results on disk: netCDF that is complete or absent, and that says when it was damaged."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray

DIGEST = "content_sha256"


class DamagedFile(ValueError):
    """A file that is not what was written: truncated, altered, or something else altogether."""


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, and put it in place in one step.

    A crash, a kill or a full disk at any moment leaves the old file or the new one. Raises OSError as it comes.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def save_text(path: str | Path, text: str) -> Path:
    """Write a text file atomically."""
    return write_atomically(path, lambda temporary: temporary.write_text(text))


def save_json(path: str | Path, value: Any) -> Path:
    """Write JSON atomically; NaN and infinity, which JSON does not know, become null."""
    return save_text(path, to_json(value) + "\n")


def to_json(value: Any) -> str:
    """Strict JSON of plain values."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def save(data: "xarray.Dataset | xarray.DataTree", path: str | Path) -> Path:
    """Write a Dataset, or a tree of them as groups, to netCDF (h5netcdf), with a digest of its content."""
    import xarray

    tree = data if isinstance(data, xarray.DataTree) else xarray.DataTree(data)
    tree = tree.copy()
    tree.attrs[DIGEST] = _digest(tree)
    return write_atomically(path, lambda temporary: tree.to_netcdf(temporary, engine="h5netcdf"))


def load(path: str | Path) -> "xarray.DataTree":
    """Read what :func:`save` wrote; a single Dataset is the root, ``load(path).to_dataset()``.

    Raises
    ------
    FileNotFoundError : there is no such file.
    DamagedFile : the file is not netCDF, or its content does not match its digest.
    """
    import h5py
    import xarray

    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        h5py.File(path, "r").close()  # h5netcdf complains on stderr when it fails half-way
        with xarray.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load().copy()
    except Exception as error:  # every layer below has its own exceptions for nonsense bytes
        raise DamagedFile(f"{path} cannot be read as netCDF: {error}") from error
    expected = tree.attrs.pop(DIGEST, None)
    if expected != _digest(tree):
        raise DamagedFile(f"{path} is damaged: its content does not match the digest written with it")
    return tree


def _digest(tree: "xarray.DataTree") -> str:
    content = hashlib.sha256()
    for node in tree.subtree:
        content.update(node.path.encode())
        attributes = {key: str(value) for key, value in node.attrs.items() if key != DIGEST}
        content.update(json.dumps(attributes, sort_keys=True).encode())
        for name in sorted(map(str, node.variables)):
            variable = node.variables[name]
            values = np.ascontiguousarray(variable.values)
            described = f"{name}{variable.dims}{values.dtype.str}{values.shape}{sorted(variable.attrs.items())}"
            content.update(described.encode())
            content.update(values.tobytes() if values.dtype.kind != "O" else repr(values.tolist()).encode())
    return content.hexdigest()
