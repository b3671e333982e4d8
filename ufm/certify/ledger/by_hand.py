"""Slow and obvious ways to a number, for the evidence of several claims: definitions, carried out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.multicenter.geometry import Array
from ufm.certify.slow import STEP


class FrameByHand(NamedTuple):
    """The vectors of a multi-center frame."""

    auxiliary: Array
    """(F, d)."""
    classifier: Array
    """(K, d)."""
    centers: Array
    """(F, d)."""
    owner: NDArray[np.integer]
    """Class of each center, (F,)."""

    def own(self, k: int) -> Array:
        """Centers of a class, (f_k, d)."""
        return self.centers[self.owner == k]

    def direction(self, k: int) -> Array:
        """Mean center of a class, divided by its length."""
        mean = self.own(k).mean(axis=0)
        return mean / np.linalg.norm(mean)


def frame_by_hand(counts: tuple[int, ...], theta: float, dim: int, seed: int = 0) -> FrameByHand:
    """A frame of unit vectors, from a QR factorisation and definition 3.2."""
    total = sum(counts)
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, total + len(counts))))
    auxiliary, classifier = q.T[:total], q.T[total:]
    owner = np.repeat(np.arange(len(counts)), counts)
    return FrameByHand(auxiliary, classifier, np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner], owner)


def ridge_features(w: Array, owner: NDArray[np.integer], penalty: float) -> tuple[Array, Array]:
    """The minimiser of |w h - y|^2 + penalty |h|^2 for each class, by its normal equations, and how far w h is from y.

    y is 1 on the rows of ``w`` that the class owns, and 0 elsewhere.
    """
    answers = np.equal.outer(np.arange(owner[-1] + 1), owner).astype(float)
    features = np.linalg.solve(w.T @ w + penalty * np.eye(w.shape[1]), w.T @ answers.T).T
    return features, features @ w.T - answers


def _stepped(h: Array) -> Array:
    """h / |h|, one row for each coordinate of h that takes the step."""
    moved = h + 1j * STEP * np.eye(h.size)
    return np.asarray(moved / np.sqrt(np.sum(moved**2, axis=1, keepdims=True)))


def unit_jacobian(h: Array) -> Array:
    """Jacobian of h / |h|, by complex steps."""
    return np.imag(_stepped(h)) / STEP


def term_gradient(w: Array, h: Array) -> Array:
    """Gradient of (<w, h/|h|> - 1)^2 in h, by complex steps."""
    return np.imag((_stepped(h) @ w - 1.0) ** 2) / STEP


def point(r: float) -> tuple[Array, Array, Array, float, Array]:
    """A unit vector w, a feature h of norm r, its direction u, the cosine a, and the gradient found numerically."""
    rng = np.random.default_rng(5)
    w, h = rng.standard_normal((2, 6))
    w, h = w / np.linalg.norm(w), r * h / np.linalg.norm(h)
    u = h / r
    return w, h, u, float(w @ u), term_gradient(w, h)


def random_sizes(count: int = 2000) -> list[tuple[int, ...]]:
    """Random lists of class sizes, descending, 3 to 8 classes of 1 to 200 samples."""
    rng = np.random.default_rng(0)
    return [tuple(sorted(map(int, rng.integers(1, 200, rng.integers(3, 9))), reverse=True)) for _ in range(count)]


def broken(sizes: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    """Whether a class with fewer samples than another has fewer centers, or equal classes differ by more than one."""
    pairs = list(zip(sizes, counts, strict=True))
    return any((n > m and a > b) or (n == m and abs(a - b) > 1) for n, a in pairs for m, b in pairs)
