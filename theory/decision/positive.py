"""What a spread, a length or a number of samples must be."""

import numpy as np
from numpy.typing import ArrayLike

from theory.multicenter.geometry import Array


def positive(name: str, values: ArrayLike) -> Array:
    """As float64. Raises ValueError unless all are positive and finite."""
    numbers = np.asarray(values, dtype=np.float64)
    if not np.all((numbers > 0) & np.isfinite(numbers)):
        raise ValueError(f"{name}={values} must be positive and finite")
    return numbers


def nonnegative(name: str, values: ArrayLike) -> Array:
    """As float64. Raises ValueError unless all are >= 0 and finite."""
    numbers = np.asarray(values, dtype=np.float64)
    if not np.all((numbers >= 0) & np.isfinite(numbers)):
        raise ValueError(f"{name}={values} must be finite and at least 0")
    return numbers


def one_whole(name: str, value: int) -> int:
    """One number of things. Raises ValueError unless it is an integer >= 1."""
    if np.ndim(value):
        raise ValueError(f"{name}={value} must be one integer >= 1")
    return int(whole(name, value))


def whole(name: str, values: ArrayLike, least: int = 1) -> Array:
    """Numbers of things as float64. Raises ValueError unless all are integers >= ``least``."""
    numbers = np.asarray(values, dtype=np.float64)
    if not np.all((numbers >= least) & (numbers == np.floor(numbers)) & np.isfinite(numbers)):
        raise ValueError(f"{name}={values} must be integers >= {least}")
    return numbers
