"""Integrals over standard normal variables, and what numbers of centers and probabilities of classes must be."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.decision.positive import whole
from theory.multicenter.geometry import Array

Counts = NDArray[np.int64]

WEIGHT = 0.05
GRID = WEIGHT * np.arange(-200, 201)
"""Where densities of maxima of normal variables live. They are analytic and die off at both ends, so the trapezoidal
rule on this grid errs by less than rounding."""


def phi(x: ArrayLike) -> Array:
    r""":math:`\varphi(x) = e^{-x^2/2} / \sqrt{2 \pi}`."""
    return np.exp(log_phi(x))


def log_phi(x: ArrayLike) -> Array:
    r""":math:`\ln \varphi(x)`."""
    x = np.asarray(x, dtype=np.float64)
    return -0.5 * x * x - 0.5 * np.log(2.0 * np.pi)


def class_counts(f: ArrayLike) -> Array:
    """Numbers of centers, one for each class, (K,)."""
    counts = whole("f", f)
    if counts.ndim != 1 or counts.size == 0:
        raise ValueError(f"f of shape {counts.shape} is not one number of centers per class")
    return counts


def shares(probabilities: ArrayLike, n_classes: int | None = None, name: str = "probabilities") -> Array:
    """Probabilities, one for each class, (K,). Raises ValueError, with a name, unless they are >= 0 and sum to 1."""
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"{name} of shape {p.shape} is not one number per class")
    if n_classes is not None and p.size != n_classes:
        raise ValueError(f"{name} has {p.size} entries and there are {n_classes} classes")
    if not np.all(p >= 0):
        raise ValueError(f"{name}={p.tolist()} contains a number that is negative or NaN")
    if abs(float(p.sum()) - 1.0) > 1e-9:
        raise ValueError(f"{name}: the entries sum to {float(p.sum())!r}, not to 1")
    return p
