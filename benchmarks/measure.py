"""``python -m benchmarks measure``: what measuring collapse takes, against straightforward code and one product.

Each row is the median of several runs, or one long one, in a process of its own; processor seconds are those of all
threads, and ratios are of these, for a busy machine stretches the others. ``--quick`` takes a tenth of the samples.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import ufm
from benchmarks import tables

SMALL = (50_000, 512, 100)
"""N, d, K of what straightforward code can still do."""
LARGE = (1_000_000, 2048, 1000)
"""N, d, K of the file, float32: 8 GB."""
BLOCK = 10_000
"""Rows of the file that are drawn; the others repeat them, of other classes, at another place."""


def small() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features in float32, labels in random order, weights."""
    n, d, k = SMALL
    rng = np.random.default_rng(0)
    means, labels = rng.standard_normal((k, d)), rng.integers(k, size=n)
    return (means[labels] + rng.standard_normal((n, d))).astype(np.float32), labels, means


def toolkit(h: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """ufm.measure, every measure"""
    return float(ufm.measure(h, y, w).nc1)


def plain_nc1(h: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """numpy: covariance of each class and pinv, NC1 alone"""
    h = h.astype(np.float64)
    k = len(w)
    means = np.array([h[y == c].mean(axis=0) for c in range(k)])
    away = means - means.mean(axis=0)
    within = sum(np.cov(h[y == c].T, bias=True) * np.sum(y == c) for c in range(k)) / len(y)
    return float(np.trace(within @ np.linalg.pinv(away.T @ away / k)) / k)


def plain(h: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """numpy: the same, by class too, with CDNV, directional CDNV and decisions (NC4)"""
    h = h.astype(np.float64)
    k = len(w)
    means = np.array([h[y == c].mean(axis=0) for c in range(k)])
    away = means - means.mean(axis=0)
    inverse = np.linalg.pinv(away.T @ away / k)
    covariances = [np.cov(h[y == c].T, bias=True) for c in range(k)]
    by_class = [np.trace(covariance @ inverse) / k for covariance in covariances]
    apart = np.linalg.norm(means[:, None] - means, axis=2) + np.eye(k)
    traces = np.array([np.trace(covariance) for covariance in covariances])
    np.mean((traces[:, None] + traces) / (2 * apart**2))
    for c in range(k):
        _ = [(means[c] - means[j]) @ covariances[c] @ (means[c] - means[j]) / apart[c, j] ** 4 for j in range(k)]
    nearest = np.array([np.argmin(np.linalg.norm(means - row, axis=1)) for row in h])
    np.mean(np.argmax(h @ w.T, axis=1) == nearest)
    return float(np.average(by_class, weights=np.bincount(y, minlength=k)))


CONTESTANTS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    each.__name__: each for each in (toolkit, plain_nc1, plain)
}


def contest(name: str) -> dict[str, float]:
    """A row of the first table, run here."""
    data = small()
    toolkit(data[0][:1000], data[1][:1000], data[2])  # what is imported at the first call
    return timed(lambda: CONTESTANTS[name](*data), 3)


def timed(function: Callable[[], float], repeats: int) -> dict[str, float]:
    walls, processor, value = [], [], 0.0
    for _ in range(repeats):
        began, busy = time.perf_counter(), time.process_time()
        value = function()
        walls.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    return {"value": value, "seconds": statistics.median(walls), "processor": statistics.median(processor)}


def write(path: pathlib.Path, samples: int) -> None:
    """The file: blocks of random rows, moved by a tenth each."""
    rng = np.random.default_rng(0)
    block = rng.standard_normal((BLOCK, LARGE[1]), dtype=np.float32)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(samples, LARGE[1]))
    for begin in range(0, samples, BLOCK):
        file[begin : begin + BLOCK] = block + np.float32(0.1 * (begin // BLOCK % 10))
    file.flush()


def labels_of(samples: int) -> np.ndarray:
    """In random order, K classes."""
    return np.random.default_rng(1).permutation(np.arange(samples) % LARGE[2])


def from_file(path: str) -> dict[str, float]:
    """Every measure of the file, but for weights."""
    features = np.load(path, mmap_mode="r")
    labels = labels_of(len(features))
    ufm.measure(features[:2000], labels[:2000], classes=LARGE[2])
    before = private()
    said = timed(lambda: float(ufm.measure(features, labels).nc1), 1)
    return {**said, "mib": peak_private() - before}


def product(path: str) -> dict[str, float]:
    """One product of the file, N x d by d x K, in float64, block by block."""
    features = np.load(path, mmap_mode="r")
    right = np.random.default_rng(0).standard_normal(LARGE[1:])

    def run() -> float:
        step = 4096
        return float(
            sum(np.sum(features[i : i + step].astype(np.float64) @ right) for i in range(0, len(features), step))
        )

    return timed(run, 1)


def private() -> float:
    """MiB that are the process's own, the mapped file not among them."""
    fields = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) / 1024


def peak_private() -> float:
    """The most so far: own pages are sampled by a thread, for the peak of the system counts the map too."""
    return max(SAMPLES, default=private())


SAMPLES: list[float] = []


def sample() -> None:
    while True:
        SAMPLES.append(private())
        time.sleep(0.02)


JOBS = {"from_file": from_file, "product": product}


def row(job: str, *arguments: str) -> dict[str, float]:
    """Run it in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.measure", "--run", job, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def lines_of(rows: dict[str, dict[str, float]], *, memory: bool = False) -> list[list[str]]:
    """The table: ratios are of processor time, over the first row."""
    unit = next(iter(rows.values()))["processor"]
    lines = [["", "seconds", "processor", "ratio", *(["memory above the map"] if memory else [])]]
    for name, said in rows.items():
        figures = [f"{said['seconds']:.3g}", f"{said['processor']:.3g}", f"{said['processor'] / unit:.2f}"]
        lines.append([name, *figures, *([f"{said['mib']:.0f} MiB" if "mib" in said else ""] if memory else [])])
    return lines


def in_memory() -> tuple[str, list[list[str]]]:
    """The first table."""
    n, d, k = SMALL
    rows = {CONTESTANTS[name].__doc__ or name: row(name) for name in CONTESTANTS}
    return f"Measuring in memory, {n:,} x {d}, float32, K={k}", lines_of(rows)


def of_file(samples: int, folder: str | None) -> tuple[str, list[list[str]]]:
    """The second one, of a file that is written and deleted."""
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        path = pathlib.Path(inside) / "features.npy"
        write(path, samples)
        rows = {name: row(job, os.fspath(path)) for job, name in (("product", "one product"), ("from_file", "toolkit"))}
    title = f"Measuring from a file, {samples:,} x {LARGE[1]:,}, float32, K={LARGE[2]:,}"
    return title, lines_of(rows, memory=True)


def main(arguments: list[str]) -> None:
    parser = tables.parser("measure", __doc__, "a tenth of the file's samples")
    parser.add_argument("--folder", help="where the file is written (8 GB), and deleted afterwards; default: temporary")
    parser.add_argument("--only", choices=("memory", "file"), help="one of the two tables")
    asked = parser.parse_args(arguments)
    command = "python -m benchmarks measure --only"
    if asked.only != "file":
        tables.show(f"{command} memory", *in_memory(), save=asked.save)
    if asked.only != "memory":
        samples, short = (LARGE[0] // 10, " --quick") if asked.quick else (LARGE[0], "")
        tables.show(f"{command} file{short}", *of_file(samples, asked.folder), save=asked.save)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        import threading

        threading.Thread(target=sample, daemon=True).start()
        said = JOBS[sys.argv[2]](sys.argv[3]) if sys.argv[2] in JOBS else contest(sys.argv[2])
        print(json.dumps(said))
    else:
        main(sys.argv[1:])
