"""Tables of trainings: which cells they have, and what is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ufm.problem import nearest
from ufm.sizes import rare_classes
from ufm.train.presets import PRESETS, preset
from ufm.train.results import Result

TABLES = tuple(dict.fromkeys(name.partition("/")[0] for name in PRESETS if not name.startswith("figure")))
"""Names of the tables, which are the first parts of the names of their trainings."""


@dataclass(frozen=True)
class Entry:
    """A cell of a table: where it stands, and accuracies over seeds."""

    row: str
    column: str
    name: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN if none ran."""
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def std(self) -> float:
        """Sample standard deviation over seeds; NaN for fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        status = "done" if self.values else "not run"
        return {
            "row": self.row,
            "column": self.column,
            "name": self.name,
            "mean": self.mean,
            "std": self.std,
            "seeds": len(self.values),
            "status": status,
        }

    def __str__(self) -> str:
        """Per cent, mean and standard deviation, with the number of seeds."""
        if not self.values:
            return "not run"
        spread = f" ± {100 * self.std:.1f}" if len(self.values) > 1 else ""
        return f"{100 * self.mean:.1f}{spread} ({len(self.values)})"


def cells(table: str) -> list[str]:
    """Names of the trainings of a table. Raises ValueError for an unknown one."""
    if table not in TABLES:
        raise ValueError(f"table {table!r} is unknown{nearest(table, TABLES)}")
    return [name for name in PRESETS if name.startswith(f"{table}/")]


QUANTITIES = ("own", "rcr", "gcr", "nearest", "best", "rare")
"""Test accuracies: by a rule at the last epoch; by the own rule at the best epoch; that of the rarest third."""


def entries(table: str, results: Sequence[Result], quantity: str = "own") -> list[Entry]:
    """All cells of a table with what ``results`` say of a quantity (one of QUANTITIES; else ValueError)."""
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity {quantity!r} is unknown{nearest(quantity, QUANTITIES)}")
    found = []
    for name in cells(table):
        values = [_value(result, quantity) for result in results if result["name"] == name]
        found.append(Entry(*labels(name), name, tuple(v for v in values if v is not None)))
    return found


def _value(result: Mapping[str, Any], quantity: str) -> float | None:
    if quantity == "best":
        return result["best"]["accuracy"]
    if quantity == "rare":
        return float(np.mean(np.asarray(result["class_accuracy"]["own"])[rare_classes(result["class_sizes"])]))
    return result["accuracy"].get(quantity)


def labels(name: str) -> tuple[str, str]:
    """Row and column of a named training."""
    config = preset(name)
    mixed = " + Mixup" if config.mixup else ""
    usual = (config.f, config.theta) in ((None, None), (20, 0.2))
    varied = "" if usual else f", f={config.f}, theta={config.theta:g}"
    return f"{config.network} {config.method}{mixed}{varied}", f"{config.dataset}, tau {config.tau:g}"


def markdown(found: Sequence[Entry], corner: str = "") -> str:
    """A table in markdown, rows and columns in the order in which they first occur."""
    columns = list(dict.fromkeys(entry.column for entry in found))
    grid: dict[str, dict[str, Entry]] = {}
    for entry in found:
        grid.setdefault(entry.row, {})[entry.column] = entry
    lines = [f"| {corner} | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
    for row, entries_of_row in grid.items():
        texts = [str(entries_of_row[column]) if column in entries_of_row else "" for column in columns]
        lines.append(f"| {row} | {' | '.join(texts)} |")
    return "\n".join(lines)
