"""Flows of the cosine loss held against theory: norms, values, rates, collapse times, and the reduction itself."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from theory.multicenter import clock, flows, geometry
from theory.multicenter import minimum as minimizers
from ufm.certify.ends import end_checks, ended, energy_check
from ufm.certify.minima import predicted_minimum
from ufm.certify.report import Check
from ufm.problems.frames import Array
from ufm.problems.start import Start
from ufm.simulate import reduced
from ufm.simulate.flow import gradient_flow
from ufm.simulate.resimulate import restrict
from ufm.simulate.trajectory import Trajectory

SUBSET = 4
"""Samples that are simulated again by other means."""


def cosine_checks(t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """Every check that applies to a flow or descent of the cosine loss; ``notes`` says what could not be checked."""
    lam = float(t.problem.lam or 0.0)
    at_end = ended(t, notes)
    if at_end:
        yield from end_checks(t, notes)
    if "step_size" in t.stats:
        notes.append("energy, norm, value and rates over time: those of the flow, not of a descent")
        return
    yield energy_check(t)
    norms = t.class_values("norm_mean")
    law = clock.radius(t.times[:, None], norms[0], lam)
    yield Check.compare("mean norm at all times", "theory.multicenter.clock.radius", law, norms, relative=1e-7)
    if at_end:
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
    value = float(sizes @ predicted_minimum(problem, t.frame)) + lam * spread * float(np.exp(-4.0 * lam * t.times[-1]))
    reach = sizes @ (problem.weights * np.asarray(problem.centers)) * float(t.stats["until_nc"])
    source = "theory.multicenter.minimum.cosine_minimum"
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
        ("rate of collapse, exponential", "theory.multicenter.flows.nc_rate", exponential),
        ("1 / (NC tau), algebraic (centers coincide)", "theory.multicenter.flows.algebraic_nc", algebraic),
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
        yield Check.compare(name, "ufm.simulate.reduced", 0.0, error, absolute=tolerance)
    else:
        notes.append("reduced = full: a sample starts so close to the antipode that the slow method cannot follow it")
    source = "theory.multicenter.flows.time_to_nc"
    yield Check.compare(f"time to NC = 1e-10, {len(rows)} samples", source, predicted, measured, relative=1e-6)
