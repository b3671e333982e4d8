"""Which data sets are here, and whether they are what was published."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ufm.files.store import DamagedFile
from ufm.problems.problem import Sizes
from ufm.train.data import data_folder, load, own
from ufm.train.data.formats import Images
from ufm.train.data.specs import DATASETS, Spec
from ufm.train.data.splits import InMemory

MEAN_TOLERANCE = 1e-3
"""Of a channel's mean in [0, 1]: published means are rounded to 5e-5; red and green of CIFAR-10 differ by 9e-3."""


@dataclass(frozen=True)
class Entry:
    """One data set as found.

    about       : what it is; of one that is not here or is damaged, why, where it was looked for and how to get it.
    class_sizes : training images of each class, in label order; None unless it is here.
    n_test      : test images.
    class_names : of one's own images.
    """

    name: str
    state: Literal["here", "not here", "damaged"]
    about: str
    class_sizes: Sizes | None = None
    n_test: int | None = None
    class_names: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what is None is left out."""
        return {name: value for name, value in vars(self).items() if value is not None}


def names(root: Path | None = None) -> list[str]:
    """The published data sets, and the folders of own images below ``root``."""
    folders = sorted(path for path in (data_folder(root) / own.PREFIX).glob("*") if path.is_dir())
    return [*DATASETS, *(f"{own.PREFIX}{path.name}" for path in folders)]


def look(name: str, root: Path | None = None, *, tau: float = 1.0, n_max: int | None = None, seed: int = 0) -> Entry:
    """Read a data set as :func:`ufm.train.data.load` does, and compare it with what was published.

    Raises
    ------
    ValueError : unknown name, or an argument out of range.
    """
    try:
        data = load(name, root=root, tau=tau, n_max=n_max, seed=seed)
        if tau == 1.0 and n_max is None and isinstance(data.train, InMemory) and isinstance(data.test, InMemory):
            for problem in differences(data.spec, _images(data.train), _images(data.test)):
                raise DamagedFile(f"what was read is not what was published: {problem}")
    except FileNotFoundError as error:
        return Entry(name, "not here", str(error))
    except (DamagedFile, OSError) as error:
        return Entry(name, "damaged", str(error))
    return Entry(name, "here", data.spec.about, data.class_sizes, len(data.test), data.class_names)


def export(
    entry: Entry, folder: Path, root: Path | None = None, *, tau: float = 1.0, n_max: int | None = None, seed: int = 0
) -> None:
    """Write the images of a data set as one's own: ``folder``/train/CLASS and ``folder``/test/CLASS.

    Raises
    ------
    ValueError : a data set that is not held in memory, or whose images are grey.
    """
    data = load(entry.name, root=root, tau=tau, n_max=n_max, seed=seed)
    names = data.class_names or [f"{k:0{len(str(data.n_classes - 1))}}" for k in range(data.n_classes)]
    for part, split in (("train", data.train), ("test", data.test)):
        if not isinstance(split, InMemory):
            raise ValueError(f"{entry.name} is a folder of photographs already: there is nothing to export")
        own.write(folder / part, _images(split), names)


def differences(spec: Spec, train: Images, test: Images) -> Iterator[str]:
    """What is not as published: numbers of images of a class, and means of channels, where all classes have as many."""
    if spec.per_class is None:
        return
    for part, images, wanted in zip(("training", "test"), (train, test), spec.per_class, strict=True):
        counts = np.bincount(images.labels, minlength=spec.n_classes)
        if any(counts != wanted):
            label = int(np.argmax(counts != wanted))
            yield f"class {label} has {counts[label]} {part} images, not {wanted}"
    means = train.pixels.mean(axis=(0, 2, 3), dtype=np.float64) / 255.0
    if any(abs(means - spec.mean) > MEAN_TOLERANCE):
        yield f"channels have means {means.round(4).tolist()}, not {list(spec.mean)}"


def _images(split: InMemory) -> Images:
    return Images(split.images.numpy(), split.labels.numpy())
