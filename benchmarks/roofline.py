"""``python -m benchmarks roofline``: what each verb takes, against what its work needs on this machine.

The bytes and operations that the work needs are counted by formula, from sizes and from the steps that were taken. The
machine's bandwidth is that of a large copy, its rate that of a float64 product of matrices, both of one thread. The
time needed is the larger one of bytes / bandwidth and operations / rate; the ratio is processor time over it. Counts
are of what cannot be left out by the method chosen: what else a call does is in the ratio. Every row is the fastest of
several runs in a process of its own with one thread, after a warm-up. A row further than 20 x says why. ``--quick``
takes tiny sizes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.verbs import VERBS, Need

FAR = 20.0
"""The ratio above which a row says why."""

LEAST = 0.2
"""Seconds that the runs of a row take together, and the copies and products of the machine."""


@dataclass(frozen=True)
class Machine:
    """Bytes a second of a copy, reading and writing, and float64 operations a second of a product; one thread."""

    bandwidth: float
    rate: float

    def needs(self, work: Need) -> float:
        """Seconds at the roof."""
        return max(work.bytes / self.bandwidth, work.operations / self.rate)


def fastest(function: Callable[[], Any], least: float) -> tuple[float, Any]:
    """Least processor time of a call, over calls that take so many seconds together; the last result."""
    best, total, said = np.inf, 0.0, None
    while not np.isfinite(best) or total < least:
        began = time.process_time()
        said = function()
        took = time.process_time() - began
        best, total = min(best, took), total + max(took, 1e-6)
    return best, said


def machine(*, tiny: bool) -> Machine:
    """Measured here: a copy moves every byte twice, a product of n x n matrices takes 2 n^3 operations."""
    count, n, least = (1 << 16, 64, 0.01) if tiny else (1 << 26, 2048, LEAST)
    there, square = np.ones(count), np.ones((n, n))
    other, out = np.empty(count), np.empty((n, n))
    np.copyto(other, there)  # its pages are made at the first touch
    copying, _ = fastest(lambda: np.copyto(other, there), least)
    multiplying, _ = fastest(lambda: np.matmul(square, square, out=out), least)
    return Machine(2 * there.nbytes / copying, 2.0 * n**3 / multiplying)


def measured(name: str, *, tiny: bool) -> dict[str, float]:
    """A row, run here."""
    run, need = VERBS[name].job(tiny=tiny)
    run()
    processor, said = fastest(run, 0.0 if tiny else LEAST)
    return {"processor": processor, **asdict(need(said))}


def in_a_process(name: str, *, tiny: bool) -> dict[str, float]:
    """The machine, or a row, in a fresh process with one thread."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-m", "benchmarks.roofline", "--run", name, json.dumps(tiny)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **one_thread})
    return json.loads(done.stdout)


def lines_of(rows: dict[str, dict[str, float]], roof: Machine) -> list[list[str]]:
    """The table."""
    lines = [["", "MB", "million operations", "ms needed", "ms taken", "ratio", f"why, above {FAR:g}"]]
    for name, said in rows.items():
        need = Need(said["bytes"], said["operations"])
        ratio = said["processor"] / roof.needs(need)
        numbers = (need.bytes / 1e6, need.operations / 1e6, 1e3 * roof.needs(need), 1e3 * said["processor"], ratio)
        why = VERBS[name].why if ratio > FAR else ""
        lines.append([VERBS[name].job.__doc__ or name, *(f"{x:.3g}" for x in numbers), why])
    return lines


def main(arguments: list[str]) -> None:
    asked = tables.parser("roofline", __doc__, "tiny sizes").parse_args(arguments)
    roof = Machine(**in_a_process("machine", tiny=asked.quick))
    rows = {}
    for name in VERBS:
        print(f"... {name}", file=sys.stderr)
        rows[name] = in_a_process(name, tiny=asked.quick)
    sizes = "tiny sizes in place of those named, " if asked.quick else ""
    speeds = f"copies at {roof.bandwidth / 1e9:.3g} GB/s, products at {roof.rate / 1e9:.3g} GFLOP/s"
    title = f"Against the machine, one thread, {sizes}{speeds}"
    command = f"python -m benchmarks roofline{' --quick' if asked.quick else ''}"
    tables.show(command, title, lines_of(rows, roof), save=asked.save)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        name, tiny = sys.argv[2], json.loads(sys.argv[3])
        print(json.dumps(asdict(machine(tiny=tiny)) if name == "machine" else measured(name, tiny=tiny)))
    else:
        main(sys.argv[1:])
