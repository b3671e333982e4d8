"""What theory says of phase diagrams, which classes merge and which die and where, and diagrams of models held
against it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import singledispatch
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufm.certify.predict import predict
from ufm.certify.report import Check
from ufm.certify.zoo import applying
from ufm.files.bars import tqdm
from ufm.minimize.layouts import layout_of
from ufm.minimize.phase import Axis, Diagram, ModelDiagram
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.kinds import LearnedMSEProblem

if TYPE_CHECKING:
    import xarray

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


@singledispatch
def phases(model: Any) -> dict[Saying, NDArray[Any]]:
    """All that theorems say of which classes merge or die, and of the rank."""
    said: dict[Saying, NDArray[Any]] = {}
    for entry in applying(model):
        predicted = dict(entry.module.predict(model))
        if "logits" in predicted:
            predicted["rank"] = rank_of(predicted["logits"], layout_of(model).group)
        known = {name: read(predicted) for name, read in READ.items()}
        said |= {Saying(n, entry.theorem.source): np.asarray(value) for n, value in known.items() if value is not None}
    return said


@phases.register
def _(problem: LearnedMSEProblem) -> dict[Saying, NDArray[Any]]:
    said = predict(problem)
    return {Saying("alive", said.sources["living"]): said.living}


def counts(problem: Any) -> dict[str, float]:
    """Theory's numbers of classes that are merged or alive, its rank, and whether anything is learned (1 or 0)."""
    return {saying.name: float(value.sum()) for saying, value in phases(problem).items()}


FINE = 61
"""Points per axis at which theory's boundaries are sought."""


def theory_of(diagram: Diagram) -> "xarray.Dataset":
    """:func:`counts` over a finer grid, as variables theory_NAME, NaN where theory says nothing."""
    import xarray

    sides = {f"theory_{axis.name}": fine(axis, FINE) for axis in (diagram.vertical, diagram.horizontal)}
    rows, columns = sides.values()
    said = [[counts(diagram.problem_at(float(v), float(h))) for h in columns] for v in rows]
    names = [name for name in READ if any(name in each for row in said for each in row)]
    return xarray.Dataset(
        {f"theory_{n}": ([*sides], [[each.get(n, np.nan) for each in row] for row in said]) for n in names}, sides
    )


def fine(axis: Axis, points: int) -> Array:
    """So many values from the first of an axis to its last."""
    return np.geomspace(axis.values[0], axis.values[-1], points if len(axis.values) > 1 else 1)


class Threshold(NamedTuple):
    """A strength of the decays where theory sees something change."""

    lam: float
    change: str
    """What happens as the strength passes it, in words."""


SHARP = 1e-6
"""Relative accuracy of a threshold; changes that lie closer are one."""


def thresholds(problem_at: Callable[[float], Any], low: float, high: float) -> list[Threshold]:
    """All that change as ``lam`` goes from ``low`` to ``high``, ascending, found by bisection of :func:`phases`.

    Parameters
    ----------
    problem_at : the problem of a strength.
    low, high : ends, 0 < low < high; what changes and changes back within a sixtieth of the way is not seen.

    Examples
    --------
    >>> thresholds(lambda lam: FeatureModel((100, 100, 10, 10), lam_w=lam, lam_h=lam), 1e-3, 1.0)[0].change
    'classes 3 to 4 merge'
    """

    def at(lam: float) -> tuple[float, dict[str, list[Any]]]:
        return lam, {saying.name: np.ravel(value).tolist() for saying, value in phases(problem_at(lam)).items()}

    def between(left: tuple[float, Any], right: tuple[float, Any]) -> Iterator[Threshold]:
        if left[1] == right[1]:
            return
        middle = float(np.sqrt(left[0] * right[0]))
        if right[0] > (1.0 + SHARP) * left[0]:
            between_them = at(middle)
            yield from between(left, between_them)
            yield from between(between_them, right)
        elif change := _change(left[1], right[1]):
            yield Threshold(middle, change)

    points = [at(float(lam)) for lam in np.geomspace(low, high, FINE)]
    return [each for pair in itertools.pairwise(points) for each in between(*pair)]


def _change(before: Mapping[str, list[Any]], after: Mapping[str, list[Any]]) -> str:
    """In words; empty where theory only begins or ceases to speak."""
    said = []
    for name, (gained, lost) in VERBS.items():
        pairs = [*enumerate(zip(before.get(name, ()), after.get(name, ()), strict=False), 1)]
        for verb, wanted in ((gained, (False, True)), (lost, (True, False))):
            if which := [k for k, pair in pairs if pair == wanted]:
                said.append(f"{_classes(which)} {verb}{'s' * (len(which) == 1)}")
    if "rank" in before and "rank" in after and before["rank"] != after["rank"]:
        said.append(f"rank {before['rank'][0]} becomes {after['rank'][0]}")
    if (before.get("learns"), after.get("learns")) == ([True], [False]):
        said.append("all is dead")
    return ", ".join(said)


VERBS = {"merged": ("merge", "part"), "alive": ("revive", "die")}
"""What classes do that gain or lose a phase."""


def _classes(which: list[int]) -> str:
    if len(which) == 1:
        return f"class {which[0]}"
    whole = which == [*range(which[0], which[-1] + 1)]
    return "classes " + (f"{which[0]} to {which[-1]}" if whole else ", ".join(map(str, which)))


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
