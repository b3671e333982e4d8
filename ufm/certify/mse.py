"""Flows of P held against theory: norms and values at the end, rates, and the null space that remembers its start."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ufm.certify.ends import angle_of, end_checks, ended, energy_check
from ufm.certify.predict import predict
from ufm.certify.prediction import MSEPrediction
from ufm.certify.report import Check
from ufm.certify.slow import definition_checks, distance, few_samples, matrix_exponential, null_part
from ufm.measure import metrics
from ufm.problems.frames import Array, dense
from ufm.problems.kinds import MSEProblem
from ufm.problems.losses import loss_of
from ufm.problems.problem import Integers
from ufm.simulate.blocks import full_block
from ufm.simulate.method import Unfinished, Work
from ufm.simulate.modes import Eigenspaces, Exact
from ufm.simulate.trajectory import Trajectory


def mse_checks(problem: MSEProblem, t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """Every check that applies to a flow, or a descent, of P; ``notes`` collects what could not be checked."""
    frame = t.frame
    predicted = predict(problem, lengths=frame.geometry.length)
    flow = "step_size" not in t.stats
    if problem.lam_h > 0 and ended(t, notes):
        yield from end_checks(t, predicted, notes)
        if _settled(t, predicted):
            nc, norms = float(t.stats["until_nc"]), t.class_values("norm_mean")[-1]
            yield predicted.check("feature_norm", "norm at the end", norms, relative=3.0 * angle_of(nc))
            rounding = 4.0 * float(np.finfo(float).eps)  # of 1/2, the value at 0
            yield predicted.check("value", "value at the end", t.value[-1], absolute=rounding, relative=max(1e-6, nc))
        else:
            notes.append("norm and value at the end: the directions have collapsed before the norms have settled")
        if flow:
            yield from _null_rate_check(t, predicted, notes)
    features, classes, rows = few_samples(t, rng)
    yield from definition_checks(problem, frame, features, classes, rng)
    yield Check.compare("constant part of the value", "P", predicted.constant, t.offset, relative=1e-12)
    if flow:
        yield energy_check(t)
        yield from _exact_check(t, predicted, features, classes, notes)
    if rows is None or t.final is None:
        notes.append("flow against expm, and where the null space ends: the features were not kept (keep='final')")
        return
    if flow:
        error = np.linalg.norm(t.final[rows] - _propagated(t, predicted, features, classes), axis=1)
        error /= np.maximum(np.linalg.norm(features, axis=1), np.linalg.norm(t.final[rows], axis=1))
        name, source = f"flow = matrix exponential, {len(rows)} samples", predicted.sources["mean_rate"]
        growth = float(t.times[-1]) * float(predicted.mean_rate.max())  # the norm of what is exponentiated
        yield Check.compare(name, source, 0.0, error, absolute=1e-9 + 1e-15 * growth)
    if problem.lam_h == 0.0:
        yield from _memory_checks(t, predicted, features, classes, t.final[rows], notes)


def _exact_check(
    t: Trajectory, predicted: MSEPrediction, features: Array, classes: Integers, notes: list[str]
) -> Iterator[Check]:
    """A few samples in the eigenspaces of the frame, and by DOP853 in all d coordinates."""
    problem = predicted.problem
    fastest = float(max(predicted.mean_rate.max(), predicted.difference_rate.max()))
    times = np.linspace(0.0, min(float(t.times[-1]), 40.0 / fastest), 3)
    if times[-1] == 0.0:
        return
    loss, spaces, fast, rows = loss_of(problem, t.frame), Eigenspaces(problem, t.frame), [], slice(0, len(features))
    for k, feature in zip(classes.tolist(), features, strict=True):
        modes = spaces.given(k, rows, feature[None])
        fast.append(modes.lift(modes.at(float(times[-1]))))
    one = full_block(t.frame, features, loss, int(classes[0]), rows)
    slow = replace(one, loss=lambda state: loss.value_and_gradient(state, classes))  # rates are those of all classes
    try:
        *_, (_, end) = slow.states_at(times, 1e-11, Work())
    except Unfinished as stop:
        notes.append(f"exact = full: the slow method {stop.trouble.reason}")
        return
    name = f"exact = full, {len(features)} samples"
    yield Check.compare(name, "ufm.simulate.modes", 0.0, distance(np.concatenate(fast), end), absolute=1e-8)


def _memory_checks(
    t: Trajectory, predicted: MSEPrediction, start: Array, classes: Integers, end: Array, notes: list[str]
) -> Iterator[Check]:
    """Without regularisation the null space keeps its part of the start, and NC tends to a number above 0."""
    residue = np.linalg.norm(null_part(t.frame, start), axis=1)
    kept = np.linalg.norm(null_part(t.frame, end), axis=1)
    yield Check.compare(
        "null-space part of the start stays",
        predicted.sources["null_rate"],
        residue,
        kept,
        absolute=1e-12 * np.linalg.norm(start, axis=1),
        relative=1e-9,
    )
    if not _settled(t, predicted):
        notes.append("NC without regularisation: the run ended before the rest had decayed")
        return
    limit = predicted.nc_with_residue(residue, classes)
    away = metrics.unit_rows(end) - dense(t.frame.mean_directions)[classes]
    measured, source = np.einsum("nd,nd->n", away, away), "theory.multicenter.flows.nc_with_residue"
    yield Check.compare("NC without regularisation", source, limit, measured, absolute=1e-8)


def _faster(t: Trajectory, predicted: MSEPrediction) -> Array:
    """Rates of P's flow above that of the null space, on everything that the centers see."""
    seen = np.concatenate([predicted.mean_rate, predicted.difference_rate[t.frame.geometry.rank > 0]])
    return seen - predicted.null_rate


def _settled(t: Trajectory, predicted: MSEPrediction) -> bool:
    """Whether everything that the centers see has decayed to e^-20 of what features are at the end."""
    start, end = np.sqrt(t.curves.sums["norm_squared"][0]), t.class_values("norm_mean")[-1]
    return bool(_left(t, predicted) * np.max(start / end) <= np.exp(-20.0))


def _left(t: Trajectory, predicted: MSEPrediction) -> float:
    """What is left, in parts of what was there at the first record, of the slowest of all that the centers see."""
    rates = _faster(t, predicted) + predicted.null_rate
    if "step_size" not in t.stats:
        return float(np.exp(-(t.times[-1] - t.times[0]) * rates.min()))
    # a step multiplies by the roots of z^2 - (1 + mu - eta rate) z + mu
    momentum = t.stats["momentum"]
    half = 0.5 * (1.0 + momentum - t.stats["step_size"] * rates)
    root = np.sqrt(half**2 - momentum + 0j)
    return float(np.maximum(np.abs(half + root), np.abs(half - root)).max() ** t.stats["steps"])


def _null_rate_check(t: Trajectory, predicted: MSEPrediction, notes: list[str]) -> Iterator[Check]:
    """The null space is the slowest eigenspace: once all others are gone, NC falls with twice its rate."""
    problem = t.problem
    log_nc, peak = np.log(10.0) * t.class_values("nc_log10_mean"), t.class_values("nc_max")
    pairs = []
    for k in range(problem.n_classes):
        # then the squares of all other parts are less than e^-20 of it
        settled = t.times >= (10.0 + _outweighed(t, predicted, k)) / _faster(t, predicted).min()
        low = np.flatnonzero((peak[:, k] < 1e-6) & (log_nc[:, k] > np.log(Exact.floor)) & settled)
        if low.size > 1:
            a, b = int(low[0]), int(low[-1])
            pairs.append((log_nc[a, k] - log_nc[b, k]) / (t.times[b] - t.times[a]))
    if pairs:
        source = predicted.sources["null_rate"]
        yield Check.compare("rate of collapse", source, 2.0 * predicted.null_rate, pairs, relative=1e-3)
    if len(pairs) < problem.n_classes:
        missing = problem.n_classes - len(pairs)
        notes.append(f"collapse rate of {missing} classes: fewer than two records in the asymptotic regime")


def _outweighed(t: Trajectory, predicted: MSEPrediction, k: int) -> float:
    """By how much, as a logarithm, features of class ``k`` begin longer than their part in the null space."""
    if t.initial is None:
        return np.inf if t.stats["start"] == "given features" else 0.0
    rows = t.problem.samples(k)
    state = Eigenspaces(predicted.problem, t.frame).given(k, rows, t.initial[rows]).state
    with np.errstate(divide="ignore"):
        odds = np.linalg.norm(state, axis=1) / np.linalg.norm(state[:, -2:], axis=1)
    return float(np.log(odds.max()))


def _propagated(t: Trajectory, predicted: MSEPrediction, start: Array, classes: Integers) -> Array:
    """H* + exp(-t (W^T W / S + lam_h I)) (H0 - H*) by scipy's matrix exponential in d dimensions."""
    problem = predicted.problem
    frame, end = t.frame, float(t.times[-1])
    target = predicted.feature_norm[classes, None] * dense(frame.mean_directions)[classes]
    propagator = matrix_exponential(-end / problem.total * (frame.centers.T @ frame.centers))
    return target + np.exp(-problem.lam_h * end) * np.asarray((start - target) @ propagator)
