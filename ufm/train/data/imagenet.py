"""ImageNet: which files belong to which class."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import ImageFolder

from ufm.files.store import DamagedFile
from ufm.train.data.specs import DATASETS


class Photographs(NamedTuple):
    """N files and their labels (N,) int64.

    Paths are bytes in one array: of a million Python objects, every process that looks at them gets a copy.
    """

    paths: NDArray[np.bytes_]
    labels: NDArray[np.int64]


Pair = tuple[Photographs, Photographs]
"""Training and test photographs."""


def imagenet(root: Path) -> Pair:
    """The files of ``root``/imagenet/train/<wnid> and val/<wnid>; labels number the wnids in alphabetical order."""
    folders = [root / "imagenet" / part for part in ("train", "val")]
    train, test = (_folder(folder) for folder in folders)
    if train.classes != test.classes:
        raise DamagedFile(f"{folders[0]} and {folders[1]} hold different classes")
    return _photographs(*zip(*train.samples, strict=True)), _photographs(*zip(*test.samples, strict=True))


def imagenet_lt(root: Path) -> Pair:
    """The files that ``root``/imagenet/ImageNet_LT_train.txt and ImageNet_LT_test.txt list."""
    folder = root / "imagenet"
    train, test = (_listed(folder, folder / f"ImageNet_LT_{part}.txt") for part in ("train", "test"))
    return train, test


READERS = {"imagenet": imagenet, "imagenet-lt": imagenet_lt}


def _folder(folder: Path) -> ImageFolder:
    spec = DATASETS["imagenet"]
    if not folder.is_dir():
        raise FileNotFoundError(f"imagenet: there is no folder {folder}; to get it: {spec.get}")
    try:
        found = ImageFolder(folder)
    except FileNotFoundError as error:  # no class, or a class without images
        raise DamagedFile(f"{folder} is incomplete: {' '.join(str(error).split())}") from None
    if len(found.classes) != spec.n_classes:
        raise DamagedFile(f"{folder} holds {len(found.classes)} classes: {spec.n_classes} belong there")
    return found


def _listed(folder: Path, path: Path) -> Photographs:
    spec = DATASETS["imagenet-lt"]
    if not path.is_file():
        raise FileNotFoundError(f"imagenet-lt: {path.name} is not in {folder}; to get it: {spec.get}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise DamagedFile(f"{path} is not a text file") from None
    paths, labels = [], []
    for number, line in enumerate(lines, start=1):
        name, _, label = line.rpartition(" ")
        if not name or not label.isdecimal() or int(label) >= spec.n_classes:
            wanted = f"a path and a label 0..{spec.n_classes - 1}"
            raise DamagedFile(f"{path}, line {number}: {line[:80]!r} is not {wanted}")
        if not _inside(name):
            raise DamagedFile(f"{path}, line {number}: {name[:80]!r} leads outside {folder}")
        paths.append(folder / name)
        labels.append(int(label))
    if not paths:
        raise DamagedFile(f"{path} is empty")
    absent = [p for p in paths if not p.is_file()]
    if absent:
        raise FileNotFoundError(f"imagenet-lt: {len(absent)} of {len(paths)} files in {path} are missing: {absent[0]}")
    return _photographs(paths, labels)


def _photographs(paths: Sequence[str | Path], labels: Sequence[int]) -> Photographs:
    return Photographs(np.array([os.fsencode(path) for path in paths]), np.array(labels, dtype=np.int64))


def _inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    return not parts.is_absolute() and ".." not in parts.parts and "\0" not in name
