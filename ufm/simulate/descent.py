"""Gradient descent with momentum, in the same coordinates as the flow."""

import time
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import Problem
from ufm.problems.start import Start
from ufm.simulate.setup import Method, Setup
from ufm.simulate.trajectory import Recorder, Status, Trajectory


def gradient_descent(
    problem: Problem,
    *,
    step_size: float,
    momentum: float = 0.0,
    n_steps: int = 1000,
    every: int = 10,
    until_nc: float = 1e-10,
    frame: Frame | None = None,
    features: ArrayLike | None = None,
    start: Start | str = "gaussian",
    seed: int = 0,
    method: Method = "auto",
    loss: Loss | None = None,
    keep: Literal["metrics", "final"] = "metrics",
    progress: bool = False,
) -> Trajectory:
    r"""Discrete descent :math:`h_{t+1} = h_t - \eta \nabla_h + \mu (h_t - h_{t-1})` of every sample.

    Steps are linear combinations of gradients, so they stay in the coordinates in which the gradients live: three
    numbers a sample instead of d, exactly. (Adam and the like rescale coordinates one by one and do not.) For
    small steps the trajectory follows :func:`ufm.gradient_flow` at time ``step_size / (1 - momentum)`` per step.

    Parameters
    ----------
    step_size : eta > 0, in units of flow time.
    momentum : mu in [0, 1), heavy ball.
    n_steps : most steps to take, >= 1.
    every : steps between records, >= 1.
    until_nc : stop at a record where every sample has an NC below this.
    keep : "metrics", or "final" for the last features as well.
    problem, frame, features, start, seed, method, loss, progress : as in :func:`ufm.gradient_flow`.

    Returns
    -------
    Trajectory : ``times`` are steps times ``step_size``; ``status`` "stopped" if the steps ran out, "diverged" if
        a feature stopped being finite.

    Raises
    ------
    ValueError : an argument that is not as above.
    """
    began = time.perf_counter()
    for name, value, fine in (
        ("step_size", step_size, np.isfinite(step_size) and step_size > 0),
        ("momentum", momentum, 0 <= momentum < 1),
        ("n_steps", n_steps, n_steps >= 1),
        ("every", every, every >= 1),
        ("until_nc", until_nc, 0 < until_nc < 4),
        ("keep", keep, keep in ("metrics", "final")),
    ):
        if not fine:
            raise ValueError(f"{name}={value!r} is out of range")
    setup = Setup.validate(
        problem, frame=frame, features=features, start=start, seed=seed, method=method, loss=loss, keep=keep
    )
    blocks = list(setup.blocks())
    states = [block.state.copy() for block in blocks]
    velocities = [np.zeros_like(state) for state in states]
    records, steps = [], []
    status: Status = "stopped"
    reason = None
    with np.errstate(over="ignore", invalid="ignore"):
        for step in tqdm(range(n_steps + 1), desc="descent", disable=not progress):
            if step % every == 0 or step == n_steps:
                recorder = Recorder(problem, 1)
                for block, state in zip(blocks, states, strict=True):
                    recorder.add(block.rows, 0, block.observe(state))
                records.append(recorder)
                steps.append(step)
                if float(recorder.sums["nc_max"].max()) <= until_nc:
                    status = "collapsed"
                    break
            if step < n_steps:
                for block, state, velocity in zip(blocks, states, velocities, strict=True):
                    velocity *= momentum
                    velocity -= step_size * block.loss(state)[1]
                    state += velocity
                lost = next((b for b, s in zip(blocks, states, strict=True) if not _usable(s)), None)
                if lost is not None:
                    status = "diverged"
                    reason = f"a sample of class {lost.k} is not finite after step {step + 1}: step_size is too large"
                    break
    stats = {
        "method": setup.method,
        "loss": "custom" if setup.custom else problem.loss,
        "seed": seed,
        "step_size": step_size,
        "momentum": momentum,
        "until_nc": until_nc,
        "seconds": time.perf_counter() - began,
        "steps": steps[-1],
        "evaluations": steps[-1] * problem.n_samples,
    }
    if reason:
        stats["reason"] = reason
    final: Array | None = None
    if keep == "final":
        final = np.concatenate([b.lift(s) for b, s in zip(blocks, states, strict=True) if b.lift is not None])
    return Trajectory(
        problem,
        setup.frame,
        np.array(steps) * step_size,
        Recorder.stack(problem, records),
        status,
        stats,
        setup.features if keep == "final" else None,
        final,
        offset=setup.loss.constant,
    )


def _usable(state: Array) -> bool:
    """Whether the squared norms of all samples are finite."""
    return bool(np.all(np.isfinite(np.einsum("nm,nm->n", state, state))))
