r"""Norm and noise of the features of each class, and the accuracy of each rule that theory has for them.

Features are :math:`z = r_k u_k + \sigma_k g` around their own mean center :math:`u_k`, g standard normal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.decision.accuracy import class_accuracies
from theory.decision.radius import gcr_radius, nmc_radius
from theory.decision.shift import offset_accuracy
from ufm.measure.arrays import Labels
from ufm.problems.frames import Array, Frame, dense


@dataclass(frozen=True)
class Estimates:
    """Features of each class around its mean center, (K,) each."""

    r: Array
    """Mean product with the direction of the mean center."""
    sigma: Array
    """Standard deviation of the products with the K directions."""
    anisotropy: Array
    """Largest over smallest variance of these products in any direction; infinite with too few samples."""
    leak: Array
    """Length of the mean product with the directions of the other classes, which theory has at 0."""
    pooled: NDArray[np.int64]
    """Classes with one sample, which get the noise of the others."""

    @classmethod
    def of(cls, features: Array, labels: Labels, frame: Frame) -> "Estimates":
        """Of features (N, d). Raises ValueError for a class without a sample, or for none with two."""
        scores, n_classes = np.asarray(features @ dense(frame.mean_directions).T), frame.n_classes
        counts = np.bincount(labels, minlength=n_classes)
        if not counts.all():
            raise ValueError(f"class {int(np.argmin(counts))} has no feature: its norm and noise are unknown")
        if counts.max() < 2:
            raise ValueError("labels: every class has one feature, and noise takes two of one class")
        means = np.array([scores[labels == k].mean(axis=0) for k in range(n_classes)])
        left = scores - means[labels]
        covariances = np.array([_covariance(left[labels == k]) for k in range(n_classes)])
        single = counts < 2
        pooled = (counts - 1) @ covariances.reshape(n_classes, -1) / (counts - 1).sum()
        covariances[single] = pooled.reshape(n_classes, n_classes)
        sizes = np.linalg.eigvalsh(covariances)
        few = counts <= n_classes
        ratio = np.where(few | (sizes[:, 0] <= 0), np.inf, sizes[:, -1] / np.where(sizes[:, 0] > 0, sizes[:, 0], 1.0))
        r = np.diag(means).copy()
        leak = np.sqrt(np.sum(means**2, axis=1) - r**2)
        sigma = np.sqrt(np.maximum(sizes.mean(axis=1), 1e-20))  # no noise at all is a noise that never errs
        return cls(r, sigma, ratio, leak, np.flatnonzero(single))


def _covariance(centered: Array) -> Array:
    return centered.T @ centered / max(len(centered) - 1, 1)


def predicted_accuracy(frame: Frame, r: Array, sigma: Array) -> dict[str, Array]:
    """Accuracy of each rule on each class (K,); a class that points away from its mean center counts as r = 0."""
    norm, cosines = np.maximum(r, 0.0), frame.geometry.alignment
    return {
        "rcr": offset_accuracy(norm * cosines, sigma),
        "gcr": generalized_accuracy(frame, norm, sigma),
        "nearest": offset_accuracy(norm, sigma),
    }


def generalized_accuracy(frame: Frame, norm: Array, sigma: Array) -> Array:
    """Of GCR on each class (K,); norm >= 0."""
    return class_accuracies(frame.counts, _angles(frame), norm / sigma).gcr


def _angles(frame: Frame) -> Array:
    """Of each class, from the spread of its centers, which is the squared cosine."""
    return np.arccos(np.sqrt(np.clip(frame.geometry.spread, 0.0, 1.0)))


def standard_errors(frame: Frame, found: Estimates, counts: Array) -> dict[str, Array]:
    r"""Standard errors of accuracies, counted on the features that r and sigma are from, by rule and class.

    With :math:`a = r / \sigma`, whose own standard error is :math:`\sqrt{(1 + a^2 / 2K) / n}`,

    .. math:: \mathrm{SE}^2 \le \frac{p (1 - p)}{n} + \Big(\frac{\partial p}{\partial a}\Big)^2 \frac{1 + a^2 / 2K}{n}
    """
    ratio, step = np.maximum(found.r, 0.0) / found.sigma, 0.01
    middle = predicted_accuracy(frame, found.r, found.sigma)
    lower, upper = (predicted_accuracy(frame, found.sigma * (ratio + h), found.sigma) for h in (0.0, step))
    own = (1.0 + ratio**2 / (2.0 * frame.n_classes)) / counts
    return {
        rule: np.sqrt(p * np.maximum(1.0 - p, 0.0) / counts + ((upper[rule] - lower[rule]) / step) ** 2 * own)
        for rule, p in middle.items()
    }


def collapsed_radius(frame: Frame, rule: str, r: Array) -> Array:
    """Robust radius of features at r u_k under a rule, (K,)."""
    norm = np.maximum(r, 0.0)
    if rule == "gcr":
        return gcr_radius(np.asarray(frame.counts), _angles(frame), norm)
    return nmc_radius(norm) * (np.maximum(frame.geometry.alignment, 0.0) if rule == "rcr" else 1.0)


DRAWS = 20_000
"""Of each class, which leaves an accuracy an error of at most 0.0036, and the mean over classes less."""


def gaussian_accuracy(scores: Array, labels: Labels, n_classes: int, *, isotropic: bool) -> Array:
    """Accuracy on each class (K,), by draws, if its K scores were normal with the mean and covariance that they have.

    scores : (N, K), whose largest decides. labels : (N,). isotropic : whether noise is the same in all directions,
        as large as in their mean.
    """
    rng, found = np.random.default_rng(0), np.empty(n_classes)
    for k in range(n_classes):
        own = scores[labels == k]
        mean, noise = own.mean(axis=0), _covariance(own - own.mean(axis=0))
        sizes, directions = np.linalg.eigh(noise)
        sizes = np.full(n_classes, sizes.mean()) if isotropic else np.maximum(sizes, 0.0)
        drawn = mean + (rng.standard_normal((DRAWS, n_classes)) * np.sqrt(sizes)) @ directions.T
        found[k] = np.mean(np.argmax(drawn, axis=1) == k)
    return found
