"""Gradient descent with momentum, in the same coordinates as the flow: one verb for every kind of problem."""

import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ufm.files.blas import one_thread
from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import Start
from ufm.problems.state import State
from ufm.simulate.method import Descent, Method, Stepping, Trouble, Unfinished
from ufm.simulate.methods import Asked, Name, prepare
from ufm.simulate.trajectory import Recorder, Trajectory, ended


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
    run = _Run(prepared, Descent(step_size, momentum))
    with np.errstate(over="ignore", invalid="ignore"), one_thread(prepared.matrix):
        for step in tqdm(range(n_steps + 1), desc="descent", disable=not progress):
            if not run.step():
                break
            if (step % every == 0 or step == n_steps) and run.record(step) <= until_nc:
                break
    stats = {
        **prepared.about(),
        "step_size": step_size,
        "momentum": momentum,
        "until_nc": until_nc,
        "seconds": time.perf_counter() - began,
        "steps": run.steps[-1],
        "evaluations": run.steps[-1] * problem.n_samples,
    }
    return run.trajectory(stats, keep == "final", until_nc)


class _Run:
    """One call of gradient_descent under way."""

    def __init__(self, method: Method, how: Descent) -> None:
        self.method = method
        self.parts: list[Stepping] = list(method.steppers())
        self.paths = [part.descent(how) for part in self.parts]
        self.states: list[Any] = []
        self.records: list[Recorder] = []
        self.steps: list[int] = []
        self.trouble: Trouble | None = None

    def step(self) -> bool:
        """Move all parts on, the first time to where they start; False where one of them is lost."""
        try:
            self.states = [next(path) for path in self.paths]
        except Unfinished as stop:
            self.trouble = stop.trouble
        return self.trouble is None

    def record(self, step: int) -> float:
        """Measure all parts; returns the largest NC."""
        recorder = Recorder(self.method.offsets, 1, share=self.method.share)
        for part, state in zip(self.parts, self.states, strict=True):
            recorder.add(part.rows, 0, part.observe(state))
        self.records.append(recorder)
        self.steps.append(step)
        return float(recorder.sums["nc_max"].max())

    def trajectory(self, stats: dict[str, Any], keep: bool, nc: float) -> Trajectory:
        """The answer."""
        method, last = self.method, self.states[-1]
        recorder = Recorder.stack(method.offsets, self.records)
        status = ended(float(recorder.sums["nc_max"][-1].max()) <= nc, "stopped", self.trouble)
        if self.trouble is not None:
            stats["reason"] = self.trouble.reason
        elif status == "stopped":
            stats["reason"] = f"{self.steps[-1]} steps are spent"
        final: Array | None = None
        if keep:
            final = np.concatenate([part.lift(state) for part, state in zip(self.parts, self.states, strict=True)])
        return Trajectory(
            method.problem,
            method.last_frame(last),
            np.array(self.steps) * stats["step_size"],
            recorder,
            status,
            stats,
            method.features if keep else None,
            final,
            offset=method.constant,
            state=last if isinstance(last, State) else None,
        )
