r"""Measures of neural collapse on arrays: for simulated features and for those of any trained network.

Everywhere ``features`` is (N, d), ``labels`` (N,) integers in 0..K-1 in any order, with every class present.
:func:`measure` computes all of it at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufm.problems.frames import Array, Frame, dense, real_array

Labels = NDArray[np.int64]


def _validated(features: ArrayLike, labels: ArrayLike, frame: Frame | None = None) -> tuple[Array, Labels, int]:
    h, y = real_array("features", features), np.asarray(labels)
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
    if np.any(y[1:] < y[:-1]):
        order = np.argsort(y, kind="stable")
        v, y = v[order], y[order]
    counts = np.bincount(y)
    starts = np.cumsum(counts) - counts
    return np.add.reduceat(v, starts, axis=0) / counts.reshape(-1, *[1] * (v.ndim - 1))


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


def nc1(features: ArrayLike, labels: ArrayLike) -> float:
    r"""NC1: :math:`\mathrm{tr}(\Sigma_W \Sigma_B^+) / K` (Papyan et al. 2020); 0 at collapse.

    :math:`\Sigma_W = \frac1N \sum_{k,i} (h_{k,i} - \mu_k)(h_{k,i} - \mu_k)^\top`, and
    :math:`\Sigma_B = \frac1K \sum_k (\mu_k - \mu)(\mu_k - \mu)^\top` around the mean of the class means, so that
    every class counts the same however many samples it has. Its pseudo-inverse is never formed: at most K - 1 right
    singular vectors of the centered means carry all of it, those above the rounding of the features. NaN for a single
    class, which has no between, and where all class means are the same.
    """
    h, y, count = _validated(features, labels)
    rounding = 4.0 * np.finfo(float).eps * np.sqrt(count) * float(np.abs(h).max())
    h = h - h.mean(axis=0)
    means = class_average(h, y)
    _, sizes, directions = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    kept = (sizes > max(1e-12 * sizes[0], rounding)) & (np.arange(sizes.size) < count - 1)
    if not kept.any():
        return float("nan")
    inner = (h - means[y]) @ directions[kept].T
    return float(np.sum(np.mean(inner**2, axis=0) * count / sizes[kept] ** 2) / count)


def equinorm(means: ArrayLike) -> float:
    """NC2, first half: spread of the norms of the class means (K, d), standard deviation over mean."""
    norms = np.linalg.norm(np.asarray(means, dtype=np.float64), axis=1)
    return float(norms.std() / norms.mean())


def gram(vectors: ArrayLike) -> Array:
    """Cosines between rows: the heatmap of class means (paper, figure 6) or of one class's features (figure 7)."""
    unit = unit_rows(np.asarray(vectors, dtype=np.float64))
    return unit @ unit.T


def equiangularity(means: ArrayLike) -> float:
    """NC2, second half: largest entry of the Gram matrix of the class means minus its prediction, the identity."""
    cosines = gram(means)
    return float(np.abs(cosines - np.eye(len(cosines))).max())


def self_duality(means: ArrayLike, frame: Frame) -> Array:
    r"""NC3: cosine of each class mean to its mean center, (K,); 1 at collapse.

    With multiple centers features align to the mean center :math:`\bar w`, not to the classifier :math:`w`.
    """
    return np.einsum("kd,kd->k", unit_rows(np.asarray(means, dtype=np.float64)), dense(frame.mean_directions))


def nearest_mean_agreement(features: ArrayLike, labels: ArrayLike, decisions: ArrayLike) -> float:
    """NC4: share of samples whose decision is the class of the nearest class mean, in [0, 1]."""
    h, y, _ = _validated(features, labels)
    decided = np.asarray(decisions)
    if decided.shape != y.shape:
        raise ValueError(f"decisions {decided.shape} and labels {y.shape} do not match")
    h = h - h.mean(axis=0)  # |m|^2 - 2 <h, m> cancels where all features share a large part
    means = class_average(h, y)
    distances = (means**2).sum(axis=1) - 2.0 * h @ means.T
    return float(np.mean(np.argmin(distances, axis=1) == decided))


@dataclass(frozen=True)
class Measures:
    """Everything this module measures of one set of features."""

    nc_mean: Array
    """Mean NC of each class, (K,)."""
    nc_std: Array
    nc_max: Array
    entry_mean: float
    """Mean of the entries of h/|h| - wbar/|wbar| (the paper's curves)."""
    entry_std: float
    variability: Array
    norm_mean: Array
    nc1: float
    equinorm: float
    equiangularity: float
    self_duality: Array
    nearest_mean_agreement: float

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and floats."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}


def measure(features: ArrayLike, labels: ArrayLike, frame: Frame) -> Measures:
    """All measures; NC4 uses the decision of the fixed classifier, argmax <w_k, h>."""
    h, y, count = _validated(features, labels, frame)
    away = deviation(h, y, frame)
    nc = np.einsum("nd,nd->n", away, away)
    mean = class_average(nc, y)
    peak = np.zeros(count)
    np.maximum.at(peak, y, nc)
    means = class_average(h, y)
    return Measures(
        nc_mean=mean,
        nc_std=np.sqrt(class_average((nc - mean[y]) ** 2, y)),
        nc_max=peak,
        entry_mean=float(away.mean()),
        entry_std=float(away.std()),
        variability=variability(h, y, frame),
        norm_mean=class_average(np.linalg.norm(h, axis=1), y),
        nc1=nc1(h, y),
        equinorm=equinorm(means),
        equiangularity=equiangularity(means),
        self_duality=self_duality(means, frame),
        nearest_mean_agreement=nearest_mean_agreement(h, y, np.argmax(h @ frame.classifier.T, axis=1)),
    )
