"""Many trainings, each in a process and a folder of its own: FOLDER/NAME/seedS."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ufm import store
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

    What a run says goes to log.txt in its folder. One that fails does not stop the others.
    """
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run, cell, root, flags): cell for cell in cells}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # Ctrl-C reaches the running trainings too, and they save; the others are not begun
            pool.shutdown(cancel_futures=True)
            raise


def _run(cell: Cell, root: Path, flags: Sequence[str]) -> str | None:
    folder = cell.folder(root)
    fresh = [cell.name, "--seed", str(cell.seed), "--out", str(folder)]
    run = Run(folder)
    if run.exists and run.smoke:
        return f"{folder} holds a smoke test: move it away"
    what = ["--resume", str(folder)] if run.exists else fresh
    folder.mkdir(parents=True, exist_ok=True)
    log, failure = folder / "log.txt", folder / FAILURE
    failure.unlink(missing_ok=True)
    with log.open("a") as file:
        command = [sys.executable, "-m", "ufm", "train", *what, *flags]
        done = subprocess.run(command, stdout=file, stderr=file, check=False)
    if done.returncode == 0:
        return None
    if done.returncode < 0:  # its last words are not why
        return f"killed by signal {-done.returncode}"
    said = log.read_text().strip().splitlines()
    reason = said[-1].removeprefix("ufm: ") if said else f"exit status {done.returncode}"
    store.save_text(failure, reason)
    return reason


FAILURE = "failure.txt"
"""Why a cell's last attempt failed; not there if it did not."""


def failures(names: Sequence[str], root: Path) -> dict[str, str]:
    """Why cells failed, by name: of the first seed that did."""
    found: dict[str, str] = {}
    for name in names:
        for path in sorted((root / name).glob(f"seed*/{FAILURE}")):
            found.setdefault(name, f"{path.parent.name}: {path.read_text()}")
    return found
