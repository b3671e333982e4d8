"""Results on disk: netCDF that is complete or absent, and that says when it was damaged."""

import contextlib
import errno
import fcntl
import functools
import hashlib
import io
import json
import os
import re
import secrets
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ufm.files.text import json_object, read_text, require_file

if TYPE_CHECKING:
    import xarray


class DamagedFile(ValueError):
    """A file that is not what was written: truncated, altered, or something else altogether."""


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, flush it to disk, and put it in place in one step.

    A crash, a kill or a full disk at any moment leaves the old file or the new one. Raises OSError naming ``path``.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    _tidy(target.parent.resolve())
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}{target.suffix}")
    try:
        temporary.touch(exist_ok=False)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:  # a full disk names no file, and others the temporary one
        raise OSError(error.errno, error.strerror or str(error), str(target)) from None
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, *NO_LOCKS):  # some file systems flush no folders
            raise
    finally:
        os.close(folder)
    return target


NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems answer that cannot do such a thing."""


KEY = "[0-9a-f]{16}"
"""What names 64 bits: a configuration, or one write of a file."""

FORGOTTEN = 3600.0
"""Seconds after which a write that has not ended is one that was killed."""


def half_written(path: Path) -> bool:
    """Whether a file is what :func:`write_atomically` leaves behind where it is killed: .NAME.16 digits.ENDING."""
    return re.fullmatch(rf"\..+\.{KEY}(\.\w+)?", path.name) is not None


def is_key(name: str) -> bool:
    """Whether a name is a :func:`config_key`, as folders of a sweep's cells have."""
    return re.fullmatch(KEY, name) is not None


def sweep_away(folder: Path, age: float = 0.0) -> None:
    """Remove what killed writes left in a folder at least so many seconds ago; 0 where this process holds it alone."""
    for path in folder.glob(".*"):
        with contextlib.suppress(FileNotFoundError):  # another process may be faster
            if half_written(path) and time.time() - path.stat().st_mtime >= age:
                path.unlink()


@functools.cache
def _tidy(folder: Path) -> None:
    """Once a process: a folder of a hundred thousand files is not to be read at every write."""
    sweep_away(folder, FORGOTTEN)


@contextlib.contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder against other processes; a lock goes with its process, whatever ends that.

    Raises ValueError, "another process is WHAT in FOLDER", if one holds it. What killed writes have left in it or a
    folder below is removed. A folder made for this and left empty goes.
    """
    created = not folder.exists()
    with _locked(folder / "lock", f"another process is {what} in {folder}"):
        for each in (folder, *filter(Path.is_dir, folder.iterdir())):
            sweep_away(each)
        try:
            yield
        finally:
            (folder / "lock").unlink(missing_ok=True)
            if created:
                with contextlib.suppress(OSError):  # not empty, or not any more: another process is faster
                    folder.rmdir()


def _locked(path: Path, taken: str) -> IO[str]:
    """The file ``path``, open and locked: it itself, not one of that name that another process unlinks meanwhile."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except (FileNotFoundError, FileExistsError):  # the folder has just come or gone
            if path.parent.exists() and not path.parent.is_dir():
                raise
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ValueError(taken) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                file.close()
                raise
            warnings.warn(f"{path.parent} cannot be locked ({error.strerror}): start no other there", stacklevel=4)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def save_text(path: str | Path, text: str) -> Path:
    """Write a text file atomically."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def save_json(path: str | Path, value: Any) -> Path:
    """Write JSON atomically; NaN and infinity, which JSON does not know, become null."""
    return save_text(path, to_json(value) + "\n")


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same with its own digest, which :func:`unsealed` looks at."""
    return {**value, SEAL: config_key(json.loads(to_json(dict(value))))}


def unsealed(path: str | Path) -> dict[str, Any]:
    """The JSON object of a file, without its digest. A file from before there were digests has none.

    Raises FileNotFoundError, or DamagedFile for what is no JSON object or does not match its digest.
    """
    try:
        value = json_object(str(path), read_text(path))
    except ValueError as error:
        raise DamagedFile(f"{path} is damaged: {error}") from None
    seal = value.pop(SEAL, None)
    if seal is not None and seal != config_key(value):
        raise DamagedFile(f"{path} was changed after it was written: its digest does not match")
    return value


SEAL = "digest"


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
    DamagedFile : the bytes do not match their digest, and nothing has tried to make sense of them; or none can be made.
    """
    import xarray

    content = load_bytes(path)
    try:
        if content.startswith(b"CDF"):  # netCDF 3
            return xarray.DataTree(xarray.load_dataset(io.BytesIO(content), engine="scipy"))
        with xarray.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            return opened.load().copy()
    except (OSError, TypeError, ValueError, KeyError) as error:
        raise DamagedFile(f"{path} is whole, but no netCDF: {error}") from None


def load_having(path: str | Path, variables: Iterable[str], attributes: Iterable[str] = ()) -> "xarray.Dataset":
    """The Dataset that :func:`save` wrote, with at least these names. Raises as :func:`load`."""
    data = load(path).to_dataset()
    if lacking := [*(n for n in variables if n not in data.variables), *(n for n in attributes if n not in data.attrs)]:
        raise DamagedFile(f"{path} is whole, but has no {', '.join(lacking)}: it was written as something else")
    return data


def load_bytes(path: str | Path) -> bytes:
    """Read what :func:`save_bytes` wrote. Raises FileNotFoundError, DamagedFile."""
    require_file(path)
    stored = Path(path).read_bytes()
    content, trailer = stored[:-TRAILER_LENGTH], stored[-TRAILER_LENGTH:]
    if trailer != _trailer(content):
        raise DamagedFile(f"{path} is damaged, or was not written by this toolkit: its digest does not match")
    return content


def _trailer(content: bytes) -> bytes:
    return b"\nsha256:" + hashlib.sha256(content).hexdigest().encode()


TRAILER_LENGTH = len(_trailer(b""))
