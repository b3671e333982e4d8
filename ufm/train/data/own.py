"""One's own images: a folder per class, or a list file, any number of classes and images of each.

::

    ROOT/own/NAME/train/CLASS/*.png    and    ROOT/own/NAME/test/CLASS/*.png
    ROOT/own/NAME/train.txt            and    ROOT/own/NAME/test.txt        "path label" a line, paths below NAME

Small square images, all of one size, go into memory at that size; anything else is read as a photograph of 224 x 224.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ufm.files.memory import require
from ufm.files.store import DamagedFile
from ufm.train.data.formats import Images
from ufm.train.data.photographs import Photographs, in_folders, listed, opened
from ufm.train.data.specs import DATASETS, Spec

PREFIX = "own/"
LARGEST_IN_MEMORY = 96
"""Side in pixels: STL-10's, the largest of the published sets that are held in memory."""
GET = "a folder per class in NAME/train and NAME/test, or NAME/train.txt and NAME/test.txt with 'path label' a line"


class Own(NamedTuple):
    """What is there: files by class, and what they are like."""

    spec: Spec
    train: Photographs
    test: Photographs
    class_names: tuple[str, ...]


def find(root: Path, name: str) -> Own:
    """The files of ``root``/own/NAME, not yet read but for the first.

    Raises
    ------
    FileNotFoundError : there is neither a folder per class nor a list.
    DamagedFile : a class without images, different classes for training and testing, a line that is none, a listed
        file that is missing.
    ValueError : the name leads out of ``root``.
    """
    folder = root / name
    if ".." in Path(name).parts:
        raise ValueError(f"dataset={name!r} leads outside {root}")
    if all((folder / f"{part}.txt").is_file() for part in ("train", "test")):
        train, test = (listed(name, folder / f"{part}.txt", GET) for part in ("train", "test"))
        n_classes = 1 + int(max(train.labels.max(), test.labels.max()))
        names = tuple(map(str, range(n_classes)))
    else:
        (train, names), (test, others) = (in_folders(name, folder / part, GET) for part in ("train", "test"))
        if names != others:
            odd = sorted(set(names) ^ set(others))[0]
            raise DamagedFile(f"{folder}/train and {folder}/test hold different classes: {odd} is in one of them only")
    for part, images in (("train", train), ("test", test)):
        counts = np.bincount(images.labels, minlength=len(names))
        if counts.min() == 0:
            raise DamagedFile(f"{folder}: class {names[int(counts.argmin())]} has no image in {part}")
    return Own(_spec(name, train, len(names)), train, test, names)


def in_memory(spec: Spec) -> bool:
    """Whether images of that size are held in memory."""
    return spec.size <= LARGEST_IN_MEMORY


def read(found: Own) -> tuple[Spec, Images, Images]:
    """All images, and the description with the mean and the deviation of the training images' channels.

    Raises
    ------
    DamagedFile : a file holds no image, or one of another size.
    MemoryError : they do not fit.
    """
    spec = found.spec
    n_images = len(found.train.labels) + len(found.test.labels)
    require(n_images * spec.channels * spec.size**2, f"{n_images} images", "make them smaller, or take fewer")
    train, test = (Images(_pixels(images.names(), spec.size), images.labels) for images in (found.train, found.test))
    # Per channel through its histogram: pixels as floats would take eight times the memory.
    counts = np.stack([np.bincount(train.pixels[:, c].ravel(), minlength=256) for c in range(spec.channels)])
    values = np.arange(256) / 255.0
    mean = counts @ values / counts.sum(axis=1)
    std = np.sqrt(counts @ values**2 / counts.sum(axis=1) - mean**2)
    if std.min() == 0.0:
        raise DamagedFile(f"{found.train.names()[0]} and all other training images have the same value everywhere")
    return replace(spec, mean=tuple(map(float, mean)), std=tuple(map(float, std))), train, test


def write(folder: Path, images: Images, class_names: Sequence[str]) -> None:
    """Images as files that :func:`find` finds: ``folder``/CLASS/N.webp, lossless, N counting within the class.

    Raises
    ------
    ValueError : grey images, which would come back in three channels.
    """
    if images.pixels.shape[1] != 3:
        raise ValueError(f"{folder} would hold grey images: own ones have three channels")
    for label, name in enumerate(class_names):
        (folder / name).mkdir(parents=True)
        for number, pixels in enumerate(images.pixels[images.labels == label]):
            # quality is that of the search here, not of the image
            Image.fromarray(pixels.transpose(1, 2, 0)).save(
                folder / name / f"{number:05}.webp", lossless=True, quality=100
            )


def _spec(name: str, train: Photographs, n_classes: int) -> Spec:
    """As the first image is: small and square, or a photograph."""
    width, height = opened(train.names()[0]).size
    small = width == height <= LARGEST_IN_MEMORY
    like = DATASETS["cifar10" if small else "imagenet"]
    n_max = int(np.bincount(train.labels).min())
    return replace(
        like,
        n_classes=n_classes,
        size=width if small else like.size,
        n_max=n_max,
        about="own images",
        get=GET,
        per_class=None,
    )


def _pixels(paths: Sequence[str], size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = np.empty((len(paths), 3, size, size), dtype=np.uint8)
    for i, path in enumerate(paths):
        image = opened(path)
        if image.size != (size, size):
            raise DamagedFile(f"{path} is {image.size[0]} x {image.size[1]}: the first image is {size} x {size}")
        pixels[i] = np.asarray(image).transpose(2, 0, 1)
    return pixels
