"""What was found of a classifier's decisions: verdicts and tables, as text and as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ufm.certify.report import Report
from ufm.files.text import columns
from ufm.measure.adjusted import ADJUSTMENTS

NAMES = {
    "rcr": "RCR",
    "gcr": "GCR",
    "nearest": "nearest mean center",
    "skewed": "nearest, times cos rho",
    "lent": "nearest, times class-aware cos rho",
    "own": "own",
}
"""Rules as they are called in tables."""

PREMISES = ("measured", "one mean, one noise", "all means, one noise", "all means and covariances")
"""What accuracy is, and what it would be if features were normal around their mean center; around wherever their mean
is; and with the covariance that they have."""


@dataclass(frozen=True)
class Finding:
    """Verdicts, and the tables behind them as plain values."""

    report: Report
    tables: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The report's, and ``tables``."""
        return {**self.report.to_dict(), "tables": _rounded(dict(self.tables))}

    def __str__(self) -> str:
        """Report, decomposition, premises, estimates, radii, the effect of offsets, and these."""
        t = self.tables
        rows: list[tuple[str, ...]] = [("test accuracy, % (rare third)", *ADJUSTMENTS)]
        for rule in next(iter(t["accuracy"].values())):
            cells = (t["accuracy"][name][rule] for name in ADJUSTMENTS)
            rows.append((NAMES[rule], *(f"{100 * all_of:.1f} ({100 * rare:.1f})" for all_of, rare in cells)))
        if "own" in t:
            rows.append(("own rule", "{:.1f} ({:.1f})".format(*(100 * part for part in t["own"])), "", "", ""))
        classes: list[tuple[str, ...]] = [("class", "train r", "sigma", "anisotropy", "test r", "sigma", "anisotropy")]
        parts = [t[split][name] for split in ("train", "test") for name in ("r", "sigma", "anisotropy")]
        classes += [(f"{k}", *(f"{number:.3g}" for number in row)) for k, row in enumerate(zip(*parts, strict=True))]
        radii: list[tuple[str, ...]] = [("median radius", "train", "test", "at collapse")]
        radii += [(NAMES[rule], *(f"{value:.3f}" for value in row.values())) for rule, row in t["radius"].items()]
        premises: list[tuple[str, ...]] = [("test accuracy, %, of features that are normal with", *PREMISES)]
        premises += [
            (NAMES[rule], *(f"{100 * row[name]:.1f}" for name in PREMISES)) for rule, row in t["premises"].items()
        ]
        head = ("prior", "rule", "accuracy", "predicted", "with offsets", "predicted", "in hindsight")
        shifts: list[tuple[str, ...]] = [head]
        names = ("accuracy", "predicted", "offsets", "offsets_predicted", "hindsight")
        shifts += [
            (row["prior"], NAMES[row["rule"]], *(f"{100 * row[name]:.1f}" for name in names)) for row in t["shift"]
        ]
        added = [("class, added to scores", *(f"{NAMES[row['rule']]}, {row['prior']}" for row in t["shift"]))]
        added += [
            (f"{k}", *(f"{b:+.3g}" for b in each))
            for k, each in enumerate(zip(*(row["added"] for row in t["shift"]), strict=True))
        ]
        tables = (rows, premises, classes, radii, shifts, added)
        return "\n\n".join([str(self.report), *("\n".join(columns(each)) for each in tables)])


def _rounded(value: Any) -> Any:
    """Plain values with five digits: more are noise, and files stay small."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return _rounded(value.tolist())
    return float(f"{value:.5g}") if isinstance(value, float) else value
