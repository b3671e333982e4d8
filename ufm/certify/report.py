"""Checks with their verdicts, as a table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.multicenter.geometry import Array
from ufm.files.face import Face, Shown
from ufm.files.store import to_json
from ufm.files.text import columns

if TYPE_CHECKING:
    import xarray

Relation = Literal["=", "<=", ">="]


def _excess(measured: Array, predicted: Array, relation: Relation) -> Array:
    """By how much a relation is missed: at most the tolerance where it holds, nan where a number is."""
    gap = np.subtract(measured, predicted, where=measured != predicted, out=np.zeros(np.shape(measured)))
    return {"=": np.abs(gap), "<=": gap, ">=": -gap}[relation]


@dataclass(frozen=True)
class Check:
    """One prediction held against one measurement.

    Attributes
    ----------
    name : what is compared; where a check covers many classes or times, the numbers are those of the worst one.
    source : where the prediction stands: in the paper, or in :mod:`theory`.
    predicted, measured, tolerance : numbers; the tolerance is absolute.
    holds : measured = predicted, or the other relation, within the tolerance, which is finite; what is predicted to be
        infinite must be so.
    relation : "=", "<=" or ">=", in which ``measured`` stands to ``predicted``.
    printed : what the paper's formula gives in place of ``predicted``, where the two differ.
    means : how the measured number was found, where that is not plain from the name.
    always : whether it speaks of every moment, so that a miss refutes it before the end has come too.
    """

    name: str
    source: str
    predicted: float
    measured: float
    tolerance: float
    holds: bool
    relation: Relation = "="
    printed: float | None = None
    means: str = ""
    always: bool = False

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
        relation: Relation = "=",
        printed: ArrayLike | None = None,
        means: str = "",
    ) -> "Check":
        """Compare arrays (broadcast) entry by entry and keep the entry that is worst in units of its tolerance.

        With ``printed``, and where all entries hold, the entry is kept that tells the two formulas apart best.
        """
        given = (predicted, measured, np.nan if printed is None else printed, absolute)
        arrays = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in given))
        p, m, paper, floor = (array.ravel() for array in arrays)
        tolerance = floor + relative * np.where(np.isfinite(p), np.abs(p), 0.0)
        missed = _excess(m, p, relation)
        holds = bool(np.all((missed <= tolerance) & np.isfinite(tolerance)))
        if holds and printed is not None:
            kept = int(np.argmax(np.abs(m - paper)))
        else:
            with np.errstate(over="ignore"):  # where nothing is allowed, anything is infinitely much
                excess = missed / np.maximum(tolerance, np.finfo(float).tiny)
            kept = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
        shown = None if printed is None else float(paper[kept])
        return cls(name, source, float(p[kept]), float(m[kept]), float(tolerance[kept]), holds, relation, shown, means)

    @property
    def refutes(self) -> bool:
        """Whether what the paper prints disagrees with what was measured."""
        if self.printed is None:
            return False
        missed = _excess(np.asarray(self.measured), np.asarray(self.printed), self.relation)
        return not bool(missed <= self.tolerance)


SHOWN = ("name", "source", "predicted", "measured", "tolerance", "holds")
"""What a report says of each check."""


@dataclass(frozen=True, repr=False)
class Report(Face):
    """All checks of one trajectory or solution.

    Attributes
    ----------
    title : what was certified.
    checks : in the order in which they are printed.
    notes : what could not be checked, and why.
    early : why what does not hold is not refuted: what was measured has not come to its end.
    """

    title: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = field(default=())
    early: str = ""

    @property
    def holds(self) -> bool:
        """Whether every check holds (and there is at least one)."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def tally(self) -> str:
        """How many checks hold, and whether that is all that can be said."""
        held = sum(check.holds for check in self.checks)
        so_far = " so far: training has not converged" if self.early else ""
        return f"{held} of {len(self.checks)} predictions hold{so_far}"

    def shown(self) -> Shown:
        """The tally, and a row for each check."""
        return Shown(f"{self.title}: {self.tally}", self._rows())

    @property
    def data(self) -> "xarray.Dataset":
        """The checks as an xarray Dataset along ``check``; an infinite or missing number is what it is."""
        import xarray

        columns = {name: ("check", [getattr(each, name) for each in self.checks]) for name in SHOWN if name != "name"}
        return xarray.Dataset(columns, {"check": [each.name for each in self.checks]}, {"title": self.title})

    def to_dict(self) -> dict[str, Any]:
        """holds, checks, notes; not_converged where so: why, and true for checks that miss and refute nothing."""
        return {
            "title": self.title,
            "holds": self.holds,
            "checks": [
                {name: getattr(check, name) for name in SHOWN}
                | ({"not_converged": True} if self._excused(check) else {})
                for check in self.checks
            ],
            "notes": list(self.notes),
            **({"not_converged": self.early} if self.early else {}),
        }

    def to_json(self) -> str:
        """One JSON object."""
        return to_json(self.to_dict())

    def _excused(self, check: Check) -> bool:
        """Whether it misses and refutes nothing."""
        return bool(self.early) and not check.always and not check.holds

    def _rows(self) -> list[tuple[str, ...]]:
        """Cells of a table, heads first."""
        rows: list[tuple[str, ...]] = [("", "check", "predicted", "measured", "tolerance", "source")]
        for c in self.checks:
            numbers = (f"{value:.6g}" for value in (c.predicted, c.measured))
            name = f"{c.name}, {c.means}" if c.means else c.name
            mark = "--" if self._excused(c) else "ok" if c.holds else "NO"
            rows.append((mark, name, *numbers, f"{c.tolerance:.1e}", c.source))
        return rows

    def __str__(self) -> str:
        """A table."""
        lines = [self.title, *columns(self._rows()), *(f"    not checked: {note}" for note in self.notes)]
        return "\n".join(lines + [f"--  not converged, which refutes nothing: {self.early}"] * bool(self.early))


def combine(title: str, reports: Sequence[Report]) -> Report:
    """One report of many; the names of checks and notes say where they come from."""
    checks = [
        replace(check, name=f"{r.title}: {check.name}", always=check.always or not r.early)
        for r in reports
        for check in r.checks
    ]
    notes = tuple(f"{r.title}: {note}" for r in reports for note in r.notes)
    early = "; ".join(f"{r.title}: {r.early}" for r in reports if r.early)
    return Report(title, tuple(checks), notes, early)
