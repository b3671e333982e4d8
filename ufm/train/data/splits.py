"""Images as a training loop takes them: a batch for every batch of indices."""

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ufm.files.store import DamagedFile
from ufm.train.data.augment import AUGMENTATIONS, crop_and_flip, normalise, photograph, sample_seed
from ufm.train.data.photographs import opened
from ufm.train.data.specs import Spec

Batch = tuple[Tensor, Tensor]
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Split(ABC):
    """Labelled images of one data set, for training or for testing.

    labels : (N,) int64, on the CPU, in 0..K-1.
    """

    labels: Tensor
    spec: Spec
    augmentation: str

    augmentations: ClassVar[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same images, streamed to ``device``; images in memory move there."""

    def stream(self, batches: Sequence[Tensor], *, seeds: Sequence[int] | None = None) -> Iterator[Batch]:
        """Images (B, C, size, size), float32 and normalised, and labels (B,), int64, of one batch of indices at a time.

        Parameters
        ----------
        batches : one-dimensional int64 tensors of indices in 0..N-1, on the CPU, none of them empty.
        seeds : one integer >= 0 per batch: the augmentation of a batch is a function of its seed and its indices, and
            touches no global generator. None for images as they are.

        Raises
        ------
        ValueError : something else was given; at once, not when the batch is due.
        DamagedFile, OSError : a file turns out not to hold an image, or to be gone; when the batch is due.
        """
        for batch in batches:
            self._check(batch)
        if seeds is not None:
            if len(seeds) != len(batches):
                raise ValueError(f"seeds has {len(seeds)} entries and batches {len(batches)}")
            if any(not 0 <= seed < 2**63 for seed in seeds):
                raise ValueError("seeds contains an entry outside 0..2**63 - 1")
        return self._stream(batches, [None] * len(batches) if seeds is None else seeds)

    def _check(self, batch: Tensor) -> None:
        if batch.dtype != torch.int64 or batch.ndim != 1 or len(batch) == 0 or batch.device.type != "cpu":
            found = f"{batch.dtype} of shape {tuple(batch.shape)} on {batch.device}"
            raise ValueError(f"batches contains {found}: int64 of shape (B,), B >= 1, on the CPU is needed")
        low, high = (int(end) for end in batch.aminmax())
        if low < 0 or high >= len(self):
            raise ValueError(f"batches contains index {low if low < 0 else high}: there are {len(self)} images")

    @abstractmethod
    def _stream(self, batches: Sequence[Tensor], seeds: Sequence[int | None]) -> Iterator[Batch]: ...


@dataclass(frozen=True, eq=False)
class InMemory(Split):
    """Images that fit into memory. ``images`` : (N, C, size, size) uint8, on the device they are wanted on."""

    images: Tensor

    augmentations: ClassVar = tuple(AUGMENTATIONS)

    def to(self, device: torch.device | str) -> Self:
        """The same images on ``device``."""
        return replace(self, images=self.images.to(device))

    def _stream(self, batches: Sequence[Tensor], seeds: Sequence[int | None]) -> Iterator[Batch]:
        recipe, device = AUGMENTATIONS[self.augmentation], self.images.device
        for indices, seed in zip(batches, seeds, strict=True):
            images = self.images[indices.to(device)]
            if seed is not None and recipe != AUGMENTATIONS["none"]:
                images = crop_and_flip(images, recipe, seed)
            yield normalise(images, self.spec.mean, self.spec.std), self.labels[indices].to(device)


@dataclass(frozen=True, eq=False)
class InFiles(Split):
    """Photographs that are read while they are needed, by ``workers`` processes (0: by this one).

    paths : (N,) bytes, as the operating system has them.
    """

    paths: NDArray[np.bytes_]
    workers: int = 0
    device: torch.device = CPU

    augmentations: ClassVar = ("none", "imagenet")

    def to(self, device: torch.device | str) -> Self:
        """The same photographs, sent to ``device`` batch by batch."""
        return replace(self, device=torch.device(device))

    def _stream(self, batches: Sequence[Tensor], seeds: Sequence[int | None]) -> Iterator[Batch]:
        if self.augmentation == "none":
            seeds = [None] * len(batches)
        loader: Any = DataLoader(
            _Photographs(self.paths),  # type: ignore[arg-type]  # indexing is all it needs
            sampler=list(zip(batches, seeds, strict=True)),
            batch_size=None,  # a key is a whole batch already
            num_workers=self.workers,
            worker_init_fn=_obey_only_the_parent,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # the loader draws from the global one otherwise, and shifts a resumed run
        )
        try:
            for indices, photographs in zip(batches, loader, strict=True):
                if isinstance(photographs, Exception):
                    raise photographs
                images = photographs.to(self.device, non_blocking=True)
                yield normalise(images, self.spec.mean, self.spec.std), self.labels[indices].to(self.device)
        except (EOFError, ConnectionError):  # a worker ended in the middle of a word
            raise RuntimeError(LOST) from None


LOST = "DataLoader worker is gone"
"""How a message begins, as torch's own does, where a process that reads images was ended from outside."""


class _Photographs:
    """Whole batches of photographs, uint8 (B, 3, 224, 224), by their indices and seed."""

    def __init__(self, paths: NDArray[np.bytes_]) -> None:
        self.paths = paths

    def __getitem__(self, key: tuple[Tensor, int | None]) -> Tensor | Exception:
        """The batch, or what went wrong: raised in a worker it would come wrapped in a page of traceback."""
        indices, seed = key
        try:
            return torch.stack([self._one(index, seed) for index in indices.tolist()])
        except (DamagedFile, OSError) as error:
            # Where tracebacks are pickled (tblib, which dask brings), this one would tie the loader into a circle with
            # its own frames; its workers then hear of their end only after timeouts.
            error.__context__ = None
            return error.with_traceback(None)

    def _one(self, index: int, seed: int | None) -> Tensor:
        return photograph(opened(os.fsdecode(self.paths[index])), None if seed is None else sample_seed(seed, index))


def _obey_only_the_parent(worker: int) -> None:
    """A signal to the whole group must not take the images from a step that is to be finished and saved.

    The parent's own SIGTERM must be obeyed: Python sends it when it ends, and waits for the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # nobody else says who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_the_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_the_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
