"""``make bench``: what the toolkit takes, against the loops people write, measured in one run.

Every figure is the median of several runs in a process of its own, after a warm-up; ratios are against the fastest
method of the toolkit on the same problem. ``python -m benchmarks PART`` is a part alone: geometry, goals, measure (it
writes a file of 8 GB), roofline, sweep, training. With ``--save`` tables go to results/speed.json, and ``make tables``
puts them into docs/speed.md.
"""

import json
import subprocess
import sys

from benchmarks import cases, tables

PARTS = ("geometry", "goals", "measure", "roofline", "sweep", "training")


def measure(name: str) -> dict[str, float]:
    """Run one case in a fresh process: seconds, peak memory, and what it says about its accuracy."""
    command = [sys.executable, "-m", "benchmarks.cases", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def contest(title: str, results: dict[str, dict[str, float]]) -> list[list[str]]:
    """The table of one contest. Rows of different problems have no ratio."""
    best = min(r["seconds"] for r in results.values())
    asides = [a for a in ("nc_max", "error") if any(r.get(a) is not None for r in results.values())]
    alike = title not in cases.UNLIKE
    ratio = ["ratio"] if alike else []
    rows = [["", "seconds", *ratio, "peak memory", *({"nc_max": "largest NC"}.get(a, a) for a in asides)]]
    for name, r in results.items():
        over = [f"{r['seconds'] / best:.1f}"] if alike else []
        said = ["" if r.get(a) is None else f"{r[a]:.0e}" for a in asides]
        rows.append([cases.CASES[name].__doc__ or name, f"{r['seconds']:.3g}", *over, f"{r['mib']:.0f} MiB", *said])
    return rows


def contests(only: str, *, quick: bool, save: bool) -> None:
    """Run, print and keep those whose title contains a text."""
    for title, names in cases.CONTESTS.items():
        chosen = [name for name in names if not (quick and name in cases.LONG)]
        if only not in title or not chosen:
            continue
        results = {}
        for name in chosen:
            print(f"... {name}", file=sys.stderr)
            results[name] = measure(name)
        short = " --quick" if len(chosen) < len(names) else ""
        command = f'python -m benchmarks --only "{title}"{short}'
        tables.show(command, title, contest(title, results), save=save)


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        raise SystemExit(subprocess.call([sys.executable, "-m", f"benchmarks.{sys.argv[1]}", *sys.argv[2:]]))
    parser = tables.parser("", __doc__, "leave out what takes more than a minute")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="tables of flows and minima whose title contains this"
    )
    asked = parser.parse_args()
    if not any(asked.only in title for title in cases.CONTESTS):
        parser.error(f"--only {asked.only!r} is in none of: {'; '.join(cases.CONTESTS)}")
    contests(asked.only, quick=asked.quick, save=asked.save)
    if asked.only:
        return
    passed = [flag for flag, on in (("--quick", asked.quick), ("--save", asked.save)) if on]
    for part in PARTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *passed], check=True)


if __name__ == "__main__":
    main()
