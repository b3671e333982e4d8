"""Checkpoints: tensors as safetensors, the rest as JSON, each either complete and verified or not there."""

import hashlib
import json
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from ufm.files.store import DamagedFile, write_atomically

FORMAT = "ncmc checkpoint 1"

_NAME = re.compile(r"step-([0-9]{8,})(-b)?\.(safetensors|json)")
_UNFINISHED = re.compile(r"\.step-[0-9]{8,}(-b)?\.(safetensors|json)\..+")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a training needs to go on: its step (>= 0), tensors by name, and plain JSON values by name."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> Path:
    """Write a checkpoint; returns the path of its JSON file, which is written last and makes it one.

    A crash, a kill or a full disk at any moment leaves all earlier checkpoints, or all of them and this one. Only
    then are checkpoints of earlier steps removed, except for the ``keep - 1`` newest, and what interrupted calls left.
    A checkpoint of the same step is replaced. One process at a time may save in a folder.

    Raises
    ------
    ValueError : a step or ``keep`` out of range, tensors without plain memory, or a state that JSON would change: NaN,
        infinity, tuples, keys that are not strings, other objects.
    OSError : as it comes from the system.
    """
    step, state = checkpoint.step, checkpoint.state
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise ValueError(f"step={step!r} must be an integer of at least 0")
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise ValueError(f"keep={keep!r} must be an integer of at least 1")
    if not isinstance(state, dict):
        raise ValueError(f"state is a {type(state).__name__}: it must be a dict")
    try:
        _require_plain(state, "state")
    except RecursionError:
        raise ValueError("state is nested too deeply, or contains itself") from None
    content = _serialised(checkpoint.tensors)
    tensors = _free_name(folder, step)
    record = {"format": FORMAT, "step": step, "tensors": tensors, "digest": _digest(content), "state": state}
    sealed = _sealed(record)
    write_atomically(folder / tensors, lambda temporary: temporary.write_bytes(content))
    path = write_atomically(folder / _json_name(step), lambda temporary: temporary.write_bytes(sealed))
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
    for step in sorted(_steps(folder), reverse=True):
        try:
            found = _load(folder, step)
        except DamagedFile as damage:
            damages.append(damage)
            continue
        for newer in damages:
            warnings.warn(f"{newer}; going back to step {step}", RuntimeWarning, stacklevel=2)
        return found
    if damages:
        raise DamagedFile(f"{damages[0]}; none of the {len(damages)} checkpoints in {folder} is intact")
    return None


def _load(folder: Path, step: int) -> Checkpoint:
    record = _read_record(folder, step)
    path = folder / record["tensors"]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFile(f"{path} is missing") from None
    if _digest(content) != record["digest"]:
        raise DamagedFile(f"{path} is damaged: its digest does not match")
    try:
        return Checkpoint(step, from_bytes(content), record["state"])
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedFile(f"{path} is not what this toolkit writes: {error}") from None


def _read_record(folder: Path, step: int) -> dict[str, Any]:
    """The JSON file of a step, every part of it checked; the bytes are verified before anything parses them."""
    path = folder / _json_name(step)
    sealed = path.read_bytes()
    content, seal = sealed[:-SEAL_LENGTH], sealed[-SEAL_LENGTH:]
    if seal != _seal(content):
        raise DamagedFile(f"{path} is damaged: its digest does not match")
    try:
        record = json.loads(sealed)
        _require_plain(record, "record")
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is not what this toolkit writes: {error}") from None
    expected = {"format": FORMAT, "step": step}
    if (
        not isinstance(record, dict)
        or record.keys() != {"format", "step", "tensors", "digest", "state", "sha256"}
        or {key: record[key] for key in expected} != expected
        or record["tensors"] not in _tensor_names(step)
        or not isinstance(record["state"], dict)
    ):
        raise DamagedFile(f"{path} is not a checkpoint of step {step} in the format {FORMAT!r}")
    return record


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


def _serialised(tensors: Mapping[str, Tensor]) -> bytes:
    own = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"tensors has the key {name!r}: only strings other than '__metadata__' are allowed")
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_meta:
            raise ValueError(f"tensors[{name!r}] is no dense tensor with memory: {type(tensor).__name__}")
        # safetensors takes only contiguous tensors that share no memory: tied weights are written twice.
        own[name] = tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
    try:
        return bytes(to_bytes(own))
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ValueError(f"tensors cannot be written as safetensors: {error}") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sealed(record: dict[str, Any]) -> bytes:
    """``record`` as a JSON object whose last entry is the digest of all bytes before it."""
    content = json.dumps(record, allow_nan=False).encode()[:-1]
    return content + _seal(content)


def _seal(content: bytes) -> bytes:
    return f', "sha256": "{_digest(content)}"}}\n'.encode()


SEAL_LENGTH = len(_seal(b""))


def _json_name(step: int) -> str:
    return f"step-{step:08d}.json"


def _tensor_names(step: int) -> tuple[str, str]:
    return f"step-{step:08d}.safetensors", f"step-{step:08d}-b.safetensors"


def _free_name(folder: Path, step: int) -> str:
    """The tensor file that a step's present checkpoint, if there is one, can do without: it is valid till the end."""
    first, second = _tensor_names(step)
    try:
        return second if _read_record(folder, step)["tensors"] == first else first
    except (FileNotFoundError, DamagedFile):
        return first


def _ours(folder: Path) -> dict[Path, int]:
    """The files in ``folder`` that :func:`save` has put there, and the step of each."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        step = int(match[1]) if match else 0
        if path.name in (_json_name(step), *_tensor_names(step)) and path.is_file():
            found[path] = step
    return found


def _steps(folder: Path) -> set[int]:
    return {step for path, step in _ours(folder).items() if path.suffix == ".json"}


def _tidy(folder: Path, step: int, keep: int) -> None:
    """Remove what is older than the ``keep`` newest up to ``step``, and what interrupted calls have left."""
    steps = _steps(folder)
    for old in sorted(s for s in steps if s <= step)[:-keep]:
        # The JSON file first: tensors without one are no checkpoint, one without tensors would be a damaged one.
        (folder / _json_name(old)).unlink()
        steps.remove(old)
    replaced = folder / _free_name(folder, step)
    orphans = [path for path, owner in _ours(folder).items() if owner not in steps or path == replaced]
    unfinished = [path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name)]
    for path in orphans + unfinished:
        path.unlink()
