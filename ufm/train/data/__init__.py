"""Image data sets: balanced as published, or long-tailed, and random stand-ins for them.

specs     what is known of each data set
formats   readers of the small ones, which fit into memory
imagenet  the files of ImageNet and ImageNet-LT
subset    which images a long-tailed training set keeps
augment   random crops and flips
splits    images as a training loop takes them
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ufm.files.memory import require
from ufm.files.store import DamagedFile
from ufm.files.text import suggestion
from ufm.problems.problem import Sizes, integers, nonnegative
from ufm.problems.sizes import long_tailed_sizes
from ufm.train.config import Config
from ufm.train.data import formats, imagenet
from ufm.train.data.specs import DATASETS, Spec
from ufm.train.data.splits import InFiles, InMemory, Split
from ufm.train.data.subset import long_tailed

__all__ = ["DATASETS", "Data", "Split", "load", "synthetic", "wanted"]


@dataclass(frozen=True, eq=False)
class Data:
    """A data set that is ready for training.

    class_sizes : K integers >= 1, training images per class, in label order.
    train, test : see :class:`Split`. The test set is as published, and balanced unless it was published otherwise.
    """

    name: str
    spec: Spec
    class_sizes: Sizes
    train: Split
    test: Split

    @property
    def n_classes(self) -> int:
        """K."""
        return self.spec.n_classes

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return self.spec.channels

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.spec.size


def load(
    name: str,
    *,
    tau: float = 1.0,
    n_max: int | None = None,
    seed: int = 0,
    root: Path | None = None,
    augmentation: str | None = None,
    workers: int = 0,
    download: bool = False,
) -> Data:
    """A data set from its files, its training set made long-tailed.

    Parameters
    ----------
    name : one of DATASETS.
    tau : n_min / n_max in (0, 1]; class sizes are :func:`ufm.long_tailed_sizes`. 1 without ``n_max`` is the training
        set as published, which in SVHN and ImageNet is not quite balanced. ImageNet-LT has its own published list:
        nothing else than 1 is allowed there.
    n_max : size of the largest class; ``DATASETS[name].n_max`` if left out.
    seed : >= 0, of the subset; smaller ``tau`` or ``n_max`` select a subset of what larger ones do.
    root : folder of the data; the environment variable NCMC_DATA, or ./data, if left out.
    augmentation : of training images: "none", "crop", "crop-flip" in memory, "none" or "imagenet" for ImageNet;
        ``DATASETS[name].augmentation`` if left out.
    workers : >= 0, processes that read ImageNet's files; others are in memory.
    download : let torchvision fetch what is missing, where it can.

    Raises
    ------
    ValueError : an argument out of range.
    FileNotFoundError : the data are not there; the message says how to get them.
    DamagedFile : a file is not what was published.
    OSError : as it comes.
    """
    if name not in DATASETS:
        raise ValueError(f"name={name!r} is unknown{suggestion(str(name), DATASETS)}")
    spec = DATASETS[name]
    seed, workers = _at_least_0("seed", seed), _at_least_0("workers", workers)
    sizes = _sizes(name, tau, n_max)
    folder = Path(os.environ.get("NCMC_DATA") or "data") if root is None else Path(root)
    recipe = spec.augmentation if augmentation is None else augmentation
    if recipe not in _kind(name).augmentations:
        allowed = ", ".join(_kind(name).augmentations)
        raise ValueError(f"augmentation={recipe!r} is not for {name}: allowed are {allowed}")
    if name in formats.READERS:
        pixels, held_out = formats.READERS[name](folder, download)
        kept, sizes = _subset(name, pixels.labels, sizes, seed)
        train = InMemory(_tensor(pixels.labels[kept]), spec, recipe, _tensor(pixels.pixels[kept]))
        test = InMemory(_tensor(held_out.labels), spec, "none", _tensor(held_out.pixels))
        return Data(name, spec, sizes, train, test)
    files, reference = imagenet.READERS[name](folder)
    kept, sizes = _subset(name, files.labels, sizes, seed)
    return Data(
        name,
        spec,
        sizes,
        InFiles(_tensor(files.labels[kept]), spec, recipe, files.paths[kept], workers),
        InFiles(_tensor(reference.labels), spec, "none", reference.paths, workers),
    )


def wanted(config: Config, root: Path | None = None, workers: int = 0, download: bool = False) -> Data:
    """The data set of a configuration; see :func:`load`.

    Methods that compare two views of an image get crops where the data set has no augmentation of its own.
    """
    plain = config.dataset in DATASETS and DATASETS[config.dataset].augmentation == "none"
    return load(
        config.dataset,
        tau=config.tau,
        n_max=config.n_max,
        seed=config.seed,
        root=root,
        augmentation=config.augmentation or ("crop" if plain and config.method == "KCL" else None),
        workers=workers,
        download=download,
    )


def synthetic(
    name: str,
    *,
    class_sizes: Sequence[int] | None = None,
    n_test_per_class: int = 2,
    seed: int = 0,
    size: int | None = None,
) -> Data:
    """Random images of a data set's shape, each faintly marked by its class: to see whether a training runs.

    Parameters
    ----------
    name : one of DATASETS; augmentation is "crop-flip" where the data set's own is for photographs in files.
    class_sizes : integers >= 1, as many as there are to be classes; 200 images in K equal classes if left out, but at
        least one in each.
    n_test_per_class : >= 1.
    seed : >= 0.
    size : side in pixels, >= 1, instead of the data set's own.

    Raises
    ------
    ValueError : an argument out of range.
    MemoryError : more images than fit.

    Examples
    --------
    >>> data = synthetic("cifar10", class_sizes=(50, 20, 5))
    >>> data.n_classes, len(data.train), len(data.test), data.size
    (3, 75, 6, 32)
    """
    if name not in DATASETS:
        raise ValueError(f"name={name!r} is unknown{suggestion(str(name), DATASETS)}")
    spec = DATASETS[name]
    if class_sizes is None:
        class_sizes = [max(1, 200 // spec.n_classes)] * spec.n_classes
    sizes = integers("class_sizes", class_sizes)
    (n_test,) = integers("n_test_per_class", [n_test_per_class])
    (side,) = integers("size", [spec.size if size is None else size])
    augmentation = "crop-flip" if spec.augmentation == "imagenet" else spec.augmentation
    spec = replace(spec, n_classes=len(sizes), size=side, augmentation=augmentation)
    n_images = sum(sizes) + n_test * len(sizes)
    require(3 * n_images * spec.channels * side**2, f"{n_images} images", "ask for fewer, or for a smaller size")
    rng = np.random.default_rng(_at_least_0("seed", seed))
    tiles = np.arange(side) * 4 // side
    marks = 48 + 32 * rng.integers(0, 2, (len(sizes), spec.channels, 4, 4), dtype=np.uint8)[..., tiles[:, None], tiles]

    def split(counts: Sequence[int], augmentation: str) -> InMemory:
        shape = (sum(counts), spec.channels, side, side)
        pixels = (np.frombuffer(rng.bytes(math.prod(shape)), dtype=np.uint8) >> 1).reshape(shape)
        for mark, images in zip(marks, np.split(pixels, np.cumsum(counts)[:-1]), strict=True):
            images += mark
        labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(counts))
        return InMemory(labels, spec, augmentation, torch.from_numpy(pixels))

    return Data(name, spec, sizes, split(sizes, augmentation), split([n_test] * len(sizes), "none"))


def _kind(name: str) -> type[InMemory | InFiles]:
    return InMemory if name in formats.READERS else InFiles


def _sizes(name: str, tau: float, n_max: int | None) -> Sizes | None:
    """Class sizes that are asked for; None for those that were published. Refused before anything is read."""
    whole = nonnegative("tau", tau) == 1 and n_max is None
    if name == "imagenet-lt" and not whole:
        raise ValueError(
            f"tau={tau}, n_max={n_max}: imagenet-lt has a published list: tau must be 1, and n_max left out"
        )
    sizes = long_tailed_sizes(DATASETS[name].n_classes, DATASETS[name].n_max if n_max is None else n_max, tau)
    return None if whole else sizes


def _subset(name: str, labels: NDArray[np.int64], sizes: Sizes | None, seed: int) -> tuple[NDArray[np.int64], Sizes]:
    """Indices of the images that are kept, and how many there are of each class."""
    counts = np.bincount(labels, minlength=DATASETS[name].n_classes)
    if counts.min() == 0:
        raise DamagedFile(f"{name} as read has no training image of class {int(counts.argmin())}")
    sizes = tuple(int(n) for n in counts) if sizes is None else sizes
    if any(n > count for n, count in zip(sizes, counts, strict=True)):
        worst = next(k for k, n in enumerate(sizes) if n > counts[k])
        raise ValueError(
            f"n_max={sizes[0]} asks for {sizes[worst]} training images of class {worst} of {name}: "
            f"there are {counts[worst]}"
        )
    return long_tailed(labels, sizes, seed), sizes


def _tensor(values: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(values, order="C"))  # a copy: what was read may be read-only, or transposed


def _at_least_0(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**63:
        raise ValueError(f"{name}={value!r} must be an integer >= 0, below 2**63")
    return int(value)
