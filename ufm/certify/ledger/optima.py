"""Claims on minimisers: the cosine loss, and the paper's problem P with a fixed and with a learned frame."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import optimize

from theory.multicenter import minimum as minimizers
from theory.multicenter.geometry import Array, center_cosine
from ufm.certify.ledger.angles import frame_by_hand
from ufm.certify.ledger.claim import Evidence, Finding, Laboratory, compare

COSINE: dict[str, Any] = {
    "class_sizes": (1, 1, 1),
    "centers": (2, 4, 7),
    "theta": 0.4,
    "dim": 24,
    "beta": 1.0,
    "lam": 0.5,
}
FIXED: dict[str, Any] = {
    "class_sizes": (20, 8, 3),
    "centers": (1, 3, 6),
    "theta": 0.3,
    "dim": 20,
    "loss": "mse",
    "lam_h": 0.01,
}
BALANCED: dict[str, Any] = {
    "class_sizes": (6, 6, 6),
    "centers": 3,
    "theta": 0.3,
    "loss": "mse",
    "lam_h": 1e-2,
    "lam_w": 1e-2,
}
PARTIAL: dict[str, Any] = {
    "class_sizes": (100, 10, 1),
    "centers": 1,
    "theta": 0.3,
    "loss": "mse",
    "lam_h": 2e-2,
    "lam_w": 3e-2,
}


def total(problem: dict[str, Any]) -> int:
    """S, the sum of centers times samples."""
    return int(np.sum(np.asarray(problem["centers"]) * np.asarray(problem["class_sizes"])))


def learned(problem: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the functions of a learned frame, for each class."""
    return {
        "f": np.asarray(problem["centers"]),
        "theta": problem["theta"],
        "n": np.asarray(problem["class_sizes"]),
        "total": total(problem),
        "lam_h": problem["lam_h"],
        "lam_w": problem["lam_w"],
    }


def _cosine_minimum(lab: Laboratory) -> Iterator[Finding]:
    ends = lab.ends(COSINE, 40)
    how = "L-BFGS in 24 dimensions from 40 random starts a class"
    yield compare("NC of the minimisers", how, ends.nc, 0.0, tolerance=1e-10)
    yield compare("their norm", how, ends.norm, 1.0, tolerance=1e-6)
    least = minimizers.cosine_minimum(COSINE["centers"], COSINE["theta"], 1.0)
    yield compare("their value", how, ends.value, least[:, None], tolerance=1e-10)
    one = lab.ends({**COSINE, "class_sizes": (1,), "centers": (1,), "dim": 8}, 40)
    yield compare(
        "value with one center (quartic around the minimum)", "L-BFGS from 40 starts", one.value, 0.0, tolerance=1e-10
    )


def _critical(lab: Laboratory) -> Iterator[Finding]:
    points = lab.critical_points(COSINE, 60)
    how = "Newton's method from 60 starts a class, minima and maxima alike"
    yield compare("critical points of each class", how, np.bincount([p.k for p in points]), 2)
    yield compare("NC of the one of lower value", how, [p.nc for p in points[::2]], 0.0, tolerance=1e-10)
    yield compare("NC of the other one: the antipode", how, [p.nc for p in points[1::2]], 4.0, tolerance=1e-10)
    f, c = np.array(COSINE["centers"]), center_cosine(COSINE["centers"], COSINE["theta"])
    values = [p.value for p in points[1::2]]
    yield compare("value at the antipode: f (1 + c)^2", how, values, f * (1 + c) ** 2, relative=1e-12)


def _hessian(lab: Laboratory) -> Iterator[Finding]:
    points = lab.critical_points(COSINE, 20)
    f, theta = np.array(COSINE["centers"]), COSINE["theta"]
    c, cos2, how = center_cosine(f, theta), np.cos(theta) ** 2, "Lanczos on Hessian-vector products"
    stated = minimizers.cosine_curvatures(f, theta, 1.0, 0.5)
    at, opposite = points[::2], points[1::2]
    yield compare(
        "smallest eigenvalue at the minimum: outside", how, [p.lowest for p in at], stated.outside, relative=1e-8
    )
    yield compare(
        "largest: on the differences of centers", how, [p.highest for p in at], stated.difference, relative=1e-8
    )
    antipode = -2.0 * f * c * (1.0 + c)
    yield compare("smallest eigenvalue at the antipode", how, [p.lowest for p in opposite], antipode, relative=1e-8)
    yield compare("largest: still negative", how, [p.highest for p in opposite], antipode + 2.0 * cos2, relative=1e-8)
    (single,) = (
        p for p in lab.critical_points({**COSINE, "class_sizes": (1,), "centers": (1,), "dim": 6}, 20) if p.nc < 1
    )
    yield compare("curvature with a single center", how, [single.lowest, single.highest], 0.0, tolerance=1e-6)


def _any_frame(lab: Laboratory) -> Iterator[Finding]:
    values = [lab.minimum(COSINE, seed) for seed in range(4)]
    sizes = np.array(COSINE["class_sizes"])
    stated = float(sizes @ minimizers.cosine_minimum(COSINE["centers"], COSINE["theta"], 1.0))
    yield compare("minimum on four random orthonormal frames", "trust-region Newton", values, stated, tolerance=1e-10)
    small = {**COSINE, "class_sizes": (4, 2), "centers": (2, 3), "dim": 9}
    trained = lab.trained_together(small, np.linspace(0.0, 60.0, 7))
    how = "flow of frame and features together"
    stated = float(np.dot(small["class_sizes"], minimizers.cosine_minimum(small["centers"], small["theta"], 1.0)))
    yield compare("NC where joint training ends", how, trained.curves["nc"][-1], 0.0, tolerance=1e-10)
    yield compare("value there", how, trained.value[-1], stated, tolerance=1e-10)
    yield compare("drift off the orthonormal frames", how, trained.curves["defect"], 0.0, tolerance=1e-12)
    name = "distance the frame has moved: more than nothing"
    yield compare(name, how, trained.curves["moved"][-1], 1e-3, relation=">=")
    free, how = lab.free_centers(small), "descent over unit centers without orthogonality"
    name = "loss, still falling, over the least loss of orthonormal frames"
    yield compare(name, how, free.value[-1] / stated, 1e-4, relation="<=")
    yield compare("least cosine between features of two classes", how, free.between[1], 0.99, relation=">=")


def ridge_feature(w: Array, y: Array, penalty: float) -> Array:
    """The minimiser of |w h - y|^2 + penalty |h|^2, by the normal equations in all d dimensions."""
    return np.asarray(np.linalg.solve(w.T @ w + penalty * np.eye(w.shape[1]), w.T @ y), dtype=np.float64)


def _ridge(lab: Laboratory) -> Iterator[Finding]:
    counts, theta, weight = FIXED["centers"], FIXED["theta"], FIXED["lam_h"]
    _, _, w = frame_by_hand(counts, theta, FIXED["dim"])
    owner, s = np.repeat(np.arange(3), counts), total(FIXED)
    norms, cosines = [], []
    for k in range(3):
        h = ridge_feature(w, (owner == k).astype(float), weight * s)
        mean = w[owner == k].mean(axis=0)
        norms.append(np.linalg.norm(h))
        cosines.append(h @ mean / np.linalg.norm(mean) / norms[-1])
    how = "ridge regression, solved"
    yield compare("cosine of the minimiser with its mean center", how, cosines, 1.0, tolerance=1e-12)
    stated = minimizers.mse_feature_norm(counts, theta, s, weight)
    yield compare("its norm", how, norms, stated, relative=1e-12)
    ends = lab.ends(FIXED, 10)
    how = "L-BFGS in 20 dimensions from 10 random starts a class"
    yield compare("NC of minimisers", how, ends.nc, 0.0, tolerance=1e-10)
    yield compare("their norm", how, ends.norm, stated[:, None], relative=1e-6)
    least = minimizers.mse_minimum(counts, theta, s, weight)
    yield compare("their value", how, ends.value, least[:, None], relative=1e-9)
    points = lab.critical_points(FIXED, 8)
    yield compare(
        "critical points of each class", "Newton's method from 8 starts", np.bincount([p.k for p in points]), 1
    )
    yield compare(
        "smallest eigenvalue of the Hessian: lam_H", "Lanczos", [p.lowest for p in points], weight, relative=1e-8
    )


def _norm_over_cosine(lab: Laboratory) -> Iterator[Finding]:
    for f, s, weight in ((4, 100, 1e-3), (10, 400, 1e-3), (6, 50, 2e-2)):
        best = np.sqrt(weight * s / f)

        def norm(c: float, f: int = f, s: int = s, weight: float = weight) -> float:
            # theta enters through c alone
            cos2 = (1.0 - c**2) / (1.0 - 1.0 / f)
            return float(minimizers.mse_feature_norm(f, float(np.arccos(np.sqrt(cos2))), s, weight))

        low, high = 1.0 / np.sqrt(f) + 1e-9, 1.0 - 1e-9
        found = optimize.minimize_scalar(
            lambda c: -norm(c), bounds=(low, high), method="bounded", options={"xatol": 1e-10}
        )
        stated = float(np.clip(best, low, high))
        name = f"c of the longest features, f={f}, S={s}, lam_H={weight}"
        yield compare(name, "bounded scalar search over theta", found.x, stated, tolerance=1e-6)


MINIMISED = "trust region over frame, norms and features, 12 random starts"


def _learned(problem: dict[str, Any], ends: Any) -> Iterator[Finding]:
    own, how = learned(problem), MINIMISED
    square = np.broadcast_to(minimizers.learned_square_norm(**own), ends.square_norms.shape)
    yield compare("|w_k|^2", how, ends.square_norms, square, tolerance=1e-6)
    norm = np.broadcast_to(minimizers.learned_feature_norm(**own), ends.feature_norms.shape)
    yield compare("|h_k|", how, ends.feature_norms, norm, tolerance=1e-6)
    balance = own["lam_w"] * ends.square_norms - own["n"] * own["lam_h"] * ends.feature_norms**2
    yield compare("lam_W |w_k|^2 - n_k lam_H |h_k|^2", how, balance, 0.0, tolerance=1e-7)
    yield compare("NC of living classes", how, ends.nc, 0.0, tolerance=1e-10)


def _theorem_33(lab: Laboratory) -> Iterator[Finding]:
    yield from _learned(BALANCED, lab.learned_ends(BALANCED, 12))
    n, weight = BALANCED["class_sizes"][0], np.sqrt(BALANCED["lam_h"] * BALANCED["lam_w"])
    own = learned(BALANCED)
    yield compare(
        "threshold: K sqrt(n lam_H lam_W)",
        "formula of the theorem",
        minimizers.alive_threshold(own["f"], own["n"], 54, own["lam_h"], own["lam_w"]),
        3 * np.sqrt(n) * weight,
        relative=1e-14,
    )
    c = float(center_cosine(3, BALANCED["theta"]))
    for factor, alive in ((0.999, 1.0), (1.001, 0.0)):
        critical = factor * c / (3 * np.sqrt(n))
        ends = lab.learned_ends({**BALANCED, "lam_h": critical, "lam_w": critical}, 4)
        found = float(np.all(ends.square_norms > 1e-5))
        yield compare(
            f"whether classes live with weights at {factor} of the threshold",
            "trust region, 4 random starts",
            found,
            alive,
        )


def _theorem_34(lab: Laboratory) -> Iterator[Finding]:
    ends = lab.learned_ends(PARTIAL, 12)
    yield from _learned(PARTIAL, ends)
    least = float(minimizers.learned_minimum(**learned(PARTIAL)).sum())
    yield compare("min P, one class dead", MINIMISED, ends.value, least, tolerance=1e-10, printed=0.5)
    alive = (ends.square_norms > 1e-5).sum(axis=1)
    yield compare("classes alive", MINIMISED, alive, 2, printed=0)


def _projection(lab: Laboratory) -> Iterator[Finding]:
    rng = np.random.default_rng(3)
    for counts, sizes, theta in (((2, 3), (4, 2), 0.4), ((1, 4), (3, 1), 1.0)):
        problem = {"centers": counts, "class_sizes": sizes, "theta": theta, "lam_h": 0.02, "lam_w": 0.05}
        own, squares = learned(problem), rng.uniform(0.1, 4.0, 2)
        auxiliary, classifier, _ = frame_by_hand(counts, theta, sum(counts) + 4, seed=7)
        owner = np.repeat([0, 1], counts)
        lengths = np.sqrt(squares)
        w = lengths[owner, None] * (np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner])
        found = projected_by_elimination(w, owner, sizes, own) + 0.5 * own["lam_w"] * squares.sum()
        stated = float(minimizers.projected_value(squares, **own).sum())
        yield compare(
            f"min over features of P on a frame of norms {lengths.round(2)}",
            "least squares in d dimensions",
            found,
            stated,
            relative=1e-12,
        )
        grid = np.linspace(0.0, 40.0, 4001)
        values = minimizers.projected_value(grid[:, None], **own)
        yield compare(
            "smallest second difference of phi",
            "grid of 4,001 norms",
            np.diff(values, 2, axis=0).min(),
            0.0,
            relation=">=",
        )
        yield compare(
            "its smallest value on the grid",
            "grid of 4,001 norms",
            values.min(axis=0),
            minimizers.learned_minimum(**own),
            tolerance=1e-6,
        )
    ends = lab.learned_ends(BALANCED, 12)
    stated = float(minimizers.learned_minimum(**learned(BALANCED)).sum())
    yield compare(
        "value where descent ends: no spurious local minima",
        "trust region, 12 random starts",
        ends.value,
        stated,
        tolerance=1e-10,
    )


def projected_by_elimination(w: Array, owner: Array, sizes: tuple[int, ...], own: dict[str, Any]) -> float:
    """P without its classifier term, minimised over features by solving the normal equations."""
    ridge = own["lam_h"] * own["total"]
    value = 0.0
    for k, n in enumerate(sizes):
        y = (owner == k).astype(float)
        h = ridge_feature(w, y, ridge)
        value += n * (np.sum((w @ h - y) ** 2) / (2 * own["total"]) + 0.5 * own["lam_h"] * h @ h)
    return float(value)


def _thresholds(lab: Laboratory) -> Iterator[Finding]:
    problem = {"class_sizes": (30, 6), "centers": (2, 2), "theta": 0.3, "loss": "mse"}
    own = {"f": 2, "n": 6, "total": 72}
    c = float(center_cosine(2, 0.3))
    # lam_H = lam_W = lam: the small class is alive iff c > (S / f) lam / sqrt(n)
    critical = c * 2 * np.sqrt(6) / 72
    for factor, expected in ((0.999, 2), (1.001, 1)):
        weight = factor * critical
        threshold = minimizers.alive_threshold(**own, lam_h=weight, lam_w=weight)
        yield compare(
            f"threshold over c at {factor} of the critical weight", "formula", threshold / c, factor, relative=1e-12
        )
        ends = lab.learned_ends({**problem, "lam_h": weight, "lam_w": weight}, 4)
        living = (ends.square_norms > 1e-5).sum(axis=1)
        yield compare(
            f"living classes at {factor} of the critical weight", "trust region, 4 random starts", living, expected
        )
    # weight of lam_H = lam_W at which a class of n samples dies, other classes having f n adding up to `others`
    f, n, others, theta = np.ogrid[1:40, 1:30:5j, 1:2000:9j, 0.0 : np.pi / 2 : 7j]

    def critical_weight(f: Array) -> Array:
        return center_cosine(f, theta) / minimizers.alive_threshold(f, n, f * n + others, 1.0, 1.0)

    rise = critical_weight(f + 1) / critical_weight(f) - 1.0
    worst = rise[np.broadcast_to((f + 1) * n <= others, rise.shape)].min()
    how = "enumeration of f, n, the rest of S, and theta"
    name = "smallest relative rise of the critical weight with one more center, share of S at most 1/2"
    yield compare(name, how, worst, 0.0, relation=">=")


EVIDENCE: Mapping[str, Evidence] = {
    "cosine-loss": _cosine_minimum,
    "two-critical-points": _critical,
    "curvature": _hessian,
    "free-frame": _any_frame,
    "corollary-3.7": _ridge,
    "remark-3.8": _norm_over_cosine,
    "theorem-3.3": _theorem_33,
    "theorem-3.4": _theorem_34,
    "variable-projection": _projection,
    "minority-collapse": _thresholds,
}
