"""Image data sets: balanced as published, or long-tailed, and random stand-ins for them.

specs        what is known of each data set
formats      readers of the small ones, which fit into memory
sprites      CIFAR-10 as a package ships it, made into its binary version
imagenet     the files of ImageNet and ImageNet-LT
own          one's own images
photographs  image files and the classes they belong to
subset       which images a long-tailed training set keeps
augment      random crops and flips
splits       images as a training loop takes them
inventory    what is here, and whether it is what was published
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
from ufm.files.text import require_known, suggestion
from ufm.problems.problem import Sizes, integers, natural, nonnegative
from ufm.problems.sizes import long_tailed_sizes
from ufm.train.config import Config
from ufm.train.data import formats, imagenet, own
from ufm.train.data.formats import Images
from ufm.train.data.photographs import Photographs
from ufm.train.data.specs import DATASETS, Spec
from ufm.train.data.splits import InFiles, InMemory, Split
from ufm.train.data.subset import held_out, long_tailed, taken

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
    class_names: tuple[str, ...] | None = None
    """Of one's own images, in label order."""

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
    validation: int = 0,
) -> Data:
    """A data set from its files, its training set made long-tailed.

    Parameters
    ----------
    name : one of DATASETS, or "own/NAME" for one's own images (:mod:`ufm.train.data.own`).
    tau : n_min / n_max in (0, 1]; class sizes are :func:`ufm.long_tailed_sizes`. 1 without ``n_max`` is the training
        set as published, which in SVHN and ImageNet is not quite balanced. ImageNet-LT has its own published list:
        nothing else than 1 is allowed there. Own images are what they are: less than 1 needs ``n_max``.
    n_max : size of the largest class; ``DATASETS[name].n_max`` less ``validation`` if left out.
    seed : >= 0, of the subset; smaller ``tau`` or ``n_max`` select a subset of what larger ones do.
    root : folder of the data; the environment variable NCMC_DATA, or ./data, if left out.
    augmentation : of training images: "none", "crop", "crop-flip" in memory, "none" or "imagenet" for ImageNet;
        ``DATASETS[name].augmentation`` if left out.
    workers : >= 0, processes that read ImageNet's files; others are in memory.
    download : let torchvision fetch what is missing, where it can.
    validation : >= 0, images of each class that are kept out of the training set, the same at every ``seed``; if it is
        not 0 they are what is tested on, and the test images are not looked at. For the choice of hyperparameters.

    Raises
    ------
    ValueError : an argument out of range.
    FileNotFoundError : the data are not there; the message says how to get them.
    DamagedFile : a file is not what was published.
    OSError : as it comes.
    """
    seed, workers = natural("seed", seed), natural("workers", workers)
    validation = natural("validation", validation)
    folder = data_folder(root)
    found = own.find(folder, name) if str(name).startswith(own.PREFIX) else None
    if found is None and name not in DATASETS:
        raise ValueError(f"data set {name!r} is unknown{suggestion(str(name), DATASETS)}; own/NAME is for own images")
    spec = DATASETS[name] if found is None else found.spec
    in_memory = name in formats.READERS if found is None else own.in_memory(spec)
    sizes = _sizes(name, spec, tau, n_max, validation)
    recipe = spec.augmentation if augmentation is None else augmentation
    if recipe not in (allowed := (InMemory if in_memory else InFiles).augmentations):
        raise ValueError(f"augmentation={recipe!r} is not for {name}: allowed are {', '.join(allowed)}")
    train: Images | Photographs
    test: Images | Photographs
    if found is None:
        train, test = formats.READERS[name](folder, download) if in_memory else imagenet.READERS[name](folder)
    elif in_memory:
        spec, train, test = own.read(found)
    else:
        train, test = found.train, found.test
    if validation:
        train, test = _held_out(name, train, spec.n_classes, validation)
    kept, sizes = _subset(name, train.labels, spec.n_classes, sizes, seed)

    def split(images: Images | Photographs, recipe: str) -> Split:
        labels = _tensor(images.labels)
        if isinstance(images, Images):
            return InMemory(labels, spec, recipe, _tensor(images.pixels))
        return InFiles(labels, spec, recipe, images.paths, workers)

    names = None if found is None else found.class_names
    return Data(name, spec, sizes, split(taken(train, kept), recipe), split(test, "none"), names)


def data_folder(root: Path | None = None) -> Path:
    """Where data sets are looked for: ``root``, or the environment variable NCMC_DATA, or ./data."""
    return Path(os.environ.get("NCMC_DATA") or "data") if root is None else Path(root)


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
        validation=config.validation or 0,
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
    require_known(name, DATASETS, f"data set {name!r} is unknown")
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
    rng = np.random.default_rng(natural("seed", seed))
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


def _sizes(name: str, spec: Spec, tau: float, n_max: int | None, validation: int) -> Sizes | None:
    """Class sizes that are asked for; None for those that there are. Refused before anything is read."""
    whole = nonnegative("tau", tau) == 1 and n_max is None
    if name == "imagenet-lt" and not whole:
        raise ValueError(
            f"tau={tau}, n_max={n_max}: imagenet-lt has a published list: tau must be 1, and n_max left out"
        )
    if name.startswith(own.PREFIX) and tau != 1 and n_max is None:
        raise ValueError(f"tau={tau}: {name} has its own class sizes: tau=1 takes them, n_max cuts others out of them")
    sizes = long_tailed_sizes(spec.n_classes, max(1, spec.n_max - validation) if n_max is None else n_max, tau)
    return None if whole else sizes


VALIDATION_SEED = 2024
"""Of the images that are held out for validation: the same for all seeds of a training."""


def _held_out(name: str, train: Any, n_classes: int, n_images: int) -> tuple[Any, Any]:
    """The training images without ``n_images`` of each class, and these."""
    counts = np.bincount(train.labels, minlength=n_classes)
    if n_images >= counts.min():
        raise ValueError(
            f"validation={n_images} leaves none of the {counts.min()} training images of class {counts.argmin()} "
            f"of {name}"
        )
    return held_out(train, [n_images] * n_classes, VALIDATION_SEED)


def _subset(
    name: str, labels: NDArray[np.int64], n_classes: int, sizes: Sizes | None, seed: int
) -> tuple[NDArray[np.int64], Sizes]:
    """Indices of the images that are kept, and how many there are of each class."""
    counts = np.bincount(labels, minlength=n_classes)
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
