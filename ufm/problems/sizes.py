"""Where class sizes come from: a formula, or a file."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.files import memory
from ufm.files.text import read_text, require_file
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
    ValueError : an argument out of range, or a tail class that would be empty. MemoryError : more classes than fit.

    Examples
    --------
    >>> long_tailed_sizes(n_classes=10, n_max=5000, tau=0.01)
    (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    """
    (count,), (largest,) = integers("n_classes", [n_classes]), integers("n_max", [n_max])
    ratio = nonnegative("tau", tau)
    if not 0 < ratio <= 1:
        raise ValueError(f"tau={tau} is outside (0, 1]: it is n_min / n_max")
    memory.require(120 * count, f"a list of {count} class sizes", "take fewer --n-classes")
    return _between(largest, ratio, np.arange(count) / max(count - 1, 1))


def _between(largest: int, tau: float, exponents: NDArray[np.float64]) -> Sizes:
    """Sizes from n_max, at exponent 0, to n_max tau, at exponent 1."""
    # The nudge keeps exact values such as 5000 * 0.01 from falling to 49 by one rounding.
    sizes = np.floor(largest * tau**exponents + 1e-9).astype(int)
    if sizes.min() < 1:
        raise ValueError(f"tau={tau} with n_max={largest} leaves the smallest class empty")
    return tuple(int(n) for n in sizes)


def with_imbalance(sizes: Sizes, tau: float) -> Sizes:
    r"""The same classes with another imbalance: each size at its place between the largest and the smallest.

    .. math:: n_k = \lfloor n_{max}\, \tau^{e_k} \rfloor , \qquad
        e_k = \frac{\ln (n_{max} / n_k)}{\ln (n_{max} / n_{min})} ,

    so equal classes stay equal, and a long tail stays one.

    Parameters
    ----------
    sizes : of classes that are not all equal.
    tau : imbalance ratio n_min / n_max, in (0, 1].

    Raises
    ------
    ValueError : sizes that are all equal, or a class that would be empty.

    Examples
    --------
    >>> with_imbalance((100, 100, 10, 10), 0.25), with_imbalance((100, 30, 9), 0.01)
    ((100, 100, 25, 25), (100, 10, 1))
    """
    n = np.asarray(sizes, dtype=np.float64)
    if n.min() == n.max():
        raise ValueError(f"class_sizes={sizes} are all equal: an imbalance needs classes that may grow and shrink")
    return _between(max(sizes), tau, np.log(n.max() / n) / np.log(n.max() / n.min()))


def rare_classes(class_sizes: Sequence[int]) -> NDArray[np.int64]:
    """The third of the classes (at least one) with the fewest training images."""
    return np.argsort(-np.asarray(class_sizes), kind="stable")[-max(1, len(class_sizes) // 3) :]


def read_class_sizes(path: str | Path, *, labels: bool = False) -> Sizes:
    """Class sizes from a file of sizes or of labels.

    ``.npy`` holds one column. Text (``.csv``, ``.txt``) holds a list on one line, one number a line, a table of which
    ``FILE::COLUMN`` names the column by its header or by its number from 0, or ``path label`` a line, as the lists of
    ImageNet-LT and Places-LT do. A first line of words is a header.

    Numbers with a 0 among them are labels 0..K-1, which are counted: sizes cannot be 0. Without a 0, and with more
    numbers than the largest of them, they may be either and are refused.

    Parameters
    ----------
    path : the file.
    labels : whether it holds labels, which are any integers then: classes are counted in their order.

    Raises
    ------
    ValueError : not such a file, labels that skip a class, or numbers that may be sizes or labels.
    OSError : the file cannot be read.
    """
    name, _, column = str(path).partition("::")
    file = Path(name)
    if file.suffix == ".npy":
        values, listed = load_array(file), False
        if column:
            raise ValueError(f"{path}: an array in .npy format has no columns with names")
    elif file.suffix in (".csv", ".txt"):
        values, listed = _column(file, column)
    else:
        raise ValueError(f"{file}: the file must end in .npy, .csv or .txt")
    if values.size == 0 or values.dtype.kind not in "iuf" or values.squeeze().ndim > 1:
        raise ValueError(f"{path} holds a {values.dtype} array of shape {values.shape}: neither sizes nor labels")
    values = values.reshape(-1)
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)) or (values.min() < 0 and not labels):
        raise ValueError(f"{path} holds values that are not integers >= 0: neither sizes nor labels")
    if labels or listed:
        return tuple(int(n) for n in np.unique(values, return_counts=True)[1])
    if values.min() > 0:
        if values.size > values.max():
            raise ValueError(
                f"{path} holds {values.size} numbers up to {int(values.max())}, which may be labels or sizes: say "
                "that they are labels with --labels (read_class_sizes: labels), and give sizes as a list"
            )
        return tuple(int(n) for n in values)
    if values.max() >= values.size:
        raise ValueError(f"{path}: labels reach {int(values.max())} with only {values.size} samples")
    counts = np.bincount(values.astype(np.int64))
    if counts.min() == 0:
        raise ValueError(f"{path}: no sample has label {int(np.argmin(counts))}; labels must be 0..K-1")
    return tuple(int(n) for n in counts)


def load_array(path: str | Path) -> NDArray[Any]:
    """The array of a .npy file. Raises ValueError if the file is anything else, OSError if it cannot be read."""
    require_file(path)
    try:
        with Path(path).open("rb") as file:
            values = np.load(file, allow_pickle=False)
            values = values if isinstance(values, np.ndarray) else None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not an array in .npy format: {error}") from None
    if values is None:
        raise ValueError(f"{path} is an archive, not an array in .npy format")
    return values


def _column(path: Path, column: str) -> tuple[NDArray[Any], bool]:
    """The numbers of a text file, or of a column of it, and whether they stand behind the paths of a list."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    rows = [re.split(r"\s*[,;]\s*|\s+", line) for line in lines]
    header = rows.pop(0) if rows and not any(map(_is_number, rows[0])) else []
    widths = {len(row) for row in rows}
    if not column and rows and all(_is_path_and_label(row) for row in rows):
        return _numbers(path, [row[-1] for row in rows]), True
    if column:
        place = header.index(column) if column in header else int(column) if column.isdecimal() else -1
        if not 0 <= place < min(widths, default=0):
            raise ValueError(
                f"{path} has no column {column!r}: {', '.join(header) or f'0 to {max(widths, default=1) - 1}'}"
            )
        return _numbers(path, [row[place] for row in rows]), False
    if len(rows) > 1 and len(widths) == 1 and widths != {1}:
        names = f" ({', '.join(header)})" if header else ""
        raise ValueError(f"{path} has {widths.pop()} columns{names}: say which one holds them, {path}::COLUMN")
    return _numbers(path, [word for row in rows for word in row]), False


def _is_path_and_label(row: Sequence[str]) -> bool:
    """Whether a row is the path of a file, which may have blanks in it, and a number; a name and a number are not."""
    return len(row) > 1 and not _is_number(row[0]) and _is_number(row[-1]) and any(part in row[-2] for part in "./")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numbers(path: Path, words: Sequence[str]) -> NDArray[np.float64]:
    for word in words:
        if not _is_number(word):
            raise ValueError(f"{path} is not a list of numbers: {word!r} is none")
    return np.array([float(word) for word in words])
