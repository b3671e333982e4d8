"""Phase diagrams of models without a frame held against the theorems of the zoo: which classes merge, which die."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufm.certify.report import Check
from ufm.certify.zoo import applying
from ufm.files.bars import tqdm
from ufm.minimize.layouts import layout_of
from ufm.minimize.phase import ModelDiagram
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array

UNDECIDED = 1e-4
"""Relative distance of the strength from a threshold within which what merges or dies is too small to tell."""

READ: Mapping[str, Any] = {
    "merged": lambda said: said.get("merged"),
    "alive": lambda said: said.get("alive"),
    "learns": lambda said: said.get("learns"),
    "rank": lambda said: said.get("rank"),
}
"""How a phase is read off a prediction; None where that does not say it."""

MEASURED: Mapping[str, Any] = {
    "merged": lambda diagram: diagram.merged,
    "alive": lambda diagram: diagram.alive,
    "learns": lambda diagram: diagram.rank > 0,
    "rank": lambda diagram: diagram.rank,
}

NAMES = {
    "merged": "classes that merge or not against theory",
    "alive": "classes that live or die against theory",
    "learns": "points where all is dead or not against theory",
    "rank": "ranks against theory",
}


class Saying(NamedTuple):
    """What a theorem speaks of."""

    name: str
    """A word of :data:`READ`."""
    source: str


def phases(model: FeatureModel) -> dict[Saying, NDArray[Any]]:
    """All that theorems say of which classes merge or die, and of the rank."""
    said: dict[Saying, NDArray[Any]] = {}
    for entry in applying(model):
        predicted = dict(entry.module.predict(model))
        if "logits" in predicted:
            predicted["rank"] = rank_of(predicted["logits"], layout_of(model).group)
        known = {name: read(predicted) for name, read in READ.items()}
        said |= {Saying(n, entry.theorem.source): np.asarray(value) for n, value in known.items() if value is not None}
    return said


RANKED = 1e-9
"""Singular values of logits from which they count."""


def rank_of(logits: Array, group: NDArray[np.int64]) -> int:
    r"""The rank of logits, (K, K), in which the classes of a group play equal parts; of any others with none.

    With :math:`o_a` on the diagonal and :math:`c_{ab}` elsewhere, they are :math:`o_a - c_{aa}` on what differs inside
    a group of :math:`m_a` classes, and on the normalised indicators of groups

    .. math:: \sqrt{m_a m_b}\, c_{ab} + \delta_{ab} (o_a - c_{aa}) .
    """
    if logits.shape != (len(group), len(group)):
        return int(np.linalg.matrix_rank(logits, tol=RANKED))
    copies, order = np.bincount(group), np.argsort(group, kind="stable")
    last = order[np.cumsum(copies) - 1]
    first = order[np.cumsum(copies) - copies]
    inside = logits[first, first] - logits[first, last]
    between = logits[np.ix_(first, last)] * np.sqrt(np.outer(copies, copies)) + np.diag(inside)
    return int(np.linalg.matrix_rank(between, tol=RANKED) + (copies - 1) @ (np.abs(inside) > RANKED))


def model_phase_checks(diagram: ModelDiagram, notes: list[str], *, progress: bool = False) -> Iterator[Check]:
    """Every theorem at every point that it speaks of and that is not too close to a threshold; certificates."""
    yield Check.compare("points without a certificate", "duality", 0, np.sum(~diagram.optimal))
    wrong: dict[Saying, int] = {}
    silent = 0
    places = tqdm(np.ndindex(diagram.gap.shape), total=diagram.gap.size, unit="point", disable=not progress)
    for place in places:
        model = diagram.problems[place[0]][place[1]]
        said = phases(model)
        silent += not said
        nearby = [phases(_stronger(model, factor)) for factor in (1.0 - UNDECIDED, 1.0 + UNDECIDED)]
        for saying, value in said.items():
            decided = np.all([other.get(saying, ~value) == value for other in nearby], axis=0)
            missed = decided & (value != MEASURED[saying.name](diagram)[place])
            wrong[saying] = wrong.get(saying, 0) + int(missed.sum())
    for (name, source), count in wrong.items():
        yield Check.compare(NAMES[name], source, 0, count)
    if silent:
        notes.append(f"phases at {silent} of {diagram.gap.size} points: no theorem of the zoo speaks of these models")


def _stronger(model: FeatureModel, factor: float) -> FeatureModel:
    return model.replace(lam_w=factor * model.lam_w, lam_h=factor * model.lam_h)
