"""What a process owes to whoever started it: an exit status, and progress where somebody watches."""

import sys

OK, FAILS, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
"""All is done and holds; it ran and something does not hold; the input is wrong; stopped by Ctrl-C or SIGTERM."""


def interactive() -> bool:
    """Whether somebody watches the progress bars."""
    return sys.stderr.isatty()
