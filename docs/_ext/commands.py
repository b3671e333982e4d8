"""The command line: what each command says to ``--help``, on one page."""

import contextlib
import io
import os
import textwrap
from unittest import mock

WIDTH = 92

INTRODUCTION = """\
# Command line

```{eval-rst}
.. py:module:: ufm.commands
```

What each command says to `--help`. Messages and progress bars go to stderr; with `--json` stdout carries exactly one
JSON object. Exit status: 0 all is done and holds, 1 it ran and something does not hold, 2 the input is wrong, with one
line that says which value and what is allowed. `python -m ufm` is the same as `ufm`.
"""


def names() -> list[str]:
    """Commands, in the order of ``ufm --help``."""
    from ufm.commands.overview import found

    return list(found())


def help_of(name: str) -> str:
    """What ``ufm NAME --help`` says: WIDTH columns, no colour."""
    from ufm.commands.main import main

    said, plain = io.StringIO(), mock.patch.dict(os.environ, COLUMNS=str(WIDTH), NO_COLOR="1")
    with plain, contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([name, "--help"])
    rows = [row for line in said.getvalue().splitlines() for row in textwrap.wrap(line, WIDTH) or [""]]
    return "\n".join(rows).strip()


def page() -> str:
    """The page, in MyST."""
    sections = [f"(ufm-{name})=\n## ufm {name}\n\n```text\n{help_of(name)}\n```\n" for name in names()]
    return "\n".join([INTRODUCTION, *sections])
