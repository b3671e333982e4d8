"""Flows of P held against theory: norms and values at the end, rates, and the null space that remembers its start."""

from collections.abc import Iterator

import numpy as np

from theory.multicenter import flows
from ufm.certify.ends import end_checks, ended, energy_check
from ufm.certify.minima import predicted_minimum, predicted_norm
from ufm.certify.report import Check
from ufm.measure import metrics
from ufm.problems.frames import Array, dense
from ufm.problems.losses import loss_of
from ufm.problems.problem import Integers
from ufm.simulate.resimulate import matrix_exponential, null_part
from ufm.simulate.trajectory import Trajectory

SUBSET = 4
"""Samples that are propagated again by other means."""


def mse_checks(t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """Every check that applies to a flow, or a descent, of P; ``notes`` collects what could not be checked."""
    problem, frame, lam = t.problem, t.frame, float(t.problem.lam_h or 0.0)
    flow = "step_size" not in t.stats
    sizes = np.asarray(problem.class_sizes)
    if lam > 0 and ended(t, notes):
        yield from end_checks(t, notes)
        if _settled(t):
            tolerance = 3.0 * float(np.sqrt(float(t.stats["until_nc"])))
            norms, ends = predicted_norm(problem, frame), t.class_values("norm_mean")[-1]
            yield Check.compare("norm at the end", "corollary 3.7", norms, ends, relative=tolerance)
            value = float(sizes @ predicted_minimum(problem, frame)) + loss_of(problem, frame).constant
            yield Check.compare("value at the end", "corollary 3.7", value, t.value[-1], relative=1e-6)
        else:
            notes.append("norm and value at the end: the directions have collapsed before the norms have settled")
        if flow:
            yield from _null_rate_check(t, notes)
    if flow:
        yield energy_check(t)
    if t.initial is None or t.final is None:
        notes.append("flow against expm, and where the null space ends: the features were not kept (keep='final')")
        return
    rows = np.sort(rng.choice(problem.n_samples, size=min(SUBSET, problem.n_samples), replace=False))
    if flow:
        difference = t.final[rows] - _propagated(t, rows)
        scale = np.linalg.norm(t.initial[rows], axis=1)
        error = np.linalg.norm(difference, axis=1) / scale
        yield Check.compare(
            f"flow = matrix exponential, {len(rows)} samples",
            "theory.multicenter.flows.mse_rates",
            0.0,
            error,
            absolute=1e-9,
        )
    if lam == 0.0:
        residue = np.linalg.norm(null_part(frame, t.initial[rows]), axis=1)
        kept = np.linalg.norm(null_part(frame, t.final[rows]), axis=1)
        yield Check.compare(
            "null-space part of the start stays",
            "theory.multicenter.flows.mse_rates",
            residue,
            kept,
            absolute=1e-12 * np.linalg.norm(t.initial[rows], axis=1),
            relative=1e-9,
        )
        if not _settled(t):
            notes.append("NC without regularisation: the run ended before the rest had decayed")
            return
        predicted = flows.nc_with_residue(predicted_norm(problem, frame)[problem.labels[rows]], residue)
        measured = _nc_of(t.final[rows], dense(frame.mean_directions)[problem.labels[rows]])
        yield Check.compare(
            "NC without regularisation", "theory.multicenter.flows.nc_with_residue", predicted, measured, absolute=1e-8
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
        yield Check.compare("rate of collapse", "theory.multicenter.flows.mse_rates", slope, pairs, relative=1e-3)
    if len(pairs) < problem.n_classes:
        missing = problem.n_classes - len(pairs)
        notes.append(f"collapse rate of {missing} classes: fewer than two records in the asymptotic regime")


def _propagated(t: Trajectory, rows: Integers) -> Array:
    """H* + exp(-t (W^T W / S + lam_h I)) (H0 - H*) by scipy's matrix exponential in d dimensions."""
    problem, frame, lam, end = t.problem, t.frame, float(t.problem.lam_h or 0.0), float(t.times[-1])
    assert t.initial is not None
    labels = problem.labels[rows]
    target = predicted_norm(problem, frame)[labels, None] * dense(frame.mean_directions)[labels]
    propagator = matrix_exponential(-end / problem.total * (frame.centers.T @ frame.centers))
    return target + np.exp(-lam * end) * np.asarray((t.initial[rows] - target) @ propagator)
