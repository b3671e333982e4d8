"""What people hand in: arrays of any library, where they are, and labels of any kind."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ufm.files.bars import tqdm
from ufm.files.blas import one_thread
from ufm.files.process import processors

Labels = NDArray[np.int64]
Native: TypeAlias = Any
"""An array of torch or cupy on its device, or of numpy."""

CHUNK = 1 << 20
"""So many numbers of the features are float64 at one time in each thread (8 MiB): they stay near the processor."""

NARROW = 64
"""Samples have no fewer numbers than these where samples of a chunk are counted: sums of many would be rounded more."""

THREADS = 8
"""At most."""

SMALLEST, LARGEST = 1e-70, 1e70
"""Between these the fourth powers of lengths, which some measures need, are numbers too."""

SHAPES = {"weights": "(K, d)", "bias": "(K,)", "targets": "(N, n)", "grams": "(K, K)"}
"""Of what is no sample."""


def native(name: str, values: Any, dims: int) -> Native:
    """The array itself where its library computes on its device, detached; numpy's view of any other.

    Raises ValueError for what has another number of dimensions, no column, or no real numbers.
    """
    if array_api_compat.is_torch_array(values):
        if str(values.layout) != "torch.strided":
            raise ValueError(f"{name} has layout {values.layout}: a dense array is needed, {name}.to_dense()")
        values = values.detach()
        values = values.cpu() if values.device.type == "mps" else values  # it has no float64
        real = values.dtype.is_floating_point or not (values.dtype.is_complex or str(values.dtype) == "torch.bool")
    else:
        values = values if array_api_compat.is_cupy_array(values) else _numpy(values, name)
        real = values.dtype.kind in "iuf" or values.dtype.name == "bfloat16"
    if not real:
        raise ValueError(f"{name} has dtype {values.dtype}: real numbers are needed")
    if values.ndim != dims or 0 in values.shape[1:]:
        shape = SHAPES.get(name.partition("[")[0], "(N, d)")
        raise ValueError(f"{name} has shape {tuple(values.shape)}: {shape} is needed")
    return values


def _numpy(values: Any, name: str = "values") -> NDArray[Any]:
    """numpy's view, by DLPack where there is no other. Raises ValueError for what is no array, or has a mask."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array, and what is masked would count: leave these rows out")
    if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        return np.from_dlpack(values)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None


def beside(values: Native, there: Native) -> Native:
    """The values (...,) where ``there`` is, in its library."""
    space, place = array_api_compat.array_namespace(there), array_api_compat.device(there)
    own = array_api_compat.array_namespace(values)
    if own is space:
        return values if array_api_compat.device(values) == place else array_api_compat.to_device(values, place)
    return space.asarray(host(own.astype(values, own.float64)), device=place)


def host(values: Any) -> NDArray[Any]:
    """A numpy array, wherever the values are."""
    if array_api_compat.is_torch_array(values):
        return np.asarray(values.detach().cpu())
    return np.asarray(values.get() if array_api_compat.is_cupy_array(values) else _numpy(values))


def vectors(name: str, values: Any, dims: int) -> NDArray[np.float64]:
    """Few numbers in float64 on the host.

    Raises ValueError as :func:`native`, for what is not finite, and for numbers whose powers are none.
    """
    given = native(name, values, dims)
    space = array_api_compat.array_namespace(given)
    numbers: NDArray[np.float64] = host(space.astype(given, space.float64))
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}[{int(np.argwhere(~np.isfinite(numbers))[0][0])}] contains NaN or infinity")
    sizes = np.abs(numbers).max(axis=tuple(range(1, dims)), initial=0.0)
    if sizes.max(initial=0.0) > LARGEST or 0.0 < sizes.max(initial=0.0) < SMALLEST:
        row = int(np.argmax(sizes))
        raise ValueError(f"{name}[{row}] is of size {sizes[row]:.0e}: from {SMALLEST:g} to {LARGEST:g} is allowed")
    return numbers


def labelled(labels: Any) -> NDArray[Any]:
    """Labels as numpy has them, whole ones as integers. Raises ValueError for what cannot name classes."""
    values = host(labels) if array_api_compat.is_torch_array(labels) else _numpy(labels, "labels")
    values = values[:, 0] if values.shape[1:] == (1,) else values
    if values.ndim not in (1, 2):
        raise ValueError(f"labels of shape {values.shape}: (N,) is needed, or (N, K) with a single 1 in each row")
    if values.dtype.kind not in "iubfUSOT":
        raise ValueError(f"labels has dtype {values.dtype}: integers, strings or one-hot rows are needed")
    if values.dtype.kind == "f" and values.ndim == 1:
        if np.isnan(values).any():
            raise ValueError(f"labels[{int(np.argmax(np.isnan(values)))}] is NaN")
        broken = (values != np.round(values)) | (np.abs(values) >= 2**53)
        if broken.any():
            row = int(np.argmax(broken))
            raise ValueError(
                f"labels[{row}]={float(values[row])!r} is no integer: integers, words or one-hot rows name classes"
            )
        values = values.astype(np.int64)
    return values


def _unique(values: NDArray[Any]) -> tuple[NDArray[Any], Labels]:
    """Distinct labels in order, and which of them each one is."""
    try:
        distinct, inverse = np.unique(values, return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values.tolist()}))
        raise ValueError(f"labels of several types have no order: {kinds}") from None
    return distinct, inverse.astype(np.int64)


@dataclass(frozen=True)
class Classes:
    """The names of K classes in their order, and the numbers 0 .. K - 1 that labels become."""

    names: tuple[Any, ...]

    @classmethod
    def of(cls, classes: "int | Sequence[Any] | Classes") -> "Classes":
        """K classes named 0 .. K - 1, or by their names. Raises ValueError for none, or names that occur twice."""
        if isinstance(classes, Classes):
            return classes
        try:
            given: Any = range(int(classes)) if isinstance(classes, int | np.integer) else classes
            names = tuple(name.item() if isinstance(name, np.generic) else name for name in given)
            distinct = len(set(names))
        except TypeError:
            raise ValueError(f"classes={classes!r} is neither a number nor a list of names") from None
        if not names:
            raise ValueError(f"classes={classes!r} must be at least one")
        if distinct < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"classes name {twice!r} twice")
        return cls(names)

    @classmethod
    def found(cls, labels: Any, n_rows: int | None = None) -> "Classes":
        """The classes of labels: the columns of one-hot ones, 0 .. ``n_rows`` - 1 where that is given, else all there
        are, in order.
        """
        values = labelled(labels)
        if not values.size:
            raise ValueError(f"labels of shape {values.shape} name no class")
        if values.ndim == 2:
            return cls.of(values.shape[1])
        if n_rows is None:
            return cls.of(_unique(values)[0].tolist())
        if values.dtype.kind not in "iub":
            raise ValueError("labels are names: classes are needed, in the order of the rows of weights")
        return cls.of(n_rows)

    def __len__(self) -> int:
        """K."""
        return len(self.names)

    def codes(self, labels: Any) -> Labels:
        """Labels (N,), names of classes, their numbers where the names are words, or one-hot ones (N, K), as numbers of
        classes (N,).

        Raises ValueError with the first label that is none of them.
        """
        values = labelled(labels)
        if values.ndim == 2:
            return self._hot(values)
        if values.dtype.kind in "iub" and self._numbered:
            codes, known = values.astype(np.int64), (values >= 0) & (values < len(self))
        else:
            codes, known = self._look_up(values)
        if not known.all():
            row = int(np.argmin(known))
            allowed = ", ".join(map(repr, self.names[:3])) + (", ..." if len(self) > 3 else "")
            raise ValueError(
                f"labels[{row}]={values[row : row + 1].tolist()[0]!r} is no class: the {len(self)} are {allowed}"
            )
        return codes

    @property
    def _numbered(self) -> bool:
        return self.names == tuple(range(len(self))) or all(isinstance(name, str) for name in self.names)

    def _look_up(self, values: NDArray[Any]) -> tuple[Labels, NDArray[np.bool_]]:
        distinct, inverse = _unique(values)
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
    squares: Native
    """Squared lengths, (B,), without the origin taken away."""
    name: str = "features"
    """Of the argument that they are."""

    @cached_property
    def classes(self) -> Labels:
        """The classes that occur."""
        return self.codes[self.starts]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each of them begins."""
        return np.flatnonzero(np.diff(self.codes, prepend=-1))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many samples each of them has."""
        return np.diff(self.starts, append=len(self.codes))

    @cached_property
    def _adder(self) -> Any:
        """Rows of ones (classes, B): numpy's own sums over parts of the first axis take ten times as long."""
        ends = np.append(self.starts, len(self.codes))
        return sparse.csr_array((np.ones(len(self.codes)), np.arange(len(self.codes)), ends))

    def sums(self, values: Native) -> Native:
        """Sums by class of values (B, ...), in the order of ``classes``."""
        if isinstance(values, np.ndarray):
            return self._adder @ values
        space = array_api_compat.array_namespace(values)
        ends = np.append(self.starts[1:], len(self.codes))
        return space.stack([space.sum(values[a:b], axis=0) for a, b in zip(self.starts, ends, strict=True)])

    def spread(self, values: Native) -> Native:
        """Values by class, in the order of ``classes``, for every sample (B, ...)."""
        space = array_api_compat.array_namespace(values)
        which = np.repeat(np.arange(len(self.starts)), self.counts)
        return space.take(values, space.asarray(which, device=array_api_compat.device(values)), axis=0)

    def require(self, sizes: Native) -> None:
        """Raise ValueError for the first row that is not finite, or too large, unless all sizes are small numbers."""
        space = array_api_compat.array_namespace(sizes)
        if not float(space.max(sizes)) <= LARGEST:
            self.refuse()

    def refuse(self) -> None:
        """Raise ValueError for the first row that is not finite, or too large, if there is one."""
        sizes = np.abs(host(self.rows)).max(axis=1)
        if not np.all(sizes < LARGEST / 2.0):
            row = np.flatnonzero(~(sizes < LARGEST / 2.0))
            first = row[np.argmin(self.index[row])]
            require_sized(f"{self.name}[{self.index[first]}]", sizes[first])


def require_sized(what: str, size: float) -> None:
    """Raise ValueError for a row of this size: NaN, infinity, or above half of the largest allowed."""
    if not np.isfinite(size):
        raise ValueError(f"{what} contains NaN or infinity")
    if size >= LARGEST / 2.0:
        raise ValueError(f"{what} is of size {size:.0e}: up to {LARGEST:g} is allowed, in another unit it would be")


def batch(
    features: Any, labels: Any, classes: Classes, origin: Native, name: str = "features"
) -> tuple[Native, Labels]:
    """Features (N, d) and class numbers (N,) that match each other and the origin (d,) of what came before, if any;
    where that is.

    Raises ValueError otherwise.
    """
    given, codes = native(name, features, 2), classes.codes(labels)
    if len(codes) != given.shape[0]:
        turned = ": transposed?" if given.shape[1] == len(codes) else ""
        raise ValueError(f"{name} {tuple(given.shape)} and {len(codes)} labels do not match{turned}")
    if origin is None:
        return given, codes
    if given.shape[1] != origin.shape[0]:
        raise ValueError(f"{name} of dimension {given.shape[1]} beside features of dimension {origin.shape[0]}")
    return given, codes


def chunks(
    features: Native, codes: Labels, origin: Native, width: int, name: str = "features", *, progress: bool = False
) -> Iterator[Callable[[], Runs]]:
    """What makes the features, chunk by chunk, sorted by class within each, minus the origin (d,); ``width`` numbers a
    sample. ``progress`` shows a bar on stderr.
    """
    step = max(1, CHUNK // max(NARROW, width))
    with tqdm(total=len(codes), unit="row", delay=1.0, leave=False, disable=not progress) as bar:
        for begin in range(0, len(codes), step):
            yield partial(_run, features, codes, origin, slice(begin, begin + step), name)
            bar.update(len(codes[begin : begin + step]))


def runs(features: Native, codes: Labels, origin: Native, width: int, name: str = "features") -> Iterator[Runs]:
    """The same, made one by one."""
    return (make() for make in chunks(features, codes, origin, width, name))


def _run(features: Native, codes: Labels, origin: Native, where: slice, name: str) -> Runs:
    part, rows = codes[where], features[where]
    order = np.argsort(part, kind="stable")
    if np.any(part[1:] < part[:-1]):
        space = array_api_compat.array_namespace(features)
        rows = space.take(rows, space.asarray(order, device=array_api_compat.device(features)), axis=0)
    rows = beside(rows, origin)
    space = array_api_compat.array_namespace(rows)
    rows = space.astype(rows, space.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        squares = space.vecdot(rows, rows)
        rows -= origin
    return Runs(rows, part[order], where.start + order, squares, name)


def in_order(work: Callable[[Any], Any], jobs: Iterable[Any], features: Native) -> Iterator[Any]:
    """What the work makes of each job, in their order: bits do not depend on the threads, which numpy's arrays have one
    of for each processor.
    """
    threads = min(THREADS, processors())
    with one_thread() if isinstance(features, np.ndarray) else nullcontext():
        if threads == 1 or not isinstance(features, np.ndarray):
            yield from map(work, jobs)
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[Any]] = deque()
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
