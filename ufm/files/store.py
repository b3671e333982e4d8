"""Results on disk: netCDF that is complete or absent, and that says when it was damaged."""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray


class DamagedFile(ValueError):
    """A file that is not what was written: truncated, altered, or something else altogether."""


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, and put it in place in one step.

    A crash, a kill or a full disk at any moment leaves the old file or the new one. Raises OSError as it comes.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}{target.suffix}")
    try:
        temporary.touch(exist_ok=False)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


@contextlib.contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder against other processes; a lock goes with its process, whatever ends that.

    Raises ValueError, "another process is WHAT in FOLDER", if one holds it. A folder made for this and left empty goes.
    """
    created = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another process is {what} in {folder}") from None
        try:
            yield
        finally:
            (folder / "lock").unlink(missing_ok=True)
            if created and not any(folder.iterdir()):
                folder.rmdir()


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


def json_object(what: str, text: str) -> dict[str, Any]:
    """The object that a text is. Raises ValueError if it is not JSON, or JSON of another kind."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{what} is a JSON object")
    return values


def config_key(config: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that name a configuration of plain values, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def save(data: "xarray.Dataset | xarray.DataTree", path: str | Path) -> Path:
    """Write a Dataset, or a tree of them as groups, as netCDF 4 (h5netcdf) followed by a digest of its bytes.

    Readers ignore what follows the end of the data, so any of netCDF opens the file. It is made in memory: HDF5 does
    not survive a disk that fills up while it writes.
    """
    import xarray

    tree = data if isinstance(data, xarray.DataTree) else xarray.DataTree(data)
    return save_bytes(path, bytes(tree.to_netcdf(None, engine="h5netcdf")))


def save_classic(data: "xarray.Dataset", path: str | Path) -> Path:
    """As :func:`save`, but netCDF 3: a twentieth of the time where there are many small variables.

    Integers of 64 bits are read back as 32. Raises ValueError if they do not fit.
    """
    return save_bytes(path, bytes(data.to_netcdf(None, engine="scipy")))


def save_bytes(path: str | Path, content: bytes) -> Path:
    """Write bytes followed by their digest, atomically."""
    return write_atomically(path, lambda temporary: temporary.write_bytes(content + _trailer(content)))


def load(path: str | Path) -> "xarray.DataTree":
    """Read what :func:`save` or :func:`save_classic` wrote; a single Dataset is the root, ``load(path).to_dataset()``.

    Raises
    ------
    FileNotFoundError : there is no such file.
    DamagedFile : the bytes do not match their digest; nothing has tried to make sense of them.
    """
    import xarray

    content = load_bytes(path)
    if content.startswith(b"CDF"):  # netCDF 3
        return xarray.DataTree(xarray.load_dataset(io.BytesIO(content), engine="scipy"))
    with xarray.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
        return opened.load().copy()


def load_bytes(path: str | Path) -> bytes:
    """Read what :func:`save_bytes` wrote. Raises FileNotFoundError, DamagedFile."""
    stored = Path(path).read_bytes()
    content, trailer = stored[:-TRAILER_LENGTH], stored[-TRAILER_LENGTH:]
    if trailer != _trailer(content):
        raise DamagedFile(f"{path} is damaged, or was not written by this toolkit: its digest does not match")
    return content


def _trailer(content: bytes) -> bytes:
    return b"\nsha256:" + hashlib.sha256(content).hexdigest().encode()


TRAILER_LENGTH = len(_trailer(b""))
