"""A sweep of 10,000 cells against the loops people write: one process per cell, and one call per cell.

``python -m benchmarks sweep`` (part of ``make bench``; ``--quick``: 1,000 cells). Milliseconds per cell on all cores,
and on dask clusters of this machine, whose workers have done a sweep before.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import ufm
from benchmarks import tables
from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder

DESCRIPTION = """
kind = "flow"
record = ["collapse_time"]
seeds = {seeds}
[base]
n_classes = 10
n_max = 500
tau = 0.01
f = 20
[axes]
theta = {{ linspace = [0.1, 0.5, 10] }}
scale = {{ logspace = [0.03, 0.3, 10] }}
"""

GROUP = 64
"""Cells that come back from a worker together: about those that take half a second."""

SCRIPT = """
import sys, ufm
sizes = ufm.long_tailed_sizes(10, 500, 0.01)
theta, scale, seed = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
problem = ufm.Problem(sizes, ufm.class_aware(sizes, 20), theta)
flow = ufm.gradient_flow(problem, start=ufm.Start("gaussian", scale), seed=seed, n_times=2, workers=1)
print(flow.times[-1])
"""


def processes(sweep: Sweep, count: int) -> float:
    """Seconds per cell of a script that is started once per cell, as many at a time as there are cores."""

    def one(cell):
        own = [str(cell.values[name]) for name in ("theta", "scale", "seed")]
        subprocess.run([sys.executable, "-c", SCRIPT, *own], check=True, stdout=subprocess.DEVNULL)

    cells = sweep.cells[:: len(sweep.cells) // count][:count]
    one(cells[0])
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, cells))
    return (time.perf_counter() - began) / len(cells)


def calls(sweep: Sweep, count: int) -> float:
    """Seconds per cell of gradient_flow in a loop, divided by the cores that several loops would have."""
    cells = sweep.cells[:: len(sweep.cells) // count][:count]
    began = time.perf_counter()
    for cell in cells:
        problem = ufm.Problem.from_dict(cell.configuration["problem"])
        start = ufm.Start("gaussian", cell.values["scale"])
        ufm.gradient_flow(problem, start=start, seed=cell.values["seed"], n_times=2, workers=1)
    return (time.perf_counter() - began) / len(cells) / (os.cpu_count() or 1)


def bookkeeping(sweep: Sweep, out: Path) -> float:
    """Seconds per cell for everything but the flows: describing, looking for what is there, writing, collecting."""
    folder, answer = Folder(out), {"collapse_time": np.linspace(1.0, 2.0, 10)}
    began = time.perf_counter()
    fresh = Sweep.from_dict(sweep.to_dict())  # its cells are not made yet
    folder.begin(fresh)
    missing, _ = folder.missing(fresh)
    with folder.journal(fresh) as journal:
        for begin in range(0, len(missing), GROUP):
            group = missing[begin : begin + GROUP]
            folder.put(journal, group, [answer] * len(group))
    store.save(folder.collect(fresh, {}), folder.results)
    return (time.perf_counter() - began) / len(missing)


def on_cluster(sweep: Sweep, processes: int, threads: int) -> float:
    """Seconds per cell on a dask cluster of so many processes with so many threads each."""
    from distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=processes, threads_per_worker=threads, dashboard_address=None) as cluster,
    ):
        place = cluster.scheduler_address
        run(Sweep.from_toml(DESCRIPTION.format(seeds=4)), Path(folder) / "first", scheduler=place)
        began = time.perf_counter()
        outcome = run(sweep, Path(folder) / "sweep", scheduler=place)
        seconds = time.perf_counter() - began
    assert outcome.ran == len(sweep.cells)
    return seconds / len(sweep.cells)


def main(arguments: list[str]) -> None:
    asked = tables.parser("sweep", __doc__, "1,000 cells instead of 10,000").parse_args(arguments)
    sweep = Sweep.from_toml(DESCRIPTION.format(seeds=10 if asked.quick else 100))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        outcome = run(sweep, Path(folder) / "sweep")
        whole = time.perf_counter() - began
        assert outcome.ran == len(sweep.cells)
        paper = bookkeeping(sweep, Path(folder) / "books")
    batched = whole / len(sweep.cells)
    rows = [
        ("one process per cell", processes(sweep, 20)),
        ("one call of gradient_flow per cell", calls(sweep, 100)),
        ("ufm sweep", batched),
        ("of which storage and bookkeeping", paper),
    ]
    if importlib.util.find_spec("distributed"):
        one, four = on_cluster(sweep, 1, 1), on_cluster(sweep, 2, 2)
        rows += [
            ("ufm sweep --scheduler, dask: one process with one thread", one),
            (f"the same, two processes with two threads, {one / four:.2f} times as fast", four),
        ]
    title = f"Sweep of {len(sweep.cells):,} cells (K=10, f=20, N=1,236), {whole:.0f} s on {os.cpu_count()} cores"
    lines = [["", "ms a cell", "ratio"], *([name, f"{1e3 * s:.3g}", f"{s / batched:.1f}"] for name, s in rows)]
    tables.show(f"python -m benchmarks sweep{' --quick' if asked.quick else ''}", title, lines, save=asked.save)


if __name__ == "__main__":
    main(sys.argv[1:])
