"""Checks with their verdicts, as a table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ufm.files.store import to_json
from ufm.files.text import columns


@dataclass(frozen=True)
class Check:
    """One prediction held against one measurement.

    Attributes
    ----------
    name : what is compared; where a check covers many classes or times, the numbers are those of the worst one.
    source : where the prediction stands: in the paper, or in :mod:`theory`.
    predicted, measured, tolerance : numbers; the tolerance is absolute.
    holds : |measured - predicted| <= tolerance.
    """

    name: str
    source: str
    predicted: float
    measured: float
    tolerance: float
    holds: bool

    @classmethod
    def compare(
        cls,
        name: str,
        source: str,
        predicted: ArrayLike,
        measured: ArrayLike,
        *,
        absolute: ArrayLike = 0.0,
        relative: float = 0.0,
    ) -> "Check":
        """Compare arrays (broadcast) entry by entry and keep the entry that is worst in units of its tolerance."""
        arrays = (np.asarray(each, dtype=np.float64) for each in (predicted, measured, absolute))
        p, m, floor = (array.ravel() for array in np.broadcast_arrays(*arrays))
        tolerance = floor + relative * np.abs(p)
        excess = np.abs(m - p) / np.maximum(tolerance, np.finfo(float).tiny)
        worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
        holds = bool(np.all(np.abs(m - p) <= tolerance))
        return cls(name, source, float(p[worst]), float(m[worst]), float(tolerance[worst]), holds)


@dataclass(frozen=True)
class Report:
    """All checks of one trajectory or solution.

    Attributes
    ----------
    title : what was certified.
    checks : in the order in which they are printed.
    notes : what could not be checked, and why.
    """

    title: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether every check holds (and there is at least one)."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """holds, checks, notes."""
        return {
            "title": self.title,
            "holds": self.holds,
            "checks": [asdict(check) for check in self.checks],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """One JSON object."""
        return to_json(self.to_dict())

    def __str__(self) -> str:
        """A table."""
        rows: list[tuple[str, ...]] = [("", "check", "predicted", "measured", "tolerance", "source")]
        for c in self.checks:
            numbers = (f"{value:.6g}" for value in (c.predicted, c.measured))
            rows.append(("ok" if c.holds else "NO", c.name, *numbers, f"{c.tolerance:.1e}", c.source))
        return "\n".join([self.title, *columns(rows), *(f"    not checked: {note}" for note in self.notes)])


def combine(title: str, reports: Sequence[Report]) -> Report:
    """One report of many; the names of checks and notes say where they come from."""
    checks = [
        Check(f"{r.title}: {c.name}", c.source, c.predicted, c.measured, c.tolerance, c.holds)
        for r in reports
        for c in r.checks
    ]
    return Report(title, tuple(checks), tuple(f"{r.title}: {note}" for r in reports for note in r.notes))
