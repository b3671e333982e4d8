"""Problem P with a fixed frame in the eigenspaces of its frame, where the flow is a table of exponentials."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ufm.problems.frames import TOLERANCE, Array, Frame, dense
from ufm.problems.problem import Problem
from ufm.problems.start import Start
from ufm.simulate.blocks import ROWS, Block, Linear, chi, chunks, unit_vector
from ufm.simulate.trajectory import Trouble, worst_sample

PILOT = 16
"""Samples of a block that stand for it when its collapse time is looked for."""


@dataclass(frozen=True)
class _Spectrum:
    r"""Distinct eigenvalues of :math:`W^\top W`, and which mean centers and differences of centers share them.

    Only the own mean center is driven by the targets; everything else just decays, and what decays at one rate needs
    no more than its norm.
    """

    values: Array
    mean_group: NDArray[np.int64]
    """Index into ``values`` of the mean center of each class, (K,)."""
    spread_group: NDArray[np.int64]
    """The same of the differences of each class's centers."""

    @classmethod
    def of(cls, frame: Frame) -> "_Spectrum":
        geometry = frame.geometry
        values = np.concatenate([np.asarray(frame.counts) * geometry.mean**2, geometry.spread])
        with np.errstate(divide="ignore"):  # equal to eleven digits, at any scale, is equal
            _, first, group = np.unique(np.round(np.log(values), 11), return_index=True, return_inverse=True)
        return cls(values[first], group[: frame.n_classes], group[frame.n_classes :])


def mode_blocks(problem: Problem, frame: Frame, features: Array | None, start: Start, seed: int) -> Iterator[Block]:
    r"""Eigenspaces of :math:`W^\top W`: own mean center, everything else by eigenvalue, and what no center sees.

    The last two coordinates split the null space into the own class's classifier vector and the rest.
    """
    geometry, total, lam = frame.geometry, problem.total, float(problem.lam_h or 0.0)
    spectrum, counts = _Spectrum.of(frame), np.asarray(frame.counts)
    size = spectrum.values.size
    degrees = np.bincount(spectrum.mean_group, minlength=size)
    degrees = degrees + np.bincount(spectrum.spread_group, weights=geometry.rank, minlength=size).astype(int)
    free = int(problem.dim or 0) - int(degrees.sum())
    for k, count in enumerate(counts):
        drive = count * geometry.mean[k] / total
        rates = np.concatenate([[drive * geometry.mean[k]], spectrum.values / total, [0.0, 0.0]]) + lam
        direction = np.eye(1, rates.size)[0]
        target = drive / rates[0] * direction
        kappa = float(geometry.alignment[k])
        classifier = kappa * direction
        classifier[-2] = np.sqrt(max(0.0, 1.0 - kappa**2))
        loss = _quadratic(rates, drive, count / (2.0 * total))
        others = degrees.copy()
        others[spectrum.mean_group[k]] -= 1
        for number, rows in enumerate(chunks(problem, k, max(1, min(ROWS, (1 << 22) // rates.size)))):
            if features is None:
                rng, n = np.random.default_rng((seed, k, number)), rows.stop - rows.start
                tilted = bool(classifier[-2] > TOLERANCE)
                columns = [rng.standard_normal(n), *(chi(rng, int(degree), n) for degree in others)]
                columns += [rng.standard_normal(n) if tilted else np.zeros(n), chi(rng, free - tilted, n)]
                state, lift = start.place(np.column_stack(columns), direction), None
            else:
                state, lift = _project_modes(frame, features[rows], k, spectrum)
            yield Block(k, rows, state, loss, direction, classifier, lift, Linear(rates, target))


def _quadratic(rates: Array, drive: float, floor: float) -> Callable[[Array], tuple[Array, Array]]:
    """|W h - y|^2 / (2S) + lam_h |h|^2 / 2 in the eigenbasis, whose first vector is the own mean center."""

    def loss(state: Array) -> tuple[Array, Array]:
        gradients = state * rates
        values = 0.5 * np.einsum("nm,nm->n", gradients, state) - drive * state[:, 0] + floor
        gradients[:, 0] -= drive
        return values, gradients

    return loss


def _project_modes(
    frame: Frame, features: Array, k: int, spectrum: _Spectrum
) -> tuple[Array, Callable[[Array], Array]]:
    """Coordinates of given features in the eigenspaces, and the way back."""
    owner = np.repeat(np.arange(frame.n_classes), frame.counts)
    means = np.asarray(features @ frame.mean_directions.T)
    products = np.asarray(features @ frame.centers.T)
    averages = np.add.reduceat(products, frame.offsets[:-1], axis=1) / np.asarray(frame.counts)
    products -= averages[:, owner]
    scale = frame.geometry.spread[owner]
    products /= np.where(scale > 0, scale, np.inf)  # coefficients of the differences in terms of the centers
    rest = features - np.asarray(means @ frame.mean_directions) - np.asarray(products @ frame.centers)
    # The classifier's part orthogonal to the mean center lies in the null space of the frame.
    classifier, mean = unit_vector(frame.classifier_row(k)), dense(frame.mean_directions[k : k + 1])[0]
    own = unit_vector(classifier - (classifier @ mean) * mean, TOLERANCE)
    tilt = rest @ own
    rest -= tilt[:, None] * own
    remainder = np.linalg.norm(rest, axis=1)
    rest /= np.where(remainder > 0, remainder, 1.0)[:, None]
    squares = means**2
    squares[:, k] = 0.0
    spread = np.add.reduceat(products**2 * scale, frame.offsets[:-1], axis=1)
    members = np.eye(spectrum.values.size)
    decaying = np.sqrt(squares @ members[spectrum.mean_group] + spread @ members[spectrum.spread_group])
    state = np.column_stack([means[:, k], decaying, tilt, remainder])

    def lift(later: Array) -> Array:
        shrink = later[:, 1:-2] / np.where(decaying > 0, decaying, 1.0)
        along = means * shrink[:, spectrum.mean_group]
        along[:, k] = later[:, 0]
        inside = products * shrink[:, spectrum.spread_group[owner]]
        lifted = np.asarray(along @ frame.mean_directions) + np.asarray(inside @ frame.centers)
        return lifted + later[:, -2:-1] * own + later[:, -1:] * rest

    return state, lift


def _state(block: Block, time: float) -> Array:
    """State after any time: every coordinate decays to its target at its own rate."""
    linear = _linear(block)
    return linear.target + (block.state - linear.target) * np.exp(-linear.rates * time)


def _linear(block: Block) -> Linear:
    if block.linear is None:
        raise ValueError("only a linear gradient has an exact flow")
    return block.linear


def states_at(block: Block, times: Array) -> Iterator[tuple[int, Array]]:
    """Yield (index, state) for each time."""
    for index, time in enumerate(times):
        yield index, _state(block, float(time))


def time_to_reach(block: Block, nc: float, problem: Problem) -> tuple[float, Trouble | None]:
    """When every sample that collapses at all has an NC of at most ``nc``; and why some never do."""
    rates = _linear(block).rates
    slowest = float(rates[rates > 0].min())
    limit = block.observe(np.where(rates > 0, _linear(block).target, block.state)).nc
    stuck = limit > nc
    if stuck.any():
        where, worst = worst_sample(problem, stuck, block.rows.start), float(limit[np.argmax(stuck)])
        lost = f"{where} keeps its part in the null space of the frame, which lam_h=0 never shrinks"
        return 25.0 / slowest, Trouble("stalled", f"{lost}: its NC tends to {worst:.3g}")

    # The null space decays last: the samples with most of it stand for the others.
    slow = np.argsort(-np.linalg.norm(block.state[:, -2:], axis=1))[:PILOT]
    pilot = replace(block, state=block.state[slow])

    def excess(time: float) -> float:
        return float(pilot.observe(_state(pilot, time)).nc.max()) - nc

    early, late = 0.0, 1.0 / float(rates.max())
    if excess(0.0) <= 0.0:
        return 0.0, None
    while excess(late) > 0.0:
        early, late = late, 2.0 * late
    return float(brentq(excess, early, late, rtol=1e-9)), None
