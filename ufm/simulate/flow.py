"""Gradient flow: one verb for every kind of problem."""

import functools
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ufm.files import memory
from ufm.files.bars import tqdm
from ufm.files.blas import one_thread
from ufm.files.process import processors
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import MultiCenterProblem, Problem, require_problem
from ufm.problems.start import Start
from ufm.simulate.blocks import ROWS
from ufm.simulate.method import Arrival, Method, Part, Trouble, Unfinished, Work
from ufm.simulate.methods import Asked, Keep, Name, prepare
from ufm.simulate.trajectory import SUMS, Recorder, Trajectory, outcome

if TYPE_CHECKING:
    from ufm.simulate.feature_flow import FeatureTrajectory

CACHED = 1 << 20
"""Up to so many samples, those drawn in reduced coordinates are kept between passes instead of drawn again."""

RTOL = 1e-8
"""Default tolerance of the integrators."""

APART = 100.0
"""Where collapse ends for some so many times later than for others, times to record are in equal ratios."""

LATER = 1.01
"""The very last sample may be another one than those that stand for the others: it will not be later by more."""


@overload
def gradient_flow(
    problem: FeatureModel,
    *,
    start: Start | str | Sequence[ArrayLike] = "gaussian",
    seed: int = 0,
    method: Name = "auto",
    t_eval: ArrayLike | None = None,
    t_final: float | None = None,
    until_nc: float = 1e-10,
    n_times: int = 65,
    keep: Keep = "metrics",
    rtol: float = RTOL,
    progress: bool = False,
) -> "FeatureTrajectory": ...
@overload
def gradient_flow(
    problem: MultiCenterProblem,
    *,
    frame: Frame | None = None,
    features: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    start: Start | str | Sequence[ArrayLike] = "gaussian",
    seed: int = 0,
    method: Name = "auto",
    loss: Loss | None = None,
    t_eval: ArrayLike | None = None,
    t_final: float | None = None,
    until_nc: float = 1e-10,
    n_times: int = 65,
    keep: Keep = "metrics",
    frame_rate: float | None = None,
    rtol: float = RTOL,
    workers: int | None = None,
    progress: bool = False,
) -> Trajectory: ...
def gradient_flow(
    problem: Any,
    *,
    frame: Frame | None = None,
    features: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    start: Start | str | Sequence[ArrayLike] = "gaussian",
    seed: int = 0,
    method: Name = "auto",
    loss: Loss | None = None,
    t_eval: ArrayLike | None = None,
    t_final: float | None = None,
    until_nc: float = 1e-10,
    n_times: int = 65,
    keep: Keep = "metrics",
    frame_rate: float | None = None,
    rtol: float = RTOL,
    workers: int | None = None,
    progress: bool = False,
) -> Any:
    r"""Follow :math:`\dot h = -\nabla_h` of the objective for every sample, and the frame if that is learned.

    Of a :class:`ufm.FeatureModel`, weights, features and bias move together: :mod:`ufm.simulate.feature_flow`.

    Parameters
    ----------
    problem : what to simulate.
    frame : fixed frames: from :func:`ufm.multi_center_frame` or :meth:`ufm.Frame.from_centers`; by default the
        multi-center frame of the problem in coordinate vectors, which costs nothing and differs by a rotation.
    features : initial features (N, d), none of them 0, rows grouped by class unless there are labels; overrides
        ``start``.
    labels : class of each row of the features, (N,); they are sorted by it, and results are in that order.
    start : a :class:`ufm.Start` or its kind. With ``keep="metrics"`` the methods "reduced" and "exact" draw it in
        their own coordinates, so that no d-dimensional array exists. Learned frames: "gaussian" (a random frame and
        Gaussian features) or rows (F + K, d), norms (K,) and features (K, d) or (N, d), for example a
        :class:`ufm.State`. Models without a frame: entries or directions of weights and features at random ("gaussian",
        "sphere"), or weights (K, d), features (K, d) or (N, d), and a bias (K,) if there is one.
    seed : of the start.
    method : "auto" takes the fastest that is exact for loss and frame. "full": all d coordinates, any loss.
        "span": the span of the class's centers and the start, cosine loss, any frame. "reduced": three
        coordinates, cosine loss, isotropic frames. "exact": P, one exponential per eigenspace. Learned frames: "means",
        one feature a class (default), or "full", one a sample. So do models without a frame.
    loss : a loss of your own (:class:`ufm.TorchLoss`) in place of the problem's.
    t_eval : times to record, ascending, >= 0. A learned frame needs them, or ``t_final``; so does no frame.
    t_final : last time, if ``t_eval`` is not given.
    until_nc : if neither is given: until every sample has :math:`NC = |h/|h| - \bar w/|\bar w||^2` below this.
        In any case the threshold for ``status == "collapsed"``. In (0, 4).
    n_times : how many times to record, >= 2, if ``t_eval`` is not given: equidistant, or in equal ratios (after 0)
        where the method "reduced" looks for the end, and that comes to some classes a hundred times sooner.
    keep : "metrics"; "final" adds the last features; "features" adds them at all times.
    frame_rate : learned frames: :math:`\eta > 0`, speed of the frame relative to the features; 1/N if left out, as the
        mean loss of a trainer moves it. At 1 this is the flow of the sum of losses.
    rtol : error allowed per step and sample, relative, in [1e-13, 1). With the default, unit features are within
        about 1e-8 of the exact trajectory (starts next to the antipode, which forget it exponentially, apart).
    workers : threads; one per core by default.
    progress : show a bar on stderr.

    Returns
    -------
    Trajectory, or :class:`ufm.simulate.feature_flow.FeatureTrajectory` of a model without a frame: not collapsing is a
        status, never an exception.

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
    >>> together = ufm.gradient_flow(problem.replace(frame="learned"), t_final=60.0, frame_rate=1.0, until_nc=1e-6)
    >>> together.status, bool(together.data.defect.max() < 1e-12)
    ('collapsed', True)

    A :class:`ufm.FeatureModel` may have no decay, and then :math:`W^\top W - H H^\top` is conserved:

    >>> model = ufm.FeatureModel((5, 5, 5), lam_w=0.0, lam_h=0.0)
    >>> flow = ufm.gradient_flow(model, start=ufm.Start(scale=0.1), t_final=100.0)
    >>> flow.status, bool(flow.curves["drift"].max() < 1e-6), bool(flow.value[-1] < flow.value[0])
    ('finished', True, True)
    """
    began = time.perf_counter()
    require_problem(problem, Problem)
    check_accuracy(until_nc, rtol)
    if not hasattr(n_times, "__index__") or n_times < 2:
        raise ValueError(f"n_times={n_times} must be an integer >= 2")
    times = _given_times(t_eval, t_final, n_times)
    records = n_times if times is None else len(times)
    asked = Asked(frame, features, start, seed, method, loss, keep, frame_rate, labels=labels, n_times=records)
    return flow_of(problem, Wanted(asked, times, n_times, until_nc, rtol, workers, progress, began))


@dataclass(frozen=True)
class Wanted:
    """Arguments of :func:`gradient_flow` besides the problem."""

    asked: Asked
    times: Array | None
    n_times: int
    until_nc: float
    rtol: float
    workers: int | None
    progress: bool
    began: float

    def stats(self, work: Work) -> dict[str, Any]:
        """What every answer says of its run."""
        return {
            "rtol": self.rtol,
            "until_nc": self.until_nc,
            "seconds": time.perf_counter() - self.began,
            "steps": work.steps,
            "evaluations": work.evaluations,
        }


@functools.singledispatch
def flow_of(problem: Problem, wanted: Wanted) -> Any:
    """The flow of a kind of problem; a kind with a motion of its own registers it."""
    raise TypeError(f"no flow is known for a {type(problem).__name__}")


@flow_of.register
def _(problem: MultiCenterProblem, wanted: Wanted) -> Trajectory:
    times, until_nc, n_records = wanted.times, wanted.until_nc, wanted.asked.n_times
    memory.require(
        8 * n_records * (2 * len(SUMS) * problem.n_classes + 2 * min(ROWS, problem.n_samples)),
        f"curves of {problem.n_classes} classes at {n_records} times",
        "record fewer times",
    )
    prepared = prepare(problem, wanted.asked)
    if until_nc < prepared.floor:
        raise ValueError(
            f"until_nc={until_nc} is below {prepared.floor:g}, the least that method={prepared.name!r} can tell from 0"
        )
    run = _Run(prepared, wanted.asked.keep, wanted.rtol, wanted.workers or processors(), wanted.progress)
    if times is None:
        run.search(until_nc, wanted.n_times)
    else:
        run.evolve(times)
    return run.trajectory(wanted.stats(run.work))


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


def _recorded(first: float, end: float, count: int) -> Array:
    """Times at which to record, from 0 to the end of collapse; ``first``: when it ends for the earliest."""
    if end == 0.0:
        return np.zeros(1)
    if end < APART * first:
        return np.linspace(0.0, end, count)
    return np.append(0.0, np.geomspace(first / APART, end, count - 1) if count > 2 else end)


def over_decades(times: Array) -> bool:
    """Whether half of the times lie in the first tenth of all time, so that a picture needs its logarithm."""
    return len(times) > 2 and bool(times[len(times) // 2] < times[-1] / 10.0)


class _Run:
    """One call of gradient_flow under way: parts side by side, whatever the method."""

    def __init__(self, method: Method, keep: str, rtol: float, workers: int, progress: bool) -> None:
        self.method, self.keep, self.rtol, self.workers, self.progress = method, keep, rtol, workers, progress
        self.cache: list[Part] = []
        self.times, self.work = np.zeros(1), Work()
        self.trouble: Trouble | None = None
        self.recorder = Recorder(method.offsets, 1, share=method.share)
        self.state: Any = None
        """The last state of the last part."""
        self.kept = np.empty(0)
        """Features (T', N, d) at the last of the times; T' = 0, 1 or all of them."""

    def parts(self) -> Iterable[Part]:
        """The parts of the method, kept where they are small or were made of given features."""
        if self.cache:
            return self.cache
        if self.method.features is None and self.method.problem.n_samples > CACHED:
            return self.method.parts()
        self.cache = list(self.method.parts())
        return self.cache

    def each(self, task: Callable[[Part, Any], Any], what: str) -> Iterable[Any]:
        """Apply ``task`` to all parts, with a bar of samples, in order, on ``workers`` threads."""
        with (
            one_thread(self.method.matrix),  # threads of ours are enough, and BLAS's own get in their way
            tqdm(total=int(self.method.offsets[-1]), desc=what, unit="sample", disable=not self.progress) as bar,
            ThreadPoolExecutor(self.workers) as pool,
        ):
            pending: deque[Future[Any]] = deque()
            try:
                for part in self.parts():
                    pending.append(pool.submit(task, part, bar))
                    if len(pending) >= 2 * self.workers:  # parts are made as they are needed: memory stays bounded
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            except BaseException:  # Ctrl-C among them: the pool waits for what is under way
                self.work.cancelled.set()
                pool.shutdown(cancel_futures=True)
                raise

    def search(self, nc: float, n_times: int) -> None:
        """Evolve up to the moment when every sample has collapsed, as far as they do."""

        def arrive(part: Part, bar: Any) -> tuple[Arrival, Work]:
            work = Work(cancelled=self.work.cancelled)
            arrival = part.time_to_reach(nc, self.rtol, work)
            bar.update(part.rows.stop - part.rows.start)
            return arrival, work

        first, end = np.inf, 0.0
        for arrival, work in self.each(arrive, "looking for the end"):
            first, end = min(first, arrival.first), max(end, arrival.time)
            self.note(work, arrival.trouble)
        self.evolve(_recorded(first, LATER * end, n_times))
        while self.trouble is None and self.recorder.nc_max > nc:  # those that stood for the others came too early
            self.evolve(self.times * 1.2)

    def note(self, work: Work, trouble: Trouble | None) -> None:
        """Add up the work, and remember the first thing that went wrong, in the order of the samples."""
        self.work.add(work)
        if self.trouble is None:
            self.trouble = trouble

    def evolve(self, times: Array) -> None:
        """Simulate all parts and record them at ``times``."""
        self.times, self.recorder = times, Recorder(self.method.offsets, len(times), share=self.method.share)
        shape = (int(self.method.offsets[-1]), self.method.problem.dim)
        if self.keep == "features":
            memory.require(8 * len(times) * shape[0] * shape[1], "features at all times", "record fewer times")
        self.kept = np.empty(({"metrics": 0, "final": 1, "features": len(times)}[self.keep], *shape))
        for recorder, work, trouble, state in self.each(self.simulate, "flow"):
            self.state = state
            self.recorder.merge(recorder)
            self.note(work, trouble)

    def simulate(self, part: Part, bar: Any) -> tuple[Recorder, Work, Trouble | None, Any]:
        """One part from beginning to end, and its last state."""
        recorder = Recorder(self.method.offsets, len(self.times), part.rows, self.method.share)
        work, state, trouble = Work(cancelled=self.work.cancelled), None, None
        try:
            for j, state in part.states_at(self.times, self.rtol, work):
                recorder.add(part.rows, j, part.observe(state))
                self.store(j, part, state)
                bar.update((part.rows.stop - part.rows.start) / len(self.times))
        except Unfinished as stop:
            missed, trouble = self.times > stop.time, stop.trouble
            recorder.lose(missed)
            for late in np.flatnonzero(missed):
                self.store(int(late), part, None)
        return recorder, work, trouble, state

    def store(self, j: int, part: Part, state: Any) -> None:
        """Keep the features of one part at one time, NaN where it was not reached."""
        slot = j - len(self.times) + len(self.kept)
        if slot >= 0:
            self.kept[slot, part.rows] = np.nan if state is None else part.lift(state)

    def trajectory(self, stats: dict[str, Any]) -> Trajectory:
        """The answer."""
        return outcome(
            self.method,
            self.times,
            self.recorder,
            stats,
            self.trouble,
            self.state,
            initial=self.method.features if self.keep != "metrics" else None,
            final=self.kept[-1] if len(self.kept) else None,
            features=self.kept if self.keep == "features" else None,
        )
