"""What ``ufm verify`` wrote: checks, and the curves of each problem."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ufm.files import store
from ufm.files.text import json_object, read_text
from ufm.pages import runs
from ufm.pages.content import Section

FOLDER = "trajectories.nc"
KEYS = ("title", "holds", "checks")


def of_folder(folder: Path) -> Iterator[Section]:
    """Checks first, then a section a problem; frames that several problems share are shown once."""
    report = folder / "report.json"
    if report.exists():
        yield from of_object(json_object(str(report), read_text(report)), report)
    seen = set()
    for name, group in store.load(folder / FOLDER).children.items():
        data = group.to_dataset()
        problem = runs.problem_of(data)
        frame = (problem.centers, problem.theta)
        yield runs.section(name, data, f"{folder / FOLDER}, group {name}", scenes=frame not in seen)
        seen.add(frame)


def of_object(values: Mapping[str, Any], source: Path) -> Iterator[Section]:
    """The checks of a report."""
    table = runs.checks(values)
    yield Section("Checks", runs.notes(values), (table,), str(source))
