"""The validated statement of one unconstrained-feature problem, and where its class sizes come from."""

import difflib
import hashlib
import json
import math
import operator
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from theory.geometry import center_cosine, minimum_dimension, squared_cosine

Sizes = tuple[int, ...]


def _integers(name: str, values: Iterable[Any]) -> Sizes:
    result = []
    for value in values:
        try:
            result.append(operator.index(value))
        except TypeError:
            raise ValueError(f"{name} contains {value!r}: only integers are allowed") from None
        if result[-1] < 1:
            raise ValueError(f"{name} contains {result[-1]}: every entry must be at least 1")
    if not result:
        raise ValueError(f"{name} is empty: at least one class is needed")
    return tuple(result)


def _nonnegative(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} is not a number") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}={number} must be finite and at least 0")
    return number


@dataclass(frozen=True)
class Problem:
    r"""One unconstrained-feature problem with multiple centers. Immutable, hashable, validated.

    Samples are grouped by class in the order of ``class_sizes``; the features of sample :math:`(k, i)` minimise

    * ``loss="cosine"``: :math:`\beta_k \sum_j (\langle w_j^{(k)}, h / |h| \rangle - 1)^2 + \lambda (|h| - 1)^2`,
    * ``loss="mse"`` (problem P of the paper, section 3):
      :math:`|W H - Y|_F^2 / (2 S) + \frac{\lambda_W}{2} |W_0|_F^2 + \frac{\lambda_H}{2} |H|_F^2`,
      :math:`S = \sum_k f_k n_k`.

    Parameters
    ----------
    class_sizes : K integers >= 1, samples per class.
    centers : centers per class: one integer for all, or K integers >= 1 (:func:`ufm.class_aware`).
    theta : angle constant of the frame, radians, in [0, pi/2].
    dim : feature dimension d >= F + K; that minimum if left out.
    loss : "cosine" or "mse".
    beta : cosine only: weight > 0 for all classes, K weights, or "weighted", the paper's
        :math:`\beta_k = \cos\alpha_k` (default).
    lam : cosine only: weight of the norm penalty, >= 0 (default 0.1). The paper's 6e-4 per sample, summed over
        a batch of 128, is 0.0768 here.
    lam_h, lam_w : mse only: weights of features and classifier, >= 0 (default 0).
    frame : "fixed".

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> problem = Problem(class_sizes=(100, 10), centers=(2, 5), theta=0.2, dim=16)
    >>> problem.n_centers, problem.total, problem == Problem.from_toml(problem.to_toml())
    (7, 250, True)
    """

    class_sizes: Sizes
    centers: Sizes
    theta: float
    dim: int | None = None
    loss: Literal["cosine", "mse"] = "cosine"
    beta: float | tuple[float, ...] | Literal["weighted"] | None = None
    lam: float | None = None
    lam_h: float | None = None
    lam_w: float | None = None
    frame: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        """Replace every field by its canonical value, or refuse it."""

        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)  # the class is frozen

        put("class_sizes", _integers("class_sizes", self._iterable("class_sizes")))
        one_for_all = np.ndim(self.centers) == 0 and not isinstance(self.centers, str)
        put("centers", _integers("centers", [self.centers] if one_for_all else self._iterable("centers")))
        if one_for_all:
            put("centers", self.centers * self.n_classes)
        if len(self.centers) != self.n_classes:
            raise ValueError(f"centers has {len(self.centers)} entries and class_sizes {self.n_classes}")
        put("theta", _nonnegative("theta", self.theta))
        squared_cosine(self.theta)  # the range of theta is checked where it is defined
        put("dim", self._dimension())
        if self.frame != "fixed":
            raise ValueError(f"frame={self.frame!r} cannot be simulated yet: the only frame is 'fixed'")
        if self.loss == "cosine":
            self._refuse("lam_h", "lam_w")
            put("beta", self._weights())
            put("lam", _nonnegative("lam", 0.1 if self.lam is None else self.lam))
        elif self.loss == "mse":
            self._refuse("beta", "lam")
            for name in ("lam_h", "lam_w"):
                value = getattr(self, name)
                put(name, _nonnegative(name, 0.0 if value is None else value))
        else:
            raise ValueError(f"loss={self.loss!r} is unknown: 'cosine' or 'mse'")

    def _iterable(self, name: str) -> Iterable[Any]:
        value = getattr(self, name)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(f"{name}={value!r} is not a list of integers")
        return value

    def _dimension(self) -> int:
        needed = minimum_dimension(self.centers)
        if self.dim is None:
            return needed
        (dim,) = _integers("dim", [self.dim])
        if dim < needed:
            raise ValueError(f"dim={dim} < {needed} = sum(centers) + n_classes: no such frame exists")
        return dim

    def _weights(self) -> float | tuple[float, ...] | Literal["weighted"]:
        beta: Any = self.beta
        if beta is None or (isinstance(beta, str) and beta == "weighted"):
            return "weighted"
        if isinstance(beta, str):
            raise ValueError(f"beta={beta!r} is unknown: a number, one number per class, or 'weighted'")
        several = np.ndim(beta) > 0
        weights = [_nonnegative("beta", b) for b in (beta if several else [beta])]
        if several and len(weights) != self.n_classes:
            raise ValueError(f"beta has {len(weights)} entries and class_sizes {self.n_classes}")
        if min(weights) == 0:
            raise ValueError("beta contains 0: a class without weight has no geometry to collapse to")
        return tuple(weights) if several else weights[0]

    def _refuse(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) is not None:
                raise ValueError(f"{name}={getattr(self, name)} has no meaning for loss={self.loss!r}")

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.class_sizes)

    @property
    def n_samples(self) -> int:
        """N, the sum of the class sizes."""
        return sum(self.class_sizes)

    @property
    def n_centers(self) -> int:
        """F, the sum of the centers."""
        return sum(self.centers)

    @property
    def total(self) -> int:
        """S, the sum of centers times samples over the classes: the normalisation of P."""
        return sum(f * n for f, n in zip(self.centers, self.class_sizes, strict=True))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """beta_k of every class, shape (K,)."""
        if self.beta == "weighted":
            return center_cosine(self.centers, self.theta)
        return np.broadcast_to(np.asarray(self.beta, dtype=np.float64), (self.n_classes,)).copy()

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where the samples of each class begin; shape (K + 1,), the last entry is N."""
        return np.concatenate(([0], np.cumsum(self.class_sizes, dtype=np.int64)))

    def samples(self, k: int) -> slice:
        """The rows that belong to class ``k``."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of every sample, shape (N,)."""
        return np.repeat(np.arange(self.n_classes), self.class_sizes)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; what has no meaning for the loss is left out."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in plain.items() if value is not None
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`. Raises ValueError for keys that are unknown or missing."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise ValueError(f"unknown key {key!r}{nearest(key, known)}")
        for key in ("class_sizes", "centers", "theta"):
            if key not in values:
                raise ValueError(f"key {key!r} is missing")
        return cls(**values)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of :meth:`to_json`."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON: {error}") from None
        if not isinstance(values, dict):
            raise ValueError("a problem is a JSON object")
        return cls.from_dict(values)

    def to_toml(self) -> str:
        """TOML, one key a line. (JSON scalars and arrays of numbers are valid TOML values.)"""
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.to_dict().items())

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Inverse of :meth:`to_toml`."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"not valid TOML: {error}") from None
        return cls.from_dict(values)

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name this problem on disk; equal problems have equal keys."""
        canonical = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message: the closest known word, or all of them."""
    candidates = list(known)
    close = difflib.get_close_matches(word, candidates, n=1)
    return f": did you mean {close[0]!r}?" if close else f": allowed are {', '.join(candidates)}"


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
    (count,), (largest,) = _integers("n_classes", [n_classes]), _integers("n_max", [n_max])
    ratio = _nonnegative("tau", tau)
    if not 0 < ratio <= 1:
        raise ValueError(f"tau={tau} is outside (0, 1]: it is n_min / n_max")
    exponents = np.arange(count) / max(count - 1, 1)
    # The nudge keeps exact values such as 5000 * 0.01 from falling to 49 by one rounding.
    sizes = np.floor(largest * ratio**exponents + 1e-9).astype(int)
    if sizes[-1] < 1:
        raise ValueError(f"tau={tau} with n_max={largest} leaves the smallest class empty")
    return tuple(int(n) for n in sizes)


def read_class_sizes(path: str | Path) -> Sizes:
    """Class sizes from a file of sizes or of labels (.npy, .csv, .txt).

    A list of integers with a 0 in it is read as labels 0..K-1 and counted; sizes cannot contain 0. Text files
    hold numbers separated by white space or commas; a first line of words is taken for a header.

    Raises
    ------
    ValueError : not such a file, or labels that skip a class.
    OSError : the file cannot be read.
    """
    path = Path(path)
    if path.suffix == ".npy":
        values = np.load(path, allow_pickle=False)
    elif path.suffix in (".csv", ".txt"):
        values = _read_numbers(path)
    else:
        raise ValueError(f"{path}: the file must end in .npy, .csv or .txt")
    if values.size == 0 or values.dtype.kind not in "iuf" or values.squeeze().ndim > 1:
        raise ValueError(f"{path} holds a {values.dtype} array of shape {values.shape}: neither sizes nor labels")
    values = values.reshape(-1)
    if not np.all(np.isfinite(values)) or np.any(values != np.floor(values)) or values.min() < 0:
        raise ValueError(f"{path} holds values that are not integers >= 0: neither sizes nor labels")
    if values.min() > 0:
        return tuple(int(n) for n in values)
    if values.max() >= values.size:
        raise ValueError(f"{path}: labels reach {int(values.max())} with only {values.size} samples")
    counts = np.bincount(values.astype(np.int64))
    if counts.min() == 0:
        raise ValueError(f"{path}: no sample has label {int(np.argmin(counts))}; labels must be 0..K-1")
    return tuple(int(n) for n in counts)


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
