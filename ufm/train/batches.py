"""Batches of any loader: what goes into the network, where it is, and what are labels."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

LABELS = ("labels", "label")
"""Keys of labels in batches that are dicts."""


def unpacked(batch: Any) -> tuple[Any, Any]:
    """Inputs and labels: the first two of a tuple or list; of a dict its labels, and all the rest."""
    if isinstance(batch, Mapping):
        for key in LABELS:
            if key in batch:
                return {name: each for name, each in batch.items() if name != key}, batch[key]
        raise ValueError(
            f"batches are dicts of {', '.join(map(str, batch))}, without 'labels': "
            "unpack=lambda batch: (inputs, labels) says which is what"
        )
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        return batch[0], batch[1]
    raise ValueError(
        f"batches have no labels, each is a {type(batch).__name__}: (inputs, labels) are needed, or unpack="
    )


def call(model: nn.Module, inputs: Any) -> None:
    """Inputs through a network: a dict by name, a tuple one after the other."""
    if isinstance(inputs, Mapping):
        model(**inputs)
    elif isinstance(inputs, tuple):
        model(*inputs)
    else:
        model(inputs)


def moved(inputs: Any, place: torch.device) -> Any:
    """Inputs where the network is."""
    if isinstance(inputs, Tensor):
        return inputs.to(place)
    if isinstance(inputs, Mapping):
        return {name: moved(each, place) for name, each in inputs.items()}
    return tuple(moved(each, place) for each in inputs) if isinstance(inputs, tuple) else inputs


def pooled(values: Tensor) -> Tensor:
    """Means over places: of maps (B, C, ...) with two or more axes of places, and of sequences (B, T, d) over T."""
    if values.ndim == 3:
        return values.mean(1)
    return values.flatten(2).mean(2) if values.ndim > 3 else values
