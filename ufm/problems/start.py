"""Where flows begin: Gaussian clouds, spheres, neighbourhoods of the antipode, or given features."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ufm.files import memory
from ufm.problems.frames import Array, Frame, real_array
from ufm.problems.problem import LARGEST, Integers, MultiCenterProblem


@dataclass(frozen=True)
class Start:
    """A distribution of initial features, isotropic or nearly so.

    Parameters
    ----------
    kind : "gaussian": independent entries; "sphere": uniform directions; "antipode": next to minus the mean
        center of the class, the one point from which the cosine flow does not leave.
    scale : standard deviation of the entries ("gaussian") or norm of the features, in [1e-100, 1e100].
    offset : distance from the antipode on the unit sphere, to first order, in [1e-8, 1]: closer is rounding.
    """

    kind: Literal["gaussian", "sphere", "antipode"] = "gaussian"
    scale: float = 1.0
    offset: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse unknown kinds and scales that give no features."""
        if self.kind not in ("gaussian", "sphere", "antipode"):
            raise ValueError(f"start {self.kind!r} is unknown: 'gaussian', 'sphere' or 'antipode'")
        for name, lowest, highest in (("scale", 1e-100, 1e100), ("offset", 1e-8, 1.0)):
            if not lowest <= getattr(self, name) <= highest:
                raise ValueError(f"{name}={getattr(self, name)} of the start is outside [{lowest:g}, {highest:g}]")

    def place(self, gaussian: Array, mean_direction: Array) -> Array:
        """Features, in any orthogonal coordinates, from standard Gaussian ones (n, m) and the class's direction (m,).

        Overwrites ``gaussian`` and returns it.
        """
        if self.kind != "gaussian":
            gaussian /= np.linalg.norm(gaussian, axis=1, keepdims=True)
        if self.kind == "antipode":
            gaussian *= self.offset
            gaussian -= mean_direction
            gaussian /= np.linalg.norm(gaussian, axis=1, keepdims=True)
        gaussian *= self.scale
        return gaussian


def require_features(problem: MultiCenterProblem) -> None:
    """Raise MemoryError if features of the problem, as dense rows, would not fit (with working copies)."""
    memory.require(
        4 * 8 * problem.n_samples * problem.dim,
        f"{problem.n_samples} x {problem.dim} features",
        "use method='reduced' or 'exact' with keep='metrics', which sample them in reduced coordinates",
    )


def draw(problem: MultiCenterProblem, frame: Frame, start: Start, seed: int) -> Array:
    """Initial features (N, d), one random stream per class."""
    require_features(problem)
    features = np.empty((problem.n_samples, frame.dim))
    for k in range(problem.n_classes):
        own = features[problem.samples(k)]
        np.random.default_rng((seed, k)).standard_normal(out=own)
        start.place(own, frame.direction(k))
    return features


def validated_features(
    problem: MultiCenterProblem, frame: Frame, features: ArrayLike, labels: ArrayLike | None = None
) -> Array:
    """Given features as float64 (N, d), sorted by ``labels`` (N,) if these are given; equal labels keep their order.

    A copy, unless they are an array that cannot be written to. Raises ValueError for another shape, NaN, infinity, rows
    of 0, or labels whose numbers are not the class sizes.
    """
    given = np.asarray(features)
    array = np.ascontiguousarray(real_array("features", given, copy=given.flags.writeable))
    expected = (problem.n_samples, frame.dim)
    if array.shape != expected:
        raise ValueError(f"features have shape {array.shape}, not (n_samples, dim) = {expected}")
    largest = max(float(array.max()), -float(array.min()))
    if not np.isfinite(largest):
        lost = int(np.argmax(~np.isfinite(array).all(axis=1)))
        raise ValueError(f"features[{lost}] contains NaN or infinity")
    if largest > LARGEST:
        row, column = np.unravel_index(np.abs(array).argmax(), array.shape)
        raise ValueError(f"features[{row}] contains {array[row, column]:g}: entries are at most {LARGEST:g}")
    if not np.all(array.any(axis=1)):
        raise ValueError(f"features[{int(np.argmin(array.any(axis=1)))}] is 0: it has no direction to collapse from")
    return array if labels is None else array[_order(problem, labels)]


def _order(problem: MultiCenterProblem, labels: ArrayLike) -> Integers:
    given = np.asarray(labels)
    if given.dtype.kind not in "iu" or given.shape != (problem.n_samples,) or given.min() < 0:
        raise ValueError(f"labels must be {problem.n_samples} integers >= 0, one for each row of features")
    found = np.bincount(given, minlength=problem.n_classes)
    if found.tolist() != list(problem.class_sizes):
        k = int(np.argmax(found[: problem.n_classes] != problem.class_sizes))
        stray = (
            f"there is a label {len(found) - 1}"
            if len(found) > problem.n_classes
            else f"label {k} is there {found[k]} times"
        )
        raise ValueError(f"{stray}, but class_sizes are {problem.class_sizes}")
    return np.argsort(given, kind="stable")
