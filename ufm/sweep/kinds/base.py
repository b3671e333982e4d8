"""What every kind of cell has in common."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufm import store
from ufm.flags import ProblemFlags
from ufm.problem import Problem

Answer = dict[str, NDArray[np.float64]]
"""Recorded quantities of one cell by name."""

PROBLEM_FIELDS = tuple(ProblemFlags.__dataclass_fields__)
INTEGERS = frozenset({"f", "dim", "n_classes", "n_max", "n_times", "n"})
LISTS = frozenset({"class_sizes", "centers", "beta"})


class Quantity(NamedTuple):
    """Something that can be recorded."""

    dims: tuple[str, ...]
    """Its own dimensions, besides those of the sweep: "class", "time", or none."""
    about: str
    units: str = "1"


class Kind(Protocol):
    """One kind of cell."""

    fields: tuple[str, ...]
    """What base and axes may set."""
    quantities: Mapping[str, Quantity]
    """What can be recorded."""
    group: int
    """How many cells one call gets."""
    parallel: bool
    """Whether cells of this kind may share a device: trainings on one GPU may not."""

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """Everything that decides the result, as plain values. Raises ValueError, OSError for what is no cell."""
        ...

    def run(self, cells: Sequence[dict[str, Any]], record: Sequence[str], folder: Path) -> list[Answer]:
        """Answers to configurations; the answer to one must not depend on the others. ``folder``: the sweep's own."""
        ...


def whole(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with 5.0 turned into 5 where a number must be an integer. Raises ValueError."""
    plain = dict(values)
    for name in INTEGERS & values.keys():
        value = values[name]
        if isinstance(value, float) and value.is_integer():
            plain[name] = int(value)
        elif not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{name}={value!r} must be an integer")
    return plain


def real(name: str, value: Any) -> float:
    """A number of a description. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}={value!r} is not a number")
    return float(value)


def problem_of(values: Mapping[str, Any]) -> Problem:
    """The problem that flags of these values would give. Raises ValueError, OSError."""
    said = {name: value for name, value in whole(values).items() if name in PROBLEM_FIELDS}
    return _problem(store.to_json(said))


@lru_cache(maxsize=1024)
def _problem(said: str) -> Problem:
    import json

    flags = {name: _flag(name, value) for name, value in json.loads(said).items()}
    return ProblemFlags(**flags).build()


def _flag(name: str, value: Any) -> Any:
    """A value as the command line takes it."""
    if name in LISTS:
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return Path(value) if name == "problem" else value


def one_per_class(problem: Problem, values: ArrayLike) -> NDArray[np.float64]:
    """An array (K,) of floats."""
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (problem.n_classes,)).copy()
