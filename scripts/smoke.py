"""Run every command of an installed ncmc once, in an empty folder: does what was built and installed work?

Example: python scripts/smoke.py (by the Python of the environment, with the extra train)

Example: python scripts/smoke.py presets table (those alone)
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

COMMANDS = {
    "simulate": ["--preset", "toy", "--out", "flow"],
    "verify": ["--preset", "toy", "--out", "verified"],
    "report": ["verified", "--out", "page.html"],
    "explore": ["--class-sizes", "30,10", "--f", "1", "2", "--out", "explore.html"],
    "geometry": ["--class-sizes", "50,5", "--lam-w", "5e-3", "--lam-h", "1e-4"],
    "measure": ["--list"],
    "zoo": ["mse-balanced"],
    "phase": ["--class-sizes", "100,10,1", "--centers", "1", "--points", "3"],
    "sweep": ["collapse-time", "--dry-run"],
    "design": ["--class-sizes", "500,30,5", "--f", "2", "5"],
    "figures": ["centers", "--quick"],
    "claims": ["erratum-1", "--check"],
    "train": ["--smoke", "--out", "trained"],
    "confirm": ["trained"],
    "decide": ["trained"],
    "table": ["fashion"],
    "data": [],
    "presets": ["--train"],
    "completion": ["bash"],
}
"""What each command is given. A later one may take what an earlier one wrote."""

MAY_FAIL = ("confirm", "decide")
"""Commands that may say that something does not hold: a training of a few batches has not collapsed."""


def ufm(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run ufm in a folder, by this Python, which finds it where it is installed."""
    command = [sys.executable, "-m", "ufm", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def installed(folder: Path) -> str:
    """Version and place of the package. Raises SystemExit if that is the source tree beside this script."""
    code = "import json, ufm; print(json.dumps([ufm.__version__, ufm.__file__]))"
    version, place = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=folder, text=True))
    if Path(place).resolve().is_relative_to(HERE) and "site-packages" not in place:
        raise SystemExit(f"{place} is the source tree: install the wheel, and run its Python")
    return f"ncmc {version} in {Path(place).parent}"


def wrong(name: str, folder: Path) -> str:
    """What is wrong with a command, or nothing."""
    done = ufm(name, *COMMANDS[name], folder=folder)
    allowed = (0, 1) if name in MAY_FAIL else (0,)
    if done.returncode in allowed and "Traceback" not in done.stderr:
        return ""
    return f"ufm {name} {' '.join(COMMANDS[name])}: status {done.returncode}\n{done.stderr[-2000:]}"


def main(names: list[str]) -> int:
    """Run the commands, all if none is named, and say what is wrong."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(installed(folder))
        said = re.findall(r"^  (\w+)  ", ufm("--help", folder=folder).stdout, flags=re.MULTILINE)
        if set(said) != set(COMMANDS):
            raise SystemExit(f"scripts/smoke.py lacks, or has too much: {sorted(set(said) ^ set(COMMANDS))}")
        failed = 0
        for name in names or COMMANDS:
            trouble = wrong(name, folder)
            print(f"{'NO' if trouble else 'ok'}  {trouble or name}", flush=True)
            failed += bool(trouble)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
