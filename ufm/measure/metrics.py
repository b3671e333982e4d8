r"""Collapse to the centers of a frame, sample by sample, and the means and angles that simulations need.

Everywhere ``features`` is (N, d), ``labels`` (N,) integers in 0..K-1 in any order, with every class present. For the
features of any network there is :func:`ufm.measure`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ufm.problems.frames import Array, Frame, dense, real_array

Labels = NDArray[np.int64]


def _validated(features: ArrayLike, labels: ArrayLike, frame: Frame | None = None) -> tuple[Array, Labels, int]:
    h, y = real_array("features", features, copy=False), np.asarray(labels)
    if h.ndim != 2 or y.shape != h.shape[:1]:
        raise ValueError(f"features {h.shape} and labels {y.shape} do not match: (N, d) and (N,) are needed")
    if y.dtype.kind not in "iu" or not y.size or y.min() < 0:
        raise ValueError("labels must be integers >= 0, at least one of them")
    if not np.all(np.isfinite(h)):
        raise ValueError(f"features[{int(np.argmax(~np.isfinite(h).all(axis=1)))}] contains NaN or infinity")
    counts = np.bincount(y, minlength=0 if frame is None else frame.n_classes)
    if frame is not None and h.shape[1] != frame.dim:
        raise ValueError(f"features have dimension {h.shape[1]}, the frame {frame.dim}")
    if frame is not None and counts.size > frame.n_classes:
        raise ValueError(f"labels reach {counts.size - 1}, the frame has {frame.n_classes} classes")
    if counts.min() == 0:
        raise ValueError(f"no sample has label {int(np.argmin(counts))}: every class must be present")
    return h, y, counts.size


def unit_rows(features: Array) -> Array:
    """Rows divided by their lengths; a row of 0 has no direction and raises ValueError."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if not np.all(lengths > 0):
        raise ValueError(f"row {int(np.argmin(lengths))} is 0: it has no direction")
    return features / lengths


def class_average(values: ArrayLike, labels: ArrayLike) -> Array:
    """Mean over the samples of each class of values (N,) or (N, m); shape (K,) or (K, m).

    Raises ValueError if the two do not match or a class between 0 and the largest label is absent.
    """
    v, y = np.asarray(values, dtype=np.float64), np.asarray(labels)
    if v.shape[:1] != y.shape or not np.all(np.bincount(y)):
        raise ValueError(f"values {v.shape} and labels {y.shape} do not match, or a class is absent")
    members = sparse.csr_array((np.ones(y.size), (y, np.arange(y.size))))
    return np.asarray(members @ v) / np.bincount(y).reshape(-1, *[1] * (v.ndim - 1))


def class_means(features: ArrayLike, labels: ArrayLike) -> Array:
    """Mean feature of each class, (K, d)."""
    h, y, _ = _validated(features, labels)
    return class_average(h, y)


def deviation(features: ArrayLike, labels: ArrayLike, frame: Frame) -> Array:
    r"""Unit feature minus unit mean center, :math:`h_i/|h_i| - \bar w/|\bar w|`, (N, d)."""
    h, y, _ = _validated(features, labels, frame)
    return unit_rows(h) - dense(frame.mean_directions)[y]


def collapse(features: ArrayLike, labels: ArrayLike, frame: Frame) -> Array:
    r""":math:`NC_i = |h_i/|h_i| - \bar w/|\bar w||^2` of every sample, (N,), in [0, 4]."""
    away = deviation(features, labels, frame)
    return np.einsum("nd,nd->n", away, away)


def variability(features: ArrayLike, labels: ArrayLike, frame: Frame) -> Array:
    r""":math:`1 - \langle h_i/|h_i|, w_k/|w_k| \rangle` averaged over each class, (K,); 1 - cos(rho_k) at collapse."""
    h, y, _ = _validated(features, labels, frame)
    cosines = np.einsum("nd,nd->n", unit_rows(h), unit_rows(dense(frame.classifier))[y])
    return 1.0 - class_average(cosines, y)


def gram(vectors: ArrayLike) -> Array:
    """Cosines between rows: the heatmap of class means (paper, figure 6) or of one class's features (figure 7)."""
    unit = unit_rows(np.asarray(vectors, dtype=np.float64))
    return unit @ unit.T
