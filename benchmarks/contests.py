"""Contests of several cases on one problem: each case in a process of its own, and their table."""

import json
import subprocess
import sys

from benchmarks import cases, tables

CONTESTS: dict[str, list[str]] = {
    "A million pairs (f, theta): both angles": ["angles_loop", "angles_arrays"],
    "K=10, f=20, d=256, N=1,236, until NC < 1e-10": [
        "autograd_small",
        "scipy_small",
        "full_small",
        "span_small",
        "reduced_small",
    ],
    "K=10, f=20, d=512, N=12,406, until NC < 1e-10": ["autograd_large", "scipy_large", "span_large", "reduced_large"],
    "P with a learned frame, K=10, f=20, d=256; error: P minus its minimum": [
        "learned_torch",
        "learned_full",
        "learned_means",
        "learned_projected",
    ],
    "P with a learned frame, CIFAR-100-LT": ["learned_means_100", "learned_projected_100"],
    "Large": ["reduced_cifar100", "reduced_imagenet", "exact_imagenet", "reduced_ten_million"],
    "A hundred thousand classes in fifty kinds": ["kinds_learned", "kinds_phase", "kinds_exact", "kinds_reduced"],
}
UNLIKE = {"Large", "A hundred thousand classes in fifty kinds"}
"""Contests whose rows are different problems."""
LONG = {"autograd_large", "scipy_large", "reduced_ten_million", "learned_means_100"}


def measure(name: str) -> dict[str, float]:
    """Run one case in a fresh process: seconds, peak memory, and what it says about its accuracy."""
    command = [sys.executable, "-m", "benchmarks.cases", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def contest(title: str, results: dict[str, dict[str, float]]) -> list[list[str]]:
    """The table of one contest. Rows of different problems have no ratio."""
    best = min(r["seconds"] for r in results.values())
    asides = [a for a in ("nc_max", "error") if any(r.get(a) is not None for r in results.values())]
    alike = title not in UNLIKE
    ratio = ["ratio"] if alike else []
    rows = [["", "seconds", *ratio, "peak memory", *({"nc_max": "largest NC"}.get(a, a) for a in asides)]]
    for name, r in results.items():
        over = [f"{r['seconds'] / best:.1f}"] if alike else []
        said = ["" if r.get(a) is None else f"{r[a]:.0e}" for a in asides]
        rows.append([getattr(cases, name).__doc__ or name, f"{r['seconds']:.3g}", *over, f"{r['mib']:.0f} MiB", *said])
    return rows


def contests(only: str, *, quick: bool, save: bool) -> None:
    """Run, print and keep those whose title contains a text."""
    for title, names in CONTESTS.items():
        chosen = [name for name in names if not (quick and name in LONG)]
        if only not in title or not chosen:
            continue
        results = {}
        for name in chosen:
            print(f"... {name}", file=sys.stderr)
            results[name] = measure(name)
        short = " --quick" if len(chosen) < len(names) else ""
        command = f'python -m benchmarks --only "{title}"{short}'
        tables.show(command, title, contest(title, results), save=save)
