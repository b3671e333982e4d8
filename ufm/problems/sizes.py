"""Where class sizes come from: a formula, or a file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.problems.problem import Sizes, integers, nonnegative


def long_tailed_sizes(n_classes: int, n_max: int, tau: float) -> Sizes:
    r"""Class sizes that decay geometrically: :math:`n_k = \lfloor n_{max}\, \tau^{(k-1)/(K-1)} \rfloor`.

    Parameters
    ----------
    n_classes : K >= 1.
    n_max : size of the largest class, >= 1.
    tau : imbalance ratio n_min / n_max, in (0, 1]. (Section 4.1 of the paper defines its inverse, and uses this.)

    Raises
    ------
    ValueError : an argument out of range, or a tail class that would be empty.

    Examples
    --------
    >>> long_tailed_sizes(n_classes=10, n_max=5000, tau=0.01)
    (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    """
    (count,), (largest,) = integers("n_classes", [n_classes]), integers("n_max", [n_max])
    ratio = nonnegative("tau", tau)
    if not 0 < ratio <= 1:
        raise ValueError(f"tau={tau} is outside (0, 1]: it is n_min / n_max")
    exponents = np.arange(count) / max(count - 1, 1)
    # The nudge keeps exact values such as 5000 * 0.01 from falling to 49 by one rounding.
    sizes = np.floor(largest * ratio**exponents + 1e-9).astype(int)
    if sizes[-1] < 1:
        raise ValueError(f"tau={tau} with n_max={largest} leaves the smallest class empty")
    return tuple(int(n) for n in sizes)


def rare_classes(class_sizes: Sequence[int]) -> NDArray[np.int64]:
    """The third of the classes (at least one) with the fewest training images."""
    return np.argsort(-np.asarray(class_sizes), kind="stable")[-max(1, len(class_sizes) // 3) :]


def read_class_sizes(path: str | Path) -> Sizes:
    """Class sizes from a file of sizes or of labels (.npy, .csv, .txt).

    A list of integers with a 0 in it is read as labels 0..K-1 and counted; sizes cannot contain 0. A list that
    could be labels 1..K (every number up to the largest occurs, and some repeat) is refused. Text files
    hold numbers separated by white space or commas; a first line of words is taken for a header.

    Raises
    ------
    ValueError : not such a file, or labels that skip a class.
    OSError : the file cannot be read.
    """
    path = Path(path)
    if path.suffix == ".npy":
        values = load_array(path)
    elif path.suffix in (".csv", ".txt"):
        values = _read_numbers(path)
    else:
        raise ValueError(f"{path}: the file must end in .npy, .csv or .txt")
    if values.size == 0 or values.dtype.kind not in "iuf" or values.squeeze().ndim > 1:
        raise ValueError(f"{path} holds a {values.dtype} array of shape {values.shape}: neither sizes nor labels")
    values = values.reshape(-1)
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)) or values.min() < 0:
        raise ValueError(f"{path} holds values that are not integers >= 0: neither sizes nor labels")
    if values.min() > 0 and values.size > values.max() == np.unique(values).size:
        top = int(values.max())
        raise ValueError(
            f"{path} may hold labels 1..{top} or {values.size} sizes: number labels from 0, or give the sizes as a list"
        )
    if values.min() > 0:
        return tuple(int(n) for n in values)
    if values.max() >= values.size:
        raise ValueError(f"{path}: labels reach {int(values.max())} with only {values.size} samples")
    counts = np.bincount(values.astype(np.int64))
    if counts.min() == 0:
        raise ValueError(f"{path}: no sample has label {int(np.argmin(counts))}; labels must be 0..K-1")
    return tuple(int(n) for n in counts)


def load_array(path: str | Path) -> NDArray[Any]:
    """The array of a .npy file. Raises ValueError if the file is anything else, OSError if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            values = np.load(file, allow_pickle=False)
            values = values if isinstance(values, np.ndarray) else None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not an array in .npy format: {error}") from None
    if values is None:
        raise ValueError(f"{path} is an archive, not an array in .npy format")
    return values


def _read_numbers(path: Path) -> NDArray[Any]:
    try:
        lines = path.read_text().replace(",", " ").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file") from None
    rows = [line.split() for line in lines if line.strip()]
    if rows and not any(character.isdigit() for word in rows[0] for character in word):
        rows = rows[1:]
    try:
        return np.array([float(word) for row in rows for word in row])
    except ValueError as error:
        raise ValueError(f"{path} is not a list of numbers: {error}") from None
