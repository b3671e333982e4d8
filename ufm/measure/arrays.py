"""What people hand in: arrays of any library, where they are, and labels of any kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Native: TypeAlias = Any
"""An array of torch or cupy on its device, or of numpy."""

CHUNK = 1 << 23
"""At most so many numbers of the features are float64 at one time (64 MiB)."""


def native(name: str, values: Any, dims: int) -> Native:
    """The array itself where its library computes on its device, detached; numpy's view of any other.

    Raises ValueError for what has another number of dimensions, or no real numbers.
    """
    if array_api_compat.is_torch_array(values):
        values = values.detach()
        values = values.cpu() if values.device.type == "mps" else values  # it has no float64
        real = values.dtype.is_floating_point or not (values.dtype.is_complex or str(values.dtype) == "torch.bool")
    else:
        values = values if array_api_compat.is_cupy_array(values) else _numpy(values)
        real = values.dtype.kind in "iuf" or values.dtype.name == "bfloat16"
    if not real:
        raise ValueError(f"{name} has dtype {values.dtype}: real numbers are needed")
    if values.ndim != dims:
        shape = "(N, d)" if dims == 2 else "(N,)"
        raise ValueError(f"{name} has shape {tuple(values.shape)}: {shape} is needed")
    return values


def _numpy(values: Any) -> NDArray[Any]:
    """numpy's view, by DLPack where there is no other."""
    if hasattr(values, "__array__") or not hasattr(values, "__dlpack__"):
        return np.asarray(values)
    return np.from_dlpack(values)


def host(values: Any) -> NDArray[Any]:
    """A numpy array, wherever the values are."""
    if array_api_compat.is_torch_array(values):
        return np.asarray(values.detach().cpu())
    return np.asarray(values.get() if array_api_compat.is_cupy_array(values) else _numpy(values))


def vectors(name: str, values: Any, dims: int) -> NDArray[np.float64]:
    """Few numbers in float64 on the host. Raises ValueError as :func:`native`, and for what is not finite."""
    given = native(name, values, dims)
    space = array_api_compat.array_namespace(given)
    numbers: NDArray[np.float64] = host(space.astype(given, space.float64))
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}[{int(np.argwhere(~np.isfinite(numbers))[0][0])}] contains NaN or infinity")
    return numbers


@dataclass(frozen=True)
class Classes:
    """The names of K classes in their order, and the numbers 0 .. K - 1 that labels become."""

    names: tuple[Any, ...]

    @classmethod
    def of(cls, classes: "int | Sequence[Any] | Classes") -> "Classes":
        """K classes named 0 .. K - 1, or by their names. Raises ValueError for none, or names that occur twice."""
        if isinstance(classes, Classes):
            return classes
        if isinstance(classes, int | np.integer):
            names: tuple[Any, ...] = tuple(range(int(classes)))
        else:
            names = tuple(classes)
        if not names:
            raise ValueError(f"classes={classes!r} must be at least one")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"classes name {twice!r} twice")
        return cls(names)

    @classmethod
    def found(cls, labels: Any, n_rows: int | None = None) -> "Classes":
        """The classes of labels: the columns of one-hot ones, 0 .. ``n_rows`` - 1 where that is given, else all there
        are, in order.
        """
        values = host(labels)
        if values.ndim == 2:
            return cls.of(values.shape[1])
        if n_rows is None:
            return cls.of(np.unique(values).tolist())
        if values.dtype.kind not in "iub":
            raise ValueError("labels are names: classes are needed, in the order of the rows of weights")
        return cls.of(n_rows)

    def __len__(self) -> int:
        """K."""
        return len(self.names)

    def codes(self, labels: Any) -> Labels:
        """Labels (N,), names of classes, or one-hot ones (N, K), as numbers of classes (N,).

        Raises ValueError with the first label that is none of them.
        """
        values = host(labels)
        if values.ndim == 2:
            return self._hot(values)
        if values.ndim != 1:
            raise ValueError(f"labels of shape {values.shape}: (N,) is needed, or (N, K) with a single 1 in each row")
        if values.dtype.kind == "f" and np.all(values == np.round(values)):
            values = values.astype(np.int64)
        if values.dtype.kind in "iub" and self.names == tuple(range(len(self))):
            codes, known = values.astype(np.int64), (values >= 0) & (values < len(self))
        else:
            codes, known = self._look_up(values)
        if not known.all():
            row = int(np.argmin(known))
            allowed = ", ".join(map(repr, self.names[:3])) + (", ..." if len(self) > 3 else "")
            raise ValueError(f"labels[{row}]={values[row].item()!r} is no class: there are {len(self)}, {allowed}")
        return codes

    def _look_up(self, values: NDArray[Any]) -> tuple[Labels, NDArray[np.bool_]]:
        distinct, inverse = np.unique(values, return_inverse=True)
        numbers = {name: number for number, name in enumerate(self.names)}
        found = np.array([numbers.get(value, -1) for value in distinct.tolist()], dtype=np.int64)[inverse]
        return found, found >= 0

    def _hot(self, values: NDArray[Any]) -> Labels:
        if values.shape[1] != len(self):
            raise ValueError(
                f"labels of shape {values.shape} do not fit {len(self)} classes: (N, {len(self)}) is needed"
            )
        single = (np.count_nonzero(values, axis=1) == 1) & (values.max(axis=1, initial=0) == 1)
        if not single.all():
            raise ValueError(f"labels[{int(np.argmin(single))}] has not a single 1: rows of one-hot labels have")
        return np.argmax(values, axis=1).astype(np.int64)


@dataclass(frozen=True)
class Runs:
    """Some rows of the features, sorted by class: samples of a class follow each other."""

    rows: Native
    """(B, d) float64, where the features are, minus an origin."""
    codes: Labels
    """(B,), ascending, on the host."""
    index: NDArray[np.int64]
    """Which row of the features each one is."""

    @property
    def classes(self) -> Labels:
        """The classes that occur."""
        return self.codes[self.starts]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each of them begins."""
        return np.flatnonzero(np.diff(self.codes, prepend=-1))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many samples each of them has."""
        return np.diff(self.starts, append=len(self.codes))

    def sums(self, values: Native) -> Native:
        """Sums by class of values (B, ...), in the order of ``classes``."""
        if isinstance(values, np.ndarray):
            return np.add.reduceat(values, self.starts, axis=0)
        space = array_api_compat.array_namespace(values)
        ends = np.append(self.starts[1:], len(self.codes))
        return space.stack([space.sum(values[a:b], axis=0) for a, b in zip(self.starts, ends, strict=True)])

    def spread(self, values: Native) -> Native:
        """Values by class, in the order of ``classes``, for every sample (B, ...)."""
        space = array_api_compat.array_namespace(values)
        which = np.repeat(np.arange(len(self.starts)), self.counts)
        return space.take(values, space.asarray(which, device=array_api_compat.device(values)), axis=0)


def batch(features: Any, labels: Any, classes: Classes, origin: Native) -> tuple[Native, Labels]:
    """Features (N, d) and class numbers (N,) that match each other and the origin (d,) of what came before, if any.

    Raises ValueError otherwise.
    """
    given, codes = native("features", features, 2), classes.codes(labels)
    if len(codes) != given.shape[0]:
        raise ValueError(f"features {tuple(given.shape)} and {len(codes)} labels do not match")
    if origin is not None and given.shape[1] != origin.shape[0]:
        raise ValueError(f"features of dimension {given.shape[1]} follow some of dimension {origin.shape[0]}")
    return given, codes


def runs(features: Native, codes: Labels, origin: Native, width: int) -> Iterator[Runs]:
    """The features chunk by chunk, sorted by class within each, minus the origin (d,); ``width`` numbers a sample.

    Raises ValueError for the first row that holds NaN or infinity.
    """
    space, place = array_api_compat.array_namespace(features), array_api_compat.device(features)
    step = max(1, CHUNK // max(1, width))
    for begin in range(0, len(codes), step):
        part = codes[begin : begin + step]
        order = np.argsort(part, kind="stable")
        rows = features[begin : begin + step]
        if np.any(part[1:] < part[:-1]):
            rows = space.take(rows, space.asarray(order, device=place), axis=0)
        rows = space.astype(rows, space.float64)
        rows -= origin
        if not np.isfinite(float(space.sum(rows))):
            _refuse(host(space.all(space.isfinite(rows), axis=1)), begin + order)
        yield Runs(rows, part[order], begin + order)


def _refuse(finite: NDArray[np.bool_], index: NDArray[np.int64]) -> None:
    """Raise ValueError for the first row that is not finite; a sum may overflow without one."""
    if not finite.all():
        raise ValueError(f"features[{index[~finite].min()}] contains NaN or infinity")
