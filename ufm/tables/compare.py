"""Trainings compared: row against row, all rows over columns, theory with results; texts are tables of pandas."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from ufm.certify.predictors import correlations_of
from ufm.certify.training import refuted
from ufm.files.text import require_known
from ufm.tables.orders import orders
from ufm.tables.results import Result
from ufm.tables.tables import Difference, Entry, entries, labels
from ufm.tables.writers import arranged


def differences(found: Sequence[Entry], row: str) -> list[Difference]:
    """Every other cell minus that of ``row`` in its column. Raises ValueError for an unknown row."""
    rows = list(dict.fromkeys(entry.row for entry in found))
    require_known(row, rows, f"against={row!r} is no row of this table", n=3)
    made = []
    for column in dict.fromkeys(entry.column for entry in found):
        inside = {entry.row: entry for entry in found if entry.column == column}
        base = inside.pop(row, None)
        if base is not None:
            pairs = [_paired(entry, base) for entry in inside.values()]
            adjusted = _holm(pd.Series([each.p for each in pairs], dtype=float))
            made += [replace(each, p=float(p)) for each, p in zip(pairs, adjusted, strict=True)]
    return made


def _paired(entry: Entry, base: Entry) -> Difference:
    seeds = sorted(entry.values.keys() & base.values.keys())
    ours, theirs = (np.array([each.values[seed] for seed in seeds]) for each in (entry, base))
    gaps = ours - theirs
    mean = float(gaps.mean()) if seeds else float("nan")
    p = float("nan")
    if len(seeds) > 1:  # equal gaps leave nothing to test against
        p = float(stats.ttest_rel(ours, theirs).pvalue) if np.ptp(gaps) > 0 else float(mean == 0)
    return Difference(entry.row, entry.column, mean, len(seeds), entry.wanted, p, entry.status)


def _holm(p: pd.Series) -> pd.Series:
    """p-values of Holm's step-down procedure; NaN stays, and counts for nothing."""
    ordered = p.dropna().sort_values()
    return (ordered * np.arange(len(ordered), 0, -1)).clip(upper=1.0).cummax().reindex(p.index)


def ranks(found: Sequence[Entry]) -> tuple[pd.DataFrame, str]:
    """Rows by their mean rank (1 is best) over columns, as Demsar (2006) compares classifiers.

    Only columns in which all rows have results count, and only seeds that all of these have. Rows whose results are the
    same everywhere are one. Equal accuracies share a rank.

    Returns
    -------
    Texts; and what was compared, with the p-value of Friedman's test that rows do not differ.

    Raises
    ------
    ValueError : fewer than three different rows or two columns with results, or no seed that all of them have.
    """
    accuracy, seeds = _comparable(found)
    alike: dict[tuple[float, ...], list[str]] = {}
    for row, *values in accuracy.itertuples(name=None):
        alike.setdefault(tuple(values), []).append(row)
    columns = list(accuracy)
    if len(alike) < 3 or len(columns) < 2:
        raise ValueError(f"ranks need three different rows in two columns with results: {len(alike)} in {len(columns)}")
    accuracy = pd.DataFrame([*alike], index=[", ".join(rows) for rows in alike.values()]).rename_axis("")
    rank = accuracy.rank(ascending=False)
    numbers = {
        "mean rank": rank.mean(axis=1),
        "best rank": rank.min(axis=1),
        "worst rank": rank.max(axis=1),
        "mean accuracy, %": 100 * np.mean([*alike], axis=1),
    }
    p = stats.friedmanchisquare(*accuracy.to_numpy()).pvalue
    return pd.DataFrame(numbers).sort_values("mean rank", kind="stable").map("{:.1f}".format), (
        f"Seeds {', '.join(map(str, seeds))} of {len(columns)} columns: {'; '.join(columns)}. Friedman's test "
        f"that rows do not differ: p = {p:.2g}, too small where columns share images."
    )


def _comparable(found: Sequence[Entry]) -> tuple[pd.DataFrame, list[int]]:
    """Mean accuracies, rows by columns in which all rows have results, over the seeds that all of these have."""
    values = {(entry.row, entry.column, seed): each for entry in found for seed, each in entry.values.items()}
    runs = pd.DataFrame([*values], columns=["row", "column", "seed"]).assign(accuracy=[*values.values()])
    rows = runs.row.unique()
    known = runs.groupby("column", sort=False).row.nunique()
    columns = known.index[known == len(rows)]
    runs = runs[runs.column.isin(columns)]
    times = runs.seed.value_counts()
    seeds = sorted(times.index[times == len(rows) * len(columns)])
    if len(columns) and not seeds:
        raise ValueError("ranks need a seed that all cells have: `ufm table --run` runs what is missing")
    cells = runs.pivot(index=["row", "column"], columns="seed", values="accuracy")[seeds]
    return cells.mean(axis=1).unstack().reindex(index=rows, columns=columns), seeds


def correlations(names: Sequence[str], results: Sequence[Result]) -> pd.DataFrame:
    """Rank correlations of theory's numbers with accuracies over the cells of a table, as texts.

    Raises ValueError if fewer than three cells with a multi-center frame have results.
    """
    framed = [result for result in results if result["name"] in names and "f" in result["configuration"]]
    cells_with_results = list(dict.fromkeys(result["name"] for result in framed))
    means = {
        quantity: {entry.name: entry.mean for entry in entries(cells_with_results, framed, quantity)}
        for quantity in ("own", "rcr", "gcr", "rare")
    }
    texts = [(each.predictor, each.quantity, str(each)) for each in correlations_of(framed, means)]
    return arranged(texts, "rank correlation with accuracy")


def verdicts(names: Sequence[str], results: Sequence[Result]) -> pd.DataFrame:
    """How often predictions made before the trainings of a table held, by row, as texts."""
    found: dict[tuple[str, str], list[_Verdict]] = {}
    for result in results:
        if result["name"] in names:
            for check in (checks := result["checks"]):
                early = not check["holds"] and not refuted(check, checks)
                found.setdefault((check["name"], labels(result["name"])[0]), []).append((check["holds"], early))
    texts = [(name, row, _tally(each)) for (name, row), each in found.items()]
    rows = dict.fromkeys(labels(name)[0] for name in names)
    return arranged(texts, "prediction, held in trainings").reindex(columns=[*rows], fill_value="")


_Verdict = tuple[bool, bool]
"""Whether something held; and if not, whether that refutes nothing, since training had not converged."""


def _tally(found: Sequence[_Verdict]) -> str:
    """In how many it held, and how many of the others had not converged; the rest refutes it."""
    early = sum(not_converged for _, not_converged in found)
    return f"{sum(held for held, _ in found)} of {len(found)}" + (f", {early} not converged" if early else "")


LISTED = 40
"""Orders that are told one by one."""


def foretold(names: Sequence[str], results: Sequence[Result]) -> pd.DataFrame:
    """How often :mod:`ufm.tables.orders` came true, by column, as texts; of very many, by kind."""
    found: dict[tuple[str, str], list[_Verdict]] = {}
    made = orders(names, results)
    many = len({each.statement for each in made}) > LISTED
    for each in made:
        verdict = each.holds, each.early and not each.holds
        found.setdefault((each.kind if many else each.statement, each.column), []).append(verdict)
    texts = [(statement, column, _tally(each)) for (statement, column), each in found.items()]
    return arranged(texts, "order, held in trainings or pairs of them")
