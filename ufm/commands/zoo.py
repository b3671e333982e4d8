"""``ufm zoo``: theorems on where training ends, each held against minimisers that know none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tyro

from ufm.certify import zoo
from ufm.certify.ledger.render import derivation
from ufm.certify.report import Report
from ufm.files import store
from ufm.files.bars import tqdm
from ufm.files.process import FAILS, OK, interactive, unicode
from ufm.files.text import columns


@dataclass
class Command:
    """List theorems of the field, show one, or compute all cases again.

    They are those on unconstrained-feature models.

    Example: ufm zoo

    Example: ufm zoo ce-balanced

    Example: ufm zoo --check --json

    Verdicts: holds, as published; corrected; new, if at least a part of it is derived here, and then the source says
    which. A theorem is reproduced if all of its cases hold, on both sides of every threshold, with a closed gap, and
    the case that breaks one of its hypotheses does not. Status 1 if one is not.
    """

    group = "Theorems"

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Theorems; all of them if left out."""
    check: bool = False
    """Minimise every case and hold it against the theorem."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, show or check."""
        entries = [zoo.find(name) for name in self.names] or list(zoo.zoo().values())
        if not (self.check or self.names):
            return self._list(entries)
        examined = [zoo.examine(entry) for entry in tqdm(entries, "theorems", leave=False, disable=not interactive())]
        if self.json:
            print(store.to_json({"theorems": [_plain(each) for each in examined]}))
        else:
            print("\n\n".join(_shown(each, whole=not self.check) for each in examined))
        return OK if all(each.reproduced for each in examined) else FAILS

    def _list(self, entries: list[zoo.Entry]) -> int:
        if self.json:
            about = [{"id": e.name, "source": e.theorem.source, "verdict": e.theorem.verdict} for e in entries]
            print(store.to_json({"theorems": about}))
        else:
            rows = [("theorem", "row", "verdict", "statement, and its source")]
            for e in entries:
                rows += [(e.name, e.theorem.row, e.theorem.verdict, e.statement), ("", "", "", f"  {e.theorem.source}")]
            print("\n".join(columns(rows)))
        return OK


def _plain(examined: zoo.Examined) -> dict[str, Any]:
    theorem = examined.entry.theorem
    return {
        "id": examined.entry.name,
        "source": theorem.source,
        "verdict": theorem.verdict,
        "reproduced": examined.reproduced,
        "cases": {name: report.holds for name, report in examined.reports.items()},
        "broken": examined.broken.holds,
        "gap": examined.gap,
    }


def _shown(examined: zoo.Examined, *, whole: bool) -> str:
    from theory.derivations import derive

    entry, theorem = examined.entry, examined.entry.theorem
    verdict = "reproduced" if examined.reproduced else "NOT reproduced"
    proved = "no lower bound" if np.isnan(examined.gap) else f"largest gap {examined.gap:.1e}"
    lines = [f"{entry.name} ({theorem.source}): {verdict}, {len(examined.reports)} cases, {proved}"]
    if whole:
        lines += ["", entry.statement, f"Holds for: {theorem.hypotheses}", " ".join(theorem.latex.split())]
        for name in theorem.derivations:
            lines += ["", *derivation(derive(name), unicode=unicode())]
        for name, report in examined.reports.items():
            lines += ["", _with_model(report, entry.module.CASES[name])]
        lines += ["", "A case that breaks a hypothesis, of which it must not hold:"]
        lines += [_with_model(examined.broken, entry.module.BROKEN)]
    else:
        lines += [str(report) for report in examined.reports.values() if not report.holds]
    return "\n".join(lines)


LONGEST = 12
"""At most so many numbers are said one by one."""


def _with_model(report: Report, given: Mapping[str, Any]) -> str:
    """A report, and on its first line what the case says of its model."""
    title, _, checks = str(report).partition("\n")
    return f"{title}: {', '.join(f'{name} = {_short(value)}' for name, value in given.items())}\n{checks}"


def _short(value: Any) -> str:
    """A number or a few, of many the first and the last; of a matrix its shape."""
    if np.ndim(value) > 1:
        return " x ".join(map(str, np.shape(value)))
    if np.ndim(value) == 1:
        words = [_short(each) for each in value]
        return ",".join(words) if len(words) <= LONGEST else f"{words[0]} ... {words[-1]} ({len(words)} of them)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
