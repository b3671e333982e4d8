"""The validated statement of one unconstrained-feature problem."""

import json
import math
import operator
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from theory.multicenter.geometry import center_cosine, minimum_dimension, squared_cosine
from ufm.files.store import config_key, json_object
from ufm.files.text import nearest

Sizes = tuple[int, ...]
Integers = NDArray[np.int64]

LARGEST = 1e100
"""No weight, and no number of samples or centers, is larger: products of them must stay finite."""


def integers(name: str, values: Iterable[Any]) -> Sizes:
    """``values`` as a tuple of integers >= 1. Raises ValueError naming what is not one."""
    result = []
    for value in values:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise ValueError(f"{name} contains {value!r}: only integers are allowed")
        result.append(operator.index(value))
        if result[-1] < 1:
            raise ValueError(f"{name} contains {result[-1]}: every entry must be at least 1")
    if not result:
        raise ValueError(f"{name} is empty: at least one class is needed")
    if sum(result) >= 2**62:
        raise ValueError(f"{name} adds up to {sum(result)}: more than 2**62 cannot be counted")
    return tuple(result)


def nonnegative(name: str, value: Any) -> float:
    """``value`` as a finite float >= 0. Raises ValueError otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} is not a number") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}={number} must be finite and at least 0")
    if number > LARGEST:
        raise ValueError(f"{name}={number} must be at most {LARGEST:g}")
    return number + 0.0  # -0.0 is 0.0


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
    frame : "fixed", or "learned": directions (orthonormal) and, for P, norms of the frame are unknowns as well. P
        needs positive ``lam_h`` and ``lam_w`` then: it is degenerate without.

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
    frame: Literal["fixed", "learned"] = "fixed"

    def __post_init__(self) -> None:
        """Replace every field by its canonical value, or refuse it."""

        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)  # the class is frozen

        put("class_sizes", integers("class_sizes", self._iterable("class_sizes")))
        one_for_all = np.ndim(self.centers) == 0 and not isinstance(self.centers, str)
        put("centers", integers("centers", [self.centers] if one_for_all else self._iterable("centers")))
        if one_for_all:
            put("centers", self.centers * self.n_classes)
        if len(self.centers) != self.n_classes:
            raise ValueError(f"centers has {len(self.centers)} entries and class_sizes {self.n_classes}")
        put("theta", nonnegative("theta", self.theta))
        squared_cosine(self.theta)  # the range of theta is checked where it is defined
        put("dim", self._dimension())
        if self.frame not in ("fixed", "learned"):
            raise ValueError(f"frame={self.frame!r} is unknown: 'fixed' or 'learned'")
        if self.loss == "cosine":
            self._refuse("lam_h", "lam_w")
            put("beta", self._weights())
            put("lam", nonnegative("lam", 0.1 if self.lam is None else self.lam))
        elif self.loss == "mse":
            self._refuse("beta", "lam")
            for name in ("lam_h", "lam_w"):
                value = getattr(self, name)
                put(name, nonnegative(name, 0.0 if value is None else value))
            self._require_minimiser()
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
        (dim,) = integers("dim", [self.dim])
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
        weights = [nonnegative("beta", b) for b in (beta if several else [beta])]
        if several and len(weights) != self.n_classes:
            raise ValueError(f"beta has {len(weights)} entries and class_sizes {self.n_classes}")
        if min(weights) == 0:
            raise ValueError("beta contains 0: a class without weight has no geometry to collapse to")
        return tuple(weights) if several else weights[0]

    def _require_minimiser(self) -> None:
        # scaling features by t and norms by 1/t leaves the outputs alone, so one of the two penalties can be had for 0
        pairs = ("lam_h", "features grow and norms of the frame shrink"), ("lam_w", "norms grow and features shrink")
        for name, way_out in pairs:
            if self.frame == "learned" and not getattr(self, name):
                raise ValueError(
                    f"{name}={getattr(self, name)} must be positive with frame='learned': P is degenerate without it, "
                    f"{way_out} without bound and at no cost"
                )

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
        return cls.from_dict(json_object("a problem", text))

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
        return config_key(self.to_dict())
