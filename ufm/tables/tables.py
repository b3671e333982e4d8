"""Tables of trainings: which cells they have, and what is known of them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from ufm.certify.predictors import correlations_of
from ufm.files.text import nearest
from ufm.problems.sizes import rare_classes
from ufm.tables.results import Result
from ufm.train.presets import PRESETS, preset

TABLES = tuple(dict.fromkeys(name.partition("/")[0] for name in PRESETS if not name.startswith("figure")))
"""Names of the tables, which are the first parts of the names of their trainings."""

SWEEPS = ("table6", "angles")
"""Tables over f and theta rather than over methods and data."""

QUANTITIES = ("own", "rcr", "gcr", "nearest", "best", "rare", "many", "medium", "few")
"""Test accuracies: by a rule at the last epoch; by the own rule at the best epoch; by the own rule of some classes."""


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
    def mean(self) -> float:
        """Mean over seeds; NaN if none ran."""
        return float(np.mean(list(self.values.values()))) if self.values else float("nan")

    @property
    def std(self) -> float:
        """Sample standard deviation over seeds; NaN for fewer than two."""
        return float(np.std(list(self.values.values()), ddof=1)) if len(self.values) > 1 else float("nan")

    @property
    def status(self) -> str:
        """done, partly, not run, undefined, or failed with the reason."""
        if self.failure is not None:
            return f"failed: {self.failure}"
        if not self.defined:
            return "undefined"
        if not self.values:
            return "not run"
        return "done" if len(self.values) >= self.wanted else "partly"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "row": self.row,
            "column": self.column,
            "name": self.name,
            "mean": self.mean,
            "std": self.std,
            "seeds": len(self.values),
            "wanted": self.wanted,
            "status": self.status,
        }

    def __str__(self) -> str:
        """Per cent, mean and standard deviation; seeds done of those wanted unless all are."""
        if not self.values:
            return "failed" if self.failure is not None else "not run" if self.defined else "n/a"
        spread = f" ± {100 * self.std:.1f}" if len(self.values) > 1 else ""
        seeds = "" if len(self.values) >= self.wanted else f" ({len(self.values)}/{self.wanted})"
        return f"{100 * self.mean:.1f}{spread}{seeds}{' !' if self.failure is not None else ''}"


def table_name(said: str) -> str:
    """The table of that name, or of that number in the paper. Raises ValueError for an unknown one."""
    name = f"table{said}" if said.isdecimal() else said
    if name not in TABLES:
        raise ValueError(f"table {said!r} is unknown{nearest(name, TABLES)}")
    return name


def labels(name: str) -> tuple[str, str]:
    """Row and column of a named training."""
    config = preset(name)
    mixed = " + Mixup" if config.mixup else ""
    cropped = "" if config.augmentation is None else f", {config.augmentation}"
    if name.partition("/")[0] in SWEEPS:
        return f"f = {config.f}", f"theta = {config.theta:g}"
    return f"{config.network} {config.method}{mixed}{cropped}", f"{config.dataset}, tau {config.tau:g}"


def entries(
    names: Sequence[str],
    results: Sequence[Result],
    quantity: str = "own",
    wanted: int = 3,
    failures: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Cells with what ``results`` say of a quantity, one of QUANTITIES, and why cells failed, by name."""
    made = []
    for name in names:
        ours = {
            result["configuration"]["seed"]: _value(result, quantity) for result in results if result["name"] == name
        }
        values = {seed: value for seed, value in ours.items() if value is not None}
        failure = (failures or {}).get(name)
        made.append(Entry(*labels(name), name, values, wanted, failure, defined=bool(values) or not ours))
    return made


def _value(result: Mapping[str, Any], quantity: str) -> float | None:
    if quantity == "best":
        return result["best"]["accuracy"]
    if quantity == "rare":
        return float(np.mean(np.asarray(result["class_accuracy"]["own"])[rare_classes(result["class_sizes"])]))
    if quantity in ("many", "medium", "few"):
        return result["group_accuracy"][quantity]
    return result["accuracy"].get(quantity)


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
    p: float
    status: str
    """That of the row's own cell."""

    def __str__(self) -> str:
        """In percentage points."""
        if not self.seeds:
            return "failed" if self.status.startswith("failed") else "not run"
        return f"{100 * self.mean:+.1f}" + ("" if np.isnan(self.p) else f" (p = {self.p:.2g})")


def differences(found: Sequence[Entry], row: str) -> list[Difference]:
    """Every other cell minus that of ``row`` in its column. Raises ValueError for an unknown row."""
    rows = list(dict.fromkeys(entry.row for entry in found))
    if row not in rows:
        raise ValueError(f"against={row!r} is no row of this table{nearest(row, rows, n=3)}")
    made = []
    for column in dict.fromkeys(entry.column for entry in found):
        inside = [entry for entry in found if entry.column == column]
        base = next((entry for entry in inside if entry.row == row), None)
        if base is not None:
            made += _holm([_paired(entry, base) for entry in inside if entry is not base])
    return made


def _paired(entry: Entry, base: Entry) -> Difference:
    seeds = sorted(entry.values.keys() & base.values.keys())
    ours, theirs = (np.array([each.values[seed] for seed in seeds]) for each in (entry, base))
    gaps = ours - theirs
    mean = float(gaps.mean()) if seeds else float("nan")
    p = float("nan")
    if len(seeds) > 1:  # equal gaps leave nothing to test against
        p = float(stats.ttest_rel(ours, theirs).pvalue) if np.ptp(gaps) > 0 else float(mean == 0)
    return Difference(entry.row, entry.column, mean, len(seeds), p, entry.status)


def _holm(made: list[Difference]) -> list[Difference]:
    """The same with p-values of Holm's step-down procedure."""
    tested = sorted((d.p, i) for i, d in enumerate(made) if not np.isnan(d.p))
    largest, adjusted = 0.0, {}
    for rank, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[i] = largest
    return [replace(each, p=adjusted.get(i, each.p)) for i, each in enumerate(made)]


def ranks(found: Sequence[Entry]) -> tuple[list[list[str]], str]:
    """Rows by their mean rank (1 is best) over columns, as Demsar (2006) compares classifiers.

    Only columns in which all rows have results count, and only seeds that all of these have. Rows whose results are the
    same everywhere are one. Equal accuracies share a rank.

    Returns
    -------
    Texts, the first line a head; and what was compared, with the p-value of Friedman's test that rows do not differ.

    Raises
    ------
    ValueError : fewer than three different rows or two columns with results, or no seed that all of them have.
    """
    values = {(entry.row, entry.column): entry.values for entry in found if entry.values}
    rows = list(dict.fromkeys(row for row, _ in values))
    columns = [column for column in dict.fromkeys(c for _, c in values) if all((row, column) in values for row in rows)]
    seeds = set.intersection(*(set(values[row, column]) for row in rows for column in columns)) if columns else set()
    if columns and not seeds:
        raise ValueError("ranks need a seed that all cells have: `ufm table --run` runs what is missing")
    alike: dict[tuple[float, ...], list[str]] = {}  # rows by their accuracies
    for row in rows:
        accuracies = tuple(float(np.mean([values[row, column][s] for s in sorted(seeds)])) for column in columns)
        alike.setdefault(accuracies, []).append(row)
    if len(alike) < 3 or len(columns) < 2:
        raise ValueError(f"ranks need three different rows in two columns with results: {len(alike)} in {len(columns)}")
    accuracy, names = np.array(list(alike)).T, [", ".join(each) for each in alike.values()]
    rank = stats.rankdata(-accuracy, axis=1)
    lines = [["", "mean rank", "best rank", "worst rank", "mean accuracy, %"]]
    for row in np.argsort(rank.mean(axis=0), kind="stable"):
        numbers = (rank[:, row].mean(), rank[:, row].min(), rank[:, row].max(), 100 * accuracy[:, row].mean())
        lines.append([names[row], *(f"{number:.1f}" for number in numbers)])
    p = stats.friedmanchisquare(*accuracy.T).pvalue
    return lines, (
        f"Seeds {', '.join(map(str, sorted(seeds)))} of {len(columns)} columns: {'; '.join(columns)}. Friedman's test "
        f"that rows do not differ: p = {p:.2g}, too small where columns share images."
    )


def correlations(names: Sequence[str], results: Sequence[Result]) -> list[list[str]]:
    """Rank correlations of theory's numbers with accuracies over the cells of a table: texts, the first line a head.

    Raises ValueError if fewer than three cells with a multi-center frame have results.
    """
    framed = [result for result in results if result["name"] in names and "f" in result["configuration"]]
    cells_with_results = list(dict.fromkeys(result["name"] for result in framed))
    means = {
        quantity: {entry.name: entry.mean for entry in entries(cells_with_results, framed, quantity)}
        for quantity in ("own", "rcr", "gcr", "rare")
    }
    grid: dict[str, list[str]] = {}
    for each in correlations_of(framed, means):
        grid.setdefault(each.predictor, []).append(str(each))
    return [["rank correlation with accuracy", *means], *([name, *texts] for name, texts in grid.items())]


def verdicts(names: Sequence[str], results: Sequence[Result]) -> list[list[str]]:
    """How often predictions made before the trainings of a table held, by row: texts, the first line a head."""
    rows = list(dict.fromkeys(labels(name)[0] for name in names))
    held: dict[str, dict[str, list[bool]]] = {}
    for result in results:
        if result["name"] in names:
            for check in result["checks"]:
                by_row = held.setdefault(check["name"], {})
                by_row.setdefault(labels(result["name"])[0], []).append(check["holds"])
    lines = [["prediction, held in trainings", *rows]]
    for name, by_row in held.items():
        lines.append([name, *(f"{sum(by_row[row])} of {len(by_row[row])}" if row in by_row else "" for row in rows)])
    return lines


def markdown(found: Sequence[Entry | Difference], corner: str) -> str:
    """A table in markdown, rows and columns in the order in which they first occur."""
    return lined(_grid(found, corner))


def lined(texts: Sequence[Sequence[str]]) -> str:
    """Texts as a table in markdown, the first line its head."""
    head, *body = texts
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def latex(found: Sequence[Entry | Difference], corner: str) -> str:
    """A tabular of LaTeX, for the package booktabs."""
    head, *body = ([_escaped(text) for text in line] for line in _grid(found, corner))
    rows = [" & ".join(line) + r" \\" for line in (head, *body)]
    lines = [r"\begin{tabular}{l" + "c" * (len(head) - 1) + "}", r"\toprule", rows[0], r"\midrule", *rows[1:]]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def comma_separated(found: Sequence[Entry | Difference], corner: str) -> str:
    """CSV, one cell a line with full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, cell in enumerate(found):
        values = cell.to_dict() if isinstance(cell, Entry) else vars(cell)
        if number == 0:
            writer.writerow(values)
        writer.writerow(values.values())
    return text.getvalue().rstrip()


FORMATS = {"markdown": markdown, "latex": latex, "csv": comma_separated}


def _grid(found: Sequence[Entry | Difference], corner: str) -> list[list[str]]:
    """Texts of a table, the first line its head."""
    columns = list(dict.fromkeys(cell.column for cell in found))
    rows: dict[str, dict[str, str]] = {}
    for cell in found:
        rows.setdefault(cell.row, {})[cell.column] = str(cell)
    return [[corner, *columns], *([row, *(texts.get(column, "") for column in columns)] for row, texts in rows.items())]


def _escaped(text: str) -> str:
    for plain, written in (("%", r"\%"), ("_", r"\_"), ("±", r"$\pm$"), ("&", r"\&")):
        text = text.replace(plain, written)
    return text
