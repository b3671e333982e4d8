"""Plain text: tables in columns, and what a wrong word may have meant."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Any


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, cells padded to the widest of their column."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def suggestion(word: str, known: Iterable[str], n: int = 1) -> str:
    """The end of an error message: up to ``n`` known words that are close, or all of them."""
    candidates = list(known)
    close = difflib.get_close_matches(word, candidates, n=n)
    return f": did you mean {' or '.join(map(repr, close))}?" if close else f": allowed are {', '.join(candidates)}"


def require_known(word: Any, known: Collection[str], message: str, n: int = 1) -> None:
    """Raise ValueError with ``message`` and a :func:`suggestion`, unless ``word`` is one of ``known``."""
    if word not in known:
        raise ValueError(message + suggestion(str(word), known, n))
