"""Gradient descent with momentum, in the same coordinates as the flow: one verb for every kind of problem."""

import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ufm.files.bars import tqdm
from ufm.files.blas import one_thread
from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import MultiCenterProblem, require_problem
from ufm.problems.start import Start
from ufm.simulate.method import Method, Stepping, Trouble, Unfinished
from ufm.simulate.methods import Asked, Name, prepare
from ufm.simulate.trajectory import Recorder, Trajectory, outcome


def gradient_descent(
    problem: MultiCenterProblem,
    *,
    step_size: float,
    momentum: float = 0.0,
    n_steps: int = 1000,
    every: int = 10,
    until_nc: float = 1e-10,
    frame: Frame | None = None,
    features: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    start: Start | str | Sequence[ArrayLike] = "gaussian",
    seed: int = 0,
    method: Name = "auto",
    loss: Loss | None = None,
    keep: Literal["metrics", "final"] = "metrics",
    frame_rate: float | None = None,
    batch_size: int | None = None,
    progress: bool = False,
) -> Trajectory:
    r"""Discrete descent :math:`h_{t+1} = h_t - \eta \nabla_h + \mu (h_t - h_{t-1})` of every sample.

    Steps are linear combinations of gradients, so they stay in the coordinates in which the gradients live: three
    numbers a sample instead of d, exactly. (Adam and the like rescale coordinates one by one and do not.) For
    small steps the trajectory follows :func:`ufm.gradient_flow` at time ``step_size / (1 - momentum)`` per step.

    A learned frame takes Riemannian steps: retracted, its velocity carried along by projection onto the new tangent
    space. With ``batch_size`` it is stochastic descent as a trainer would do it: in every epoch the batches are a
    random partition of the samples, each of which has a feature with a velocity of its own.

    Parameters
    ----------
    step_size : eta > 0, in units of flow time.
    momentum : mu in [0, 1), heavy ball.
    n_steps : most steps to take, >= 1.
    every : steps between records, >= 1.
    until_nc : stop at a record where every sample has an NC below this.
    keep : "metrics", or "final" for the last features as well.
    batch_size : learned frames: samples per step, in [1, N]; all if left out. The seed draws the batches too.
    problem, frame, features, labels, start, seed, method, loss, frame_rate, progress : as in :func:`ufm.gradient_flow`.

    Returns
    -------
    Trajectory : ``times`` are steps times ``step_size``; ``status`` "stopped" if the steps ran out, "diverged" if
        a number stopped being finite.

    Raises
    ------
    ValueError : an argument that is not as above.
    """
    began = time.perf_counter()
    require_problem(problem, MultiCenterProblem)
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
    asked = Asked(frame, features, start, seed, method, loss, keep, frame_rate, batch_size, labels)
    prepared = prepare(problem, asked)
    parts = list(prepared.steppers())
    paths = zip(*(part.descent(step_size, momentum) for part in parts), strict=True)
    records: list[Recorder] = []
    steps: list[int] = []
    trouble: Trouble | None = None
    with np.errstate(over="ignore", invalid="ignore"), one_thread(prepared.matrix):
        try:
            for step, states in zip(
                tqdm(range(n_steps + 1), desc="descent", disable=not progress), paths, strict=False
            ):
                if step % every == 0 or step == n_steps:
                    records.append(_record(prepared, parts, states))
                    steps.append(step)
                    if records[-1].nc_max <= until_nc:
                        break
            else:
                trouble = Trouble("stopped", f"{n_steps} steps are spent")
        except Unfinished as stop:
            trouble = stop.trouble
    stats = {
        "step_size": step_size,
        "momentum": momentum,
        "until_nc": until_nc,
        "seconds": time.perf_counter() - began,
        "steps": steps[-1],
        "evaluations": steps[-1] * problem.n_samples,
    }
    kept: dict[str, Array | None] = {}
    if keep == "final":
        final = np.concatenate([part.lift(state) for part, state in zip(parts, states, strict=True)])
        kept = {"initial": prepared.features, "final": final}
    recorder = Recorder.stack(prepared.offsets, records)
    return outcome(prepared, np.array(steps) * step_size, recorder, stats, trouble, states[-1], **kept)


def _record(method: Method, parts: list[Stepping], states: tuple[Any, ...]) -> Recorder:
    """All parts measured at one time."""
    recorder = Recorder(method.offsets, 1, share=method.share)
    for part, state in zip(parts, states, strict=True):
        recorder.add(part.rows, 0, part.observe(state))
    return recorder
