"""``ufm report``: one page, complete in itself, from whatever was computed."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from ufm.commands.flags import check_file
from ufm.files import store
from ufm.files.process import OK


@dataclass
class Command:
    """Make one page, to look at and to send, of what commands wrote.

    It shows runs, sweeps, checks, measurements and trainings. The page is one HTML file that needs neither network nor
    server: checks that can be filtered, curves with their values where one points, frames, flows and clouds that turn,
    matrices over time with a slider. It works on a phone, in the dark, by keyboard and with a screen reader.

    Example: ufm report runs/verify

    Example: ufm report runs/verify runs/phase/KEY --out for-anna.html

    Example: ufm report runs/train/* --title "Three seeds of CAL"

    Example: ufm geometry --class-sizes 500,50,5 --json > geometry.json && ufm report geometry.json

    A PATH is a folder that `ufm simulate`, verify, phase, sweep, measure or train wrote, a netCDF file of a trajectory,
    a solution or a watched network, or a file with what --json of geometry, design, measure or confirm prints. Nothing
    is computed again but pictures of the frame. `ufm explore` makes a page with sliders for a problem of your own.
    """

    group = "To look at and send"

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """What to show, in this order."""
    out: Path = Path("report.html")
    """The page."""
    title: str | None = None
    """Heading of the page (default: the names of what it shows, KEYs left out)."""
    json: bool = False
    """One JSON object on stdout: what there is on the page."""

    def run(self) -> int:
        """Read, write, say where."""
        from ufm.pages import found, write

        if not self.paths:
            raise ValueError("of what? ufm report PATH...")
        check_file(self.out, "out", (".html", ".htm"))
        sections = [section for path in self.paths for section in found.sections(path)]
        title = self.title or ", ".join(dict.fromkeys(map(_name, self.paths)))
        print(write.written(self.out, title, sections, json=self.json))
        return OK


def _name(path: Path) -> str:
    """Of a file or folder; of a folder with a key for a name, that above it."""
    there = path.resolve()
    return there.parent.name if store.is_key(there.name) else there.name
