"""Classification rules on arrays: which class each feature is given to.

Everywhere ``features`` is (N, d) and the answer (N,) int64, the class in 0..K-1; ties go to the lowest class. The
rules compare inner products, so the norm of a feature does not matter, but those of the frame's rows do.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufm.problems.frames import Array, Frame, Matrix, real_array

Classes = NDArray[np.int64]
Rule = Callable[[ArrayLike, Frame], Classes]

BATCH = 1 << 22
"""Numbers that are held at one time."""


def regular(features: ArrayLike, frame: Frame) -> Classes:
    r"""RCR: the class of the nearest classifier vector, :math:`\arg\max_k \langle w_k, z \rangle`."""
    return _decide(features, frame, frame.classifier, lambda scores: scores)


def generalized(features: ArrayLike, frame: Frame) -> Classes:
    r"""GCR (the paper's rule): class of the nearest center, :math:`\arg\max_k \max_j \langle w_j^{(k)}, z \rangle`."""
    first = frame.offsets[:-1]
    return _decide(features, frame, frame.centers, lambda scores: np.maximum.reduceat(scores, first, axis=1))


def nearest_mean_center(features: ArrayLike, frame: Frame) -> Classes:
    r"""The class of the nearest mean direction, :math:`\arg\max_k \langle \bar w^{(k)} / |\bar w^{(k)}|, z \rangle`."""
    return _decide(features, frame, frame.mean_directions, lambda scores: scores)


RULES: Mapping[str, Rule] = {"rcr": regular, "gcr": generalized, "nearest": nearest_mean_center}
"""By the names that command line, tables and files use."""


def _decide(features: ArrayLike, frame: Frame, rows: Matrix, by_class: Callable[[Array], Array]) -> Classes:
    z = fitting(features, frame.dim)
    chosen = np.empty(len(z), dtype=np.int64)
    for part, scores in batches(z, rows):
        chosen[part] = np.argmax(by_class(scores), axis=1)
    return chosen


def fitting(features: ArrayLike, dim: int, name: str = "features") -> Array:
    """Features (N, d) as float64. Raises ValueError unless they are finite numbers of that dimension."""
    z = real_array(name, features)
    if z.ndim != 2 or z.shape[1] != dim:
        raise ValueError(f"{name} of shape {z.shape} do not fit the frame: (N, d) with d={dim} is needed")
    if not np.all(np.isfinite(z)):
        raise ValueError(f"{name}[{int(np.argmax(~np.isfinite(z).all(axis=1)))}] contains NaN or infinity")
    return z


def batches(z: Array, rows: Matrix) -> Iterator[tuple[slice, Array]]:
    """Products of features with rows, (n, rows), some features at a time, and which these are.

    Raises ValueError for numbers so large that their products are none.
    """
    step = max(1, BATCH // rows.shape[0])
    for begin in range(0, len(z), step):
        part = slice(begin, begin + step)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = np.asarray(z[part] @ rows.T)
        if not np.isfinite(scores).all():
            row = begin + int(np.argmax(~np.isfinite(scores).all(axis=1)))
            raise ValueError(f"features[{row}] is too large for this classifier: its scores are not finite")
        yield part, scores
