"""A file that only grows: lines that are whole or absent, each with a digest of its own.

::

    64 hexadecimal digits (SHA-256 of the rest), a blank, the content, a newline

A line is there once its newline is. A process that is killed while it writes leaves the lines before, and at most the
beginning of one more, which no reader takes for a line and which is gone when the file is opened for writing again.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from ufm.files import store

DIGITS = 64
FLUSHED = 1.0
"""Seconds for which lines may be in the memory of the system only: it outlives the process, not a power failure."""


def sealed_line(content: bytes) -> bytes:
    """The line of a content, which has no newline in it."""
    return hashlib.sha256(content).hexdigest().encode() + b" " + content + b"\n"


def lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Numbers of lines, from 1, and their contents; None where a line is not what was written.

    A file that is not there has no lines.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                content = line[DIGITS + 1 : -1]
                yield number, content if line == sealed_line(content) else None


class Journal:
    """A file opened to write lines to its end. One process at a time: hold its folder with :func:`store.alone`.

    Raises OSError naming the file, from each of its functions.
    """

    def __init__(self, path: Path, wanted: Callable[[bytes], bool] = lambda content: True) -> None:
        """Open or create the file, and drop lines that are not whole or not ``wanted``."""
        self.path = path
        kept = [sealed_line(content) for _, content in lines(path) if content is not None and wanted(content)]
        if not path.exists() or sum(map(len, kept)) != path.stat().st_size:
            store.write_atomically(path, lambda temporary: temporary.write_bytes(b"".join(kept)))
        self.file: BinaryIO = path.open("ab", buffering=0)
        self.flushed = time.monotonic()

    def append(self, content: bytes) -> None:
        """Write one line."""
        left = memoryview(sealed_line(content))
        try:
            while left:
                left = left[self.file.write(left) :]
            if time.monotonic() - self.flushed > FLUSHED:
                self.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(self.path)) from None

    def flush(self) -> None:
        """Let all lines survive a power failure."""
        os.fsync(self.file.fileno())
        self.flushed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self.file.close()
