"""``make bench``: what the toolkit takes, against the loops people write, measured in one run.

Every figure is the median of several runs in a process of its own, after a warm-up; ratios are against the fastest
method of the toolkit on the same problem. ``python -m benchmarks PART`` is a part alone: geometry, goals, measure (it
writes a file of 8 GB), roofline, sweep, training. With ``--save`` tables go to results/speed.json, and ``make tables``
puts them into docs/speed.md.
"""

import subprocess
import sys

from benchmarks import tables
from benchmarks.contests import CONTESTS, contests

PARTS = ("geometry", "goals", "measure", "roofline", "sweep", "training")


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        raise SystemExit(subprocess.call([sys.executable, "-m", f"benchmarks.{sys.argv[1]}", *sys.argv[2:]]))
    parser = tables.parser("", __doc__, "leave out what takes more than a minute")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="tables of flows and minima whose title contains this"
    )
    asked = parser.parse_args()
    if not any(asked.only in title for title in CONTESTS):
        parser.error(f"--only {asked.only!r} is in none of: {'; '.join(CONTESTS)}")
    contests(asked.only, quick=asked.quick, save=asked.save)
    if asked.only:
        return
    passed = [flag for flag, on in (("--quick", asked.quick), ("--save", asked.save)) if on]
    for part in PARTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *passed], check=True)


if __name__ == "__main__":
    main()
