r"""What theory says of designs before anything is trained: how many centers, at which angle, for whom, decided how.

Test features are taken to be collapsed, :math:`z = r u_k + \sigma g` with r = 1 in a unit frame: see
:mod:`theory.decision`. Classes of one prior and number of centers are computed once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.decision import choice, radius, shift, together
from theory.decision.hard import frame_choice
from theory.decision.normal import integers
from theory.decision.positive import positive
from theory.multicenter.flows import nc_rate
from theory.multicenter.geometry import Array, center_cosine, classifier_cosine, minimum_dimension
from ufm.files.text import require_known
from ufm.measure.arrays import Classes
from ufm.problems.presets import spend

RULES = ("nmc", "rcr", "gcr")
"""Nearest mean center, regular, generalized."""

LARGEST_RATIO = 200.0
"""r / sigma above which no rule is told from one without mistakes."""


@dataclass(frozen=True)
class Setting:
    """What is given: class sizes, how often each class comes in the test, and the noise of test features.

    Attributes
    ----------
    sizes : n_k, integers >= 1.
    prior : of the test, positive, with sum 1.
    sigma : noise of a test feature in each direction, in units of the norm r of its mean; > 0.

    Raises ValueError for numbers that are not as above; for a prior that is 0 it names the class.
    """

    sizes: tuple[int, ...]
    prior: tuple[float, ...]
    sigma: float

    def __post_init__(self) -> None:
        integers(self.sizes, "class_sizes")
        positive("sigma", self.sigma)
        if len(self.sizes) < 2:
            raise ValueError(f"class_sizes={self.sizes} is one class: there is nothing to decide")
        if len(self.prior) != len(self.sizes):
            raise ValueError(f"prior has {len(self.prior)} entries and there are {len(self.sizes)} classes")
        shift.log_prior(self.prior)

    @cached_property
    def rarest(self) -> NDArray[np.bool_]:
        """Which classes have the fewest samples."""
        return np.equal(self.sizes, min(self.sizes))

    @property
    def noise(self) -> float:
        """sigma, or where it makes no difference any more, a larger one."""
        return max(self.sigma, 1.0 / LARGEST_RATIO)


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
    rate : collapse rate of the slowest class, per clock time (:func:`theory.multicenter.flows.nc_rate`, weights
        cos alpha_k); 0 if some class collapses algebraically.
    angle : largest angle between a classifier vector and the mean center of its class, degrees.
    dim : dimension that the frame needs.
    offset : whether :func:`offsets` belong to the rule.
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
    angle: float
    dim: int
    offset: bool = False
    pareto: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "centers": list(self.centers)}

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
    "speed": lambda design: -design.rate,
    "dim": lambda design: float(design.dim),
}
"""What a design is judged by, each as a number that should be small."""

DIGITS = 4
"""Decimals to which designs are compared; accuracies are known to one more."""


def angles(f: int) -> list[float]:
    """Angles to consider where none is asked for: some of a range, and those of fastest collapse with f centers."""
    fastest = [float(angle(f)) for angle in (choice.fastest_angle, choice.fastest_weighted_angle)]
    return sorted({0.2, 0.8, *(round(angle, 6) for angle in fastest if angle > 0.0)})


def evaluate(allocation: str, f: int, theta: float, setting: Setting) -> list[Design]:
    """Designs with these centers: one for each rule, and again with its offsets where they help.

    With a single center per class all rules agree, and only the first is there. Raises ValueError for an unknown
    allocation, or numbers out of range.
    """
    centers = spend(allocation, setting.sizes, f, theta)
    kinds, place, copies = np.unique([centers, setting.prior], axis=1, return_inverse=True, return_counts=True)
    (counts, prior), own = kinds, place.reshape(-1)
    skew = classifier_cosine(counts, theta)
    rest: dict[str, Any] = {
        "rate": float(nc_rate(counts, theta, center_cosine(counts, theta)).min()),
        "angle": float(np.degrees(np.arccos(np.minimum(skew, 1.0)).max())),
        "dim": minimum_dimension(centers),
    }
    return [
        Design(
            *(allocation, f, theta, rule, centers),
            accuracy=float(np.sum(prior * copies * accuracy)),
            rare=float(np.mean(accuracy[own][setting.rarest])),
            radius=reach,
            offset=offset,
            **rest,
        )
        for rule in RULES[: None if max(centers) > 1 else 1]
        for accuracy, reach, offset in _decided(rule, counts, theta, prior, copies.astype(np.float64), setting)
    ]


def _decided(
    rule: str, counts: Array, theta: float, prior: Array, copies: Array, setting: Setting
) -> Iterator[tuple[Array, float, bool]]:
    """Accuracy of each kind of class, the least radius, and whether with offsets: without, and with where they help."""
    if rule == "gcr":
        distinct, place = np.unique(counts, return_inverse=True)
        many = np.bincount(place, weights=copies)
        accuracy = together.gcr_accuracies(distinct, theta, 1.0 / setting.noise, many)[place]
        yield accuracy, float(radius.gcr_radius(counts, theta).min()), False
        return
    mean, none = np.ones(counts.size) if rule == "nmc" else classifier_cosine(counts, theta), np.zeros(counts.size)
    plain = together.offset_accuracies(mean, setting.noise, none, copies)
    yield plain, _least_radius(mean, none, copies), False
    if np.all(mean > 0) and np.ptp(b := first_offsets(mean, np.log(prior), setting.noise)) > 1e-12:
        accuracy = together.offset_accuracies(mean, setting.noise, b, copies)
        if prior * copies @ (accuracy - plain) > 10.0**-DIGITS:
            yield accuracy, _least_radius(mean, b, copies), True


def first_offsets(mean: Array, log_prior: Array, sigma: float) -> Array:
    r"""Offsets that are best for NMC, and for RCR between two classes that are nearly equal.

    .. math:: b_k = \frac{\sigma^2}{m_k} \ln \pi_k - \frac{m_k}{2}
    """
    return sigma**2 / mean * log_prior - mean / 2.0


def _least_radius(mean: Array, offsets: Array, copies: Array) -> float:
    r"""Distance of the nearest boundary from a mean center, :math:`\min_{k \ne j} (m_k + b_k - b_j) / \sqrt2`, or 0."""
    rivals = np.repeat(offsets, np.minimum(copies, 2).astype(np.int64))
    second, first = np.sort(rivals)[-2:]
    nearest = np.where((offsets == first) & (second < first), second, first)
    return max(0.0, float(np.min(mean + offsets - nearest)) / np.sqrt(2.0))


def offsets(design: Design, setting: Setting) -> Array:
    """What the rule of a design adds to the score of each class, for features of norm 1, summing to 0; (K,)."""
    if not design.offset:
        return np.zeros(len(design.centers))
    mean = np.ones(len(design.centers))
    if design.rule == "rcr":
        mean = classifier_cosine(design.centers, design.theta)
    b = first_offsets(mean, shift.log_prior(setting.prior), setting.noise)
    return np.asarray(b - b.mean())


def hard_gain(design: Design, setting: Setting) -> float:
    """What GCR gains over RCR on features close to no class, of class k in proportion to 1 / n_k, in this frame
    (:func:`theory.decision.hard.frame_choice`).
    """
    inverse = 1.0 / np.asarray(setting.sizes, dtype=np.float64)
    return float(frame_choice(design.centers, design.theta) @ inverse / inverse.sum()) - 1.0 / inverse.size


def rank(designs: Sequence[Design], by: str = "accuracy") -> list[Design]:
    """Best first, with the Pareto-optimal ones marked.

    by : a key of :data:`CRITERIA`; among those equally good by it, the mean of the ranks in all decides, then order.
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
    return [marked[i] for i in np.lexsort((ranks.mean(axis=1), ranks[:, list(CRITERIA).index(by)]))]


def costs(design: Design, designs: Sequence[Design]) -> dict[str, float]:
    """By how much a design is behind the best of some, by criterion: >= 0, in the unit of the criterion."""
    return {name: score(design) - min(map(score, designs)) for name, score in CRITERIA.items()}


def estimated_sigma(features: ArrayLike, labels: ArrayLike) -> float:
    r"""sigma over r of features: the noise in the span of class means, over half the squared distance between these.

    .. math:: \hat\sigma^2 = \frac{\sum_i |P (h_i - \mu_{k_i})|^2}{(N - K)(K - 1)}, \qquad
              \hat r^2 = \frac12 \operatorname{mean}_{k < j}
              \Big[ |\mu_k - \mu_j|^2 - s \Big(\frac1{n_k} + \frac1{n_j}\Big) \Big], \quad
              s = \frac{\sum_i |h_i - \mu_{k_i}|^2}{N - K}

    P projects onto the span of the differences of means, in which decisions are made. The noise is pooled over classes,
    so that a class with one sample has one too.

    Parameters
    ----------
    features : (N, d).
    labels : (N,), or one-hot.

    Raises
    ------
    ValueError : one class only; a sample per class only; means that are no farther apart than noise would put them.
    """
    classes = Classes.found(labels)
    codes, h = classes.codes(labels), np.asarray(features, dtype=np.float64)
    if h.ndim != 2 or len(h) != len(codes) or not np.all(np.isfinite(h)):
        raise ValueError(f"features of shape {h.shape} are not finite rows, one for each of {len(codes)} labels")
    n = np.bincount(codes, minlength=len(classes))
    codes, n = np.unique(codes, return_inverse=True)[1], n[n > 0]
    if n.size < 2 or len(h) == n.size:
        raise ValueError(f"{len(h)} features of {n.size} classes: sigma takes two classes, and two samples of one")
    means = np.stack([h[codes == k].mean(axis=0) for k in range(n.size)])
    _, _, span = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    span = span[: n.size - 1]
    residual, free = h - means[codes], len(h) - n.size
    variance, total = np.sum((residual @ span.T) ** 2) / (free * len(span)), np.sum(residual**2) / free
    apart = 2.0 * np.sum((means - means.mean(axis=0)) ** 2) / (n.size - 1) - 2.0 * total * np.mean(1 / n)
    if not apart > 0:
        raise ValueError("class means of the features are no farther apart than noise puts them: r is unknown")
    return float(np.sqrt(2.0 * variance / apart))
