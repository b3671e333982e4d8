"""Which classes agree in all their numbers: what is computed for one of them holds for all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]


def equal_columns(numbers: NDArray[Any]) -> tuple[Integers, Integers]:
    """The first of each group of equal columns of (m, K) numbers, m >= 1, in their order, and the group of each, (K,).

    Rows of one number are cheap.
    """
    changing = np.ptp(numbers, axis=1) > 0.0
    varying = numbers[changing] if changing.any() else numbers[:1]
    key = varying[0]
    for row in varying[1:]:
        (_, known), (values, label) = (np.unique(each, return_inverse=True) for each in (key, row))
        key = known * len(values) + label
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[group]


def stored_alike(centers: Any, classifier: Any, offsets: Integers) -> tuple[Integers, Integers]:
    """The first class of each kind of a frame, and the kind of every class, (K,).

    Told by the numbers that sparse matrices store, and by the order of their columns within the class. Classes of a
    dense frame share all coordinates: each is a kind of its own.

    centers : (F, d), those of class k in the rows offsets[k] : offsets[k + 1]. classifier : (K, d).
    """
    counts, n_classes = np.diff(offsets), len(offsets) - 1
    if not (sparse.issparse(centers) and sparse.issparse(classifier)):
        return np.arange(n_classes), np.arange(n_classes)
    owner = np.repeat(np.arange(n_classes), counts)
    by_class = np.argsort(np.concatenate([owner, np.arange(n_classes)]), kind="stable")
    rows = sparse.vstack([centers, classifier], format="csr")[by_class]
    bounds = offsets + np.arange(n_classes + 1)  # a class has its centers and a row of the classifier
    begin, row = rows.indptr[bounds], np.repeat(np.arange(len(by_class)), np.diff(rows.indptr))
    entries = np.diff(begin)
    shapes, shape = equal_columns(np.stack([counts, entries]))
    first, kind = [np.empty(0, dtype=np.int64)], np.empty(n_classes, dtype=np.int64)
    for i, model in enumerate(shapes):
        own = np.flatnonzero(shape == i)
        own_first, own_kind = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
        if own.size > 1:
            where = begin[own, None] + np.arange(entries[model])
            stored = row[where] - bounds[own, None], _ranks(rows.indices[where]), rows.data[where]
            numbers = np.concatenate([np.zeros((own.size, 1)), *stored], axis=1)
            own_first, own_kind = equal_columns(np.ascontiguousarray(numbers.T))
        kind[own] = own_kind + sum(map(len, first))
        first.append(own[own_first])
    return np.concatenate(first), kind


def _ranks(columns: Integers) -> Integers:
    """Of every number in its row, equal ones alike: 0 for the smallest."""
    order = np.argsort(columns, axis=1)
    ascending = np.take_along_axis(columns, order, axis=1)
    steps = np.diff(ascending, axis=1, prepend=ascending[:, :1]) > 0
    ranks = np.empty_like(columns)
    np.put_along_axis(ranks, order, np.cumsum(steps, axis=1), axis=1)
    return ranks
