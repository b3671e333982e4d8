"""Tables of trainings: which cells they have, and what is known of each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from ufm.certify.training import TRAINED
from ufm.files.text import require_known
from ufm.problems.sizes import rare_classes
from ufm.tables.results import Result
from ufm.train.config import Config
from ufm.train.presets import PRESETS, preset

TABLES = tuple(dict.fromkeys(name.partition("/")[0] for name in PRESETS if not name.startswith("figure")))
"""Names of the tables, which are the first parts of the names of their trainings."""

SWEEPS = ("table6", "angles")
"""Tables over f and theta rather than over methods and data."""

Quantity = Literal["own", "rcr", "gcr", "nearest", "best", "rare", "many", "medium", "few", "training"]
"""Test accuracies: by a rule at the last epoch; by the own rule at the best epoch; by the own rule of some classes. And
the accuracy on training images: whether a training went to its end."""


@dataclass(frozen=True)
class Entry:
    """A cell of a table: where it stands, its accuracy by seed, how many seeds are wanted, why any of them failed."""

    row: str
    column: str
    name: str
    values: Mapping[int, float]
    wanted: int
    failure: str | None = None
    defined: bool = True
    """Whether the quantity has a meaning for the method: CE has no centers to decide by."""

    @property
    def seeds(self) -> int:
        """How many seeds ran."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN if none ran."""
        return float(np.mean([*self.values.values()])) if self.values else float("nan")

    @property
    def std(self) -> float:
        """Sample standard deviation over seeds; NaN for fewer than two."""
        return float(np.std([*self.values.values()], ddof=1)) if self.seeds > 1 else float("nan")

    @property
    def status(self) -> str:
        """done, partly, not run, undefined, or failed with the reason."""
        if self.failure is not None:
            return f"failed: {self.failure}"
        if not self.defined:
            return "undefined"
        if not self.values:
            return "not run"
        return "done" if self.seeds >= self.wanted else "partly"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        shown = ("row", "column", "name", "mean", "std", "seeds", "wanted", "status")
        return {name: getattr(self, name) for name in shown}

    def __str__(self) -> str:
        """Per cent, mean and standard deviation; seeds done of those wanted unless all are."""
        if not self.values:
            return "failed" if self.failure is not None else "not run" if self.defined else "n/a"
        spread = f" ± {100 * self.std:.1f}" if self.seeds > 1 else ""
        seeds = "" if self.seeds >= self.wanted else f" ({self.seeds}/{self.wanted})"
        return f"{100 * self.mean:.1f}{spread}{seeds}{' !' if self.failure is not None else ''}"


def table_name(text: str) -> str:
    """The table of that name, or of that number in the paper. Raises ValueError for an unknown one."""
    name = f"table{text}" if text.isdecimal() else text
    require_known(name, TABLES, f"table {text!r} is unknown")
    return name


def labels(name: str) -> tuple[str, str]:
    """Row and column of a named training."""
    config = preset(name)
    mixed = " + Mixup" if config.mixup else ""
    if name.partition("/")[0] in SWEEPS:
        return f"f = {config.f}", f"theta = {config.theta:g}"
    own = f", f {config.f}" if config.f not in (None, 20) else ""
    own += f", theta {config.theta:g}" if config.theta not in (None, 0.2) else ""
    own += ", margins" if config.centers == "margins" else ""
    own += ", free norms" if config.penalty == 0 else ""
    rate, scanned = f", lr {config.lr:g}" if "-lr" in name else "", name.startswith("scan/")
    if scanned:
        usual = Config(method=config.method)
        own += "".join(
            f", {field} {value if isinstance(value, str) else f'{value:g}'}"
            for field in ("warmup", "penalty", "normalise")
            if (value := getattr(config, field)) != getattr(usual, field)
        )
    row = f"{config.network} {config.method}{mixed}{config.cropped}{own}{'' if scanned else rate}"
    return row, f"{config.dataset}, tau {config.tau:g}{rate if scanned else ''}"


def entries(
    names: Sequence[str],
    results: Sequence[Result],
    quantity: str = "own",
    wanted: int = 3,
    failures: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Cells with what ``results`` say of a quantity, one of Quantity, and why cells failed, by name."""
    made = []
    for name in names:
        ours = {
            result["configuration"]["seed"]: _value(result, quantity) for result in results if result["name"] == name
        }
        values = {seed: value for seed, value in ours.items() if value is not None}
        failure = (failures or {}).get(name)
        made.append(Entry(*labels(name), name, values, wanted, failure, defined=bool(values) or not ours))
    return made


SHOWN = ("own", "rcr", "gcr", "nearest", "many", "medium", "few", "rare", "training")
"""Quantities that an overview has next to each other."""


def overview(
    names: Sequence[str], results: Sequence[Result], wanted: int = 3, failures: Mapping[str, str] | None = None
) -> list[Entry]:
    """The cells of every quantity that is shown, which has a column of its own beside each column of the table."""
    columns = list(dict.fromkeys(labels(name)[1] for name in names))
    several = len(columns) > 1
    found = [(quantity, entry) for quantity in SHOWN for entry in entries(names, results, quantity, wanted, failures)]
    found.sort(key=lambda each: columns.index(each[1].column))
    return [replace(entry, column=f"{entry.column}: " * several + quantity) for quantity, entry in found]


def _value(result: Mapping[str, Any], quantity: str) -> float | None:
    if quantity == "training":
        return result.get("training_accuracy", _of_checks(result))
    if quantity == "best":
        return result["best"]["accuracy"]
    if quantity == "rare":
        return float(np.mean(np.asarray(result["class_accuracy"]["own"])[rare_classes(result["class_sizes"])]))
    if quantity in ("many", "medium", "few"):
        return result["group_accuracy"][quantity]
    return result["accuracy"].get(quantity)


def _of_checks(result: Mapping[str, Any]) -> float | None:
    """Training accuracy in results from before it had a name of its own."""
    return next((check["measured"] for check in result["checks"] if check["name"] == TRAINED), None)


TO_THE_END = 0.99
"""Accuracy on training images, by the own rule, from which on a training counts as finished."""


def unfinished(names: Sequence[str], results: Sequence[Result]) -> list[str]:
    """Rows with a training that was not finished; where that is so in some columns only, in how many of them."""
    found: dict[str, list[bool]] = {}
    for entry in entries(names, results, "training"):
        if entry.values:
            found.setdefault(entry.row, []).append(min(entry.values.values()) < TO_THE_END)
    return [
        row if all(each) else f"{row} ({sum(each)} of {len(each)} columns)" for row, each in found.items() if any(each)
    ]


@dataclass(frozen=True)
class Difference:
    """A cell against another one of its column, over the seeds that both have.

    ``p`` is that of a two-sided paired t-test, multiplied as Holm has it for all rows of the column; NaN for fewer than
    two seeds.
    """

    row: str
    column: str
    mean: float
    seeds: int
    wanted: int
    p: float
    status: str
    """That of the row's own cell."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """In percentage points; seeds of those wanted unless all are there."""
        if not self.seeds:
            return "failed" if self.status.startswith("failed") else "not run"
        seeds = "" if self.seeds >= self.wanted else f" ({self.seeds}/{self.wanted})"
        return f"{100 * self.mean:+.1f}{seeds}" + ("" if np.isnan(self.p) else f" (p = {self.p:.2g})")
