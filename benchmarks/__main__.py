"""``make bench``: what the toolkit takes, against the loops people write, measured in one run.

Every figure is the median of several runs in a process of its own, after a warm-up; ratios are against the fastest
method of the toolkit on the same problem. ``python -m benchmarks --quick`` leaves out the runs above a minute;
``python -m benchmarks geometry`` is the part about models of free features, ``python -m benchmarks measure`` that about
measuring networks, which runs by itself only: it writes 8 GB.
"""

import argparse
import json
import platform
import subprocess
import sys

from benchmarks import cases


def measure(name: str) -> dict[str, float]:
    """Run one case in a fresh process: seconds, peak memory, and what it says about its accuracy."""
    command = [sys.executable, "-m", "benchmarks.cases", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def main() -> None:
    if sys.argv[1:2] in (["geometry"], ["measure"]):
        raise SystemExit(subprocess.call([sys.executable, "-m", f"benchmarks.{sys.argv[1]}", *sys.argv[2:]]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what takes more than a minute")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="tables of flows and minima whose title contains this"
    )
    arguments = parser.parse_args()
    quick, only = arguments.quick, arguments.only
    if not any(only in title for title in cases.CONTESTS):
        parser.error(f"--only {only!r} is in none of: {'; '.join(cases.CONTESTS)}")
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, float64\n")
    for title, names in cases.CONTESTS.items():
        if only not in title:
            continue
        chosen = [n for n in names if not (quick and n in cases.LONG)]
        results = {}
        for name in chosen:
            print(f"... {name}", file=sys.stderr)
            results[name] = measure(name)
        best = min(r["seconds"] for r in results.values())
        asides = [a for a in ("nc_max", "error") if any(r.get(a) is not None for r in results.values())]
        rows = [["", "seconds", "ratio", "peak memory", *({"nc_max": "largest NC"}.get(a, a) for a in asides)]]
        for name, r in results.items():
            figures = [f"{r['seconds']:.3g}", f"{r['seconds'] / best:.1f}", f"{r['mib']:.0f} MiB"]
            said = ["" if r.get(a) is None else f"{r[a]:.0e}" for a in asides]
            rows.append([cases.CASES[name].__doc__ or name, *figures, *said])
        print(f"{title}\n\n{table(rows)}\n", flush=True)
    if only:
        return
    print("Geometry, one thread:\n", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.geometry", *(["--quick"] if quick else [])], check=True)
    print("Sweeps:\n", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.sweep", *(["--quick"] if quick else [])], check=True)
    print("\nTraining, float32, one thread:\n", flush=True)
    subprocess.run([sys.executable, "-m", "benchmarks.training"], check=True)


if __name__ == "__main__":
    main()
