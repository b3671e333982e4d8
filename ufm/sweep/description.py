"""What a sweep is: base values, axes, seeds, and what to record of every cell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ufm.files.store import config_key
from ufm.files.text import read_text, require_known, said_of, suggestion, toml_table
from ufm.problems.file_loss import located
from ufm.problems.problem import integers
from ufm.sweep.kinds import KINDS, Kind
from ufm.sweep.kinds.base import real

MAX_CELLS = 100_000
"""Largest sweep, unless said otherwise."""

TOP = ("kind", "record", "base", "axes", "zip", "seeds", "about", "picture")
"""Keys of a description."""


class Axis(NamedTuple):
    """A dimension of a sweep: one field, or several that move together."""

    name: str
    fields: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    """One tuple per point, one entry per field."""


class Cell(NamedTuple):
    """One point of a sweep."""

    place: tuple[int, ...]
    """Along the axes; the seed is last."""
    values: dict[str, Any]
    """What the axes say here, and the seed: the name of the cell in messages."""
    configuration: dict[str, Any]
    """Everything that decides its result, as plain values with all defaults filled in."""
    key: str
    """Hash of the configuration, of the kind and of what is recorded: its name on disk."""


@dataclass(frozen=True)
class Sweep:
    """A grid of cells.

    Parameters
    ----------
    kind : what is done at each cell: "flow", "minimum", "geometry", "decision" or "training"
        (:data:`ufm.sweep.kinds.KINDS`).
    record : names of quantities of that kind.
    base : fields that all cells share.
    axes : dimensions, in order; no field twice.
    seeds : of starts and draws; the last dimension.
    about : what the sweep shows, in a sentence or two.
    picture : how ``--show`` draws it: arguments of :func:`figures.commands.sweep.sweep_figure`.
    folder : where the path of a loss of one's own, FILE.py::NAME, starts; it is no part of the description.

    Raises
    ------
    ValueError : an unknown kind, field or quantity (the nearest is suggested), a field given twice, no points. The
        cells themselves are validated by :attr:`cells`.

    Examples
    --------
    >>> sweep = Sweep.from_toml('''
    ... kind = "flow"
    ... record = ["collapse_time"]
    ... seeds = 2
    ... [base]
    ... class_sizes = [30, 10]
    ... [axes]
    ... f = [2, 4]
    ... theta = { linspace = [0.1, 0.5, 3] }
    ... ''')
    >>> sweep.dims, sweep.shape, len(sweep.cells)
    (('f', 'theta', 'seed'), (2, 3, 2), 12)
    """

    kind: str
    record: tuple[str, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    seeds: tuple[int, ...] = (0,)
    about: str = ""
    picture: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = field(default=Path(), compare=False)

    def __post_init__(self) -> None:
        """Refuse what is not a sweep."""
        require_known(self.kind, KINDS, f"kind {self.kind!r} is unknown")
        if len(set(self.record)) < len(self.record):
            raise ValueError(f"record={list(self.record)} names a quantity more than once")
        if not self.record:
            raise ValueError(f"record is empty: {', '.join(self.does.quantities)} can be recorded")
        for name in self.record:
            require_known(name, self.does.quantities, f"quantity {name!r} of record is unknown", n=3)
        seen: set[str] = set()
        for name in (*self.base, *(name for axis in self.axes for name in axis.fields)):
            if name == "seed":
                raise ValueError("seed is a dimension of its own: seeds = 3, or seeds = [0, 5]")
            if name not in self.does.fields:
                above = " (it belongs above [base])" if name in TOP else ""
                raise ValueError(
                    f"field {name!r} is unknown for kind {self.kind!r}{suggestion(name, self.does.fields)}{above}"
                )
            if name in seen:
                raise ValueError(f"field {name!r} is given twice")
            seen.add(name)
        names = [axis.name for axis in self.axes]
        for axis in self.axes:
            others = {*self.does.quantities, *seen.difference(axis.fields), "seed", "class", "time"}
            if names.count(axis.name) > 1 or axis.name in others or not re.fullmatch(r"[A-Za-z][\w-]*", axis.name):
                raise ValueError(f"axis {axis.name!r} needs another name")
            if not axis.values:
                raise ValueError(f"axis {axis.name!r} has no points")
            points: set[Any] = set()
            for point in axis.values:
                same = repr([float(v) if isinstance(v, int) else v for v in point])  # 2 and 2.0 are one point
                if same in points:
                    raise ValueError(f"axis {axis.name!r} has the point {', '.join(map(str, point))} more than once")
                points.add(same)
        if len(set(self.seeds)) < len(self.seeds) or not self.seeds:
            raise ValueError(f"seeds={list(self.seeds)} must be different integers, at least one")

    @property
    def does(self) -> Kind:
        """What is done at each cell."""
        return KINDS[self.kind]

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions."""
        return (*(axis.name for axis in self.axes), "seed")

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each dimension."""
        return (*(len(axis.values) for axis in self.axes), len(self.seeds))

    @property
    def n_cells(self) -> int:
        """Number of cells, without making them."""
        return int(np.prod(self.shape, dtype=object))

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells, the seed running fastest. Raises ValueError naming the first that is not a valid one."""
        return [self._cell(place) for place in product(*map(range, self.shape))]

    def _cell(self, place: tuple[int, ...]) -> Cell:
        values: dict[str, Any] = {}
        for axis, i in zip(self.axes, place[:-1], strict=True):
            values |= dict(zip(axis.fields, axis.values[i], strict=True))
        values["seed"] = self.seeds[place[-1]]
        given = {**self.base, **values}
        if isinstance(given.get("loss"), str):
            given["loss"] = located(given["loss"], self.folder)
        try:
            configuration = self.does.configuration(given, self.record)
        except (ValueError, OSError) as error:
            said = said_of(error)
            raise ValueError(f"{said} (cell {label(values)})" if self.axes else said) from None
        key = config_key({"kind": self.kind, "record": self.record, **configuration})
        return Cell(place, values, configuration, key)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; without ``about`` and ``picture``, this is what two equal sweeps have in common."""
        return {name: getattr(self, name) for name in _said(type(self))}

    @classmethod
    def from_toml(cls, text: str, folder: Path = Path()) -> Self:
        """Read a description: keys kind, record, seeds, about; tables base, axes, picture; array of tables zip.

        An axis is a list, or ``{ linspace = [first, last, points] }``, or ``{ logspace = [first, last, points] }``
        (equal ratios between the same two ends). A ``[[zip]]`` holds a name and axes of one length that move together.
        """
        return cls.from_mapping(toml_table(text), folder)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], folder: Path = Path()) -> Self:
        """The same as :meth:`from_toml`, from what TOML would hold, for sweeps that a Python script puts together."""
        for key in values:
            require_known(key, TOP, f"unknown key {key!r}")
        for key in ("kind", "record"):
            if key not in values:
                raise ValueError(f"key {key!r} is missing")
        record = values["record"]
        if not isinstance(record, list | tuple) or not all(isinstance(name, str) for name in record):
            raise ValueError(f"record={record!r} is not a list of names")
        for key in ("base", "axes", "picture"):
            if not isinstance(values.get(key, {}), Mapping):
                raise ValueError(f"[{key}] is not a table")
        groups = values.get("zip", [])
        if not isinstance(groups, list | tuple):
            raise ValueError("zip is not a list of tables: write [[zip]]")
        axes = [Axis(n, (n,), tuple((v,) for v in _points(n, said))) for n, said in values.get("axes", {}).items()]
        axes += [_zipped(group) for group in groups]
        return cls(
            kind=str(values["kind"]),
            record=tuple(record),
            base=dict(values.get("base", {})),
            axes=tuple(axes),
            seeds=_seeds(values.get("seeds", 1)),
            about=str(values.get("about", "")),
            picture=dict(values.get("picture", {})),
            folder=folder,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`. Raises ValueError."""
        try:
            said = {name: values[name] for name in _said(cls)}
            axes = tuple(Axis(n, tuple(names), tuple(map(tuple, points))) for n, names, points in said["axes"])
            return cls(**said | {"record": tuple(said["record"]), "axes": axes, "seeds": tuple(said["seeds"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the description of a sweep: {error}") from None


def _said(kind: type[Sweep]) -> list[str]:
    """The fields that are the description."""
    return [each.name for each in fields(kind) if each.compare]


def shipped() -> dict[str, str]:
    """Descriptions of the sweeps that come with the package, by name."""
    folder = resources.files("ufm.sweep") / "shipped"
    return {Path(f.name).stem: f.read_text(encoding="utf-8") for f in sorted(folder.iterdir(), key=lambda f: f.name)}


def read(name: str) -> Sweep:
    """The sweep of a file, or a shipped one. Raises ValueError, OSError."""
    path, known = Path(name), shipped()
    if path.suffix != ".toml" and not path.exists():
        require_known(name, known, f"sweep {name!r} is neither a .toml file nor one that is shipped")
        return Sweep.from_toml(known[name])
    text = read_text(path)
    try:
        return Sweep.from_toml(text, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def label(values: Mapping[str, Any]) -> str:
    """A cell in words: "f=5, theta=0.2, seed=0"."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _points(name: str, said: Any) -> Sequence[Any]:
    """The points of one axis."""
    if isinstance(said, list | tuple):
        return said
    spaces: dict[str, Any] = {"linspace": np.linspace, "logspace": np.geomspace}
    if not isinstance(said, Mapping) or len(said) != 1:
        raise ValueError(f"axis {name!r} is neither a list nor {{ linspace = [first, last, points] }}")
    ((space, numbers),) = said.items()
    require_known(space, spaces, f"{space!r} of axis {name!r} is unknown")
    if not isinstance(numbers, list | tuple) or len(numbers) != 3:
        raise ValueError(f"{space} of axis {name!r} is [first, last, points], not {numbers!r}")
    (points,) = integers(f"points of axis {name!r}:", numbers[2:])
    first, last = (real(f"{space} of axis {name!r}: end", number) for number in numbers[:2])
    if space == "logspace" and not (first > 0 and last > 0):
        raise ValueError(f"logspace of axis {name!r} needs positive ends")
    if points > MAX_CELLS:
        raise ValueError(f"axis {name!r} has {points} points, more than {MAX_CELLS}")
    return [float(f"{value:.12g}") for value in spaces[space](first, last, points)]


def _zipped(group: Any) -> Axis:
    if not isinstance(group, Mapping) or not isinstance(group.get("name"), str):
        raise ValueError("a [[zip]] needs a name, and the axes that move together")
    columns = {name: _points(name, said) for name, said in group.items() if name != "name"}
    lengths = {name: len(points) for name, points in columns.items()}
    if not columns or len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(
            f"axes of zip {group['name']!r} must have as many points as each other: {said or 'none given'}"
        )
    return Axis(group["name"], tuple(columns), tuple(zip(*columns.values(), strict=True)))


def _seeds(said: Any) -> tuple[int, ...]:
    if isinstance(said, list | tuple):
        if not all(isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63 for seed in said):
            raise ValueError(f"seeds={said!r} must be integers in [0, 2**63)")
        return tuple(said)
    (count,) = integers("seeds", [said])
    if count > MAX_CELLS:
        raise ValueError(f"seeds={count} is more than {MAX_CELLS}")
    return tuple(range(count))
