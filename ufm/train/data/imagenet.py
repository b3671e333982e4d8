"""ImageNet: which files belong to which class."""

from pathlib import Path

from ufm.files.store import DamagedFile
from ufm.train.data.photographs import Photographs, in_folders, listed
from ufm.train.data.specs import DATASETS

Pair = tuple[Photographs, Photographs]
"""Training and test photographs."""


def imagenet(root: Path) -> Pair:
    """The files of ``root``/imagenet/train/<wnid> and val/<wnid>; labels number the wnids in alphabetical order."""
    spec = DATASETS["imagenet"]
    folders = [root / "imagenet" / part for part in ("train", "val")]
    found = [in_folders("imagenet", folder, spec.get) for folder in folders]
    for folder, (_, classes) in zip(folders, found, strict=True):
        if len(classes) != spec.n_classes:
            raise DamagedFile(f"{folder} holds {len(classes)} classes: {spec.n_classes} belong there")
    (train, classes), (test, others) = found
    if classes != others:
        raise DamagedFile(f"{folders[0]} and {folders[1]} hold different classes")
    return train, test


def imagenet_lt(root: Path) -> Pair:
    """The files that ``root``/imagenet/ImageNet_LT_train.txt and ImageNet_LT_test.txt list."""
    spec, folder = DATASETS["imagenet-lt"], root / "imagenet"
    train, test = (
        listed("imagenet-lt", folder / f"ImageNet_LT_{part}.txt", spec.get, spec.n_classes)
        for part in ("train", "test")
    )
    return train, test


READERS = {"imagenet": imagenet, "imagenet-lt": imagenet_lt}
