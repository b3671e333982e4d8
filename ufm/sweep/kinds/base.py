"""What every kind of cell has in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufm.problems.build import FIELDS as PROBLEM_FIELDS
from ufm.problems.build import build
from ufm.problems.problem import LARGEST, MultiCenterProblem

Answer = dict[str, NDArray[np.float64]]
"""Recorded quantities of one cell by name."""

INTEGERS = frozenset({"f", "dim", "n_classes", "n_max", "n_times", "n"})
LISTS = frozenset({"class_sizes", "centers", "beta"})
WORDS = frozenset({"preset", "problem", "loss", "frame", "method", "start", "shares"})
"""Types of fields; all others are real numbers."""


class Quantity(NamedTuple):
    """Something that can be recorded."""

    dims: tuple[str, ...]
    """Its own dimensions, besides those of the sweep: "class", "time", or none."""
    about: str
    units: str = "1"


class Kind(ABC):
    """One kind of cell."""

    fields: tuple[str, ...] = PROBLEM_FIELDS
    """What base and axes may set."""
    quantities: Mapping[str, Quantity]
    """What can be recorded."""
    group = 4
    """How many cells a first call gets; later ones get as many as take :data:`ufm.sweep.groups.SECONDS`."""
    parallel = True
    """Whether cells of this kind may share a device: trainings on one GPU may not."""

    @abstractmethod
    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """Everything that decides the result, as plain values. Raises ValueError, OSError for what is no cell."""

    @abstractmethod
    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Quantities of one configuration by name, those of ``record`` among them where they have a meaning."""

    def run(self, cells: Sequence[dict[str, Any]], record: Sequence[str], folder: Path) -> list[Answer]:
        """Answers to configurations; the answer to one must not depend on the others. ``folder``: the sweep's own."""
        answers = (self.answer(cell, record, folder) for cell in cells)
        return [{name: np.asarray(each.get(name, np.nan), dtype=np.float64) for name in record} for each in answers]


def filled(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``defaults`` with what is given for them. Raises ValueError."""
    return {name: _typed(name, values[name]) if name in values else default for name, default in defaults.items()}


def _typed(name: str, value: Any) -> Any:
    """A value of its field's type, 5.0 for an integer and 5 for a real included."""
    if name in INTEGERS or name == "seed":
        return integer(name, value)
    if name in WORDS:
        return word(name, value)
    if name not in LISTS:
        return real(name, value)
    if isinstance(value, str):
        return value
    numbers = [real(name, entry) for entry in (value if isinstance(value, list | tuple) else [value])]
    if not numbers or (name == "class_sizes" and not isinstance(value, list | tuple)):
        raise ValueError(f"{name}={value!r} is not a list of numbers")
    plain = [int(number) if number.is_integer() else number for number in numbers]
    return plain if isinstance(value, list | tuple) else plain[0]


def integer(name: str, value: Any) -> int:
    """An integer of a description. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
        raise ValueError(f"{name}={value!r} must be an integer")
    return int(value)


def real(name: str, value: Any) -> float:
    """A finite number of a description. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}={value!r} is not a number")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{name}={value!r} must be finite, and at most {LARGEST:g}")
    return float(value)


def word(name: str, value: Any) -> str:
    """A word of a description. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{name}={value!r} is not a word")
    return value


def problem_of(values: Mapping[str, Any]) -> MultiCenterProblem:
    """The problem of a cell's values, all of which must have the types of their fields. Raises ValueError, OSError."""
    typed = {name: _typed(name, value) for name, value in values.items()}
    return _problem(json.dumps({name: value for name, value in typed.items() if name in PROBLEM_FIELDS}))


@lru_cache(maxsize=1024)
def _problem(said: str) -> MultiCenterProblem:
    return build(json.loads(said))
