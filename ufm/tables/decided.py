"""What ``ufm decide --json`` kept of many trainings, by kind of training and over seeds."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ufm.certify.finding import NAMES, PREMISES
from ufm.files.text import json_object, read_text
from ufm.tables import results
from ufm.tables.writers import markdown

Kept = Mapping[str, Any]
"""Of one training: :meth:`ufm.certify.finding.Finding.to_dict`."""

SEED = re.compile(r", seed \d+")

RULES = ("rcr", "nearest", "lent", "gcr")
"""Whose accuracy on features as they are is shown; on adjusted features that of the nearest mean center is."""


def read(place: str) -> list[Kept]:
    """What a file keeps, or the committed one of that name. Raises OSError, ValueError."""
    path = Path(place) if Path(place).suffix else results.place(place)
    text = read_text(path)
    try:
        kept = json_object("what it keeps", text).get("decisions")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not kept or not isinstance(kept, list) or not all(isinstance(each, dict) for each in kept):
        raise ValueError(f"{path} keeps no decisions: ufm decide RUN... --json > FILE writes them")
    return kept


def kinds(decisions: Iterable[Kept]) -> dict[str, list[Kept]]:
    """Those that differ in their seed alone, by their method and what most kinds do not share.

    Where that leaves two with one name, by all that is not the same in all kinds.
    """
    titles: dict[tuple[str, ...], list[Kept]] = {}
    for each in decisions:
        method, _, rest = SEED.sub("", each["title"]).partition(" on ")
        titles.setdefault((method, *rest.split(", ")), []).append(each)
    how_many = Counter(part for title in titles for part in title[1:])
    for least in (len(titles) // 2 + 1, len(titles)):
        usual = {part for part, count in how_many.items() if count >= least > 1}
        named = {", ".join([t[0], *(part for part in t[1:] if part not in usual)]): k for t, k in titles.items()}
        if len(named) == len(titles):
            break
    return named


def _mean(values: Iterable[Sequence[float]]) -> str:
    every, rare = 100.0 * np.mean(list(values), axis=0)
    return f"{every:.1f} ({rare:.1f})"


def accuracies(decisions: Sequence[Kept]) -> pd.DataFrame:
    """Test accuracy by rule, in %, the rare third of the classes in brackets: means over seeds, by kind."""
    rows = {}
    for kind, kept in kinds(decisions).items():
        tables = [each["tables"] for each in kept]
        row = {"seeds": f"{len(kept)}"}
        if all("own" in t for t in tables):  # files of features may come without it
            row["own rule"] = _mean(t["own"] for t in tables)
        plain, *adjusted = tables[0]["accuracy"]
        row |= {NAMES[rule]: _mean(t["accuracy"][plain][rule] for t in tables) for rule in RULES}
        row |= {f"nearest, {how}": _mean(t["accuracy"][how]["nearest"] for t in tables) for how in adjusted}
        rows[kind] = row
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("test accuracy, % (rare third)")


def estimates(decisions: Sequence[Kept]) -> pd.DataFrame:
    """Distance from collapse, norms and noises, in the mean over seeds and the frequent and the rare third."""
    rows = {}
    for kind, kept in kinds(decisions).items():
        nc = [each["tables"]["nc"] for each in kept]
        row = {"NC, worst class": f"{min(nc):.2g} to {max(nc):.2g}"}
        for split in ("train", "test"):
            r, sigma = (np.array([each["tables"][split][name] for each in kept]) for name in ("r", "sigma"))
            rare = kept[0]["tables"]["rare"]
            frequent = [k for k in range(r.shape[1]) if k not in rare][: len(rare)]
            for name, values in ((f"r, {split}", r), (f"r / sigma, {split}", r / sigma)):
                row[name] = ", ".join(f"{values[:, thirds].mean():.3g}" for thirds in (frequent, rare))
        rows[kind] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("frequent third, rare third")


def premises(decisions: Sequence[Kept]) -> pd.DataFrame:
    """Test accuracy, in %, and what it would be if features were normal, with less and less assumed; by kind, rule."""
    rows = {}
    for kind, kept in kinds(decisions).items():
        for rule in kept[0]["tables"]["premises"]:
            found = [each["tables"]["premises"][rule] for each in kept]
            rows[f"{kind}: {NAMES[rule]}"] = {
                name: f"{100.0 * np.mean([each[name] for each in found]):.1f}" for name in PREMISES
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("test accuracy, %")


def verdicts(decisions: Sequence[Kept]) -> pd.DataFrame:
    """By prediction: in how many trainings it held, was refuted, or says nothing yet, and how far off it was."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in decisions:
        for check in each["checks"]:
            found.setdefault(check["name"], []).append(check | {"early": bool(each.get("not_converged"))})
    rows = {}
    for name, checks in found.items():
        held = sum(check["holds"] for check in checks)
        open_ = sum(check["early"] and not check["holds"] for check in checks)
        off = [check["measured"] - check["predicted"] for check in checks]
        rows[name] = {
            "held": f"{held}",
            "refuted": f"{len(checks) - held - open_}",
            "not converged": f"{open_}",
            "measured minus predicted": f"{min(off):+.2g} to {max(off):+.2g}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(f"{len(decisions)} trainings")


SHOWN = {"accuracy": accuracies, "premises": premises, "estimates": estimates, "verdicts": verdicts}
"""What can be shown of kept decisions."""


def shown(place: str, what: str) -> str:
    """A table of what a file keeps (or the committed one of that name), in markdown. Raises OSError, ValueError."""
    try:
        return markdown(SHOWN[what](read(place)))
    except KeyError as lacks:
        raise ValueError(f"{place} was written when ufm decide did not know of {lacks}: run it again") from None
