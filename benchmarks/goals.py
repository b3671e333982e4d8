"""What the works that users wait for took once, should take, and take, in one run.

``python -m benchmarks goals`` (part of ``make bench``; ``--quick`` leaves out the three that take long). Wall-clock
seconds in processes of their own; commands are timed from outside, with what Python needs to start, the second time
that they run. "Once" is what an earlier version took on another machine, if there was one: a size, not a ratio.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks import contests, tables
from benchmarks.sweep import DESCRIPTION
from ufm.problems.sizes import long_tailed_sizes


class Took(NamedTuple):
    """Seconds, and what else was promised: peak memory in MiB, or nothing."""

    seconds: float
    mib: float | None = None


@dataclass(frozen=True)
class Goal:
    """One work."""

    work: str
    once: str
    seconds: float
    """At most."""
    measure: Callable[[], Took]
    mib: float | None = None
    """Peak memory, at most, if that was promised."""
    long: bool = False

    def row(self) -> list[str]:
        """Measured, and whether that is what was promised."""
        took = self.measure()
        promised, found = [f"{self.seconds:g} s"], [f"{took.seconds:.3g} s"]
        met = took.seconds < self.seconds
        if self.mib is not None and took.mib is not None:
            promised, found = [*promised, f"{self.mib:g} MiB"], [*found, f"{took.mib:.0f} MiB"]
            met &= took.mib < self.mib
        return [self.work, self.once, ", ".join(promised), ", ".join(found), "yes" if met else "no"]


def case(name: str) -> Callable[[], Took]:
    """A case of :mod:`benchmarks.cases`."""

    def measure() -> Took:
        said = contests.measure(name)
        return Took(said["seconds"], said["mib"])

    return measure


def command(*words: str) -> Callable[[], Took]:
    """``ufm`` with these words, or Python if the first is -c, in an empty folder; FRESH is a new name each time."""
    start = [sys.executable] if words[0] == "-c" else [sys.executable, "-m", "ufm"]

    def measure() -> Took:
        with tempfile.TemporaryDirectory() as folder:
            for round_ in ("first", "second"):
                began = time.perf_counter()
                line = [*start, *(word.replace("FRESH", str(Path(folder) / round_)) for word in words)]
                subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
                seconds = time.perf_counter() - began
        return Took(seconds)

    return measure


def swept() -> Took:
    """``ufm sweep`` of 10,000 cells on all cores."""
    with tempfile.TemporaryDirectory() as folder:
        cells = Path(folder) / "cells.toml"
        cells.write_text(DESCRIPTION.format(seeds=100))
        began = time.perf_counter()
        line = [sys.executable, "-m", "ufm", "sweep", str(cells), "--out", str(Path(folder) / "out")]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return Took(time.perf_counter() - began)


UNEQUAL = ",".join(map(str, long_tailed_sizes(365, 4980, 5 / 4980)))
GOALS = (
    Goal("sweep of 10,000 cells, K = 10, f = 20, N = 1,236", "79 s", 15, swept, long=True),
    Goal("cosine flow, K = 100, N = 10,847, NC < 1e-10", "0.30 s", 0.1, case("reduced_cifar100")),
    Goal("the same, ten million samples, K = 10", "61 s", 15, case("reduced_ten_million"), 250, long=True),
    Goal("P's flow at ImageNet-LT size", "33 s", 4, case("exact_imagenet")),
    Goal("P, learned frame, one feature per class, K = 100, d = 2,200", "67 s", 10, case("learned_means_100")),
    Goal("P, learned frame, one feature per sample, N = 12,406", "56 s", 15, case("learned_full")),
    Goal(
        "phase diagram of P, 16 x 16 points, K = 100",
        "minutes",
        10,
        command("phase", "--preset", "cifar100-lt", "--out", "FRESH"),
    ),
    Goal("ufm design for 365 classes of 4,980 to 5", "22 s", 3, command("design", "--class-sizes", UNEQUAL)),
    Goal("accuracy of three rules, 100 x 100 values of f and theta, K = 100", "", 1, case("decided_grid")),
    Goal("radii of GCR, 10,000 features, K = 100, F = 2,000", "", 2, case("decided_radii")),
    Goal("ufm claims --check", "", 120, command("claims", "--check"), long=True),
    Goal("ufm verify", "34 s", 15, command("verify", "--out", "FRESH")),
    Goal("import ufm", "0.6 s", 0.3, command("-c", "import ufm")),
    Goal("ufm --help", "1.2 s", 0.3, command("--help")),
)


def main(arguments: list[str]) -> None:
    asked = tables.parser("goals", __doc__, "leave out the three that take long").parse_args(arguments)
    rows = [["", "once", "goal", "now", "met"]]
    for goal in GOALS:
        if not (asked.quick and goal.long):
            print(f"... {goal.work}", file=sys.stderr)
            rows.append(goal.row())
    tables.show(f"python -m benchmarks goals{' --quick' if asked.quick else ''}", "Goals", rows, save=asked.save)


if __name__ == "__main__":
    main(sys.argv[1:])
