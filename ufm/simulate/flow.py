"""Gradient flow of unconstrained features: one verb, four methods, one kind of answer."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ufm.files import memory
from ufm.files.blas import one_thread
from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import Problem
from ufm.problems.start import Start
from ufm.simulate import dop853, modes, reduced
from ufm.simulate.blocks import ROWS
from ufm.simulate.rowwise import Work
from ufm.simulate.setup import Method, Setup
from ufm.simulate.trajectory import SUMS, Recorder, Status, Trajectory, Trouble

CACHED = 1 << 20
"""Up to so many samples, those drawn in reduced coordinates are kept between passes instead of drawn again."""

FLOOR, ROUNDING = 1e-300, 1e-24
"""Smallest threshold of NC, where NC is a coordinate of its own and where it is a difference of unit vectors."""

RTOL = 1e-8
"""Default tolerance of the integrators."""

PILOT = 4
"""Samples of each class and each kind of extreme that stand for a batch when its collapse time is looked for."""


def gradient_flow(
    problem: Problem,
    *,
    frame: Frame | None = None,
    features: ArrayLike | None = None,
    start: Start | str = "gaussian",
    seed: int = 0,
    method: Method = "auto",
    loss: Loss | None = None,
    t_eval: ArrayLike | None = None,
    t_final: float | None = None,
    until_nc: float = 1e-10,
    n_times: int = 65,
    keep: Literal["metrics", "final", "features"] = "metrics",
    rtol: float = RTOL,
    workers: int | None = None,
    progress: bool = False,
) -> Trajectory:
    r"""Follow :math:`\dot h = -\nabla_h` of the objective for every sample.

    Parameters
    ----------
    problem : what to simulate.
    frame : from :func:`ufm.multi_center_frame` or :meth:`ufm.Frame.from_centers`; by default the multi-center
        frame of the problem in coordinate vectors, which costs nothing and differs by a rotation.
    features : initial features (N, d), rows grouped by class, none of them 0; overrides ``start``.
    start : a :class:`ufm.Start` or its kind. With ``keep="metrics"`` the methods "reduced" and "exact" draw it in
        their own coordinates, so that no d-dimensional array exists.
    seed : of the start.
    method : "auto" takes the fastest that is exact for loss and frame. "full": all d coordinates, any loss.
        "span": the span of the class's centers and the start, cosine loss, any frame. "reduced": three
        coordinates, cosine loss, isotropic frames. "exact": P, one exponential per eigenspace.
    loss : a loss of your own (:class:`ufm.TorchLoss`) in place of the problem's.
    t_eval : times to record, ascending, >= 0.
    t_final : last time, if ``t_eval`` is not given.
    until_nc : if neither is given: until every sample has :math:`NC = |h/|h| - \bar w/|\bar w||^2` below this.
        In any case the threshold for ``status == "collapsed"``. In (0, 4).
    n_times : how many equidistant times to record, >= 2, if ``t_eval`` is not given.
    keep : "metrics"; "final" adds the last features; "features" adds them at all times.
    rtol : error allowed per step and sample, relative, in [1e-13, 1). With the default, unit features are within
        about 1e-8 of the exact trajectory (starts next to the antipode, which forget it exponentially, apart).
    workers : threads; one per core by default.
    progress : show a bar on stderr.

    Returns
    -------
    Trajectory : not collapsing is a status, never an exception.

    Raises
    ------
    ValueError : an argument that is not as above. MemoryError : features that would not fit.

    Examples
    --------
    >>> import ufm
    >>> problem = ufm.Problem(class_sizes=(30, 10), centers=(2, 6), theta=0.2, dim=32)
    >>> trajectory = ufm.gradient_flow(problem, until_nc=1e-8)
    >>> trajectory.status, trajectory.nc_max <= 1e-8
    ('collapsed', True)
    """
    began = time.perf_counter()
    check_accuracy(until_nc, rtol)
    if not hasattr(n_times, "__index__") or n_times < 2:
        raise ValueError(f"n_times={n_times} must be an integer >= 2")
    times = _given_times(t_eval, t_final, n_times)
    n_records = n_times if times is None else len(times)
    memory.require(
        8 * n_records * (2 * len(SUMS) * problem.n_classes + 2 * min(ROWS, problem.n_samples)),
        f"curves of {problem.n_classes} classes at {n_records} times",
        "record fewer times",
    )
    setup = Setup.validate(
        problem, frame=frame, features=features, start=start, seed=seed, method=method, loss=loss, keep=keep
    )
    floor = FLOOR if setup.method == "reduced" else ROUNDING
    if until_nc < floor:
        raise ValueError(
            f"until_nc={until_nc} is below {floor:g}, the least that method={setup.method!r} can tell from 0"
        )
    run = _Run(setup, rtol, workers or os.cpu_count() or 1, progress)
    if times is None:
        times = run.times_until(until_nc, n_times)
    run.evolve(times)
    while run.extend(until_nc):
        run.evolve(run.times)
    return run.trajectory(until_nc, time.perf_counter() - began)


def check_accuracy(until_nc: float, rtol: float) -> None:
    """Raise ValueError for a threshold or a tolerance that no flow has."""
    if not 0 < until_nc < 4:
        raise ValueError(f"until_nc={until_nc} is outside (0, 4)")
    if not 1e-13 <= rtol < 1:
        raise ValueError(f"rtol={rtol} is outside [1e-13, 1)")


def _given_times(t_eval: ArrayLike | None, t_final: float | None, n_times: int) -> Array | None:
    if t_eval is not None:
        times = np.atleast_1d(np.asarray(t_eval, dtype=np.float64))
        ordered = times.ndim == 1 and times.size > 0 and bool(np.all(np.isfinite(times)))
        if not ordered or times[0] < 0 or np.any(np.diff(times) <= 0):
            raise ValueError("t_eval must be a list of finite, strictly ascending times >= 0")
        return times
    if t_final is not None:
        if not (np.isfinite(t_final) and t_final > 0):
            raise ValueError(f"t_final={t_final} must be positive and finite")
        return np.linspace(0.0, float(t_final), n_times)
    return None


def _next(pending: "deque[tuple[slice, Future[Any]]]", bar: Any) -> Any:
    rows, future = pending.popleft()
    result = future.result()
    bar.update(rows.stop - rows.start)
    return result


class _Run:
    """One call of gradient_flow under way: the methods differ in how they find the end and in how they get there."""

    def __init__(self, setup: Setup, rtol: float, workers: int, progress: bool) -> None:
        self.setup, self.rtol, self.workers, self.progress = setup, rtol, workers, progress
        self.problem = setup.problem
        self.cache: list[Any] = []
        self.times, self.searching = np.zeros(1), False
        self.work = Work()
        self.trouble: Trouble | None = None
        self.recorder = Recorder(self.problem, 1)
        self.final: Array | None = None
        self.history: Array | None = None

    def parts(self) -> Iterable[Any]:
        """Independent pieces of the problem: batches of the reduced method, else blocks."""
        s = self.setup
        if self.cache:
            return self.cache
        if s.method == "reduced":
            parts: Iterable[Any] = reduced.batches(s.problem, s.frame, s.features, s.start, s.seed)
        else:
            parts = s.blocks()
        if s.features is not None or self.problem.n_samples <= CACHED:
            parts = self.cache = list(parts)
        return parts

    def each(self, task: Callable[[Any], Any], what: str) -> Iterable[Any]:
        """Apply ``task`` to all parts, in order, on ``workers`` threads."""
        with (
            one_thread(),  # threads of ours are enough, and BLAS's own get in their way
            tqdm(total=self.problem.n_samples, desc=what, unit="sample", disable=not self.progress) as bar,
            ThreadPoolExecutor(self.workers) as pool,
        ):
            pending: deque[tuple[slice, Future[Any]]] = deque()
            for part in self.parts():
                pending.append((part.rows, pool.submit(task, part)))
                if len(pending) >= 2 * self.workers:  # parts are made as they are needed: memory stays bounded
                    yield _next(pending, bar)
            while pending:
                yield _next(pending, bar)

    def times_until(self, nc: float, n_times: int) -> Array:
        """Recorded times up to the moment when every sample has collapsed, as far as they do."""
        self.searching = True
        end = self.pilot_end(nc) if self.setup.method == "reduced" else self.latest_end(nc)
        return np.linspace(0.0, end, n_times) if end > 0.0 else np.zeros(1)

    def pilot_end(self, nc: float) -> float:
        """When the samples collapse that look like the last ones of each class."""
        pilots = []
        for pilot, trouble in self.each(lambda b: (b.pilot(PILOT), b.stuck(self.problem)), "looking for the end"):
            pilots.append(pilot)
            self.note(trouble)
        times, work = reduced.Batch.join(pilots).collapse_times(nc, self.rtol)
        self.work.add(work)
        moving = times[np.isfinite(times)]
        # The very last sample may be another one: it will not be later by more than this.
        return 1.01 * float(moving.max(initial=0.0 if self.trouble is None else 1.0))

    def latest_end(self, nc: float) -> float:
        """When the last sample of all parts collapses."""
        end = 0.0
        for latest, work, trouble in self.each(lambda part: self.collapse_time(part, nc), "looking for the end"):
            end = max(end, latest)
            self.work.add(work)
            self.note(trouble)
        return 1.01 * end

    def collapse_time(self, part: Any, nc: float) -> tuple[float, Work, Trouble | None]:
        """When the last sample of a block collapses, the work it took, and why some never do."""
        work = Work()
        if self.setup.method == "exact":
            end, trouble = modes.time_to_reach(part, nc, self.problem)
            return end, work, trouble
        try:
            return dop853.time_to_reach(part, nc, self.rtol, work), work, None
        except dop853.Unfinished as stop:
            return stop.time, work, stop.trouble

    def note(self, trouble: Trouble | None) -> None:
        """Remember the first thing that went wrong, in the order of the samples."""
        if self.trouble is None:
            self.trouble = trouble

    def evolve(self, times: Array) -> None:
        """Simulate all parts and record them at ``times``."""
        self.times, self.recorder = times, Recorder(self.problem, len(times))
        shape = (self.problem.n_samples, int(self.problem.dim or 0))
        if self.setup.keep == "features":
            memory.require(8 * len(times) * shape[0] * shape[1], "features at all times", "record fewer times")
            self.history = np.empty((len(times), *shape))
        elif self.setup.keep == "final":
            self.final = np.empty(shape)
        for recorder, work, trouble in self.each(self.simulate, "flow"):
            self.recorder.merge(recorder)
            self.work.add(work)
            self.note(trouble)
        if self.history is not None:
            self.final = self.history[-1]

    def simulate(self, part: Any) -> tuple[Recorder, Work, Trouble | None]:
        """One part from beginning to end."""
        recorder = Recorder(self.problem, len(self.times), part.rows)
        last, work = len(self.times) - 1, Work()
        if self.setup.method == "exact":
            states: Iterator[tuple[int, Any]] = modes.states_at(part, self.times)
        elif self.setup.method == "reduced":
            states = part.states_at(self.times, self.rtol, work)
        else:
            states = dop853.states_at(part, self.times, self.rtol, work)
        try:
            for j, state in states:
                recorder.add(part.rows, j, part.observe(state))
                if j in self.kept(last):
                    self.store(j, part.rows, part.lift(state))
        except dop853.Unfinished as stop:
            for sums in recorder.sums.values():
                sums[self.times > stop.time] = np.nan
            for j in self.kept(last):
                if self.times[j] > stop.time:
                    self.store(j, part.rows, np.full_like(part.state, np.nan))
            return recorder, work, stop.trouble
        return recorder, work, None

    def kept(self, last: int) -> range:
        """Indices of the times whose features are kept."""
        return {"metrics": range(0), "final": range(last, last + 1), "features": range(last + 1)}[self.setup.keep]

    def store(self, j: int, rows: slice, features: Array) -> None:
        """Keep the features of one part at one time."""
        if self.history is not None:
            self.history[j, rows] = features
        elif self.final is not None:
            self.final[rows] = features

    def extend(self, nc: float) -> bool:
        """Whether the end was guessed from a pilot and came too early; then try a fifth more."""
        late = self.searching and self.trouble is None and self.nc_max() > nc
        if late:
            self.times = self.times * 1.2
        return late

    def nc_max(self) -> float:
        """Largest NC at the last time."""
        return float(self.recorder.sums["nc_max"][-1].max())

    def trajectory(self, nc: float, seconds: float) -> Trajectory:
        """The answer."""
        collapsed = self.nc_max() <= nc
        status: Status = "collapsed" if collapsed else "finished"
        if self.trouble is not None:
            status = self.trouble.status
        stats: dict[str, Any] = {
            "method": self.setup.method,
            "loss": "custom" if self.setup.custom else self.problem.loss,
            "seed": self.setup.seed,
            "start": "given features" if self.setup.given else vars(self.setup.start),
            "rtol": self.rtol,
            "until_nc": nc,
            "seconds": seconds,
            "steps": self.work.steps,
            "evaluations": self.work.evaluations,
        }
        if self.trouble is not None:
            stats["reason"] = self.trouble.reason
        kept = self.setup.features if self.setup.keep != "metrics" else None
        return Trajectory(
            self.problem,
            self.setup.frame,
            self.times,
            self.recorder,
            status,
            stats,
            kept,
            self.final,
            self.history,
            self.setup.loss.constant,
        )
