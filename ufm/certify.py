"""Simulations held against theory: the only place, with the command line, where the two meet."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from theory import clock, flows, geometry, minimizers
from ufm import metrics, reduced
from ufm.blocks import isotropic, unit
from ufm.flow import gradient_flow
from ufm.frames import Array, Frame, dense
from ufm.losses import loss_of
from ufm.modes import orthogonal
from ufm.problem import Integers, Problem
from ufm.report import Check, Report
from ufm.resimulate import matrix_exponential, null_part, restrict
from ufm.solve import Solution
from ufm.start import Start
from ufm.trajectory import Trajectory

SUBSET = 4
"""Samples that are simulated again by other means."""


def certify(subject: Trajectory | Solution, *, title: str | None = None, seed: int = 0) -> Report:
    """Hold a trajectory or a solution against every prediction that applies to it.

    Parameters
    ----------
    subject : from :func:`ufm.gradient_flow`, :func:`ufm.gradient_descent` or :func:`ufm.minimize`. With
        ``keep="final"`` a trajectory carries the features that the checks of orthogonality and of the reduction
        itself need; without, the report notes what it could not check.
    title : heads the report.
    seed : picks the samples that are simulated again by slower means.

    Raises
    ------
    ValueError : a frame that is not a multi-center frame of the problem: theory predicts nothing for it.
    """
    problem, frame = subject.problem, subject.frame
    if subject.stats.get("loss") == "custom":
        raise ValueError("the loss was one of your own: there is no prediction for it")
    measured = frame.geometry
    angles = np.abs(measured.mean / measured.length - geometry.center_cosine(problem.centers, problem.theta))
    skew = np.abs(measured.alignment - geometry.classifier_cosine(problem.centers, problem.theta))
    wanted = isotropic(frame) and orthogonal(frame) and (problem.loss == "mse" or unit(frame))
    if not wanted or max(float(angles.max()), float(skew.max())) > 1e-7:
        raise ValueError("the frame is not a multi-center frame of this problem: there is no prediction for it")
    heading = title or f"{problem.loss} loss, K={problem.n_classes}, F={problem.n_centers}, d={problem.dim}"
    if isinstance(subject, Solution):
        return Report(heading, tuple(_solution_checks(subject)))
    notes: list[str] = []
    if subject.status in ("stopped", "diverged"):
        lasted = np.isfinite(subject.value).mean()
        check = Check.compare("share of the records that were reached", "ufm", 1.0, lasted, absolute=0.0)
        return Report(heading, (replace(check, holds=False),), (f"anything else: {subject.stats['reason']}",))
    collect = _cosine_checks if problem.loss == "cosine" else _mse_checks
    return Report(heading, tuple(collect(subject, np.random.default_rng(seed), notes)), tuple(notes))


def _minimum(problem: Problem, frame: Frame) -> Array:
    """Predicted smallest loss of one feature of each class, (K,)."""
    if problem.loss == "cosine":
        return minimizers.cosine_minimum(problem.centers, problem.theta, problem.weights)
    return minimizers.mse_minimum(
        problem.centers, problem.theta, problem.total, float(problem.lam_h or 0.0), frame.geometry.length
    )


def _final_norm(problem: Problem, frame: Frame) -> Array:
    """Predicted norm of the minimiser of each class, (K,)."""
    if problem.loss == "cosine":
        return np.ones(problem.n_classes)
    return minimizers.mse_feature_norm(
        problem.centers, problem.theta, problem.total, float(problem.lam_h or 0.0), frame.geometry.length
    )


def _solution_checks(solution: Solution) -> Iterator[Check]:
    problem, frame = solution.problem, solution.frame
    labels = np.arange(problem.n_classes)
    nc = metrics.collapse(solution.class_features, labels, frame)
    where = "theorem of theory.minimizers" if problem.loss == "cosine" else "corollary 3.7"
    yield Check.compare("direction: NC of the minimiser", where, 0.0, nc, absolute=1e-10)
    if problem.loss == "mse" or problem.lam:
        norms = np.linalg.norm(solution.class_features, axis=1)
        yield Check.compare("norm of the minimiser", where, _final_norm(problem, frame), norms, relative=1e-6)
    sizes = np.asarray(problem.class_sizes)
    constant = loss_of(problem, frame).constant
    value = float(sizes @ _minimum(problem, frame)) + constant
    scale = max(1.0, abs(value))
    yield Check.compare("value", where, value, solution.value, absolute=1e-9 * scale)
    yield Check.compare("gap to the dual bound", "duality, ufm.solve", 0.0, solution.gap, absolute=1e-9 * scale)
    yield from _geometry_checks(solution.class_features, labels, frame, problem, 1e-5)


def _geometry_checks(
    features: Array, labels: Integers, frame: Frame, problem: Problem, tolerance: float
) -> Iterator[Check]:
    means = metrics.class_means(features, labels)
    gram = metrics.gram(means)
    if len(gram) > 1:
        off = gram[~np.eye(len(gram), dtype=bool)]
        yield Check.compare("cosine between class means", "Thm 3.3, NCMC", 0.0, off, absolute=tolerance)
    variability = metrics.variability(features, labels, frame)
    yield _variability_check(variability, problem, tolerance)


def _variability_check(measured: Array, problem: Problem, tolerance: float) -> Check:
    predicted = 1.0 - geometry.classifier_cosine(problem.centers, problem.theta)
    return Check.compare(
        "variability = 1 - cos rho", "definition 3.2, theory.geometry", predicted, measured, absolute=tolerance
    )


COARSE = 1e-4
"""Largest NC at which features still say something of the angles they end in."""


def _ended(t: Trajectory, notes: list[str]) -> bool:
    """Whether the end of a trajectory is one that theory speaks of."""
    if t.status == "finished":
        notes.append(f"what collapse ends in: the run ended before, with a largest NC of {t.nc_max:.2g}")
    elif float(t.stats["until_nc"]) > COARSE:
        notes.append(f"what collapse ends in: until_nc={t.stats['until_nc']:g} is too coarse to tell")
    else:
        return True
    return False


def _end_checks(t: Trajectory, notes: list[str]) -> Iterator[Check]:
    """Direction and angles at the end of every flow that collapses."""
    threshold = float(t.stats["until_nc"])
    tolerance = 3.0 * float(np.sqrt(threshold))  # of a cosine, between directions that are sqrt(NC) apart
    yield Check.compare(
        "direction: largest NC at the end", "NCMC, Thm 3.3", 0.0, t.class_values("nc_max")[-1], absolute=threshold
    )
    yield _variability_check(t.class_values("variability")[-1], t.problem, tolerance)
    if t.final is None:
        notes.append("cosines between class means: the features were not kept (keep='final')")
    elif t.problem.n_classes > 1:
        yield next(_geometry_checks(t.final, t.problem.labels, t.frame, t.problem, tolerance))


def _energy_check(t: Trajectory) -> Check:
    """The objective falls along every flow (not along every descent: momentum overshoots)."""
    rise = float(np.diff(t.value).max(initial=0.0)) / max(abs(float(t.value[0])), np.finfo(float).tiny)
    return Check.compare("largest rise of the objective", "gradient flow", 0.0, max(rise, 0.0), absolute=1e-12)


def _cosine_checks(t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    lam = float(t.problem.lam or 0.0)
    ended = _ended(t, notes)
    if ended:
        yield from _end_checks(t, notes)
    if "step_size" in t.stats:
        notes.append("energy, norm, value and rates over time: those of the flow, not of a descent")
        return
    yield _energy_check(t)
    norms = t.class_values("norm_mean")
    law = clock.radius(t.times[:, None], norms[0], lam)
    yield Check.compare("mean norm at all times", "theory.clock.radius", law, norms, relative=1e-7)
    if ended:
        yield _value_check(t, lam)
    yield from _rate_checks(t, notes)
    if t.initial is None:
        notes.append("reduction and collapse times on a subset: the features were not kept (keep='final')")
    elif t.times[-1] > 0.0:
        yield from _subset_checks(t, rng, notes)


def _value_check(t: Trajectory, lam: float) -> Check:
    """The smallest loss, and what is left of the penalty: sum (r - 1)^2 falls as e^(-4 lam t)."""
    problem, first = t.problem, t.curves.sums
    sizes = np.asarray(problem.class_sizes)
    spread = first["norm_squared"][0].sum() - 2.0 * first["norm"][0].sum() + sizes.sum()
    value = float(sizes @ _minimum(problem, t.frame)) + lam * spread * float(np.exp(-4.0 * lam * t.times[-1]))
    reach = sizes @ (problem.weights * np.asarray(problem.centers)) * float(t.stats["until_nc"])
    source = "theory.minimizers.cosine_minimum"
    return Check.compare("value at the end", source, value, t.value[-1], absolute=reach, relative=1e-9)


def _clocks(t: Trajectory, k: int) -> tuple[Array, int]:
    """Clock times (T, n) of the samples of class ``k``, or of one that stands for all; and the record they hold from.

    If the initial norms were not kept, their mean stands for them once they differ by less than a percent.
    """
    lam = float(t.problem.lam or 0.0)
    if t.initial is not None:
        norms = np.linalg.norm(t.initial[t.problem.samples(k)], axis=1)
        return clock.clock(t.times[:, None], norms, lam), 0
    sums, size = t.curves.sums, t.problem.class_sizes[k]
    mean = sums["norm"][:, k] / size
    deviation = np.sqrt(np.maximum(sums["norm_squared"][:, k] / size - mean**2, 0.0)) / mean
    first = int(np.argmax(deviation < 1e-2)) if deviation[-1] < 1e-2 else len(t.times)
    if first == len(t.times):
        return np.empty((0, 0)), first
    lived = clock.clock(np.maximum(t.times - t.times[first], 0.0), mean[first], lam)
    return (lived + clock.clock(t.times[first], mean[0], lam))[:, None], first


def _rate_checks(t: Trajectory, notes: list[str]) -> Iterator[Check]:
    """Rates in clock time, between the middle and the end of what was recorded of the asymptotic regime."""
    problem = t.problem
    log_nc, peak = np.log(10.0) * t.class_values("nc_log10_mean"), t.class_values("nc_max")
    predicted = flows.nc_rate(problem.centers, problem.theta, problem.weights)
    turning = 4.0 * problem.weights * geometry.squared_cosine(problem.theta)
    floor = 1e-280 if t.stats["method"] == "reduced" else 1e-14
    far = 2.0 * geometry.center_gap(problem.centers, problem.theta)
    close = geometry.center_cosine(problem.centers, problem.theta)
    exponential, algebraic, early, spread = [], [], 0, 0
    for k in range(problem.n_classes):
        # Collapse is exponential once 1 - cos is small against 1 - c; it is algebraic for good where c = 1.
        regime = min(1e-6, 1e-3 * far[k] / close[k]) if predicted[k] > 0.0 else 1e-6
        inside = np.flatnonzero((peak[:, k] < regime) & (log_nc[:, k] > np.log(floor)))
        lived, first = _clocks(t, k)
        usable = inside[inside >= first]
        if usable.size < 2:
            early, spread = early + int(inside.size < 2), spread + int(inside.size >= 2)
            continue
        a, b = usable[(usable.size - 1) // 2], usable[-1]
        if predicted[k] > 0.0:
            rate = (log_nc[a, k] - log_nc[b, k]) / float(np.mean(lived[b] - lived[a]))
            # The part in the differences of centers, y against z, fades as e^(-turning tau) and adds this share to the
            # rate; (y / z)^2 starts at about the ratio of dimensions, and hardly ever at ten times that.
            odds = 10.0 * max(1.0, (problem.centers[k] - 1) / (t.frame.dim - problem.centers[k]))
            bias = odds * turning[k] / predicted[k] * float(np.exp(-turning[k] * lived[a]).max())
            # What is left of NC at a, against 1 - c, adds another.
            bias += close[k] / far[k] * float(peak[a, k])
            if bias > 0.1:
                early += 1
                continue
            exponential.append((predicted[k], rate, predicted[k] * (1e-3 + bias)))
        else:
            slope = np.exp(-log_nc[b, k] - np.mean(np.log(lived[b])))
            limit = 1.0 / flows.algebraic_nc(1.0, problem.centers[k], problem.weights[k])
            algebraic.append((limit, slope, 1e-3 * limit))
    if early:
        notes.append(f"collapse rate of {early} classes: fewer than two records in the asymptotic regime")
    if spread:
        notes.append(f"collapse rate of {spread} classes: their norms differ and were not kept (keep='final')")
    for name, source, rows in (
        ("rate of collapse, exponential", "theory.flows.nc_rate", exponential),
        ("1 / (NC tau), algebraic (centers coincide)", "theory.flows.algebraic_nc", algebraic),
    ):
        if rows:
            expected, measured, tolerance = np.array(rows).T
            yield Check.compare(name, source, expected, measured, absolute=tolerance)


def _subset_checks(t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """A few samples again: in all d coordinates, and against the predicted time of collapse."""
    problem = t.problem
    assert t.initial is not None
    classes = np.sort(rng.choice(problem.n_classes, size=min(SUBSET, problem.n_classes), replace=False))
    rows = problem.offsets[classes] + rng.integers(np.asarray(problem.class_sizes)[classes])
    few, frame = restrict(problem, t.frame, classes)
    features = t.initial[rows]
    curvatures = minimizers.cosine_curvatures(few.centers, few.theta, few.weights, float(few.lam or 0.0))
    stiffness = max(float(np.max(part)) for part in curvatures)  # limits the steps of the slow method
    end = float(t.times[-1])
    times = np.linspace(0.0, min(end, 400.0 / stiffness) if stiffness > 0 else end, 9)
    runs: dict[str, Any] = {
        method: gradient_flow(
            few, frame=frame, features=features, method=method, t_eval=times, keep="features", rtol=1e-10
        )
        for method in ("reduced", "full")
    }
    difference = runs["reduced"].features - runs["full"].features
    scale = np.maximum(1.0, np.linalg.norm(runs["full"].features, axis=-1))
    error = np.linalg.norm(difference, axis=-1) / scale
    batch = next(reduced.batches(few, frame, features, Start(), 0))
    measured, _ = batch.collapse_times(1e-10, 1e-10)
    predicted, distances = [], []
    for block in batch.blocks:
        k, seen, (x, y, z) = block.k, block.observe(block.state), block.state[0]
        norm = float(seen.norm[0])
        opposite = float((y**2 + z**2) / norm**2 * 2.0 / (1.0 - x / norm)) if x < 0 else 4.0 - float(seen.nc[0])
        distances.append(np.sqrt(opposite))
        predicted.append(
            flows.time_to_nc(
                1e-10,
                max(float(seen.nc[0]), 1e-10),
                norm,
                few.centers[k],
                few.theta,
                float(few.weights[k]),
                float(few.lam or 0.0),
                tilt=float(y / z) if z > 0 else np.inf,
                opposite=opposite,
            )
        )
    # Next to the antipode the flow magnifies every error of the slow method by one over the distance.
    tolerance = 1e-7 + 1e-9 / min(distances)
    if tolerance < 1e-2:
        name = f"reduced = full, {len(rows)} samples"
        yield Check.compare(name, "ufm.reduced", 0.0, error, absolute=tolerance)
    else:
        notes.append("reduced = full: a sample starts so close to the antipode that the slow method cannot follow it")
    source = "theory.flows.time_to_nc"
    yield Check.compare(f"time to NC = 1e-10, {len(rows)} samples", source, predicted, measured, relative=1e-6)


def _mse_checks(t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    problem, frame, lam = t.problem, t.frame, float(t.problem.lam_h or 0.0)
    flow = "step_size" not in t.stats
    sizes = np.asarray(problem.class_sizes)
    if lam > 0 and _ended(t, notes):
        yield from _end_checks(t, notes)
        if _settled(t):
            tolerance = 3.0 * float(np.sqrt(float(t.stats["until_nc"])))
            norms, ends = _final_norm(problem, frame), t.class_values("norm_mean")[-1]
            yield Check.compare("norm at the end", "corollary 3.7", norms, ends, relative=tolerance)
            value = float(sizes @ _minimum(problem, frame)) + loss_of(problem, frame).constant
            yield Check.compare("value at the end", "corollary 3.7", value, t.value[-1], relative=1e-6)
        else:
            notes.append("norm and value at the end: the directions have collapsed before the norms have settled")
        if flow:
            yield from _null_rate_check(t, notes)
    if flow:
        yield _energy_check(t)
    if t.initial is None or t.final is None:
        notes.append("flow against expm, and where the null space ends: the features were not kept (keep='final')")
        return
    rows = np.sort(rng.choice(problem.n_samples, size=min(SUBSET, problem.n_samples), replace=False))
    if flow:
        difference = t.final[rows] - _propagated(t, rows)
        scale = np.linalg.norm(t.initial[rows], axis=1)
        error = np.linalg.norm(difference, axis=1) / scale
        yield Check.compare(
            f"flow = matrix exponential, {len(rows)} samples", "theory.flows.mse_rates", 0.0, error, absolute=1e-9
        )
    if lam == 0.0:
        residue = np.linalg.norm(null_part(frame, t.initial[rows]), axis=1)
        kept = np.linalg.norm(null_part(frame, t.final[rows]), axis=1)
        yield Check.compare(
            "null-space part of the start stays",
            "theory.flows.mse_rates",
            residue,
            kept,
            absolute=1e-12 * np.linalg.norm(t.initial[rows], axis=1),
            relative=1e-9,
        )
        if not _settled(t):
            notes.append("NC without regularisation: the run ended before the rest had decayed")
            return
        predicted = flows.nc_with_residue(_final_norm(problem, frame)[problem.labels[rows]], residue)
        measured = _nc_of(t.final[rows], dense(frame.mean_directions)[problem.labels[rows]])
        yield Check.compare(
            "NC without regularisation", "theory.flows.nc_with_residue", predicted, measured, absolute=1e-8
        )


def _nc_of(features: Array, directions: Array) -> Array:
    away = metrics.unit_rows(features) - directions
    return np.einsum("nd,nd->n", away, away)


def _faster(t: Trajectory) -> Array:
    """Rates of P's flow above that of the null space, on everything that the centers see."""
    problem, lam = t.problem, float(t.problem.lam_h or 0.0)
    rates = flows.mse_rates(problem.centers, problem.theta, problem.total, lam, t.frame.geometry.length)
    return np.concatenate([rates.mean, rates.difference[t.frame.geometry.rank > 0]]) - rates.null


def _settled(t: Trajectory) -> bool:
    """Whether everything that the centers see has decayed by a factor e^20, whatever it began with."""
    return bool(t.times[-1] * (_faster(t).min() + float(t.problem.lam_h or 0.0)) >= 20.0)


def _null_rate_check(t: Trajectory, notes: list[str]) -> Iterator[Check]:
    """The null space is the slowest eigenspace: once all others are gone, NC falls with twice its rate."""
    problem = t.problem
    settled = t.times >= 10.0 / _faster(t).min()  # the squares of all other parts have lost a factor e^20 on it
    log_nc, peak = np.log(10.0) * t.class_values("nc_log10_mean"), t.class_values("nc_max")
    pairs = []
    for k in range(problem.n_classes):
        low = np.flatnonzero((peak[:, k] < 1e-6) & settled)
        if low.size > 1:
            a, b = int(low[0]), int(low[-1])
            pairs.append((log_nc[a, k] - log_nc[b, k]) / (t.times[b] - t.times[a]))
    if pairs:
        slope = 2.0 * float(problem.lam_h or 0.0)
        yield Check.compare("rate of collapse", "theory.flows.mse_rates", slope, pairs, relative=1e-3)
    if len(pairs) < problem.n_classes:
        missing = problem.n_classes - len(pairs)
        notes.append(f"collapse rate of {missing} classes: fewer than two records in the asymptotic regime")


def _propagated(t: Trajectory, rows: Integers) -> Array:
    """H* + exp(-t (W^T W / S + lam_h I)) (H0 - H*) by scipy's matrix exponential in d dimensions."""
    problem, frame, lam, end = t.problem, t.frame, float(t.problem.lam_h or 0.0), float(t.times[-1])
    assert t.initial is not None
    labels = problem.labels[rows]
    target = _final_norm(problem, frame)[labels, None] * dense(frame.mean_directions)[labels]
    propagator = matrix_exponential(-end / problem.total * (frame.centers.T @ frame.centers))
    return target + np.exp(-lam * end) * np.asarray((t.initial[rows] - target) @ propagator)
