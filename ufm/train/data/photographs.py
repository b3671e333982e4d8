"""Image files and the classes they belong to: by their folders, or by a list."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ufm.files.store import DamagedFile
from ufm.train.data.specs import not_here


class Photographs(NamedTuple):
    """N files and their labels (N,) int64.

    Paths are bytes in one array: of a million Python objects, every process that looks at them gets a copy.
    """

    paths: NDArray[np.bytes_]
    labels: NDArray[np.int64]

    def names(self) -> list[str]:
        """Paths as text."""
        return [os.fsdecode(path) for path in self.paths]


def in_folders(name: str, folder: Path, get: str) -> tuple[Photographs, tuple[str, ...]]:
    """The images of one folder per class, and the classes; labels number them in alphabetical order.

    Raises
    ------
    FileNotFoundError : there is no such folder; ``get`` says how to get one.
    DamagedFile : no class, or a class without images.
    """
    if not folder.is_dir():
        raise not_here(name, f"there is no folder {folder}", get)
    from torchvision.datasets import ImageFolder

    try:
        found = ImageFolder(folder)
    except FileNotFoundError as error:  # no class, or a class without images
        raise DamagedFile(f"{folder} is incomplete: {' '.join(str(error).split())}") from None
    paths, labels = zip(*found.samples, strict=True)
    return _photographs(paths, labels), tuple(found.classes)


def listed(name: str, path: Path, get: str, n_classes: int | None = None) -> Photographs:
    """The images of a list file: a line is a path below the list's own folder, and a label in 0..K-1.

    Raises
    ------
    FileNotFoundError : no list; ``get`` says how to get one.
    DamagedFile : a line that is none, that leads outside the folder, or whose file is missing.
    """
    folder = path.parent
    if not path.is_file():
        raise not_here(name, f"{path.name} is not in {folder}", get)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise DamagedFile(f"{path} is not a text file") from None
    below = LARGEST_LABEL if n_classes is None else n_classes
    paths, labels = [], []
    for number, line in enumerate(lines, start=1):
        image, _, label = line.rpartition(" ")
        if not image or not label.isdecimal() or int(label) >= below:
            wanted = f"a path and a label 0..{below - 1}"
            raise DamagedFile(f"{path}, line {number}: {line[:80]!r} is not {wanted}")
        if not _inside(image):
            raise DamagedFile(f"{path}, line {number}: {image[:80]!r} leads outside {folder}")
        paths.append(folder / image)
        labels.append(int(label))
    if not paths:
        raise DamagedFile(f"{path} is empty")
    absent = [p for p in paths if not p.is_file()]
    if absent:
        raise DamagedFile(f"{name}: {len(absent)} of {len(paths)} files in {path} are missing: {absent[0]}")
    return _photographs(paths, labels)


LARGEST_LABEL = 100_000
"""Where nothing says how many classes there are: a number beyond is no label, and would ask for as many classes."""


def opened(path: str) -> Image.Image:
    """One image, read to its end, in RGB. Raises DamagedFile if it is none, OSError if the system refuses."""
    try:
        # Only these: some of PIL's other formats hand the file to an interpreter. ImageNet holds one PNG.
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as image:
            if image.mode.startswith("I"):  # 16 bits: convert would clip what is above 255
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system's, not the file's
        raise DamagedFile(f"{path} is not a complete JPEG, PNG or WebP image: {error}") from None


def _photographs(paths: Sequence[str | Path], labels: Sequence[int]) -> Photographs:
    return Photographs(np.array([os.fsencode(path) for path in paths]), np.array(labels, dtype=np.int64))


def _inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    return not parts.is_absolute() and ".." not in parts.parts and "\0" not in name
