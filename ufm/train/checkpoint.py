"""Checkpoints: one safetensors file each, complete and verified or not there.

Its header's ``__metadata__`` holds the format, the step, the state (JSON) and the digest ``sha256``: that of the whole
file with zeros for the digest's own 64 digits.
"""

import hashlib
import json
import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from ufm.files.store import DamagedFile, write_atomically

FORMAT = "ncmc checkpoint 2"

_STEP = "([0-9]{8}|[1-9][0-9]{8,})"
_NAME = re.compile(rf"checkpoint-{_STEP}\.safetensors|step-{_STEP}\.json")
_UNFINISHED = re.compile(rf"\.checkpoint-{_STEP}\.safetensors\..+")
_DIGEST = re.compile(b'(?<="sha256":")[0-9a-f]{64}(?=")')
"""In the header. Elsewhere, within a name or the state, quotes are escaped."""
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a training needs to go on: its step (>= 0), tensors by name, and plain JSON values by name."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Write a checkpoint; returns its path.

    A crash, a kill or a full disk at any moment leaves all earlier checkpoints, or all of them and this one. Only
    then are checkpoints of earlier steps removed, except for the ``keep - 1`` newest, and what interrupted calls left.
    A checkpoint of the same step is replaced. One process at a time may save in a folder.

    Raises
    ------
    ValueError : a step or ``keep`` out of range, tensors without plain memory, or a state that JSON would change: NaN,
        infinity, tuples, keys that are not strings, other objects.
    OSError : as it comes from the system.
    """
    step = checkpoint.step
    for name, value, least in (("step", step, 0), ("keep", keep, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name}={value!r} must be an integer of at least {least}")
    content = _sealed(_serialised(checkpoint))
    path = write_atomically(
        folder / f"checkpoint-{step:08d}.safetensors", lambda temporary: temporary.write_bytes(content)
    )
    _tidy(folder, step, keep)
    return path


def latest(folder: Path) -> Checkpoint | None:
    """The intact checkpoint of the highest step, its tensors on the CPU; None where there is no checkpoint.

    Warns (RuntimeWarning, naming the file) of damaged checkpoints that are newer.

    Raises
    ------
    DamagedFile : there are checkpoints and none is intact.
    OSError : a file cannot be read.
    """
    damages: list[DamagedFile] = []
    for step, path in reversed(_ours(folder)):
        try:
            found = _load(path, step)
        except DamagedFile as damage:
            damages.append(damage)
            continue
        for newer in damages:
            warnings.warn(f"{newer}; going back to step {step}", RuntimeWarning, stacklevel=2)
        return found
    if damages:
        raise DamagedFile(f"{damages[0]}; none of the {len(damages)} checkpoints in {folder} is intact")
    return None


def _load(path: Path, step: int) -> Checkpoint:
    try:
        return _verified(path, step) if path.suffix == ".safetensors" else _in_two_files(path, step)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedFile(f"{path} is damaged: {error}") from None


def _verified(path: Path, step: int) -> Checkpoint:
    """The bytes are verified before anything parses them."""
    content = path.read_bytes()
    if not _DIGEST.search(content) or _sealed(content) != content:
        raise ValueError("its digest does not match")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    state = json.loads(header["state"])
    _require_plain(state, "state")
    if not isinstance(state, dict) or (header["format"], header["step"]) != (FORMAT, str(step)):
        raise ValueError(f"it is no checkpoint of step {step} in the format {FORMAT!r}")
    return Checkpoint(step, from_bytes(content), state)


def _in_two_files(path: Path, step: int) -> Checkpoint:
    """Format 1: a JSON file that ends with a digest of itself, and the tensors beside it, known by their digest."""
    content = path.read_bytes()
    record, seal = content[:-80], content[-80:]
    if seal != f', "sha256": "{hashlib.sha256(record).hexdigest()}"}}\n'.encode():
        raise ValueError("its digest does not match")
    values = json.loads(content)
    for tensors in map(Path.read_bytes, path.parent.glob(f"{path.stem}[.-]*")):
        if hashlib.sha256(tensors).hexdigest() == values["digest"]:
            return Checkpoint(step, from_bytes(tensors), values["state"])
    raise ValueError("there are no tensors of its digest beside it")


def _require_plain(value: Any, where: str) -> None:
    """Refuse what would not come back from JSON as it is."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{where} has the key {key!r}: only strings are allowed")
            _require_plain(entry, f"{where}[{key!r}]")
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            _require_plain(entry, f"{where}[{i}]")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where}={value} must be finite")
    elif not isinstance(value, str | int | None):
        raise ValueError(f"{where} is a {type(value).__name__}: dict, list, str, int, float, bool, None are allowed")


def _serialised(checkpoint: Checkpoint) -> bytes:
    """The file, but for its digest."""
    if not isinstance(checkpoint.state, dict):
        raise ValueError(f"state is a {type(checkpoint.state).__name__}: it must be a dict")
    try:
        _require_plain(checkpoint.state, "state")
    except RecursionError:
        raise ValueError("state is nested too deeply, or contains itself") from None
    own = {}
    for name, tensor in checkpoint.tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"tensors has the key {name!r}: only strings other than '__metadata__' are allowed")
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_meta:
            raise ValueError(f"tensors[{name!r}] is no dense tensor with memory: {type(tensor).__name__}")
        # safetensors takes only contiguous tensors that share no memory: tied weights are written twice.
        own[name] = tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
    header = {"format": FORMAT, "step": str(checkpoint.step), "state": json.dumps(checkpoint.state)}
    try:
        return bytes(to_bytes(own, {**header, "sha256": _NO_DIGEST}))
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ValueError(f"the checkpoint cannot be written as safetensors: {error}") from None


def _sealed(content: bytes) -> bytes:
    """The file with its digest where it belongs."""
    blank = _DIGEST.sub(_NO_DIGEST.encode(), content, count=1)
    return _DIGEST.sub(hashlib.sha256(blank).hexdigest().encode(), blank, count=1)


def _ours(folder: Path) -> list[tuple[int, Path]]:
    """Checkpoints in ``folder``, damaged or not, and their steps, in ascending order."""
    named = ((_NAME.fullmatch(path.name), path) for path in folder.glob("*") if path.is_file())
    found = [(int(match[1] or match[2]), path) for match, path in named if match]
    return sorted(found, key=lambda each: (each[0], each[1].suffix))


def _tidy(folder: Path, step: int, keep: int) -> None:
    """Remove what is older than the ``keep`` newest up to ``step``, and what interrupted calls have left."""
    for _, path in [each for each in _ours(folder) if each[0] <= step][:-keep]:
        path.unlink()
        if path.suffix == ".json":  # format 1: without this file its tensors are nothing
            for tensors in folder.glob(f"{path.stem}[.-]*"):
                tensors.unlink()
    for path in [each for each in folder.iterdir() if _UNFINISHED.fullmatch(each.name)]:
        path.unlink()
