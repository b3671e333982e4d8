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


def missing_file(error: BaseException) -> str | None:
    """The file that an error says is not there; None for another error."""
    if isinstance(error, FileNotFoundError) and error.filename is not None and error.filename2 is None:
        return str(error.filename)
    return None


def said_of(error: BaseException) -> str:
    """The message of an error, in plain words where a file is missing: Python's begin with a number."""
    if (file := missing_file(error)) is None:
        return str(error)
    return f"{file}: no such file" if Path(file).suffix else f"{file}: no such file or folder"


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


def counted(number: int, noun: str) -> str:
    """A number and what it counts: 1 plot, 8 plots."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


SHOWN = 20
"""Where more words than these are allowed, a message says the closest ones."""


def known_as(word: Any, known: Iterable[str]) -> Any:
    """The word of ``known`` that ``word`` is in any case; ``word`` itself where there is not exactly one."""
    same = [each for each in known if each.casefold() == str(word).casefold()]
    return same[0] if len(same) == 1 else word


def suggestion(word: str, known: Iterable[str], n: int = 1) -> str:
    """The end of an error message: up to ``n`` known words that are close, or all of them, or the closest of many."""
    candidates = {each.casefold(): each for each in known}

    def closest(n: int, cutoff: float) -> list[str]:
        return [candidates[each] for each in difflib.get_close_matches(word.casefold(), candidates, n, cutoff)]

    if close := closest(n, 0.6):
        return f": did you mean {' or '.join(map(repr, close))}?"
    if len(candidates) <= SHOWN:
        return f": allowed are {', '.join(candidates.values())}"
    return f": the closest of {len(candidates)} are {', '.join(closest(5, 0.0))}"


def require_known(word: Any, known: Collection[str], message: str, n: int = 1) -> None:
    """Raise ValueError with ``message`` and a :func:`suggestion`, unless ``word`` is one of ``known``."""
    if word not in known:
        raise ValueError(message + suggestion(str(word), known, n))
