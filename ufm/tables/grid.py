"""Many trainings, each in a process and a folder of its own."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from ufm.files import store
from ufm.files.process import FAILS, INTERRUPTED, OK, start
from ufm.files.text import read_text
from ufm.train.presets import preset, sharing
from ufm.train.run import Run


class Job(NamedTuple):
    """One training to be run or resumed."""

    label: str
    """For messages."""
    folder: Path
    begin: tuple[str, ...]
    """Flags of `ufm train` that start it; one that was begun is resumed."""


@dataclass(frozen=True)
class Cell:
    """A named training with a seed."""

    name: str
    seed: int

    def folder(self, root: Path) -> Path:
        """Where its run lives: ROOT/NAME/seedS."""
        return root / self.name / f"seed{self.seed}"

    def job(self, root: Path) -> Job:
        """How it is run."""
        folder = self.folder(root)
        return Job(str(self), folder, (self.name, "--seed", str(self.seed), "--out", str(folder)))

    def __str__(self) -> str:
        return f"{self.name} seed {self.seed}"


def trainings(table: str, cells: Sequence[Cell], root: Path) -> list[Cell]:
    """Fewest cells of a table to be trained where ``cells`` have no result: one for those that share a training."""
    shared = sharing(table)
    pairs = [(cell, Cell(shared[cell.name], cell.seed)) for cell in cells]
    return list(dict.fromkeys(base if _will_answer(base, cell, root) else cell for cell, base in pairs))


def _will_answer(base: Cell, cell: Cell, root: Path) -> bool:
    """Whether the training of ``base`` gives the result of ``cell`` once it is finished.

    Not if it is finished already, for then it would have given it, nor if it was begun by a version that did not ask
    for that; and a cell with a run of its own goes on with that.
    """
    if Run(cell.folder(root)).exists:
        return base == cell
    run = Run(base.folder(root))
    if not run.exists:
        return True
    try:
        return not run.finished and run.record().answers(preset(cell.name, seed=cell.seed))
    except ValueError:  # nothing was measured yet
        return True


def missing(cells: Sequence[Cell], root: Path) -> list[Cell]:
    """Cells without a finished run on real images."""
    runs = {cell: Run(cell.folder(root)) for cell in cells}
    return [cell for cell, run in runs.items() if not (run.exists and run.finished and not run.smoke)]


def run_all(
    jobs: Sequence[Job], at_a_time: int, flags: Sequence[str], devices: Sequence[str] = ()
) -> Iterator[tuple[Job, str | None]]:
    """Run or resume trainings, some at a time; yields each with None or, where it failed, the reason, as they end.

    What a run says goes to log.txt in its folder. One that fails does not stop the others; one that is killed from
    outside goes on from its last checkpoint, up to ATTEMPTS times. Whatever ends this generator ends the trainings too,
    and they save first. With ``devices`` (numbers of CUDA devices) each training sees one that no other has.
    """
    running: set[subprocess.Popen[bytes]] = set()
    free: SimpleQueue[str | None] = SimpleQueue()
    for slot in range(at_a_time):
        free.put(devices[slot % len(devices)] if devices else None)
    with ThreadPoolExecutor(at_a_time) as pool:
        futures = {pool.submit(_attempt, job, flags, running, free): job for job in jobs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for process in list(running):
                process.terminate()
            raise


ATTEMPTS = 3
"""How often a training that something kills is begun or resumed before it is set aside."""

_Running = set["subprocess.Popen[bytes]"]


def _attempt(job: Job, flags: Sequence[str], running: _Running, free: "SimpleQueue[str | None]") -> str | None:
    failure, device = job.folder / FAILURE, free.get()
    failure.unlink(missing_ok=True)
    try:
        for _ in range(ATTEMPTS):
            status, reason = _run(job, flags, running, device)
            if status >= 0 or status in (-signal.SIGINT, -signal.SIGTERM):
                break
    finally:
        free.put(device)
    if reason is not None and status not in (INTERRUPTED, -signal.SIGINT, -signal.SIGTERM):  # stopped is not failed
        store.save_text(failure, reason)
    return reason


def _run(job: Job, flags: Sequence[str], running: _Running, device: str | None) -> tuple[int, str | None]:
    """Exit status, and what is wrong if it is not 0."""
    folder, run = job.folder, Run(job.folder)
    if run.exists and run.smoke:
        return FAILS, f"{folder} holds a smoke test: move it away"
    what = ["--resume", str(folder)] if run.exists else [*job.begin]
    folder.mkdir(parents=True, exist_ok=True)
    environment = None if device is None else {"CUDA_VISIBLE_DEVICES": device}
    with (folder / "log.txt").open("ab") as log:
        said_before = log.tell()
        with start(["train", *what, *flags], environment, stdout=log, stderr=log) as process:
            running.add(process)
            status = process.wait()
            running.discard(process)
    if status == OK:
        return status, None
    if status < 0:  # its last words are not why
        return status, f"killed by signal {-status}"
    lines = (folder / "log.txt").read_bytes()[said_before:].decode(errors="replace").strip().splitlines()
    return status, lines[-1].removeprefix("ufm: ") if lines else f"exit status {status}"


FAILURE = "failure.txt"
"""Why a cell's last attempt failed; not there if it did not."""


def failures(table: str, cells: Sequence[Cell], root: Path) -> dict[str, str]:
    """Why cells without a result failed, by name: of the first seed that did."""
    shared = sharing(table)
    found: dict[str, str] = {}
    for cell in cells:
        for tried in (cell, Cell(shared[cell.name], cell.seed)):
            path = tried.folder(root) / FAILURE
            if path.exists():
                found.setdefault(cell.name, f"seed{cell.seed}: {read_text(path)}")
    return found


def cuda_devices() -> list[str]:
    """Numbers of the CUDA devices, as CUDA_VISIBLE_DEVICES takes them."""
    try:
        import torch
    except ImportError:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return visible.split(",")[:count] if visible else [str(number) for number in range(count)]
