"""The figures of ``ufm figures`` by name, their data on disk, and making them.

A figure is a module of ``figures.paper`` or ``figures.new``; its name is that of its file, with - for _. It has

* ``ABOUT``: what it shows, on one line,
* ``settings(quick)``: plain values that decide its data,
* ``data(quick)``: computes a Dataset from them, deterministically (timings apart),
* ``plot(data)``: a matplotlib Figure of nothing but these data and theory,
* ``caption(data)``: markdown: what it shows, and the numbers that say how well theory agrees;

and, where they apply, ``NUMBER`` (of the figure in the paper), ``THEOREMS`` (of the zoo, that it shows),
``TURNS = True`` (it is in three dimensions), ``trained(folders)``, which makes the same kind of Dataset from the
records of trainings, and ``TRAININGS``, names of those that show on real images what the paper shows. A figure that
shows only trainings has neither settings nor data.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xarray import Dataset

import ufm
from figures import new, paper, style, turning
from figures.recorded import markdown
from ufm.files import store
from ufm.files.folder import modules_in
from ufm.files.store import config_key
from ufm.tables.grid import Cell, missing


@dataclass(frozen=True)
class Entry:
    """A figure of the gallery."""

    name: str
    module: Any

    @property
    def number(self) -> int | None:
        """Which figure of the paper it is."""
        return getattr(self.module, "NUMBER", None)

    @property
    def theorems(self) -> tuple[str, ...]:
        """The theorems of the zoo that it shows."""
        return getattr(self.module, "THEOREMS", ())

    @property
    def about(self) -> str:
        """What it shows."""
        text: str = self.module.ABOUT
        return text if self.number is None else f"figure {self.number}: {text}"

    @property
    def trainings(self) -> Literal["no", "also", "only"]:
        """Whether it can be drawn from trainings."""
        if not hasattr(self.module, "trained"):
            return "no"
        return "also" if hasattr(self.module, "data") else "only"

    def cells(self, seed: int) -> list[Cell]:
        """The trainings that show on real images what the paper shows."""
        return [Cell(name, seed) for name in getattr(self.module, "TRAININGS", ())]

    @property
    def turns(self) -> bool:
        """Whether it is in three dimensions, so that an animation shows more."""
        return getattr(self.module, "TURNS", False)


def found() -> Mapping[str, Entry]:
    """All figures by name: those of the paper by number, then the others."""
    entries = []
    for package in (paper, new):
        entries += [Entry(name.replace("_", "-"), module) for name, module in modules_in(package).items()]
    entries.sort(key=lambda entry: (entry.number is None, entry.number, entry.name))
    return {entry.name: entry for entry in entries}


def data_of(entry: Entry, quick: bool, folder: Path) -> tuple[Dataset, bool]:
    """Data of a figure, and whether they were on disk already: FOLDER/NAME-KEY.nc, KEY a hash of what decides them.

    A damaged file is computed again.
    """
    module = entry.module
    decided = {"figure": entry.name, "quick": quick, "settings": module.settings(quick), "version": ufm.__version__}
    key = config_key(decided)
    path = folder / f"{entry.name}-{key}.nc"
    try:
        return store.load(path).to_dataset(), True
    except (FileNotFoundError, store.DamagedFile):
        data = module.data(quick)
        store.save(data, path)
        return data, False


def of_tables(entry: Entry, runs: Path, seed: int) -> Dataset:
    """Data of a figure from the finished ones of its own trainings below ``runs``, where `ufm table` puts them.

    The attribute ``sources`` says in markdown how those that are shown are made, and those that are missing.

    Raises
    ------
    FileNotFoundError : none of them is finished, with the command for one.
    ValueError : as ``trained`` of the figure.
    """
    cells = entry.cells(seed)
    lacking = missing(cells, runs)
    if len(lacking) == len(cells):
        raise FileNotFoundError(f"figure {entry.name} has no finished training in {runs}: {_command(lacking[0], runs)}")
    shown = [cell for cell in cells if cell not in lacking]
    data: Dataset = entry.module.trained([cell.folder(runs) for cell in shown])
    parts: list[str | list[str]] = ["Shown:", [f"`{_command(cell, runs)}`" for cell in shown]]
    if lacking:
        parts += ["Not trained yet, and so not shown:", [f"`{_command(cell, runs)}`" for cell in lacking]]
    return data.assign_attrs(sources=markdown(*parts))


def _command(cell: Cell, runs: Path) -> str:
    """What makes a training."""
    return shlex.join(["ufm", "train", *cell.job(runs).begin])


def write(
    entry: Entry, data: Dataset, out: Path, formats: Iterable[str], stem: str, *, animate: bool = False
) -> list[Path]:
    """Pictures and caption of a figure: OUT/STEM.png and so on, OUT/STEM.md; OUT/STEM.gif where it turns."""
    module = entry.module
    figure = module.plot(data)
    files = [style.save_figure(figure, out / f"{stem}.{ending}") for ending in formats]
    caption = "\n\n".join([module.caption(data).strip(), *filter(None, [data.attrs.get("sources")])])
    files.append(store.save_text(out / f"{stem}.md", caption + "\n"))
    if animate and entry.turns:
        files.append(turning.save_animation(figure, out / f"{stem}.gif"))
    return files
