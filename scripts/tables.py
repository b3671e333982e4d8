"""Tables of docs/networks.md, made again from the results: ``make tables``.

What stands between ``<!-- ufm table ... -->`` or ``<!-- ufm decide ... -->`` and ``<!-- end -->`` is what that command
prints where results/ is.
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

from ufm.commands.main import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "networks.md"
BLOCK = re.compile(r"(<!-- ufm ((?:table|decide) [^\n]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def printed(command: str) -> str:
    """What ``ufm`` with these words prints of the results alone, without any runs. Raises ValueError if it fails."""
    with tempfile.TemporaryDirectory() as no_runs, contextlib.redirect_stdout(io.StringIO()) as said:
        words = shlex.split(command)
        if status := main([*words, "--runs", no_runs] if words[0] == "table" else words):
            raise ValueError(f"ufm {command} ends with status {status}")
    return said.getvalue()


def filled(page: str) -> str:
    """A page with what its commands print now."""
    return BLOCK.sub(lambda found: found[1] + printed(found[2]) + found[3], page)


if __name__ == "__main__":
    os.chdir(ROOT)
    PAGE.write_text(filled(PAGE.read_text()))
