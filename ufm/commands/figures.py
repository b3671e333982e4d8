"""``ufm figures``: the paper's figures and ours, with captions that say how well theory agrees."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ufm.commands.flags import check_folder
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.text import require_known

if TYPE_CHECKING:
    from xarray import Dataset

    from figures.gallery import Entry

FORMATS = ("png", "pdf", "svg")


@dataclass
class Command:
    """Draw the figures of the paper, and new ones, from simulations.

    No GPU, nothing to download. Each figure is OUT/NAME.png with OUT/NAME.md, a caption whose numbers say how well
    theory agrees. The data behind it are OUT/data/NAME-KEY.nc and are not computed again. Without NAME: all figures
    that need no training.

    Example: ufm figures --quick

    Example: ufm figures sphere centers --format png,pdf --animate

    Example: ufm figures --run runs/resnet50 --run runs/vgg11

    Example: ufm figures --runs runs

    Figures 1, 4, 5, 6 and 7 show trainings of `ufm train` if --run names their folders: NAME-run.png; with --runs those
    of CIFAR that show what the paper shows, which `ufm table` runs: each caption says which they are, and which are
    missing. Status 1 if a figure fails; the others are made all the same.
    """

    group = "To look at and send"

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Figures; --list says which there are."""
    quick: bool = False
    """Smaller problems and fewer points: everything within two minutes."""
    out: Path = Path("runs/figures")
    """Folder for pictures, captions and data."""
    format: str = "png"
    """Any of png, pdf and svg, separated by commas."""
    trainings: Annotated[tuple[Path, ...], tyro.conf.arg(name="run"), tyro.conf.UseAppendAction] = ()
    """Folder of a training; may be repeated. Without NAME: the figures that show trainings, and only these."""
    runs: Path | None = None
    """Folder of the runs of `ufm table`: the figures that show trainings, from those in the tables of CIFAR."""
    seed: int = 0
    """Which seed of these."""
    animate: bool = False
    """Also a full turn of the figures in three dimensions, NAME.gif."""
    listing: Annotated[bool, tyro.conf.arg(name="list")] = False
    """Only say which figures there are."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, or make what is wanted."""
        if self.listing:
            return self._list()
        formats = self._formats()
        entries = self._entries()
        stems = [f"{e.name}-run" if self._asked and e.trainings != "no" else e.name for e in entries]
        check_folder(self.out, *(f"{stem}.{ending}" for stem in stems for ending in (*formats, "md", "gif")))
        check_folder(self.out / "data")
        # Folders of trainings are input: what they lack is said before anything is computed.
        trained, left_out = self._trained(entries)
        results = self._make([e for e in entries if e.name not in left_out], trained, formats)
        failed = [result for result in results if result["status"] == "failed"]
        said = f"{len(results) - len(failed)} of {len(results)} figures made; written to {self.out}"
        print(store.to_json({"figures": results, "out": str(self.out)}) if self.json else said)
        return FAILS if failed else OK

    def _list(self) -> int:
        entries = self._named()
        if self.json:
            print(store.to_json({"figures": {entry.name: entry.about for entry in entries}}))
            return OK
        for entry in entries:
            runs = {"no": "", "also": "; or of trainings (--run)", "only": " (needs --run)"}[entry.trainings]
            print(f"{entry.name:{max(len(each.name) for each in entries)}}  {entry.about}{runs}")
        return OK

    @property
    def _asked(self) -> bool:
        """Whether figures are to show trainings."""
        return bool(self.trainings) or self.runs is not None

    def _trained(self, entries: "list[Entry]") -> "tuple[dict[str, Dataset], dict[str, str]]":
        """Data of the figures that are to show trainings; and which of them have none yet, and why."""
        from figures.gallery import of_tables

        showing = [entry for entry in entries if self._asked and entry.trainings != "no"]
        if self.runs is None:
            return {entry.name: entry.module.trained(self.trainings) for entry in showing}, {}
        made, left_out = {}, {}
        for entry in showing:
            try:
                made[entry.name] = of_tables(entry, self.runs, self.seed)
            except FileNotFoundError as error:
                left_out[entry.name] = str(error)
        if not made or any(name in self.names for name in left_out):
            raise ValueError(next(iter(left_out.values())))
        for reason in left_out.values():
            print(f"ufm: left out: {reason}", file=sys.stderr)
        return made, left_out

    def _named(self) -> "list[Entry]":
        """The figures of these names; all of them without any."""
        from figures.gallery import found

        gallery = found()
        for name in self.names:
            require_known(name, gallery, f"figure {name!r} is unknown")
        return [gallery[name] for name in dict.fromkeys(self.names or gallery)]

    def _formats(self) -> tuple[str, ...]:
        formats = tuple(dict.fromkeys(part.strip() for part in self.format.split(",")))
        for name in formats:
            require_known(name, FORMATS, f"format {name!r} is unknown")
        return formats

    def _entries(self) -> "list[Entry]":
        """What is to be made."""
        entries = self._named()
        if not self.names:
            unwanted = "no" if self._asked else "only"
            entries = [entry for entry in entries if entry.trainings != unwanted]
        if self.animate and not any(entry.turns for entry in entries):
            raise ValueError(f"none of {', '.join(entry.name for entry in entries)} turns: --animate has no use")
        if lacking := [entry.name for entry in entries if entry.trainings == "only" and not self._asked]:
            raise ValueError(f"figure {lacking[0]} needs --run: it shows trainings, and `ufm train` makes them")
        if self.trainings and self.runs is not None:
            raise ValueError("--run names trainings, and --runs takes those of the tables: one of them")
        if self._asked and all(entry.trainings == "no" for entry in entries):
            flag = "--run" if self.trainings else "--runs"
            raise ValueError(f"none of {', '.join(self.names)} shows trainings: {flag} has no use")
        return entries

    def _make(
        self, entries: "list[Entry]", trained: "dict[str, Dataset]", formats: tuple[str, ...]
    ) -> "list[dict[str, Any]]":
        from ufm.files.bars import tqdm

        results = []
        with tqdm(entries, unit="figure", disable=not interactive()) as bar:
            for entry in bar:
                bar.set_description(entry.name)
                began = time.perf_counter()
                try:
                    found = self._one(entry, trained.get(entry.name), formats)
                except Exception as error:  # one figure's trouble is not that of the others
                    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
                    found = {"status": "failed", "reason": reason}
                    print(f"ufm: no figure {entry.name}: {reason}", file=sys.stderr)
                results.append({"name": entry.name, **found, "seconds": time.perf_counter() - began})
        return results

    def _one(self, entry: "Entry", trained: "Dataset | None", formats: tuple[str, ...]) -> dict[str, Any]:
        from figures.gallery import data_of, write

        data, cached = data_of(entry, self.quick, self.out / "data") if trained is None else (trained, False)
        stem = entry.name if trained is None else f"{entry.name}-run"
        files = write(entry, data, self.out, formats, stem, animate=self.animate)
        return {"status": "made", "cached": cached, "files": [str(path) for path in files]}
