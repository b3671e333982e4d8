"""The figures of ``ufm figures`` by name, their data on disk, and making them.

A figure is a module with

* ``settings(quick)``: plain values that decide its data,
* ``data(quick)``: computes a Dataset from them, deterministically (timings apart),
* ``plot(data)``: a matplotlib Figure of nothing but these data and theory,
* ``caption(data)``: markdown: what it shows, and the numbers that say how well theory agrees;

one that shows trainings also has ``trained(folders)``, which makes the same kind of Dataset from their records.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ufm
from figures import style, turning
from ufm.files import store
from ufm.files.store import config_key

if TYPE_CHECKING:
    import xarray

RESOLUTION = 200
"""Dots per inch of pictures that are not vectors."""


@dataclass(frozen=True)
class Entry:
    """A figure of the gallery."""

    name: str
    module: str
    about: str
    trainings: Literal["no", "also", "only"] = "no"
    """Whether it can be drawn from trainings."""
    turns: bool = False
    """Whether it is in three dimensions, so that an animation shows more."""

    def load(self) -> Any:
        """The module."""
        return import_module(self.module)


GALLERY = {
    entry.name: entry
    for entry in (
        Entry("collapse", "figures.paper.collapse", "figure 1: collapse over flow time, AL and CAL", "also"),
        Entry(
            "hard-to-predict",
            "figures.paper.hard_to_predict",
            "figure 2: hard-to-predict features, and the classes that RCR and GCR give them",
            turns=True,
        ),
        Entry("centers", "figures.paper.centers", "figure 3: centers, mean center and classifier vector", turns=True),
        Entry("null-space", "figures.paper.null_space", "figure 4: P with and without regularised features"),
        Entry("architectures", "figures.paper.architectures", "figure 5: collapse of real networks", "only"),
        Entry("class-means", "figures.paper.class_means", "figure 6: Gram matrix of class means over time", "also"),
        Entry(
            "class-features", "figures.paper.class_features", "figure 7: Gram matrix of a rare class's features", "also"
        ),
        Entry("sphere", "figures.new.sphere", "the cosine flow on the sphere, and its rates", turns=True),
        Entry("rates", "figures.new.rates", "measured rates of collapse against predicted ones"),
        Entry("living", "figures.new.living", "which classes live under P with a learned frame"),
        Entry("gcr", "figures.new.gcr", "gain and price of the generalized classification rule"),
        Entry("allocation", "figures.new.allocation", "centers per class, as printed and apportioned"),
        Entry("work-precision", "figures.new.work_precision", "error against time: our methods, and usual loops"),
        Entry("networks", "figures.new.networks", "theory against real networks, from committed results"),
    )
}


def data_of(entry: Entry, quick: bool, folder: Path) -> tuple["xarray.Dataset", bool]:
    """Data of a figure, and whether they were on disk already: FOLDER/NAME-KEY.nc, KEY a hash of what decides them.

    A damaged file is computed again.
    """
    module = entry.load()
    decided = {"figure": entry.name, "quick": quick, "settings": module.settings(quick), "version": ufm.__version__}
    key = config_key(decided)
    path = folder / f"{entry.name}-{key}.nc"
    try:
        return store.load(path).to_dataset(), True
    except (FileNotFoundError, store.DamagedFile):
        data = module.data(quick)
        store.save(data, path)
        return data, False


def write(
    entry: Entry, data: "xarray.Dataset", out: Path, formats: Iterable[str], stem: str, *, animate: bool = False
) -> list[Path]:
    """Pictures and caption of a figure: OUT/STEM.png and so on, OUT/STEM.md; OUT/STEM.gif where it turns."""
    module = entry.load()
    figure = module.plot(data)
    files = [style.save_figure(figure, out / f"{stem}.{ending}", RESOLUTION) for ending in formats]
    files.append(store.save_text(out / f"{stem}.md", module.caption(data).strip() + "\n"))
    if animate and entry.turns:
        files.append(turning.save_animation(figure, out / f"{stem}.gif"))
    return files
