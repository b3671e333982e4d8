"""Tables of benchmarks: printed as they are measured and, with ``--save``, kept in results/speed.json.

docs/speed.md and README.md are made from that file: what stands between ``<!-- python -m benchmarks ... -->`` and
``<!-- end -->`` is the table that this command measures. A table knows when and on what it was measured, and a run
replaces those that it measures and no others. ``--quick`` is part of a command wherever it changes the work, so that no
short run takes the place of a long one.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import ufm
from ufm.files import store

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "results" / "speed.json"
PAGES = (ROOT / "docs" / "speed.md", ROOT / "README.md")
BLOCK = re.compile(r"(<!-- (python -m benchmarks\b[^\n]*) -->\n).*?(<!-- end -->)", re.DOTALL)
PACKAGES = ("numpy", "scipy", "numba", "torch", "cvxpy", "pymanopt")
UNKNOWN = "*Not measured yet.*\n"

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Run:
    """When and on what a table was measured; an empty date or no versions: not recorded."""

    machine: str
    date: str
    versions: dict[str, str] = field(default_factory=dict)
    note: str = ""
    """What else a reader of old numbers should know; a new run has none."""

    @classmethod
    def here(cls) -> "Run":
        """Now, on this machine."""
        machine = f"{processor()}, {os.cpu_count()} cores"
        return cls(machine, datetime.date.today().isoformat(), versions())

    def __str__(self) -> str:
        """One line."""
        used = ", ".join(f"{name} {version}" for name, version in self.versions.items()) or "versions not recorded"
        parts = (self.machine, self.date or "date not recorded", used, self.note)
        return f"*Measured on: {'; '.join(filter(None, parts))}.*"


@dataclass(frozen=True)
class Table:
    """What one command measured, cells as they are shown."""

    command: str
    title: str
    rows: Rows
    """The head first."""
    run: Run

    def __str__(self) -> str:
        """The way it stands in a page."""
        return f"{self.title}:\n\n{aligned(self.rows)}\n\n{self.run}\n"


def processor() -> str:
    """The processor's name for people, where the system tells."""
    about = Path("/proc/cpuinfo")
    text = about.read_text() if about.exists() else ""
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Of Python, and of those packages that are here."""
    found = {"Python": platform.python_version(), "ncmc": ufm.__version__}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def aligned(rows: Rows) -> str:
    """A markdown table."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def parser(part: str, about: str | None, quick: str) -> argparse.ArgumentParser:
    """What all parts of the benchmarks understand."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks{part and f' {part}'}", description=about)
    made.add_argument("--quick", action="store_true", help=quick)
    made.add_argument("--save", action="store_true", help="keep the tables in results/speed.json, for docs/speed.md")
    return made


def show(command: str, title: str, rows: Rows, *, save: bool) -> None:
    """Print a table, and keep it if that is wanted."""
    table = Table(command, title, rows, Run.here())
    print(table, flush=True)
    if save:
        keep([table])


def load(path: Path | None = None) -> dict[str, Table]:
    """Tables by their commands; none if there is no file. Raises DamagedFile."""
    path = path or KEPT
    if not path.exists():
        return {}
    tables: dict[str, Table] = {}
    try:
        for each in store.unsealed(path)["tables"]:
            tables[each["command"]] = Table(**{**each, "run": Run(**each["run"])})
    except (KeyError, TypeError) as error:
        raise store.DamagedFile(f"{path} holds no tables ({error!r}): measure again with --save") from None
    return tables


def keep(tables: Sequence[Table], path: Path | None = None) -> None:
    """Put tables in the place of those with the same commands; one row a line, so that differences can be read."""
    path = path or KEPT
    known = load(path) | {each.command: each for each in tables}
    everything = {"tables": [asdict(known[command]) for command in sorted(known)]}
    seal = store.sealed(everything)[store.SEAL]
    lines = ",\n".join(_written(each) for each in everything["tables"])
    store.save_text(path, f'{{"{store.SEAL}": "{seal}", "tables": [\n{lines}\n]}}\n')


def _written(table: dict[str, Any]) -> str:
    rows = ",\n  ".join(store.to_json(row) for row in table["rows"])
    rest = store.to_json({name: value for name, value in table.items() if name != "rows"})
    return f'{rest[:-1]}, "rows": [\n  {rows}]}}'


def filled(page: str, tables: dict[str, Table]) -> str:
    """A page with these tables between its marks; what has never been measured is said to be so."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}{tables.get(found[2], UNKNOWN)}{found[3]}"

    return BLOCK.sub(block, page)


def fill_pages() -> None:
    """Write docs/speed.md and README.md again from what is kept."""
    tables = load()
    for page in PAGES:
        text = page.read_text()
        if (new := filled(text, tables)) != text:
            store.save_text(page, new)


def main() -> int:
    """Fill the pages; status 2 and one line where the file is damaged."""
    try:
        fill_pages()
    except (ValueError, OSError) as error:
        print(f"benchmarks.tables: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
