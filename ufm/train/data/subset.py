"""Which images a long-tailed training set keeps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def long_tailed(labels: Indices, class_sizes: Sequence[int], seed: int) -> Indices:
    """Indices of the images that are kept, class by class: the first n_k of a seeded shuffle of class k.

    The shuffle of class k is that of ``numpy.random.default_rng((seed, k))`` and knows nothing of the sizes: at equal
    seed, smaller class sizes select a subset of what larger ones do.

    Parameters
    ----------
    labels : (N,) integers in 0..K-1.
    class_sizes : K integers n_k >= 0.
    seed : >= 0.

    Raises
    ------
    ValueError : a class has fewer than n_k images.
    """
    counts = np.bincount(labels, minlength=len(class_sizes))
    by_class = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    kept = []
    for label, (members, size) in enumerate(zip(by_class, class_sizes, strict=True)):
        if size > members.size:
            raise ValueError(f"{size} images of class {label} are asked for, and there are {members.size}")
        kept.append(np.random.default_rng((seed, label)).permutation(members)[:size])
    return np.concatenate(kept)


def taken(images: Any, indices: Indices) -> Any:
    """Some of the images, or of the photographs, with their labels."""
    return type(images)(*(part[indices] for part in images))


def held_out(images: Any, class_sizes: Sequence[int], seed: int) -> tuple[Any, Any]:
    """The images without those that :func:`long_tailed` keeps, and these."""
    held = long_tailed(images.labels, class_sizes, seed)
    return taken(images, np.setdiff1d(np.arange(len(images.labels)), held)), taken(images, held)
