"""Flows of the cosine loss held against theory: norms, values, rates, collapse times, and the reduction itself."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import chdtri, gammaincinv

from ufm.certify.ends import end_checks, ended, energy_check
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.certify.report import Check
from ufm.certify.slow import definition_checks, distance, few_samples, restrict
from ufm.problems.frames import Array, Frame
from ufm.problems.kinds import CosineProblem
from ufm.problems.start import Start
from ufm.simulate import reduced
from ufm.simulate.blocks import Block
from ufm.simulate.flow import gradient_flow
from ufm.simulate.method import Work
from ufm.simulate.trajectory import Trajectory


def cosine_checks(problem: CosineProblem, t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """Every check that applies to a flow or descent of the cosine loss; ``notes`` says what could not be checked."""
    predicted = predict(problem)
    at_end = ended(t, notes)
    if at_end:
        yield from end_checks(t, predicted, notes)
    features, classes, rows = few_samples(t, rng)
    yield from definition_checks(problem, t.frame, features, classes, rng)
    if "step_size" in t.stats:
        notes.append("energy, norm, value and rates over time: those of the flow, not of a descent")
        return
    yield energy_check(t)
    norms = t.class_values("norm_mean")
    law = predicted.radius(t.times[:, None] - t.times[0], norms[0])  # also where the records begin later than the flow
    yield Check.compare("mean norm at all times", "theory.multicenter.clock.radius", law, norms, relative=1e-7)
    if at_end:
        yield _value_check(t, predicted)
    yield from _rate_checks(t, predicted, notes)
    if t.times[-1] > 0.0:
        few, frame = restrict(problem, t.frame, classes)
        yield from _reduction_check(few, frame, features, float(t.times[-1]), notes)
        yield from _time_checks(few, frame, features)
    if rows is None:
        notes.append("the samples that are taken again are others: the features were not kept (keep='final')")


def _value_check(t: Trajectory, predicted: CosinePrediction) -> Check:
    """The smallest loss, and what is left of the penalty."""
    first, sizes = t.curves.sums, predicted.sizes
    spread = first["norm_squared"][0].sum() - 2.0 * first["norm"][0].sum() + sizes.sum()
    value = predicted.value + predicted.norm_penalty(float(t.times[-1] - t.times[0]), float(spread))
    reach = sizes @ (predicted.weights * predicted.counts) * float(t.stats["until_nc"])
    source = predicted.sources["value"]
    return Check.compare("value at the end", source, value, t.value[-1], absolute=reach, relative=1e-9)


def _clocks(t: Trajectory, predicted: CosinePrediction, k: int) -> tuple[Array, int]:
    """Clock times (T, n) of the samples of class ``k``, or of one that stands for all; and the record they hold from.

    If the initial norms were not kept, their mean stands for them once they differ by less than a percent.
    """
    if t.initial is not None:
        norms = np.linalg.norm(t.initial[t.problem.samples(k)], axis=1)
        return predicted.clock(t.times[:, None], norms), 0
    sums, size = t.curves.sums, t.problem.class_sizes[k]
    mean = sums["norm"][:, k] / size
    deviation = np.sqrt(np.maximum(sums["norm_squared"][:, k] / size - mean**2, 0.0)) / mean
    first = int(np.argmax(deviation < 1e-2)) if deviation[-1] < 1e-2 else len(t.times)
    if first == len(t.times):
        return np.empty((0, 0)), first
    lived = predicted.clock(np.maximum(t.times - t.times[first], 0.0), mean[first])
    return (lived + predicted.clock(t.times[first] - t.times[0], mean[0]))[:, None], first


def _log_odds(t: Trajectory, k: int) -> Array:
    """ln (y^2 / z^2) of the samples of class ``k`` at the start, (n,): huge where nothing is outside the centers."""
    _, y, z, _, _ = reduced.project(t.frame, np.asarray(t.initial)[t.problem.samples(k)], k)
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(2.0 * (np.log(y) - np.log(z)), -1e6, 1e6))


def _rate_checks(t: Trajectory, predicted: CosinePrediction, notes: list[str]) -> Iterator[Check]:
    """Rates in clock time, between the middle and the end of what was recorded of the asymptotic regime."""
    problem = t.problem
    log_nc, peak = np.log(10.0) * t.class_values("nc_log10_mean"), t.class_values("nc_max")
    floor = 1e-280 if t.stats["method"] == "reduced" else 1e-14
    far, close = 2.0 * predicted.center_gap, predicted.center_cosine
    exponential, algebraic, early, spread = [], [], 0, 0
    for k in range(problem.n_classes):
        # Collapse is exponential once 1 - cos is small against 1 - c; it is algebraic for good where c = 1.
        regime = min(1e-6, 1e-3 * far[k] / close[k]) if predicted.rate[k] > 0.0 else 1e-6
        inside = np.flatnonzero((peak[:, k] < regime) & (log_nc[:, k] > np.log(floor)))
        lived, first = _clocks(t, predicted, k)
        usable = inside[inside >= first]
        # the mean of logarithms says nothing any more once the fastest sample is rounding
        usable = usable[predicted.rate[k] * lived[usable].max(axis=1, initial=0.0) < -0.9 * np.log(floor)]
        if usable.size < 2:
            unknown = first > 0 and inside.size >= 2
            early, spread = early + int(not unknown), spread + int(unknown)
            continue
        a, b = usable[(usable.size - 1) // 2], usable[-1]
        if predicted.rate[k] > 0.0:
            rate = (log_nc[a, k] - log_nc[b, k]) / float(np.mean(lived[b] - lived[a]))
            # The part in the differences of centers, y against z, fades as e^(-tilt_rate tau) and adds its share to
            # the rate: tilt_rate / (1 + e^(tilt_rate tau) z^2 / y^2).
            tilt, extra, bias = predicted.tilt_rate[k], 0.0, 0.0
            if t.initial is not None:
                odds = _log_odds(t, k)
                left = np.logaddexp(0.0, odds - tilt * lived[a]) - np.logaddexp(0.0, odds - tilt * lived[b])
                extra = float(np.mean(left)) / float(np.mean(lived[b] - lived[a]))
            else:
                if t.stats["start"] == "given features":
                    spread += 1
                    continue
                # y^2 / z^2 starts at about the ratio of dimensions, and in hardly any sample above these odds
                # (quantiles of chi^2 by scipy.special, since scipy.stats takes half a second to import)
                inside_centers, outside = problem.centers[k] - 1, t.frame.dim - problem.centers[k]
                rarely = 1e-4 / problem.class_sizes[k]
                extreme = float(chdtri(inside_centers, rarely) / (2.0 * gammaincinv(outside / 2.0, rarely)))
                most = max(10.0, 10.0 * inside_centers / outside, extreme)
                bias = most * tilt / predicted.rate[k] * float(np.exp(-tilt * lived[a]).max())
            # What is left of NC at a, against 1 - c, adds another.
            bias += close[k] / far[k] * float(peak[a, k])
            if bias > 0.1:
                early += 1
                continue
            exponential.append((predicted.rate[k] + extra, rate, predicted.rate[k] * (1e-3 + bias)))
        else:
            slope = np.exp(-log_nc[b, k] - np.mean(np.log(lived[b])))
            limit = predicted.algebraic_slope[k]
            algebraic.append((limit, slope, 1e-3 * limit))
    if early:
        notes.append(f"collapse rate of {early} classes: fewer than two records in the asymptotic regime")
    if spread:
        notes.append(f"collapse rate of {spread} classes: what they start from was not kept (keep='final')")
    for name, source, rows in (
        ("rate of collapse, exponential", predicted.sources["rate"], exponential),
        ("1 / (NC tau), algebraic (centers coincide)", predicted.sources["algebraic_slope"], algebraic),
    ):
        if rows:
            expected, measured, tolerance = np.array(rows).T
            yield Check.compare(name, source, expected, measured, absolute=tolerance)


def _opposite(block: Block) -> float:
    """4 - NC at the start of a single sample, without the cancellation next to the antipode."""
    (x, y, z), seen = block.state[0], block.observe(block.state)
    norm = float(seen.norm[0])
    return float((y**2 + z**2) / norm**2 * 2.0 / (1.0 - x / norm)) if x < 0 else 4.0 - float(seen.nc[0])


def _reduction_check(
    few: CosineProblem, frame: Frame, features: Array, end: float, notes: list[str]
) -> Iterator[Check]:
    """The same samples in three coordinates and in all d."""
    shortest = min(1.0, float(np.linalg.norm(features, axis=1).min()))
    stiffness = predict(few).stiffness / shortest**2  # limits the steps of the slow method
    times = np.linspace(0.0, min(end, 400.0 / stiffness) if stiffness > 0 else end, 9)
    options: dict[str, Any] = {"features": features, "t_eval": times, "keep": "features", "rtol": 1e-10}
    both = [gradient_flow(few, frame=frame, method=name, **options).features for name in ("reduced", "full")]
    fast, slow = (np.asarray(features) for features in both)
    batch = next(iter(reduced.batches(few, frame, features, Start(), 0)))
    # Next to the antipode the flow magnifies every error of the slow method by one over the distance; that error is
    # one of features, and more of one in the direction of a short feature.
    tolerance = 1e-7 + 1e-9 / (shortest * min(np.sqrt(_opposite(block)) for block in batch.blocks))
    if tolerance < 1e-2:
        error = distance(fast, slow)
        name = f"reduced = full, {few.n_samples} samples"
        yield Check.compare(name, "ufm.simulate.reduced", 0.0, error, absolute=tolerance)
    else:
        notes.append("reduced = full: a sample starts so close to the antipode that the slow method cannot follow it")


def _time_checks(few: CosineProblem, frame: Frame, features: Array) -> Iterator[Check]:
    """When the same samples collapse, the predicted time, and that the flow is just there at that time."""
    predicted, times = predict(few), []
    batch = next(iter(reduced.batches(few, frame, features, Start(), 0)))
    measured, _ = batch.samples.collapse_times(1e-10, 1e-10)
    for block in batch.blocks:
        seen, (_, y, z) = block.observe(block.state), block.state[0]
        tilt = float(y / z) if z > 0 else np.inf
        nc0 = max(float(seen.nc[0]), 1e-10)
        times.append(
            predicted.time_to_nc(1e-10, nc0, float(seen.norm[0]), block.k, tilt=tilt, opposite=_opposite(block))
        )
    many, source = f"{few.n_samples} samples", "theory.multicenter.flows.time_to_nc"
    yield Check.compare(f"time to NC = 1e-10, {many}", source, times, measured, relative=1e-6)
    order = np.argsort(times)
    states = dict(batch.states_at(np.array(times)[order], 1e-10, Work()))
    # others are there, or never will be
    moving = [(j, i) for j, i in enumerate(order) if times[i] > 0.0 and np.isfinite([times[i], measured[i]]).all()]
    if moving:
        there = [float(states[j].nc[i]) for j, i in moving]
        yield Check.compare(f"NC at that time, {many}", "the flow itself", 1e-10, there, relative=1e-5)
