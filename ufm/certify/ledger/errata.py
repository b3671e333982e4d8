"""What is wrong as printed: the paper's formula and ours are evaluated, and the truth is found by a third way."""

from collections.abc import Iterator, Mapping

import numpy as np

from theory.multicenter import centers, geometry
from theory.multicenter import minimum as minimizers
from theory.multicenter.geometry import Array
from ufm.certify.ledger.angles import frame_by_hand, not_monotone
from ufm.certify.ledger.claim import Evidence, Finding, Laboratory, compare
from ufm.certify.ledger.decisions import printed_surrogate
from ufm.certify.ledger.optima import PARTIAL, learned, ridge_feature

LONG_TAIL = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
"""CIFAR-10-LT, imbalance ratio 0.01."""


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


def _gradient(lab: Laboratory) -> Iterator[Finding]:
    for r in (0.3, 2.0, 10.0):
        w, _, u, a, found = point(r)
        right = -2.0 / r * (1.0 - a) * (w - a * u)
        yield compare(
            f"gradient at |h| = {r}",
            "complex step",
            found,
            right,
            relative=1e-12,
            tolerance=1e-15,
            printed=-2.0 / r**2 * (1.0 - a) * (w - a * u),
        )
        yield compare(f"its product with h, |h| = {r}", "complex step", found @ u, 0.0, tolerance=1e-14)
    w, _, u, a, found = point(1.0)
    yield compare(
        "gradient at |h| = 1", "complex step", found, -2.0 * (1.0 - a) * (w - a * u), relative=1e-12, tolerance=1e-15
    )


def _appendix_gradient(lab: Laboratory) -> Iterator[Finding]:
    for r in (0.3, 2.0, 10.0):
        w, h, u, a, found = point(r)
        right = -2.0 / r * (1.0 - a) * (w - a * u)
        printed = -2.0 / r**2 * (1.0 - a) * (w - a * h)
        yield compare(
            f"gradient at |h| = {r}", "complex step", found, right, relative=1e-12, tolerance=1e-15, printed=printed
        )
        step = 1e-30
        jacobian = (
            np.imag((h + 1j * step * np.eye(6)) / np.sqrt(np.sum((h + 1j * step * np.eye(6)) ** 2, axis=1))[:, None])
            / step
        )
        outer = np.outer(h, h)
        yield compare(
            f"Jacobian of h/|h| at |h| = {r}",
            "complex step",
            jacobian,
            (r**2 * np.eye(6) - outer) / r**3,
            tolerance=1e-13,
            printed=(r * np.eye(6) - outer) / r**3,
        )


def _bounds(lab: Laboratory) -> Iterator[Finding]:
    rng = np.random.default_rng(1)
    for r in (0.2, 0.5):
        norms, ours, theirs = [], [], []
        for _ in range(200):
            w, h = rng.standard_normal((2, 4))
            w, h = w / np.linalg.norm(w), r * h / np.linalg.norm(h)
            a = float(w @ h) / r
            norms.append(np.linalg.norm(complex_step(w, h)))
            ours.append(2.0 / r * (1.0 - a) * np.sqrt(1.0 - a**2))
            theirs.append((1.0 - a) * np.sqrt(1.0 - a**2))
        yield compare(
            f"norm of the gradient of one term at |h| = {r}",
            "complex step, 200 random pairs",
            norms,
            ours,
            relative=1e-9,
            tolerance=1e-12,
            printed=theirs,
        )
        yield compare(
            f"largest of them times |h|, |h| = {r}: at most 3 sqrt(3) / 2",
            "complex step, 200 random pairs",
            r * max(norms),
            1.5 * np.sqrt(3.0),
            relation="<=",
            tolerance=1e-12,
        )
    w = np.array([1.0, 0.0])
    worst = np.array([-0.5, np.sqrt(0.75)])
    yield compare(
        "norm at a = -1/2, |h| = 1: the bound is attained",
        "complex step",
        np.linalg.norm(complex_step(w, worst)),
        1.5 * np.sqrt(3.0),
        relative=1e-13,
    )


def _skew(lab: Laboratory) -> Iterator[Finding]:
    for f, theta in ((4, 1.0), (20, 0.2), (3, 1.4)):
        _, classifier, rows = frame_by_hand((f,), theta, f + 2)
        mean = rows.mean(axis=0)
        found = classifier[0] @ mean / np.linalg.norm(mean)
        printed = f * np.sin(theta) / np.sqrt(np.cos(theta) ** 2 + f * np.sin(theta) ** 2)
        yield compare(
            f"cos rho, f = {f}, theta = {theta}",
            "explicit vectors",
            found,
            geometry.classifier_cosine(f, theta),
            tolerance=1e-13,
            printed=printed,
        )


def _frame_condition(lab: Laboratory) -> Iterator[Finding]:
    auxiliary, classifier, _ = frame_by_hand((2, 3), 0.3, 9)
    stacked = np.concatenate([auxiliary, classifier]).T  # [V^T | W0^T], d x (F + K)
    gram = float(np.linalg.norm(stacked.T @ stacked - np.eye(7)))
    projection = float(np.linalg.norm(stacked @ stacked.T - np.eye(9)))
    yield compare(
        "distance of [V'|W0']' [V'|W0'] from the identity",
        "explicit vectors, d = 9, F + K = 7",
        gram,
        0.0,
        tolerance=1e-13,
        printed=projection,
    )
    rank = np.linalg.matrix_rank(stacked @ stacked.T)
    yield compare(
        "rank of the d x d matrix as printed, which must be d for an identity", "singular values", rank, 7, printed=9
    )


def _class_sums(lab: Laboratory) -> Iterator[Finding]:
    counts, theta = (1, 3, 5), 0.4
    _, _, rows = frame_by_hand(counts, theta, 15)
    owner = np.repeat(np.arange(3), counts)
    mean = int(np.mean(counts))
    found, printed = [], []
    for k in range(3):
        own = rows[owner == k]
        u = own.mean(axis=0) / np.linalg.norm(own.mean(axis=0))
        found.append(np.sum((own @ u - 1.0) ** 2))
        first = int(np.flatnonzero(owner == k)[0])
        printed.append(np.sum((rows[first : first + mean] @ u - 1.0) ** 2))  # f terms from the class's first center on
    stated = minimizers.cosine_minimum(counts, theta, 1.0)
    yield compare(
        "loss at the mean center, f = (1, 3, 5)", "explicit vectors", found, stated, tolerance=1e-13, printed=printed
    )


def _dimension(lab: Laboratory) -> Iterator[Finding]:
    counts, rng = (3, 3), np.random.default_rng(0)
    ranks = [int(np.linalg.matrix_rank(rng.standard_normal((8, d)))) for d in range(1, 12)]
    smallest = 1 + ranks.index(8)
    needed = geometry.minimum_dimension(counts)
    yield compare(
        "smallest d with 8 independent rows: f = 3, K = 2", "rank of random matrices", smallest, needed, printed=9
    )
    auxiliary, classifier, _ = frame_by_hand(counts, 0.3, needed)
    q = np.concatenate([auxiliary, classifier])
    defect = np.abs(q @ q.T - np.eye(8)).max()
    yield compare("defect of a frame with d = (f + 1) K exactly", "explicit vectors", defect, 0.0, tolerance=1e-14)


def _otherwise_zero(lab: Laboratory) -> Iterator[Finding]:
    ends = lab.learned_ends(PARTIAL, 6)
    least = float(minimizers.learned_minimum(**learned(PARTIAL)).sum())
    yield compare(
        "min P, n = (100, 10, 1), lam_W = 0.03, lam_H = 0.02",
        "trust region, 6 random starts",
        ends.value,
        least,
        tolerance=1e-10,
        printed=0.5,
    )
    smallest = np.sqrt(ends.square_norms.min())
    yield compare(
        "norm of the dead class: 0, which no frame has",
        "trust region, 6 random starts",
        smallest,
        0.0,
        tolerance=1e-6,
    )


def _imbalance(lab: Laboratory) -> Iterator[Finding]:
    def tail(tau: float) -> Array:
        return np.floor(5000 * tau ** (np.arange(10) / 9) + 1e-9)

    yield compare(
        "class sizes of CIFAR-10-LT, tau = n_min / n_max = 0.01",
        "the sizes used by everyone",
        LONG_TAIL,
        tail(0.01),
        printed=tail(100.0),
    )


def _total(lab: Laboratory) -> Iterator[Finding]:
    f = 20
    counts = np.array(centers.class_aware(LONG_TAIL, f))
    s = int(counts @ LONG_TAIL)
    samples_by_center = sum(int(a) for a, n in zip(counts, LONG_TAIL, strict=True) for _ in range(n))
    yield compare("sum of f_k n_k, CIFAR-10-LT", "counted sample by sample", samples_by_center, s, printed=f * 10)
    sizes, few = np.array((20, 8, 3)), np.array((1, 3, 6))
    total = int(sizes @ few)
    _, _, w = frame_by_hand((1, 3, 6), 0.3, 20)
    owner, weight = np.repeat(np.arange(3), few), 0.01
    norms = [np.linalg.norm(ridge_feature(w, (owner == k).astype(float), weight * total)) for k in range(3)]
    right, wrong = (minimizers.mse_feature_norm(few, 0.3, value, weight) for value in (total, int(few.sum())))
    yield compare(
        "norms of P's features with S, and with f K in its place",
        "ridge regression, solved",
        norms,
        right,
        relative=1e-12,
        printed=wrong,
    )


EVIDENCE: Mapping[str, Evidence] = {
    "cosine-gradient": _gradient,
    "gradient-bounds": _bounds,
    "erratum-1": _appendix_gradient,
    "erratum-2": _skew,
    "erratum-3": _frame_condition,
    "erratum-4": _class_sums,
    "erratum-5": _dimension,
    "erratum-6": _otherwise_zero,
    "erratum-7": printed_surrogate,
    "erratum-8": not_monotone,
    "erratum-9": _imbalance,
    "erratum-10": _total,
}
