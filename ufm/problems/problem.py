"""The validated statement of a problem: what all kinds share, and the front door that picks the kind."""

import json
import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from theory.multicenter.geometry import minimum_dimension, squared_cosine
from ufm.files.store import config_key
from ufm.files.text import json_object, suggestion, toml_table

Sizes = tuple[int, ...]
Integers = NDArray[np.int64]

LARGEST = 1e100
"""No weight, and no number of samples or centers, is larger: products of them must stay finite."""

LEFT_OUT = cast(int, None)
"""Default of an integer that is filled in when the problem is validated."""


def integers(name: str, values: Iterable[Any]) -> Sizes:
    """``values`` as a tuple of integers >= 1. Raises ValueError naming what is not one."""
    result = tuple(values)
    if set(map(type, result)) != {int}:  # one by one takes ten times as long
        for value in result:
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise ValueError(f"{name} contains {value!r}: only integers are allowed")
        result = tuple(map(operator.index, result))
    if not result:
        raise ValueError(f"{name} is empty: at least one class is needed")
    if min(result) < 1:
        raise ValueError(f"{name} contains {next(n for n in result if n < 1)}: every entry must be at least 1")
    if sum(result) >= 2**62:
        raise ValueError(f"{name} adds up to {sum(result)}: more than 2**62 cannot be counted")
    return result


def nonnegative(name: str, value: Any) -> float:
    """``value`` as a finite float >= 0. Raises ValueError otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} is not a number") from None
    except OverflowError:
        raise ValueError(f"{name} must be at most {LARGEST:g}") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}={number} must be finite and at least 0")
    if number > LARGEST:
        raise ValueError(f"{name}={number} must be at most {LARGEST:g}")
    return number + 0.0  # -0.0 is 0.0


def natural(name: str, value: Any) -> int:
    """``value`` as an integer in [0, 2**63), such as a seed. Raises ValueError otherwise."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= value < 2**63:
        raise ValueError(f"{name}={value!r} must be an integer >= 0, below 2**63")
    return operator.index(value)


P = TypeVar("P", bound="Problem")


def require_problem(value: Any, kind: type[P]) -> P:
    """The value itself. Raises TypeError for what is not a problem of that kind."""
    if not isinstance(value, kind):
        others = "" if issubclass(kind, MultiCenterProblem) else ", a ufm.FeatureModel or a ufm.SphereModel"
        raise TypeError(f"problem is a ufm.Problem{others}, not of type {type(value).__name__}")
    return value


class _FrontDoor(type):
    """``Problem(...)`` is an instance of the kind that its arguments name; a kind called by its own name is itself."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not Problem:
            return super().__call__(*args, **kwargs)
        named = dict(zip(("class_sizes", "centers", "theta", "dim", "loss"), args, strict=False))
        if len(args) > len(named) or named.keys() & kwargs.keys():
            raise TypeError(
                "Problem takes class_sizes, centers, theta, dim and loss in this order, once, and names for the rest"
            )
        return Problem.from_dict({**named, **kwargs})


@dataclass(frozen=True, init=False)
class Problem(metaclass=_FrontDoor):
    r"""What is asked: class sizes, a loss, its penalties, and a frame that is fixed or learned.

    Immutable, hashable, validated. Samples are grouped by class in the order of ``class_sizes``. Called by this name it
    is the front door: ``loss`` and ``frame`` pick one of :class:`CosineProblem`, :class:`MSEProblem`,
    :class:`LearnedCosineProblem` and :class:`LearnedMSEProblem`, and each of these has its own further fields.

    Parameters
    ----------
    class_sizes : K integers >= 1, samples per class.
    centers, theta, dim : see :class:`MultiCenterProblem`.
    loss : "cosine" (default) or "mse".
    frame : "fixed" (default), or "learned": directions (orthonormal) and, for P, norms of the frame are unknowns too.
    own : ``beta`` and ``lam`` of the cosine loss, ``lam_h`` and ``lam_w`` of P.

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

    if TYPE_CHECKING:

        def __new__(
            cls,
            class_sizes: Iterable[int],
            centers: int | Iterable[int],
            theta: float,
            dim: int | None = None,
            loss: Literal["cosine", "mse"] = "cosine",
            *,
            frame: Literal["fixed", "learned"] = "fixed",
            **own: Any,
        ) -> "MultiCenterProblem":
            """See above."""
            ...

    def __post_init__(self) -> None:
        """Replace every field by its canonical value, or refuse it."""
        self._put("class_sizes", integers("class_sizes", self._iterable("class_sizes")))

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # the class is frozen

    def _iterable(self, name: str) -> Iterable[Any]:
        value = getattr(self, name)
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(f"{name}={value!r} is not a list of integers")
        return value

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.class_sizes)

    @property
    def n_samples(self) -> int:
        """N, the sum of the class sizes."""
        return sum(self.class_sizes)

    @cached_property
    def offsets(self) -> Integers:
        """Where the samples of each class begin; shape (K + 1,), the last entry is N."""
        return np.concatenate(([0], np.cumsum(self.class_sizes, dtype=np.int64)))

    def samples(self, k: int) -> slice:
        """The rows that belong to class ``k``."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))

    @property
    def labels(self) -> Integers:
        """The class of every sample, shape (N,)."""
        return np.repeat(np.arange(self.n_classes), self.class_sizes)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, the words that name the kind among them."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MultiCenterProblem":
        """Inverse of :meth:`to_dict`; what is None counts as left out.

        Raises ValueError for keys that are unknown, missing, or without a meaning for the kind.
        """
        given = {key: value for key, value in values.items() if value is not None}
        kinds = list(_kinds(MultiCenterProblem))
        known = dict.fromkeys(name for kind in kinds for name in kind.__dataclass_fields__)
        for key in values:
            if key not in known:
                raise ValueError(f"unknown key {key!r}{suggestion(key, known)}")
        for key in ("class_sizes", "centers", "theta"):
            if key not in given:
                raise ValueError(f"key {key!r} is missing")
        for word, default in (("loss", "cosine"), ("frame", "fixed")):
            said, allowed = given.pop(word, default), list(dict.fromkeys(getattr(kind, word) for kind in kinds))
            if said not in allowed:
                raise ValueError(f"{word}={said!r} is unknown: {' or '.join(map(repr, allowed))}")
            kinds = [kind for kind in kinds if getattr(kind, word) == said]
        kind = kinds[-1]  # a class that is defined again, as in a notebook, takes the place of the old one
        for key, value in given.items():
            if key not in kind.__dataclass_fields__:
                raise ValueError(f"{key}={value} has no meaning for loss={kind.loss!r}")
        return kind(**given)

    def replace(self, **changes: Any) -> "MultiCenterProblem":
        """The same with some values changed, ``loss`` and ``frame`` among them; None takes a value back."""
        return Problem.from_dict({**self.to_dict(), **changes})

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "MultiCenterProblem":
        """Inverse of :meth:`to_json`."""
        return cls.from_dict(json_object("a problem", text))

    def to_toml(self) -> str:
        """TOML, one key a line. (JSON scalars and arrays of numbers are valid TOML values.)"""
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in self.to_dict().items())

    @classmethod
    def from_toml(cls, text: str) -> "MultiCenterProblem":
        """Inverse of :meth:`to_toml`."""
        return cls.from_dict(toml_table(text))

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name this problem on disk; equal problems have equal keys."""
        return config_key(self.to_dict())


def _kinds(cls: type["MultiCenterProblem"]) -> Iterable[type["MultiCenterProblem"]]:
    """All classes below ``cls`` with words of their own for the front door, as they were defined."""
    for kind in cls.__subclasses__():
        if vars(kind).keys() & {"loss", "frame"} and hasattr(kind, "loss") and hasattr(kind, "frame"):
            yield kind
        yield from _kinds(kind)


@dataclass(frozen=True)
class MultiCenterProblem(Problem):
    """A problem with a multi-center frame (definition 3.2 of the paper).

    Parameters
    ----------
    centers : centers per class: one integer for all, or K integers >= 1 (:func:`ufm.class_aware`).
    theta : angle constant of the frame, radians, in [0, pi/2].
    dim : feature dimension d >= F + K; that minimum if left out.
    """

    loss: ClassVar[str]
    frame: ClassVar[str]

    centers: Sizes
    theta: float
    dim: int = LEFT_OUT

    def __post_init__(self) -> None:
        """Validate sizes, centers, angle and dimension."""
        super().__post_init__()
        one_for_all = np.ndim(self.centers) == 0 and not isinstance(self.centers, str)
        self._put("centers", integers("centers", [self.centers] if one_for_all else self._iterable("centers")))
        if one_for_all:
            self._put("centers", self.centers * self.n_classes)
        if len(self.centers) != self.n_classes:
            raise ValueError(f"centers has {len(self.centers)} entries and class_sizes {self.n_classes}")
        self._put("theta", nonnegative("theta", self.theta))
        squared_cosine(self.theta)  # the range of theta is checked where it is defined
        needed = minimum_dimension(self.centers)
        (dim,) = (needed,) if self.dim is LEFT_OUT else integers("dim", [self.dim])
        if dim < needed:
            raise ValueError(
                f"dim={dim} < {needed}, the sum of the centers and the number of classes: no such frame exists"
            )
        self._put("dim", dim)

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Self:
            """An instance of this very class."""
            ...

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, the words that name the kind among them."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}
        shared = {key: plain.pop(key) for key in ("class_sizes", "centers", "theta", "dim")}
        return {**shared, "loss": self.loss, **plain, "frame": self.frame}

    @property
    def n_centers(self) -> int:
        """F, the sum of the centers."""
        return sum(self.centers)

    @property
    def total(self) -> int:
        """S, the sum of centers times samples over the classes: the normalisation of P."""
        return sum(map(operator.mul, self.centers, self.class_sizes))
