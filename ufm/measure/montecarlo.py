"""Classification of hard-to-predict features by drawing them: frequencies with standard errors, and no formula.

A hard-to-predict feature (paper, proposition 3.1) is the mean of directions plus Gaussian noise: it carries no sign
of the class it comes from. Everything is counted in d dimensions with the rules of :mod:`ufm.measure.rules`.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ufm.measure.metrics import unit_rows
from ufm.measure.rules import BATCH, Rule, generalized
from ufm.problems.frames import Array, Frame, dense

Around = Literal["directions", "mean_centers"]


class Estimate(NamedTuple):
    """A frequency, or several."""

    mean: Array
    standard_error: Array
    """Of the mean, from the counts themselves."""
    n: int
    """Features that were drawn."""


def frequency(hits: ArrayLike, n: int) -> Estimate:
    """Of counts of hits among n draws."""
    mean = np.asarray(hits, dtype=np.float64) / n
    # One hit is added and one miss: a frequency of 0 or 1 is not known without error.
    careful = (np.asarray(hits) + 1.0) / (n + 2.0)
    return Estimate(mean, np.sqrt(careful * (1.0 - careful) / n), n)


def hard_to_predict(
    frame: Frame, n: int, noise: float, rng: np.random.Generator, around: Around = "directions"
) -> Array:
    r"""Draw hard-to-predict features, (n, d).

    Parameters
    ----------
    frame : must know its auxiliary vectors for ``around="directions"``.
    n : how many, >= 1.
    noise : standard deviation in each direction, > 0.
    rng : source of randomness.
    around : the middle of the cloud: the mean of all auxiliary and classifier directions, so that none of them is
        favoured (proposition 3.1), or :math:`\frac1K \sum_k \bar w^{(k)}` (proposition C.1).

    Raises
    ------
    ValueError : a number that is not as above, or a frame without auxiliary vectors where they are needed.
    """
    if n < 1 or not (noise > 0 and np.isfinite(noise)):
        raise ValueError(f"n={n} and noise={noise} must be positive")
    return _middle(frame, around) + noise * rng.standard_normal((n, frame.dim))


def _middle(frame: Frame, around: str) -> Array:
    if around == "mean_centers":
        return dense(frame.mean_centers).mean(axis=0)
    if around != "directions":
        raise ValueError(f"around={around!r} is unknown: 'directions' or 'mean_centers'")
    if frame.auxiliary is None:
        raise ValueError("the frame was given by its centers: it knows no auxiliary directions")
    directions = np.concatenate([dense(frame.auxiliary), dense(frame.classifier)])
    return unit_rows(directions).mean(axis=0)


def _batches(frame: Frame, n: int) -> Iterator[int]:
    size = max(1, BATCH // frame.dim)
    for begin in range(0, n, size):
        yield min(size, n - begin)


def choice_rates(
    frame: Frame, rule: Rule, n: int, *, noise: float = 1.0, around: Around = "directions", seed: int = 0
) -> Estimate:
    """How often a rule gives a hard-to-predict feature to each class; mean and standard error of shape (K,)."""
    rng = np.random.default_rng(seed)
    chosen = (rule(hard_to_predict(frame, size, noise, rng, around), frame) for size in _batches(frame, n))
    return frequency(sum(np.bincount(classes, minlength=frame.n_classes) for classes in chosen), n)


def accuracy(
    frame: Frame, rule: Rule, probabilities: ArrayLike, n: int, *, noise: float = 1.0, seed: int = 0
) -> Estimate:
    """How often a rule is right on hard-to-predict features whose classes are drawn from ``probabilities`` (K,)."""
    rng = np.random.default_rng(seed)
    hits = 0
    for size in _batches(frame, n):
        labels = rng.choice(frame.n_classes, size, p=np.asarray(probabilities))
        hits += int(np.sum(rule(hard_to_predict(frame, size, noise, rng), frame) == labels))
    return frequency(hits, n)


def preference(
    frame: Frame, first: int, second: int, lead: float, n: int, *, noise: float = 1.0, seed: int = 0
) -> Estimate:
    r"""How often GCR prefers one class to another among features with a given lead under RCR.

    Features are drawn around the mean of the mean centers, conditioned on
    :math:`\langle w_a, z \rangle - \langle w_b, z \rangle` = ``lead`` by moving each along :math:`w_a - w_b`, which
    for Gaussian noise is the conditional distribution.

    Parameters
    ----------
    first, second : the two classes a and b.
    lead : of the first class.
    n, noise, seed : as in :func:`choice_rates`.
    """
    rng = np.random.default_rng(seed)
    gap = frame.classifier_row(first) - frame.classifier_row(second)
    pair = frame.pick((first, second))
    hits = 0
    for size in _batches(frame, n):
        z = hard_to_predict(frame, size, noise, rng, "mean_centers")
        z += ((lead - z @ gap) / (gap @ gap))[:, None] * gap
        hits += int(np.sum(generalized(z, pair) == 0))
    return frequency(hits, n)
