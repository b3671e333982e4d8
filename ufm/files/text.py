"""Plain text: files of it, JSON and TOML, tables in columns, and what a wrong word may have meant."""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

MAX_PARTS = 100
"""Longest dotted key of TOML: reading one takes memory by the square of its parts."""


def read_text(path: str | Path) -> str:
    """A file of text in UTF-8, whatever the locale, without a byte order mark.

    Raises ValueError for what is no text or no file, OSError if it cannot be read.
    """
    require_file(path)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8") from None


def require_file(path: str | Path) -> None:
    """Raise ValueError for a folder, or for a pipe, which would be waited for."""
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path} is not a file")


def json_object(what: str, text: str) -> dict[str, Any]:
    """The object that a text is. Raises ValueError if it is not JSON, or JSON of another kind."""
    values = _parsed(json.loads, "JSON", text)
    if not isinstance(values, dict):
        raise ValueError(f"{what} is a JSON object")
    return values


def toml_table(text: str) -> dict[str, Any]:
    """The table that a text in TOML is. Raises ValueError."""
    longest = max(part.count(".") for part in re.split(r"#.*|[=\n,]", text))
    if longest > MAX_PARTS:
        raise ValueError(f"not valid TOML: a key has {longest + 1} parts, more than {MAX_PARTS}")
    values: dict[str, Any] = _parsed(tomllib.loads, "TOML", text)
    return values


def _parsed(parse: Callable[[str], Any], language: str, text: str) -> Any:
    try:
        return parse(text)
    except RecursionError:
        raise ValueError(f"not valid {language}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not valid {language}: {error}") from None


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
