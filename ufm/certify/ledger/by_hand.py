"""Slow and obvious ways to a number, for the evidence of several claims: definitions, carried out."""

import numpy as np

from theory.multicenter.geometry import Array


def frame_by_hand(counts: tuple[int, ...], theta: float, dim: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Auxiliary vectors (F, d), classifier (K, d) and centers (F, d), from a QR factorisation and definition 3.2."""
    total = sum(counts)
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, total + len(counts))))
    auxiliary, classifier = q.T[:total], q.T[total:]
    owner = np.repeat(np.arange(len(counts)), counts)
    return auxiliary, classifier, np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner]


def ridge_feature(w: Array, y: Array, penalty: float) -> Array:
    """The minimiser of |w h - y|^2 + penalty |h|^2, by the normal equations in all d dimensions."""
    return np.asarray(np.linalg.solve(w.T @ w + penalty * np.eye(w.shape[1]), w.T @ y), dtype=np.float64)


def complex_step(w: Array, h: Array, step: float = 1e-30) -> Array:
    """Gradient of (<w, h/|h|> - 1)^2 in h, exact to rounding: no difference is taken."""
    moved = h + 1j * step * np.eye(h.size)
    return np.imag((moved @ w / np.sqrt(np.sum(moved**2, axis=1)) - 1.0) ** 2) / step


def point(r: float) -> tuple[Array, Array, Array, float, Array]:
    """A unit vector w, a feature h of norm r, its direction u, the cosine a, and the gradient found numerically."""
    rng = np.random.default_rng(5)
    w, h = rng.standard_normal((2, 6))
    w, h = w / np.linalg.norm(w), r * h / np.linalg.norm(h)
    u = h / r
    return w, h, u, float(w @ u), complex_step(w, h)


def random_sizes(count: int = 2000) -> list[tuple[int, ...]]:
    """Random lists of class sizes, descending, 3 to 8 classes of 1 to 200 samples."""
    rng = np.random.default_rng(0)
    return [tuple(sorted(map(int, rng.integers(1, 200, rng.integers(3, 9))), reverse=True)) for _ in range(count)]


def broken(sizes: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    """Whether a class with fewer samples than another has fewer centers, or equal classes differ by more than one."""
    pairs = list(zip(sizes, counts, strict=True))
    return any((n > m and a > b) or (n == m and abs(a - b) > 1) for n, a in pairs for m, b in pairs)
