"""Parsing and running a command: each file of this folder with a class ``Command`` is one, by the file's name.

A command is a dataclass, its fields are flags, and ``run`` does it. Messages and progress bars go to stderr. With
``--json`` stdout carries exactly one JSON object. Exit status: 0 all is done and holds, 1 it ran and something does not
hold, 2 the input is wrong (one line says which value and what is allowed); 130 and 141 as after Ctrl-C and where nobody
reads the output any more.
"""

import contextlib
import io
import os
import select
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union

import tyro

from ufm import commands
from ufm.files.folder import modules_in, ours
from ufm.files.process import INTERRUPTED, WRONG_INPUT

SHOWN_FIRST = (
    *("simulate", "verify", "geometry", "zoo", "phase", "sweep"),
    *("design", "figures", "claims", "train", "confirm", "table"),
)
"""Order in the help; others follow by name."""


def found() -> Mapping[str, type]:
    """All commands by name."""
    classes = {name: file.Command for name, file in modules_in(commands).items() if hasattr(file, "Command")}
    return {name: classes[name] for name in (*SHOWN_FIRST, *sorted(classes.keys() - set(SHOWN_FIRST)))}


def parse(arguments: Sequence[str] | None) -> Any:
    """Parsed command; a wrong one raises ValueError with tyro's message on one line."""
    kinds: Any = Union[tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in found().items())]  # noqa: UP007
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                kinds,
                prog="ufm",
                description="Neural collapse to multiple centers: simulate it, and hold it against theory.",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.SuppressFixed),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        rows = [row.strip("│╰╯─ ") for row in said.getvalue().splitlines() if not row.startswith("╭")]
        raise ValueError(" ".join(row for row in rows if row)) from None


def _nobody_reads() -> bool:
    """Whether the reader of stdout has had enough, as in `ufm presets | head`; then nothing more is written there."""
    try:
        stdout = sys.stdout.fileno()
    except OSError:  # no file
        return False
    poll = select.poll()
    poll.register(stdout, 0)  # errors are always told
    if not poll.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)
    return True


def _say(message: Warning | str, *_: Any, **__: Any) -> None:
    """What is to be known, but no reason to stop: one line, as errors are."""
    print(f"ufm: {' '.join(str(message).split())}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    shown = warnings.showwarning
    try:
        warnings.showwarning = _say
        ours("figures")
        status = int(parse(arguments).run())
        if sys.stdout is not None:  # it may have been closed
            sys.stdout.flush()
        return status
    except (ValueError, MemoryError, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 128 + signal.SIGPIPE
        print(f"ufm: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("ufm: interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        warnings.showwarning = shown
