"""What a process owes to whoever started it: an exit status, progress where somebody watches, and its end."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ufm.files.folder import ROOT

OK, FAILS, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
"""All is done and holds; it ran and something does not hold; the input is wrong; stopped by Ctrl-C or SIGTERM."""

PARENT = "NCMC_PARENT"
"""Environment variable: the process whose end is to be the end of this one."""


def unicode() -> bool:
    """Whether stdout can show more than ASCII."""
    return "utf" in (sys.stdout.encoding or "").lower()


def interactive() -> bool:
    """Whether somebody watches the progress bars."""
    return sys.stderr.isatty()


class _Lossy(io.FileIO):
    """Loses what cannot be written."""

    def write(self, data: Any) -> int:
        """Write, or do as if."""
        with contextlib.suppress(OSError):
            super().write(data)
        return len(data)


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """A stderr that is closed or full stops nothing; a closed stdout fails when it is written to, as with `ls >&-`.

    No file that is opened later takes their places.
    """
    if sys.stdout is None:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is not sys.__stderr__:  # somebody listens already
        yield
        return
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    kept = sys.stderr
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Lossy(2, "w", closefd=False)), "utf-8", "backslashreplace", line_buffering=True
    )
    try:
        yield
    finally:
        sys.stderr = kept


def processors() -> int:
    """How many processors this process may use: its affinity, and what a batch system or a container grants it."""
    granted = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    if (slurm := os.environ.get("SLURM_CPUS_PER_TASK", "")).isdecimal():
        granted.append(int(slurm))
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        if quota != "max":
            granted.append(int(quota) // int(period))
    except (OSError, ValueError):  # not this kind of container
        pass
    return max(1, min(granted))


def start(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, **options: Any
) -> "subprocess.Popen[bytes]":
    """Start `ufm` with these arguments in a process that ends with this one.

    What lies in the working folder under the name of a package of ours or of the standard library is not imported.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    all_ = {**os.environ, "PYTHONPATH": path, PARENT: str(os.getpid()), **(environment or {})}
    return subprocess.Popen([sys.executable, "-P", "-m", "ufm", *arguments], env=all_, **options)


def end_with_parent() -> None:
    """From now on, end as by SIGTERM once the process that started this one by :func:`start` is gone."""
    if (parent := os.environ.pop(PARENT, None)) is not None:
        end_with(int(parent), lambda: os.kill(os.getpid(), signal.SIGTERM))


def end_with(parent: int, end: Callable[[], object]) -> None:
    """Call ``end`` in a thread once ``parent`` is not the parent of this process any more, within a second."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        end()

    threading.Thread(target=watch, daemon=True).start()
