"""Claims on the frame itself: angles, dimension, and how many centers a class gets."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from theory.multicenter import centers, geometry
from theory.multicenter.geometry import Array
from ufm.certify.ledger.claim import Evidence, Finding, Laboratory, compare

EVERY_F, EVERY_THETA = np.arange(1, 13), np.linspace(0.0, np.pi / 2, 9)
PROBLEM: dict[str, Any] = {"class_sizes": (1, 1, 1), "centers": (1, 4, 9), "theta": 0.35}


def frame_by_hand(counts: tuple[int, ...], theta: float, dim: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Auxiliary vectors (F, d), classifier (K, d) and centers (F, d), from a QR factorisation and definition 3.2."""
    total = sum(counts)
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, total + len(counts))))
    auxiliary, classifier = q.T[:total], q.T[total:]
    owner = np.repeat(np.arange(len(counts)), counts)
    return auxiliary, classifier, np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner]


def _angles(lab: Laboratory) -> Iterator[Finding]:
    for f in (1, 2, 5, 12):
        for theta in (0.0, 0.3, 1.2, np.pi / 2):
            _, classifier, rows = frame_by_hand((f,), theta, f + 3)
            mean = rows.mean(axis=0)
            cosines = rows @ mean / np.linalg.norm(mean)
            name = f"f={f}, theta={theta:.3g}"
            yield compare(
                f"cos alpha, {name}", "explicit vectors", cosines, geometry.center_cosine(f, theta), tolerance=1e-14
            )
            skew = classifier[0] @ mean / np.linalg.norm(mean)
            yield compare(
                f"cos rho, {name}", "explicit vectors", skew, geometry.classifier_cosine(f, theta), tolerance=1e-14
            )
    measured = lab.geometry(PROBLEM)
    stated = geometry.center_cosine(PROBLEM["centers"], PROBLEM["theta"])
    yield compare(
        "cos alpha of a simulated frame", "ufm.Frame.geometry", measured.mean / measured.length, stated, tolerance=1e-13
    )
    stated = geometry.classifier_cosine(PROBLEM["centers"], PROBLEM["theta"])
    yield compare("cos rho of a simulated frame", "ufm.Frame.geometry", measured.alignment, stated, tolerance=1e-13)


def _spectrum(lab: Laboratory) -> Iterator[Finding]:
    for f in (1, 2, 5, 12):
        for theta in (0.0, 0.3, 1.2):
            _, _, rows = frame_by_hand((f, 2), theta, f + 8)
            found = np.linalg.eigvalsh(rows[:f] @ rows[:f].T)
            mean, difference = geometry.gram_eigenvalues(f, theta)
            stated = np.append(np.full(f - 1, difference), mean)
            name = f"eigenvalues of the Gram matrix, f={f}, theta={theta}"
            yield compare(name, "explicit vectors", found, stated, tolerance=1e-13)
    measured = lab.geometry(PROBLEM).spread
    stated = np.where(np.array(PROBLEM["centers"]) > 1, np.cos(PROBLEM["theta"]) ** 2, 0.0)
    yield compare("eigenvalue on differences, simulated frame", "ufm.Frame.geometry", measured, stated, tolerance=1e-13)


def _skew(lab: Laboratory) -> Iterator[Finding]:
    f, theta = np.meshgrid(EVERY_F, EVERY_THETA)
    cosine = geometry.classifier_cosine(f, theta)
    one = (f == 1) | (theta == np.pi / 2)
    yield compare(
        "cos rho with one direction per class: sin(theta) for f = 1",
        "definition",
        cosine[f == 1],
        np.sin(theta[f == 1]),
        tolerance=1e-15,
    )
    yield compare(
        "cos rho where the centers coincide, theta = pi/2",
        "definition",
        cosine[theta == np.pi / 2],
        1.0,
        tolerance=1e-15,
    )
    yield compare(
        "largest cos rho elsewhere", "enumeration", cosine[~one & (theta < np.pi / 2)].max(), 1.0, relation="<="
    )
    rise = np.diff(cosine, axis=1).min()
    yield compare(
        "more centers never turn features away from the classifier: smallest rise of cos rho with f",
        "enumeration",
        rise,
        0.0,
        relation=">=",
        tolerance=1e-15,
    )
    ends = lab.flow({**PROBLEM, "lam": 0.5, "beta": 1.0, "centers": (2, 4, 9)}, [0.0, 60.0])
    yield compare(
        "NC at the end: features sit on the mean center, at the angle rho to the classifier",
        "flow in d dimensions",
        ends.nc[-1],
        0.0,
        tolerance=1e-10,
    )


def _strategy(lab: Laboratory) -> Iterator[Finding]:
    for sizes, mean in (((5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50), 20), ((100, 30, 10), 5), ((9, 9, 1), 4)):
        counts = centers.class_aware(sizes, mean)
        yield compare(
            f"sum of centers for n={sizes}, f={mean}", "the strategy, step by step", sum(counts), mean * len(sizes)
        )
        yield compare("fewest centers of a class", "the strategy, step by step", min(counts), 1, relation=">=")
    yield compare(
        "worked example of the paper, n=(1, 3, 3), f=3",
        "the strategy, step by step",
        centers.class_aware((1, 3, 3), 3),
        (4, 4, 1),
    )


def random_sizes(count: int = 2000) -> list[tuple[int, ...]]:
    """Random lists of class sizes, descending, 3 to 8 classes of 1 to 200 samples."""
    rng = np.random.default_rng(0)
    return [tuple(sorted(map(int, rng.integers(1, 200, rng.integers(3, 9))), reverse=True)) for _ in range(count)]


def broken(sizes: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    """Whether a class with fewer samples than another has fewer centers, or equal classes differ by more than one."""
    pairs = list(zip(sizes, counts, strict=True))
    return any((n > m and a > b) or (n == m and abs(a - b) > 1) for n, a in pairs for m, b in pairs)


def not_monotone(lab: Laboratory) -> Iterator[Finding]:
    """The class-aware strategy on sizes for which it breaks its promise."""
    yield compare(
        "centers of the classes of n=(3, 3, 1), f=3, by the rule as written",
        "the strategy, step by step",
        centers.class_aware((3, 3, 1), 3),
        (2, 4, 3),
        printed=(1, 4, 4),
    )
    lists = random_sizes()
    share = np.mean([broken(sizes, centers.class_aware(sizes, 5)) for sizes in lists])
    yield compare(
        "share of random size lists in which a rarer class gets fewer centers",
        "2,000 lists, f=5",
        share,
        0.05,
        relation=">=",
        printed=None,
    )
    yield compare(
        "whether the rarest class has the most centers, n=(3, 3, 1)",
        "the strategy, step by step",
        float(centers.class_aware((3, 3, 1), 3)[2] == 4),
        0.0,
        printed=1.0,
    )


def _apportioned(lab: Laboratory) -> Iterator[Finding]:
    lists = random_sizes()
    wrong = sum(broken(sizes, centers.apportioned(sizes, 5)) for sizes in lists)
    yield compare("lists in which a rarer class gets fewer centers", "2,000 lists, f=5", wrong, 0)
    sums = [sum(centers.apportioned(sizes, 5)) - 5 * len(sizes) for sizes in lists]
    yield compare("sum of centers minus f K", "2,000 lists, f=5", sums, 0)
    worst = 0.0
    for sizes in lists[:200]:
        a = centers.apportioned(sizes, 5)
        for k, m in pairwise(range(len(sizes))):
            for giver, taker in ((k, m), (m, k)):
                if a[giver] > 1:
                    before = abs(np.log(a[giver] * sizes[giver] / (a[taker] * sizes[taker])))
                    after = abs(np.log((a[giver] - 1) * sizes[giver] / ((a[taker] + 1) * sizes[taker])))
                    worst = max(worst, before - after)
    yield compare(
        "what moving one center could still bring two classes closer to proportion, in log f n",
        "all transfers of 200 lists",
        worst,
        0.0,
        tolerance=1e-12,
        relation="<=",
    )


EVIDENCE: Mapping[str, Evidence] = {
    "angles": _angles,
    "gram-spectrum": _spectrum,
    "remark-3.9": _skew,
    "class-aware": _strategy,
    "apportioned": _apportioned,
}
