"""Many trainings, each in a process and a folder of its own: FOLDER/NAME/seedS."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ufm import store
from ufm.flags import FAILS, INTERRUPTED, OK
from ufm.train.run import Run


@dataclass(frozen=True)
class Cell:
    """A named training with a seed."""

    name: str
    seed: int

    def folder(self, root: Path) -> Path:
        """Where its run lives."""
        return root / self.name / f"seed{self.seed}"

    def __str__(self) -> str:
        return f"{self.name} seed {self.seed}"


def missing(cells: Sequence[Cell], root: Path) -> list[Cell]:
    """Cells without a finished run on real images."""
    runs = {cell: Run(cell.folder(root)) for cell in cells}
    return [cell for cell, run in runs.items() if not (run.exists and run.finished and not run.smoke)]


def run_all(cells: Sequence[Cell], root: Path, jobs: int, flags: Sequence[str]) -> Iterator[tuple[Cell, str | None]]:
    """Run or resume the cells, ``jobs`` at a time; yields each with None or, where it failed, the reason, as they end.

    What a run says goes to log.txt in its folder. One that fails does not stop the others; one that is killed from
    outside goes on from its last checkpoint, up to ATTEMPTS times. Whatever ends this generator ends the trainings too,
    and they save first.
    """
    running: set[subprocess.Popen[bytes]] = set()
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_attempt, cell, root, flags, running): cell for cell in cells}
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


def _attempt(cell: Cell, root: Path, flags: Sequence[str], running: set["subprocess.Popen[bytes]"]) -> str | None:
    failure = cell.folder(root) / FAILURE
    failure.unlink(missing_ok=True)
    for _ in range(ATTEMPTS):
        status, reason = _run(cell, root, flags, running)
        if status >= 0 or status in (-signal.SIGINT, -signal.SIGTERM):
            break
    if reason is not None and status not in (INTERRUPTED, -signal.SIGINT, -signal.SIGTERM):  # stopped is not failed
        store.save_text(failure, reason)
    return reason


def _run(
    cell: Cell, root: Path, flags: Sequence[str], running: set["subprocess.Popen[bytes]"]
) -> tuple[int, str | None]:
    """Exit status, and what is wrong if it is not 0."""
    folder = cell.folder(root)
    run = Run(folder)
    if run.exists and run.smoke:
        return FAILS, f"{folder} holds a smoke test: move it away"
    what = ["--resume", str(folder)] if run.exists else [cell.name, "--seed", str(cell.seed), "--out", str(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as log:
        command = [sys.executable, "-m", "ufm", "train", *what, *flags]
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            running.add(process)
            status = process.wait()
            running.discard(process)
    if status == OK:
        return status, None
    if status < 0:  # its last words are not why
        return status, f"killed by signal {-status}"
    said = (folder / "log.txt").read_text(errors="replace").strip().splitlines()
    return status, said[-1].removeprefix("ufm: ") if said else f"exit status {status}"


FAILURE = "failure.txt"
"""Why a cell's last attempt failed; not there if it did not."""


def failures(names: Sequence[str], root: Path) -> dict[str, str]:
    """Why cells failed, by name: of the first seed that did."""
    found: dict[str, str] = {}
    for name in names:
        for path in sorted((root / name).glob(f"seed*/{FAILURE}")):
            found.setdefault(name, f"{path.parent.name}: {path.read_text()}")
    return found
