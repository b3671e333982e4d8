"""Orders that theory foretells, held against trainings: which rule decides best, which training is ahead.

They have no free number: each follows from class sizes, centers and angle, and was known before anything was trained.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.certify.training import not_converged
from ufm.problems.kinds import CosineProblem
from ufm.problems.sizes import rare_classes
from ufm.tables.results import Result
from ufm.tables.tables import labels
from ufm.train.config import Config


@dataclass(frozen=True)
class Order:
    """One statement about one training, or about two with the same seed, and whether it came true."""

    statement: str
    kind: str
    """The statement without the names of trainings."""
    column: str
    holds: bool
    early: bool
    """Whether a training had not come to its end, so that a miss refutes nothing."""


@dataclass(frozen=True)
class _Known:
    """A training by the cosine loss, and what theory says of its end."""

    result: Result
    end: CosinePrediction

    @property
    def place(self) -> tuple[str, str]:
        return labels(self.result["name"])

    @property
    def early(self) -> bool:
        return not_converged(self.result["checks"])

    @property
    def rare_rate(self) -> float:
        """Of collapse, in the mean over the rare classes."""
        return float(self.end.rate[rare_classes(self.result["class_sizes"])].mean())

    @property
    def rare_distance(self) -> float:
        """ln NC at the last epoch, in the mean over the rare classes."""
        return self._distance(rare_classes(self.result["class_sizes"]))

    @property
    def frequent_distance(self) -> float:
        """The same over as many of the most frequent classes."""
        return self._distance(rare_classes([-n for n in self.result["class_sizes"]]))

    def _distance(self, chosen: NDArray[np.int64]) -> float:
        nc = np.asarray(self.result["curves"]["nc"][-1], dtype=np.float64)[chosen]
        return float(np.log(np.maximum(nc, np.finfo(float).tiny)).mean())

    @property
    def frequent_rate(self) -> float:
        """Of collapse of the most frequent classes, per step of the steepest class."""
        return float(self.end.shared_rate[rare_classes([-n for n in self.result["class_sizes"]])].mean())


def orders(names: Sequence[str], results: Sequence[Result]) -> list[Order]:
    """Every order about the trainings of these names by the cosine loss, with several centers a class.

    Of one training: the rule with the larger radius (``predict(problem).radii``, in the mean over classes) decides more
    test images right; the nearest mean center comes first. Of two with the same seed: where classes collapse faster and
    both RCR and GCR have larger radii, accuracy by the own rule is higher; where margins make the bound on the error
    smaller (:func:`theory.decision.generalisation.margin_sum`), accuracy by RCR is; where nothing differs but centers
    and angle, rare classes with the larger rate are nearer to collapse at the end; and whatever the learning rate,
    frequent classes with the larger rate per shared step (:func:`theory.multicenter.sharing.shared_rate`, a conjecture
    about networks).
    """
    known = [
        _Known(result, end)
        for result in results
        if result["name"] in names and "trained_as" not in result and (end := _end(result)) is not None
    ]
    made = [order for each in known for order in _of_rules(each)]
    for one, other in permutations(known, 2):
        seeds = [each.result["configuration"]["seed"] for each in (one, other)]
        if seeds[0] == seeds[1] and one.place[1] == other.place[1]:
            made += _of_pairs(one, other)
    return made


def _end(result: Result) -> CosinePrediction | None:
    config, sizes = Config.from_dict(result["configuration"]), tuple(result["class_sizes"])
    problem = config.problem(sizes)
    if not isinstance(problem, CosineProblem):
        return None
    end = predict(problem, theta=config.angles(sizes))
    return end if np.any(end.center_gap > 0) else None


NAMES = {"nearest": "nearest mean center", "rcr": "RCR", "gcr": "GCR"}


def _of_rules(known: _Known) -> Iterator[Order]:
    by_rule, (row, column) = known.result["accuracy"], known.place
    size = {rule: float(each.mean()) for rule, each in known.end.radii.items()}
    for first, second in permutations(NAMES, 2):
        if size[first] > size[second] and by_rule[first] != by_rule[second]:  # a tie could not have failed
            kind = f"{NAMES[first]} before {NAMES[second]}, by their radii"
            yield Order(f"{row}: {kind}", kind, column, by_rule[first] > by_rule[second], known.early)


def _of_pairs(one: _Known, other: _Known) -> Iterator[Order]:
    """What is foretold of the first against the second."""
    (first, column), (second, _), early = one.place, other.place, one.early or other.early

    def ahead(what: str, why: str, holds: bool) -> Order:
        return Order(f"{what}: {first} before {second}, by {why}", f"{what}, by {why}", column, holds, early)

    ours, theirs = ({**each.end.radii, "rate": each.end.rate} for each in (one, other))
    if all(ours[name].mean() > theirs[name].mean() for name in ("rate", "rcr", "gcr")):
        more = one.result["accuracy"]["own"] >= other.result["accuracy"]["own"]
        yield ahead("accuracy", "rate and radii", more)
    if one.end.margin_sum < other.end.margin_sum:
        more = one.result["accuracy"]["rcr"] >= other.result["accuracy"]["rcr"]
        yield ahead("accuracy by RCR", "the bound of margins", more)
    if one.frequent_rate > other.frequent_rate:
        yield ahead("collapse of frequent classes", "shared rate", one.frequent_distance <= other.frequent_distance)
    if _alike(one.result, other.result) and one.rare_rate > other.rare_rate:
        yield ahead("collapse of rare classes", "rate", one.rare_distance <= other.rare_distance)


def _alike(one: Result, other: Result) -> bool:
    """Whether epochs mean the same time in both: the same learning rate."""
    rates: list[Any] = [each["configuration"]["lr"] for each in (one, other)]
    return bool(rates[0] == rates[1])
