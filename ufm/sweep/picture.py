"""Which quantity of a sweep is drawn over which axes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from ufm.files.text import suggestion
from ufm.sweep.description import Axis, Sweep

WANTED = {"scatter": "true or false", "select": "a table"}


class Nothing(ValueError):
    """There is nothing to draw; whatever was asked for made sense."""


@dataclass(frozen=True)
class Picture:
    """What :func:`figures.sweep.sweep_figure` is asked for; what is left out ("") is chosen by :meth:`complete`.

    Raises
    ------
    ValueError : from :meth:`complete`, for names that the sweep does not have or that are used twice.
    """

    quantity: str = ""
    """What is drawn (the first that is recorded)."""
    x: str = ""
    """Axis from left to right ("time" for curves, else the first axis with several points, or "class")."""
    y: str = ""
    """Axis from bottom to top: a map, with the quantity as colour."""
    lines: str = ""
    """Axis that has a line per point (the classes, or the second axis with several points)."""
    panels: str = ""
    """Axis that has a panel per point."""
    against: str = ""
    """Another quantity: dashed beside lines, as contours on a map, with ``scatter`` on the horizontal axis."""
    scatter: bool = False
    """One point per cell, ``quantity`` over ``against``, with the line where both are equal."""
    select: Mapping[str, Any] = field(default_factory=dict)
    """Points of other axes, by value ("class": by number, -1 is the last). Left out: the middle one; of the classes the
    last. Over seeds it is the mean, with a band from smallest to largest."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From the table [picture] of a description. Raises ValueError for unknown keys."""
        known = [each.name for each in fields(cls)]
        for key, value in values.items():
            if key not in known:
                raise ValueError(f"unknown key {key!r} of [picture]{suggestion(key, known)}")
            fitting = {"scatter": bool, "select": Mapping}.get(key, str)
            if not isinstance(value, fitting):
                raise ValueError(f"{key}={value!r} of [picture] is not {WANTED.get(key, 'a name')}")
        return cls(**values)

    def complete(self, sweep: Sweep) -> "Picture":
        """The same with nothing left out but ``y``, ``panels`` and ``against``."""
        quantity = self.quantity or sweep.record[0]
        for name in (quantity, self.against):
            if name and name not in sweep.record:
                raise ValueError(f"quantity {name!r} is not recorded{suggestion(name, sweep.record, n=3)}")
        inner = sweep.does.quantities[quantity].dims
        self._check_kind(quantity, curve="time" in inner)
        dims = [axis.name for axis in sweep.axes] + (["class"] if "class" in inner else [])
        named = self._named(quantity, dims)
        others = [name for name in dims if name not in named]
        several = [axis.name for axis in sweep.axes if len(axis.values) > 1 and axis.name in others]
        x = self.x or ("time" if "time" in inner else "")
        if not x and not self.scatter:
            if not others:
                raise Nothing(f"{quantity} has one number per seed: there is no axis to draw it over")
            x = (several or others)[0]
        lines = self.lines
        if not lines and not self.y:
            lines = next((name for name in ("class", *several) if name in others and name != x), "")
        return replace(self, quantity=quantity, x=x, lines=lines)

    def _check_kind(self, quantity: str, *, curve: bool) -> None:
        """Refuse what cannot be on the axes of such a picture: a curve, a scatter plot, or neither."""
        if "time" in (quantity, self.against):
            raise ValueError("time is an axis of curves, not a quantity to draw")
        if curve and (self.scatter or self.y or self.x not in ("", "time")):
            raise ValueError(f"{quantity} is a curve: it is drawn over time")
        if self.scatter and (not self.against or self.x or self.y):
            raise ValueError("scatter has a quantity on its horizontal axis, against, and neither x nor y")

    def _named(self, quantity: str, dims: list[str]) -> list[str]:
        """Axes that are asked for, each of which the quantity has, and once."""
        named = [name for name in (self.x, self.y, self.lines, self.panels, *self.select) if name]
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
    over = ", ".join([*axes, f"{len(sweep.seeds)} seeds"])
    cells = f"{sweep.n_cells} cells of kind {sweep.kind}, over {over}; {base}."
    recorded = "\n".join(f"- {name}: {sweep.does.quantities[name].about}" for name in sweep.record)
    return "\n\n".join(filter(None, [sweep.about, cells, recorded])) + "\n"


def _ends(axis: Axis) -> str:
    points = [point[0] if len(point) == 1 else list(point) for point in axis.values]
    return ", ".join(map(str, points)) if len(points) <= 6 else f"{len(points)} points from {points[0]} to {points[-1]}"
