"""A folder with the features of a network epoch by epoch."""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ufm.files.arrays import READERS, Arrays, arrays

ROLES = ("features", "labels", "weights", "bias", "ood")
"""What a file may hold, under these names."""

NAMED = re.compile(r"(.*?)[-_. ]*(\d+)")


def epochs(folder: Path) -> dict[int, Arrays]:
    """What reads features, and what else there is of :data:`ROLES`, by epoch in ascending order.

    The name of a file ends in its epoch: epoch-0010.npz, or .safetensors or .pt, holds arrays ``features``, ``labels``,
    ``weights``, ``bias``, ``ood``. A file with a single array, .npy too, is called after what it is, labels-0010.npy,
    and has features where it is called anything else. Other files are ignored.

    Raises
    ------
    ValueError : no epoch, two files for the same array, a file with other arrays only.
    """
    found: dict[int, dict[str, Callable[[], Any]]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        match = NAMED.fullmatch(path.stem)
        if match is None or path.suffix not in READERS or path.name.startswith("."):
            continue
        epoch = int(match[2])
        for role, reader in _roles(path, match[1]).items():
            if role in found[epoch]:
                raise ValueError(f"{path}: another file has {role} of epoch {epoch} too")
            found[epoch][role] = reader
    if not found:
        raise ValueError(f"{folder}: no epochs in it: files like features-0001.npy, or epoch-0001.npz with features")
    return {epoch: found[epoch] for epoch in sorted(found)}


def _roles(path: Path, prefix: str) -> Arrays:
    held = arrays(path)
    if named := {role: held[role] for role in ROLES if role in held}:
        return named
    if len(held) == 1:
        role = next((role for role in ROLES if prefix.startswith(role)), "features")
        return {role: next(iter(held.values()))}
    raise ValueError(f"{path}: no array {', '.join(ROLES[:-1])} or {ROLES[-1]}; there are {', '.join(held)}")
