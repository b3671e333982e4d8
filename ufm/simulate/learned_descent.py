"""Descent of a learned frame together with its features: Riemannian, or by mini-batches as a trainer would do it."""

import time
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ufm.files.blas import one_thread
from ufm.files.text import nearest
from ufm.problems import stiefel
from ufm.problems.objective import Learned, objective_at, objective_of
from ufm.problems.problem import Integers, Problem
from ufm.problems.state import State
from ufm.simulate.learned_training import finished, require, starting_state, validated_options, velocity
from ufm.simulate.learned_trajectory import LearnedTrajectory, Moment
from ufm.simulate.trajectory import Trouble

RUNAWAY = 1e6
"""Entry of a step of the rows from which rounding decides where it leads: entries of the rows are at most 1."""


def learned_descent(
    problem: Problem,
    *,
    step_size: float,
    n_steps: int = 1000,
    every: int = 10,
    momentum: float = 0.0,
    batch_size: int | None = None,
    retraction: stiefel.RetractionName = "polar",
    start: Sequence[ArrayLike] | None = None,
    seed: int = 0,
    features: Literal["means", "full"] = "full",
    frame_rate: float | None = None,
    until_nc: float = 1e-10,
    progress: bool = False,
) -> LearnedTrajectory:
    r"""Riemannian gradient descent, or stochastic descent with momentum as a trainer would do it.

    A step of the frame goes along :math:`v \leftarrow \mu v + g`, retracted; v is carried along by projection onto the
    new tangent space. With ``batch_size`` the batches are a random partition of the samples in every epoch; the
    features are the rows of the batch, each with a velocity of its own, and the gradient of the frame is N / B times
    that of the batch.

    Parameters
    ----------
    step_size : > 0, in units of flow time.
    n_steps, every : most steps to take, and steps between records, >= 1.
    momentum : mu in [0, 1).
    batch_size : samples per step, in [1, N], with ``features="full"``; all if left out.
    retraction : "polar", "qr" or "cayley".
    problem, start, seed, features, frame_rate, until_nc, progress : as in :func:`ufm.learned_flow`; the seed draws the
        batches too. The descent stops at a record with NC below ``until_nc``.

    Returns
    -------
    LearnedTrajectory : ``status`` "stopped" if the steps ran out, "diverged" if a number stopped being finite.

    Raises
    ------
    ValueError : an argument that is not as above, a start that is not on the manifold.
    """
    began = time.perf_counter()
    require("step_size", step_size, bool(np.isfinite(step_size)) and step_size > 0)
    require("momentum", momentum, 0 <= momentum < 1)
    require("n_steps", n_steps, n_steps >= 1)
    require("every", every, every >= 1)
    if retraction not in stiefel.RETRACTIONS:
        raise ValueError(f"retraction={retraction!r} is unknown{nearest(retraction, stiefel.RETRACTIONS)}")
    if batch_size is not None:
        require("batch_size", batch_size, features == "full" and 1 <= batch_size <= problem.n_samples)
    rate = validated_options(problem, features, frame_rate, until_nc)
    first = state = starting_state(problem, start, seed, features)
    push = State(*(np.zeros_like(part) for part in state))
    moments, steps = [Moment.observe(problem, state, first.rows)], [0]
    trouble: Trouble | None = None
    retract = stiefel.RETRACTIONS[retraction]
    batches = _batches(problem, state, batch_size, seed)
    with np.errstate(over="ignore", invalid="ignore"), one_thread(state.rows.size):
        for step in tqdm(range(1, n_steps + 1), desc="learned descent", disable=not progress):
            objective, rows = next(batches)
            _, pull = velocity(objective, state._replace(features=state.features[rows]), rate)
            turn = momentum * stiefel.tangent(state.rows, push.rows) + pull.rows
            push = push._replace(rows=turn, norms=momentum * push.norms + pull.norms)
            push.features[rows] = momentum * push.features[rows] + pull.features
            state.features[rows] -= step_size * push.features[rows]
            norms = state.norms - step_size * push.norms
            finite = all(np.all(np.isfinite(part)) for part in (norms, state.features[rows]))
            if not finite or not step_size * float(np.abs(turn).max()) < RUNAWAY:
                trouble = Trouble("diverged", f"the state runs away in step {step}: step_size is too large")
                break
            state = state._replace(rows=retract(state.rows, -step_size * turn), norms=norms)
            if step % every == 0 or step == n_steps:
                moments.append(Moment.observe(problem, state, first.rows))
                steps.append(step)
                if moments[-1].nc.max() <= until_nc:
                    break
        else:
            trouble = Trouble("stopped", f"{n_steps} steps are spent")
    stats: dict[str, object] = {
        "method": "descent",
        "features": features,
        "frame_rate": rate,
        "step_size": step_size,
        "momentum": momentum,
        "batch_size": batch_size,
        "retraction": retraction,
        "seed": seed,
        "steps": steps[-1],
    }
    return finished(problem, np.array(steps) * step_size, moments, state, trouble, until_nc, stats, began)


def _batches(problem: Problem, state: State, size: int | None, seed: int) -> Iterator[tuple[Learned, slice | Integers]]:
    """Objectives of the batches, scaled to all samples, and the feature rows they see."""
    if size is None:
        whole = objective_at(problem, state)
        while True:
            yield whole, slice(None)
    rng, labels, n = np.random.default_rng((seed, 1)), problem.labels, problem.n_samples
    while True:
        order = rng.permutation(n)
        for begin in range(0, n, size):
            rows = np.sort(order[begin : begin + size])
            bounds = np.searchsorted(labels[rows], np.arange(problem.n_classes + 1))
            yield objective_of(problem, bounds, np.full(problem.n_classes, n / len(rows))), rows
