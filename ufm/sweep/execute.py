"""Running a sweep: cells in groups, on the cores of one machine (joblib) or on a cluster (dask)."""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ufm.files import store
from ufm.files.process import end_with, processors
from ufm.sweep.description import Cell, Sweep, label
from ufm.sweep.folder import Folder
from ufm.sweep.groups import Groups
from ufm.sweep.kinds import KINDS, Answer

ATTEMPTS = 3
"""How often a cell may kill its worker before it is set aside."""

Reply = Answer | str
"""An answer, or why there is none."""


@dataclass
class Outcome:
    """What became of a sweep."""

    ran: int = 0
    """Cells that were computed now."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why cells have no answer, by their names."""
    damaged: list[str] = field(default_factory=list)
    """Names of lines and files whose cells were computed again because they were damaged."""


Replies = Generator[list[tuple[Cell, Reply]], None, None]
"""Groups of cells with their answers, or with the reasons why they have none, as they come."""


def run(
    sweep: Sweep,
    out: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    watch: Callable[[int, int], Any] = lambda done, total: None,
) -> Outcome:
    """Compute the cells that OUT does not have yet, and write OUT/results.nc.

    A cell that raises is set aside with its reason; one whose worker dies is tried again, alone, and set aside when
    that happens ATTEMPTS times. Whatever ends the sweep, each finished cell is on disk and the next call goes on from
    there; the result is then the same, bit for bit.

    Parameters
    ----------
    sweep : what to compute.
    out : folder of the sweep; new, empty, or of the same sweep.
    workers : processes (one per core; trainings: one per CUDA device, or one); without effect on a cluster.
    scheduler : dask: an address like ``tcp://host:port``, or a scheduler file. Workers need this package, and for
        trainings the same file system.
    watch : called with (cells done, cells in all) at the beginning and after each cell.

    Raises
    ------
    ValueError : a cell that is not valid, a folder that belongs to something else or is in use. OSError : a full disk,
        a scheduler that is not there. KeyboardInterrupt : as it comes, after results.nc is written.
    """
    folder = Folder(out)
    folder.check(sweep)
    todo = sweep.cells  # all valid, or nothing is touched
    outcome, reasons = Outcome(), {}
    with folder.alone():
        folder.begin(sweep)
        todo, outcome.damaged = folder.missing(sweep)
        total = len({cell.key for cell in sweep.cells})
        done = total - len(todo)
        watch(done, total)
        try:
            replies = contextlib.closing(_replies(sweep, todo, out, workers, scheduler))
            with folder.journal(sweep) as journal, replies as groups:
                for group in groups:
                    answered = [(cell, reply) for cell, reply in group if not isinstance(reply, str)]
                    if answered:
                        folder.put(journal, *zip(*answered, strict=True))
                    outcome.ran += len(answered)
                    for cell, reply in group:
                        if isinstance(reply, str):
                            reasons[cell.key] = outcome.failed[label(cell.values)] = reply
                        done += 1
                        watch(done, total)
        finally:
            with contextlib.suppress(MemoryError):
                store.save(folder.collect(sweep, reasons), folder.results)
    return outcome


def _replies(sweep: Sweep, cells: Sequence[Cell], out: Path, workers: int | None, scheduler: str | None) -> Replies:
    """By whatever means the sweep wants."""
    if not cells:
        return
    if scheduler is not None:
        with _cluster(scheduler) as cluster:
            yield from _parallel(sweep, cells, out, cluster)
    elif not sweep.does.parallel:
        yield from _trainings(sweep, cells, out, workers)
    else:
        yield from _parallel(sweep, cells, out, _Processes(workers or processors()))


def work(kind: str, configurations: Sequence[dict[str, Any]], record: Sequence[str], out: Path) -> list[Reply]:
    """What a worker does: answers to a group of cells. If the group fails, each cell by itself."""
    try:
        return list(KINDS[kind].run(configurations, record, out))
    except Exception as error:
        if len(configurations) == 1:
            return [f"{type(error).__name__}: {' '.join(str(error).split())}"]
        return [reply for one in configurations for reply in work(kind, [one], record, out)]


Task = tuple[Any, ...]
"""Arguments of :func:`_numbered`."""

Numbered = tuple[int, list[Reply], float]
"""The number of a group, its replies, and the seconds that it took."""


@dataclass(frozen=True)
class _Processes:
    """Groups go to processes of this machine; a single one is this process."""

    workers: int
    deaths: int = ATTEMPTS
    """How often a cell that is alone may kill its worker."""

    def side_by_side(self, tasks: Iterable[Task]) -> Generator[Numbered, None, None]:
        """Answers as they come; no more tasks are taken than keep the workers busy."""
        import joblib

        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(
                n_jobs=self.workers, batch_size=1, pre_dispatch="2*n_jobs", return_as="generator_unordered"
            )
            with contextlib.closing(parallel(joblib.delayed(_numbered)(*task) for task in tasks)) as replies:
                yield from replies


@dataclass(frozen=True)
class _Cluster:
    """Groups go to the workers of a dask cluster."""

    client: Any
    workers: int
    deaths: int = 1
    """The scheduler counts for itself."""

    def side_by_side(self, tasks: Iterable[Task]) -> Generator[Numbered, None, None]:
        """As of :class:`_Processes`. joblib's own way to dask takes twice the time of this process, and keeps cells
        here where the cluster has one thread.
        """
        from distributed import as_completed

        waiting = iter(tasks)
        under_way: Any = as_completed(loop=self.client.loop)  # type: ignore[no-untyped-call]
        try:
            for task in itertools.islice(waiting, 2 * self.workers):
                under_way.add(self._submit(task))
            for future in under_way:
                numbered = future.result()
                for task in itertools.islice(waiting, 1):
                    under_way.add(self._submit(task))
                yield numbered
        finally:
            self.client.cancel(list(under_way.futures))

    def _submit(self, task: Task) -> Any:
        return self.client.submit(_numbered, *task, pure=False)


Backend = _Processes | _Cluster
"""Where groups go."""


def _parallel(sweep: Sweep, cells: Sequence[Cell], out: Path, backend: Backend) -> Replies:
    """Groups side by side; when a worker dies, those that were under way are repeated cell by cell."""
    groups = Groups(cells, sweep.does.group, backend.workers)
    while groups.waiting:
        try:
            for number, replies, seconds in _side_by_side(sweep, groups, out, backend):
                yield list(zip(groups.done(number, seconds), replies, strict=True))
        except _deaths():
            for cell in groups.lost():
                yield [(cell, _alone(sweep, cell, out, backend))]


def _side_by_side(
    sweep: Sweep, groups: Iterable[tuple[int, Sequence[Cell]]], out: Path, backend: Backend
) -> Iterator[Numbered]:
    """Answers to groups by number, as they come, and the seconds that each group took."""
    tasks = (
        (os.getpid(), number, sweep.kind, [c.configuration for c in group], sweep.record, out)
        for number, group in groups
    )
    with contextlib.closing(backend.side_by_side(tasks)) as replies:
        yield from replies


def _numbered(parent: int, number: int, *arguments: Any) -> Numbered:
    """In a worker, which ends with the process that it is a child of; those of a cluster are nobody's children."""
    if os.getppid() == parent and not _WATCHING:
        _WATCHING.append(parent)
        end_with(parent, lambda: os._exit(1))
    began = time.perf_counter()
    return number, work(*arguments), time.perf_counter() - began


_WATCHING: list[int] = []


def _alone(sweep: Sweep, cell: Cell, out: Path, backend: Backend) -> Reply:
    """The answer of one cell that nothing runs beside, so that a death is its own."""
    for _ in range(backend.deaths):
        with contextlib.suppress(*_deaths()):
            ((_, (reply,), _),) = _side_by_side(sweep, [(0, [cell])], out, backend)
            return reply
    if backend.deaths == 1:
        return "its workers died"
    return f"its worker died each of {backend.deaths} times: out of memory?"


def _deaths() -> tuple[type[BaseException], ...]:
    """What joblib raises when a worker dies."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    if (scheduler := sys.modules.get("distributed.scheduler")) is None:  # no cluster, and a second to import
        return (BrokenProcessPool,)
    return BrokenProcessPool, scheduler.KilledWorker


@contextlib.contextmanager
def _cluster(scheduler: str) -> Iterator[_Cluster]:
    """A dask cluster that is there already. Raises ValueError without dask, OSError if it is not there or goes away."""
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
    except ImportError:
        raise ValueError("--scheduler needs dask: pip install dask distributed") from None
    if ":" in scheduler:
        place = {"address": scheduler}
    elif Path(scheduler).is_file():
        place = {"scheduler_file": scheduler}
    else:  # dask would wait for the file
        raise ValueError(f"scheduler={scheduler} is neither an address like tcp://host:port nor a scheduler file")
    try:
        with Client(timeout=10, set_as_default=False, **place) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(1, timeout=30)
            yield _Cluster(client, sum(client.nthreads().values()))
    except (OSError, CommClosedError, FutureCancelledError, TimeoutError) as error:
        if isinstance(error, OSError) and error.filename:
            raise
        raise OSError(f"the scheduler {scheduler} is not there, or went away: {error}; what is done is kept") from None


def _trainings(sweep: Sweep, cells: Sequence[Cell], out: Path, workers: int | None) -> Replies:
    """Trainings are processes of their own, one per device."""
    from ufm.sweep.kinds.training import Training
    from ufm.tables import grid

    training = cast(Training, sweep.does)  # the only kind that is not parallel
    devices = grid.cuda_devices()
    count = workers or max(1, len(devices))
    jobs = {}
    for cell in cells:
        if (job := training.job(cell.configuration, out)) is None:  # finished
            yield [(cell, work(sweep.kind, [cell.configuration], sweep.record, out)[0])]
        else:
            jobs[job] = cell
    flags = ["--threads", "1"] if count > 1 and not devices else []
    for job, reason in grid.run_all(list(jobs), count, flags, devices):
        cell = jobs[job]
        yield [(cell, reason or work(sweep.kind, [cell.configuration], sweep.record, out)[0])]
