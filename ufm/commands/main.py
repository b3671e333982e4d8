"""Running a command: each file of this folder with a class ``Command`` is one, by the file's name.

A command is a dataclass, its fields are flags, and ``run`` does it. Messages and progress bars go to stderr. With
``--json`` stdout carries exactly one JSON object. Exit status: 0 all is done and holds, 1 it ran and something does not
hold, 2 the input is wrong (one line says which value and what is allowed); 130 and 141 as after Ctrl-C and where nobody
reads the output any more.
"""

import errno
import os
import select
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ufm.commands.parse import message, parse
from ufm.files import memory
from ufm.files.folder import ours
from ufm.files.process import INTERRUPTED, WRONG_INPUT, streams


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


def _say(message: BaseException | Warning | str, *_: Any, **__: Any) -> None:
    """What is to be known: one line, of which the middle is left out where it is very long."""
    text = " ".join(str(message).split())
    print(f"ufm: {text if len(text) <= LONGEST else f'{text[:600]} ... {text[-300:]}'}", file=sys.stderr)


LONGEST = 1000
"""Characters: no message is longer. It begins with the value that is wrong and ends with what is allowed."""

SIZES = ("class_sizes", "n_classes", "centers", "dim", "points", "n_times", "batch_size", "jobs", "workers")
"""Flags by which a command needs more or less memory."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    shown, command = warnings.showwarning, None
    with streams():
        try:
            warnings.showwarning = _say
            ours("figures")
            command = parse(arguments)
            status = int(command.run())
            sys.stdout.flush()
            return status
        except (ValueError, memory.DoesNotFit, OSError, ImportError) as error:
            if isinstance(error, BrokenPipeError) and _nobody_reads():
                return 128 + signal.SIGPIPE
            stdout = (
                isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EBADF) and error.filename is None
            )
            _say(f"stdout: {error}" if stdout else message(error, command))
            return WRONG_INPUT
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "memory" not in str(error):  # torch's way to say the same
                raise
            flags = [f"--{name.replace('_', '-')}" for name in SIZES if hasattr(command, name)]
            _say(f"memory ran out ({error}): take less, {', '.join(flags) or 'one at a time'}")
            return WRONG_INPUT
        except KeyboardInterrupt:
            _say("interrupted")
            return INTERRUPTED
        finally:
            warnings.showwarning = shown
