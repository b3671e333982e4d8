"""Who states a threshold shows both of its sides, just below and just above: found by asking predictions, not by lists.

A threshold is where what a theorem says changes in kind (which classes live or merge, whether anything is learned or is
a collapse, the rank) when one number of a case moves. A file that states none says nothing that so changes.
"""

from pathlib import Path

import numpy as np
import pytest

import theory.zoo
from theory.zoo import mse_imbalanced
from ufm.certify import zoo
from ufm.certify.phases import RANKED

ZOO = zoo.zoo()
BESIDE = 1.03
"""By what a number moves from one side of a threshold to the other, for a case that stands just beside it."""

FAR = np.geomspace(1e-3, 1e3, 9)
"""By what it moves to find thresholds that no case is near."""


def said(entry, fields):
    """What a theorem says in kind, by its name: booleans, and the rank; None where it does not speak."""
    try:
        model = entry.kind(**fields)
    except ValueError:
        return None
    if not entry.module.applies(model):
        return None
    found = {name: np.asarray(value) for name, value in entry.module.predict(model).items()}
    kinds = {name: tuple(value.ravel().tolist()) for name, value in found.items() if value.dtype == bool}
    if "logits" in found and found["logits"].ndim == 2:
        kinds["rank"] = int(np.linalg.matrix_rank(found["logits"], tol=RANKED))
    return kinds


def moved(value, factor):
    """A number, or several, times a factor; of class sizes the largest. None for what does not move."""
    if isinstance(value, float):
        return value * factor
    if isinstance(value, tuple) and all(isinstance(each, float) for each in value):
        return tuple(each * factor for each in value)
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return tuple(max(1, round(n * factor)) if n == max(value) else n for n in value)
    return None


def changes(entry, fields, factors):
    """What changes in kind, from what to what, when one number of a case moves: (name, before, after)."""
    here = said(entry, fields)
    for name, value in fields.items():
        for factor in factors if moved(value, factor=1.0) is not None else ():
            there = said(entry, {**fields, name: moved(value, factor)})
            if there is not None:
                yield from ((each, here.get(each), there.get(each)) for each in here | there)


def one_sided(entry):
    """What a theorem says that changes somewhere, without cases just below and just above a place where it does."""
    cases = entry.module.CASES.values()
    if not any(said(entry, case) for case in cases):  # motions, and what changes in no kind
        return set()
    thresholds = {name for case in cases for name, before, after in changes(entry, case, FAR) if before != after}
    beside = {each for case in cases for each in changes(entry, case, (1 / BESIDE, BESIDE)) if each[1] != each[2]}
    return thresholds - {name for name, before, after in beside if (name, after, before) in beside}


@pytest.mark.parametrize("name", ZOO)
def test_cases_are_on_both_sides_of_every_threshold(name):
    assert not one_sided(ZOO[name])


ONE_SIDE = """
CASES = {name: CASES[name] for name in ("alive", "smallest class just alive")}
"""
FAR_FROM_IT = """
CASES = {name: CASES[name] for name in ("alive", "all dead")}
"""
NO_THRESHOLD = """
whole = predict


def predict(model):
    return {"value": whole(model)["value"]}
"""


@pytest.mark.parametrize(
    ("more", "missed"), [(ONE_SIDE, {"alive", "rank"}), (FAR_FROM_IT, {"alive", "rank"}), (NO_THRESHOLD, set())]
)
def test_a_new_file_with_cases_on_one_side_is_seen(drop, more, missed):
    """A theorem that is there, again, with fewer cases, or without what changes at its threshold."""
    drop(theory.zoo, "one_more", Path(mse_imbalanced.__file__).read_text() + more)
    assert one_sided(zoo.find("one-more")) == missed
