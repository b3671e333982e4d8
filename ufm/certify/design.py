r"""What theory says of designs before anything is trained: how many centers, at which angle, for whom, decided how.

Test features are taken to be collapsed, :math:`z = r u_k + \sigma g` with r = 1 in a unit frame: see
:mod:`theory.decision`. Classes of one noise, prior and number of centers are computed once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from theory.decision import choice, radius, shift, together
from theory.decision.hard import frame_choice
from theory.decision.positive import positive, whole
from theory.multicenter.flows import nc_rate
from theory.multicenter.geometry import Array, center_cosine, classifier_cosine, minimum_dimension
from theory.multicenter.sharing import shared_rate
from ufm.files.text import require_known
from ufm.problems.presets import spend

RULES = ("nearest", "rcr", "gcr")
"""Nearest mean center, regular, generalized."""

LARGEST_RATIO, SMALLEST_RATIO = 1e4, 1e-6
"""Largest mean score over sigma above which no rule is told from one without mistakes, and offsets do not depend on
sigma, though the skews of classes be some fifty times as far apart; and r / sigma below which none is told from one
that knows the prior alone."""


def felt(noise: Array, mean: Array) -> Array:
    """Noises, or the nearest that make no difference to rules with these mean scores of the own class."""
    return np.maximum(noise, float(np.max(mean)) / LARGEST_RATIO)


@dataclass(frozen=True)
class Setting:
    """What is given: class sizes, how often each class comes in the test, and the noise of test features.

    Attributes
    ----------
    sizes : n_k, integers >= 1.
    prior : of the test, positive, with sum 1.
    sigma : noise of a test feature in each direction, in units of the norm r of its mean, one for all classes or one
        for each; > 0.

    Raises ValueError for numbers that are not as above; for a prior that is 0 it names the class.
    """

    sizes: tuple[int, ...]
    prior: tuple[float, ...]
    sigma: float | tuple[float, ...]

    def __post_init__(self) -> None:
        whole("class_sizes", self.sizes)
        positive("sigma", self.sigma)
        if len(self.sizes) < 2:
            raise ValueError(f"class_sizes={self.sizes} is one class: there is nothing to decide")
        for name, count in (("prior", len(self.prior)), ("sigma", np.size(self.sigma))):
            if count not in (len(self.sizes), 1 if name == "sigma" else None):
                raise ValueError(f"{name} has {count} entries and there are {len(self.sizes)} classes")
        shift.log_prior(self.prior)

    @cached_property
    def rarest(self) -> NDArray[np.bool_]:
        """Which classes have the fewest samples."""
        return np.equal(self.sizes, min(self.sizes))

    @cached_property
    def noise(self) -> Array:
        """sigma of each class, or the largest one that makes a difference, (K,)."""
        return np.broadcast_to(np.minimum(self.sigma, 1.0 / SMALLEST_RATIO), (len(self.sizes),))

    @cached_property
    def log_prior(self) -> Array:
        """ln pi_k, (K,)."""
        return shift.log_prior(self.prior)


@dataclass(frozen=True)
class Design:
    """Centers, angle and rule of decision for a setting, and what follows.

    Attributes
    ----------
    allocation, f, theta : how centers are spent, their mean number per class, the angle in radians.
    rule : of :data:`RULES`.
    centers : per class, (K,).
    accuracy : on collapsed features, in the average over the test prior, with the rule's offsets.
    rare : the same on the classes with the fewest samples.
    radius : how far a feature at its mean center can move in the class where that is least, in units of its norm.
    rate : collapse rate of the slowest class in the time of the flow (:func:`theory.multicenter.flows.nc_rate`, weights
        cos alpha_k), in which all designs take one learning rate; 0 if some class collapses algebraically.
    speed : the same per step, each design at the learning rate that its steepest class allows
        (:func:`theory.multicenter.sharing.shared_rate`).
    angle : largest angle between a classifier vector and the mean center of its class, degrees.
    dim : dimension that the frame needs.
    offsets : what the rule adds to the score of each class, for features of norm 1, summing to 0, (K,); empty: nothing.
    by_class : accuracy on each class, (K,).
    pareto : whether no other design is at least as good by all of :data:`CRITERIA` and better by one.
    """

    allocation: str
    f: int
    theta: float
    rule: str
    centers: tuple[int, ...]
    accuracy: float
    rare: float
    radius: float
    rate: float
    speed: float
    angle: float
    dim: int
    offsets: tuple[float, ...] = ()
    by_class: tuple[float, ...] = ()
    pareto: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what there is of each class but its centers is left to :attr:`each_class`."""
        shared = {name: value for name, value in vars(self).items() if name not in self.each_class}
        return {**shared, "centers": list(self.centers), "offset": self.offset}

    @property
    def each_class(self) -> dict[str, list[float]]:
        """Offsets, 0 where there are none, and accuracies by class."""
        return {"offsets": list(self.offsets) or [0.0] * len(self.centers), "by_class": list(self.by_class)}

    @property
    def offset(self) -> bool:
        """Whether offsets belong to the rule."""
        return bool(self.offsets)

    @property
    def decision(self) -> str:
        """The rule, and whether with offsets."""
        return f"{self.rule} + offsets" if self.offset else self.rule

    def __str__(self) -> str:
        return f"{self.decision}, {self.allocation}, f = {self.f}, theta = {self.theta:.3g}"


CRITERIA: Mapping[str, Callable[[Design], float]] = {
    "accuracy": lambda design: -design.accuracy,
    "rare": lambda design: -design.rare,
    "robustness": lambda design: -design.radius,
    "speed": lambda design: -design.speed,
    "dim": lambda design: float(design.dim),
}
"""What a design is judged by, each as a number that should be small."""

DIGITS = 4
"""Decimals to which designs are compared; accuracies are known to one more."""


def angles(f: int) -> list[float]:
    """Angles to consider where none is asked for: some of a range, and those of the largest rates with f centers.

    A single center has no such rate: pi/2 takes their place, where it is the classifier vector, and all rules agree.
    """
    fastest = [float(angle(f)) for angle in (choice.fastest_angle, choice.fastest_weighted_angle)]
    others = [np.pi / 2.0] if f == 1 else [round(angle, 6) for angle in fastest if angle > 0.0]
    return sorted({0.2, 0.8, *others})


def evaluate(allocation: str, f: int, theta: float, setting: Setting) -> list[Design]:
    """Designs with these centers: one for each rule, and again with its offsets where they help.

    Raises ValueError for an unknown allocation, or numbers out of range.
    """
    centers = spend(allocation, setting.sizes, f, theta)
    skew, weights = classifier_cosine(centers, theta), center_cosine(centers, theta)
    bare = Design(
        *(allocation, f, theta, RULES[0], centers),
        *(0.0, 0.0, 0.0),
        rate=float(nc_rate(centers, theta, weights).min()),
        speed=float(shared_rate(centers, theta, weights).min()),
        angle=float(np.degrees(np.arccos(np.minimum(skew, 1.0)).max())),
        dim=minimum_dimension(centers),
    )
    scored = [each for rule in ("nearest", "rcr") for each in _scored(replace(bare, rule=rule), setting)]
    return [*scored, _generalized(replace(bare, rule="gcr"), setting)]


def decides_as(design: Design) -> tuple[Any, ...]:
    """What two designs share that are one: a class with a single center has its mean center there, at any angle."""
    if max(design.centers) == 1 and design.rule != "rcr":
        return "single", design.offsets
    return design.rule, design.centers, design.theta, design.offsets


def _scored(design: Design, setting: Setting) -> Iterator[Design]:
    """A rule with one score per class: without offsets, and with them where they help."""
    mean = mean_scores(design)
    plain = with_offsets(design, setting, np.zeros(mean.size))
    yield plain
    if np.all(mean > 0) and np.ptp(b := offsets(design, setting, SEARCHED)) > 1e-12:
        better = with_offsets(design, setting, b)
        gains = np.round([better.accuracy - plain.accuracy, better.radius - plain.radius], DIGITS)
        if gains[0] >= 0 < gains.max():  # under little noise the radius alone
            yield better


def mean_scores(design: Design) -> Array:
    """Score of a collapsed feature of norm 1 for its own class, by NMC or RCR, (K,)."""
    return classifier_cosine(design.centers, design.theta) if design.rule == "rcr" else np.ones(len(design.centers))


def with_offsets(design: Design, setting: Setting, b: Array) -> Design:
    """The design, deciding by NMC or RCR with these offsets, (K,): accuracies and radius."""
    mean, ones = mean_scores(design), np.ones(b.size)
    accuracy = together.offset_accuracies(mean, felt(setting.noise, mean), b, ones)
    kept = tuple((b - b.mean()).tolist()) if np.ptp(b) > 0 else ()
    return _judged(replace(design, offsets=kept, radius=_least_radius(mean, b)), setting, accuracy)


def _generalized(design: Design, setting: Setting) -> Design:
    counts, ones = np.asarray(design.centers), np.ones(len(design.centers))
    accuracy = together.gcr_accuracies(counts, design.theta, 1.0 / felt(setting.noise, ones), ones)
    return _judged(replace(design, radius=float(radius.gcr_radius(counts, design.theta).min())), setting, accuracy)


def _judged(design: Design, setting: Setting, accuracy: Array) -> Design:
    mean, rare = float(np.dot(setting.prior, accuracy)), float(np.mean(accuracy[setting.rarest]))
    return replace(design, accuracy=mean, rare=rare, by_class=tuple(accuracy.tolist()))


def _least_radius(mean: Array, offsets: Array) -> float:
    r"""Distance of the nearest boundary from a mean center, :math:`\min_{k \ne j} (m_k + b_k - b_j) / \sqrt2`, or 0."""
    second, first = np.sort(offsets)[-2:]
    nearest = np.where((offsets == first) & (second < first), second, first)
    return max(0.0, float(np.min(mean + offsets - nearest)) / np.sqrt(2.0))


SEARCHED, LARGEST_SEARCH = 16, 60
"""Classes up to which the best offsets are searched for, of every design and of one: about 0.03 and 0.7 s each."""


def climbed_offsets(prior: ArrayLike, log_prior: Array, mean: Array, noise: Array) -> Array:
    """The best offsets, or where scores say so little that they are not found, the best of some, (K,).

    Arguments are those of :func:`theory.decision.shift.best_offsets`, and ln of the prior.
    """
    noise = felt(noise, mean)
    try:
        return shift.best_offsets(prior, mean, noise)
    except shift.NoFlatPlace:
        return guessed(log_prior, mean, noise)


def guessed(log_prior: Array, mean: Array, noise: Array) -> Array:
    """The best of :func:`theory.decision.shift.guessed_offsets`, (K,)."""
    prior, ones = np.exp(log_prior), np.ones(mean.size)
    guesses = shift.guessed_offsets(log_prior, mean, noise)
    return max(guesses, key=lambda b: float(prior @ together.offset_accuracies(mean, noise, b, ones)))


def offsets(design: Design, setting: Setting, searched: int) -> Array:
    """The best offsets of NMC or RCR, (K,): Bayes for NMC under one noise, else climbed to.

    Of more classes than ``searched`` they are only the best of some (:func:`guessed`), which costs RCR some points.
    """
    mean = mean_scores(design)
    if is_bayes(design, setting):
        return shift.first_offsets(setting.log_prior, mean, setting.noise)
    if mean.size <= searched:
        return climbed_offsets(setting.prior, setting.log_prior, mean, setting.noise)
    return guessed(setting.log_prior, mean, felt(setting.noise, mean))


def is_bayes(design: Design, setting: Setting) -> bool:
    """Whether the best offsets have a closed form: those of NMC under one noise."""
    return design.rule == "nearest" and bool(np.ptp(setting.noise) == 0)


def refined(design: Design, setting: Setting) -> Design:
    """The design with the best offsets in place of guessed ones or none; itself where it has these, or K is large."""
    searched = SEARCHED < len(design.centers) <= LARGEST_SEARCH
    if not searched or design.rule == "gcr" or is_bayes(design, setting) or not np.all(mean_scores(design) > 0):
        return design
    better = with_offsets(design, setting, offsets(design, setting, LARGEST_SEARCH))
    return better if round(better.accuracy - design.accuracy, DIGITS) >= int(not design.offset) / 10**DIGITS else design


def favouring_rarest(design: Design, setting: Setting, least: float) -> Design:
    r"""NMC that favours the rarest classes, R, until accuracy has come down to ``least``.

    .. math:: b_k = \frac{\sigma^2}{r} \ln\Big( \pi_k + \frac{e^t}{|R|} [k \in R] \Big)

    Under one noise this is Bayes for accuracy plus :math:`e^t` times accuracy on the rarest classes, so no rule on any
    centers has both a larger accuracy and a larger one on these. Under noises that differ t is added to the design's
    own offsets for the rarest, and a better way may exist. A ``least`` that no t comes down to gives one that decides
    for these only.
    """
    design = replace(design, rule="nearest")
    own = np.asarray(design.offsets or np.zeros(setting.rarest.size))
    log_share = np.where(setting.rarest, -np.log(setting.rarest.sum()), -np.inf)
    noise = felt(setting.noise, mean_scores(design))

    def tilted(t: float) -> Design:
        b = own + t * setting.rarest
        if is_bayes(design, setting):
            b = shift.first_offsets(np.logaddexp(setting.log_prior, t + log_share), np.ones(own.size), setting.noise)
        return with_offsets(design, setting, b)

    none, furthest = 0.0, 2.0 + 20.0 * float(noise.max()) + float(np.ptp(own))
    if is_bayes(design, setting):  # e^-40 beside the least prior is nothing; at most, 1 + 10 sigma are added to scores
        none, furthest = float(setting.log_prior.min()) - 40.0, 25.0 + 2.0 / float(noise.min()) ** 2
    if tilted(none).accuracy <= least:
        return tilted(none)
    if tilted(furthest).accuracy >= least:
        return tilted(furthest)
    return tilted(brentq(lambda t: tilted(t).accuracy - least, none, furthest, xtol=1e-9))


def hard_gain(design: Design, setting: Setting) -> float:
    """What GCR gains over RCR on features close to no class, of class k in proportion to 1 / n_k, in this frame
    (:func:`theory.decision.hard.frame_choice`).
    """
    inverse = 1.0 / np.asarray(setting.sizes, dtype=np.float64)
    return float(frame_choice(design.centers, design.theta) @ inverse / inverse.sum()) - 1.0 / inverse.size


def rank(designs: Sequence[Design], by: str = "accuracy", least: float = 0.0) -> list[Design]:
    """Best first, with the Pareto-optimal ones marked.

    by : a key of :data:`CRITERIA`; of those equal by it, Pareto-optimal ones first, then by mean rank, then in order.
    least : accuracy below which a design comes after all others.
    """
    from scipy.stats import rankdata

    require_known(by, CRITERIA, f"criterion {by!r} is unknown")
    if not designs:
        return []
    scores = np.round([[score(design) for score in CRITERIA.values()] for design in designs], DIGITS)
    ranks = np.apply_along_axis(rankdata, 0, scores)
    marked = []
    for design, own in zip(designs, scores, strict=True):
        better = np.all(scores <= own, axis=1) & np.any(scores < own, axis=1)
        marked.append(replace(design, pareto=not better.any()))
    dear = np.array([not affordable(design, least) for design in designs])
    beaten = np.array([not design.pareto for design in marked])
    return [marked[i] for i in np.lexsort((ranks.mean(axis=1), beaten, ranks[:, list(CRITERIA).index(by)], dear))]


def affordable(design: Design, least: float) -> bool:
    """Whether accuracy is at least that, to :data:`DIGITS` decimals."""
    return design.accuracy >= least - 0.5 * 10.0**-DIGITS


def costs(design: Design, designs: Sequence[Design]) -> dict[str, float]:
    """By how much a design is behind the best of some, by criterion: >= 0, in the unit of the criterion."""
    return {name: score(design) - min(map(score, designs)) for name, score in CRITERIA.items()}
