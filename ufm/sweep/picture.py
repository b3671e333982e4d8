"""Which quantity of a sweep is drawn over which axes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from ufm.files.text import require_known, suggestion
from ufm.sweep.description import Axis, Sweep

WANTED = {"scatter": "true or false", "select": "a table"}


class Nothing(ValueError):
    """There is nothing to draw; whatever was asked for made sense."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A picture in which nothing is left to choose: see :class:`Picture`, whose words these are."""

    quantity: str
    against: str | None
    panels: str | None
    select: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lines(Plan):
    """Lines over ``x``."""

    x: str
    lines: str | None


@dataclass(frozen=True, kw_only=True)
class Map(Plan):
    """Colours over ``x`` and ``y``."""

    x: str
    y: str


@dataclass(frozen=True, kw_only=True)
class Scatter(Plan):
    """Points of two quantities."""

    against: str
    lines: str | None


@dataclass(frozen=True)
class Picture:
    """What :func:`figures.commands.sweep.sweep_figure` is asked for; what is left out is chosen by :meth:`complete`.

    Raises
    ------
    ValueError : from :meth:`complete`, for names that the sweep does not have or that are used twice.
    """

    quantity: str | None = None
    """What is drawn (the first that is recorded)."""
    x: str | None = None
    """Axis from left to right ("time" for curves, else the first axis with several points, or "class")."""
    y: str | None = None
    """Axis from bottom to top: a map, with the quantity as colour."""
    lines: str | None = None
    """Axis that has a line per point (the classes, or the second axis with several points)."""
    panels: str | None = None
    """Axis that has a panel per point."""
    against: str | None = None
    """Another quantity: dashed beside lines, as contours on a map, with ``scatter`` on the horizontal axis."""
    scatter: bool = False
    """One point per cell, ``quantity`` over ``against``, with the line where both are equal."""
    select: Mapping[str, Any] = field(default_factory=dict)
    """Points of other axes, by value ("class": by number, -1 is the last). Left out: the middle one; of the classes the
    last. Over seeds it is the mean, with a band from smallest to largest."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From the table [picture] of a description. Raises ValueError for unknown keys."""
        known = [field.name for field in fields(cls)]
        for key, value in values.items():
            require_known(key, known, f"unknown key {key!r} of [picture]")
            fitting = {"scatter": bool, "select": Mapping}.get(key, str)
            if not isinstance(value, fitting):
                raise ValueError(f"{key}={value!r} of [picture] is not {WANTED.get(key, 'a name')}")
        return cls(**values)

    def complete(self, sweep: Sweep) -> Plan:
        """The same with nothing left to choose: :class:`Lines`, a :class:`Map` or a :class:`Scatter`."""
        quantity = self.quantity or sweep.record[0]
        for name in (quantity, self.against):
            if name is not None and name not in sweep.record:
                raise ValueError(f"quantity {name!r} is not recorded{suggestion(name, sweep.record, n=3)}")
        inner = sweep.does.quantities[quantity].dims
        self._check_kind(quantity, curve="time" in inner)
        dims = [axis.name for axis in sweep.axes] + (["class"] if "class" in inner else [])
        named = self._named(quantity, dims)
        others = [name for name in dims if name not in named]
        several = [axis.name for axis in sweep.axes if len(axis.values) > 1 and axis.name in others]
        free = [*(["class"] if "class" in others else []), *several]
        common: dict[str, Any] = {"quantity": quantity, "panels": self.panels, "select": dict(self.select)}
        if self.scatter and self.against is not None:
            return Scatter(against=self.against, lines=self.lines or next(iter(free), None), **common)
        x = self.x or ("time" if "time" in inner else next(iter(several or others), None))
        if x is None:
            raise Nothing(f"{quantity} has one number per seed: there is no axis to draw it over")
        if self.y is not None:
            return Map(x=x, y=self.y, against=self.against, **common)
        lines = self.lines or next((name for name in free if name != x), None)
        return Lines(x=x, lines=lines, against=self.against, **common)

    def _check_kind(self, quantity: str, *, curve: bool) -> None:
        """Refuse what cannot be on the axes of such a picture: a curve, a scatter plot, or neither."""
        if "time" in (quantity, self.against):
            raise ValueError("time is an axis of curves, not a quantity to draw")
        if curve and (self.scatter or self.y is not None or self.x not in (None, "time")):
            raise ValueError(f"{quantity} is a curve: it is drawn over time")
        if self.scatter and (self.against is None or self.x is not None or self.y is not None):
            raise ValueError("scatter has a quantity on its horizontal axis, against, and neither x nor y")
        if self.y is not None and self.lines is not None:
            raise ValueError("a map, with an axis from bottom to top, has no lines")

    def _named(self, quantity: str, dims: list[str]) -> list[str]:
        """Axes that are asked for, each of which the quantity has, and once."""
        named = [name for name in (self.x, self.y, self.lines, self.panels, *self.select) if name is not None]
        for name in named:
            if name not in dims and (name, self.x) != ("time", "time"):
                raise ValueError(f"{quantity} has no axis {name!r} for this{suggestion(name, dims) if dims else ''}")
        if len(set(named)) < len(named):
            raise ValueError(f"every axis can be used once, not {', '.join(named)}")
        return named


def caption(sweep: Sweep) -> str:
    """What a picture of the sweep is of: its about, kind, values and axes, in markdown."""
    base = ", ".join(f"{name} = {value}" for name, value in sweep.base.items())
    axes = [f"{axis.name} ({_ends(axis)})" for axis in sweep.axes]
    parts = [
        sweep.about,
        f"{sweep.n_cells} cells of kind {sweep.kind}, over {', '.join([*axes, f'{len(sweep.seeds)} seeds'])}; {base}.",
    ]
    recorded = [f"- {name}: {sweep.does.quantities[name].about}" for name in sweep.record]
    return "\n\n".join([part for part in parts if part] + ["\n".join(recorded)]) + "\n"


def _ends(axis: Axis) -> str:
    points = [point[0] if len(point) == 1 else list(point) for point in axis.values]
    return ", ".join(map(str, points)) if len(points) <= 6 else f"{len(points)} points from {points[0]} to {points[-1]}"
