"""Test data that are not like training data: other shares of the classes, and features that have moved."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufm.files.text import require_known
from ufm.measure.arrays import Classes, vectors
from ufm.measure.radius import certified_radius, half_spaces, lengths
from ufm.problems.frames import Array, Frame, dense, real_array
from ufm.problems.problem import nonnegative


def resampled(labels: ArrayLike, prior: ArrayLike, n: int | None = None, *, seed: int = 0) -> NDArray[np.int64]:
    """Draw samples, with replacement, so that classes have the shares of a test prior: label shift.

    Parameters
    ----------
    labels : (N,), names of the K classes, or numbers.
    prior : (K,) numbers >= 0 with sum 1, in the order of the sorted names.
    n : how many to draw; N by default.
    seed : of the draw.

    Returns
    -------
    (n,) int64, rows of the samples. Classes are drawn first, and then one of their samples.

    Raises
    ------
    ValueError : a prior that is not as above, or n < 1.

    Examples
    --------
    >>> np.bincount(np.repeat([0, 1], [90, 10])[resampled(np.repeat([0, 1], [90, 10]), (0.5, 0.5), 1000)])
    array([473, 527])
    """
    classes = Classes.found(labels)
    codes, shares = classes.codes(labels), real_array("prior", prior)
    number = len(codes) if n is None else n
    if number < 1:
        raise ValueError(f"n={n} must be at least 1")
    if shares.shape != (len(classes),) or not np.all(shares >= 0) or abs(float(shares.sum()) - 1.0) > 1e-9:
        raise ValueError(
            f"prior={prior} must be {len(classes)} numbers >= 0 with sum 1: one for each class that occurs"
        )
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(classes), number, p=shares / shares.sum())
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=len(classes))
    within = np.floor(rng.random(number) * counts[drawn]).astype(np.int64)
    rows: NDArray[np.int64] = order[(np.cumsum(counts) - counts)[drawn] + within]
    return rows


def shifted(features: Any, size: float, direction: ArrayLike | None = None, *, seed: int = 0) -> Array:
    """Move all features by one vector of a given length: covariate shift.

    Parameters
    ----------
    features : (N, d).
    size : length of the shift, >= 0.
    direction : (d,), of any length but 0; at random by default.
    seed : of that direction.

    Raises
    ------
    ValueError : features, a size or a direction that is not as above.
    """
    z = vectors("features", features, 2)
    along = np.random.default_rng(seed).standard_normal(z.shape[1]) if direction is None else direction
    vector = real_array("direction", along)
    largest = np.abs(vector).max(initial=0.0)
    if vector.shape != z.shape[1:] or not 0 < largest < np.inf:
        raise ValueError(f"direction of shape {vector.shape} must be d={z.shape[1]} finite numbers, not all 0")
    scaled = vector / largest  # so that the squares of its entries are numbers
    return z + nonnegative("size", size) * scaled / np.linalg.norm(scaled)


def attacked(
    features: ArrayLike,
    classifier: Frame | ArrayLike,
    size: float,
    rule: str = "rcr",
    *,
    bias: ArrayLike | None = None,
) -> Array:
    """Move each feature by a given length straight to its nearest boundary: the worst covariate shift of that size.

    Decisions change exactly where :func:`~ufm.measure.radius.certified_radius` is below ``size``.

    Parameters
    ----------
    features, classifier, bias : as there; "rcr" or "nearest", whose boundaries are planes.
    size : length of the move, >= 0.

    Raises
    ------
    ValueError : as there, and for another rule or a negative size.
    """
    require_known(rule, ("rcr", "nearest"), f"rule={rule!r} does not decide by planes")
    rows, _ = half_spaces(classifier, rule, bias)
    found = certified_radius(features, classifier, rule, bias=bias)
    full = dense(rows)
    normals = np.where(found.rival[:, None] >= 0, full[found.rival] - full[found.decision], 0.0)
    far = lengths(normals)[:, None]
    return real_array("features", features) + nonnegative("size", size) * (normals / np.where(far > 0, far, 1.0))
