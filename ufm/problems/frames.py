"""Multi-center frames: building them, applying them, and measuring the geometry of whatever frame is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from theory.multicenter.geometry import DEGENERATE
from ufm.files import memory
from ufm.problems.alike import stored_alike
from ufm.problems.kinds import CosineProblem, Learned
from ufm.problems.problem import Integers, MultiCenterProblem, integers, natural, require_problem

Array = NDArray[np.float64]
Matrix: TypeAlias = Any
"""An ndarray or a scipy.sparse.csr_array of float64 (scipy ships no types to say so)."""

TOLERANCE = 1e-9
"""Largest defect (relative) of a frame that still counts as isotropic, unit or orthogonal."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Centers and classifier of one problem, rows in the order of the classes.

    Attributes
    ----------
    counts : centers per class, K integers.
    centers : (F, d) float64, dense or scipy.sparse.
    classifier : (K, d), likewise.
    auxiliary : (F, d), likewise; None for a frame that was given by its centers.
    """

    counts: tuple[int, ...]
    centers: Matrix
    classifier: Matrix
    auxiliary: Matrix | None = None

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together, and numbers that are none."""
        (n_centers, dim), expected = self.centers.shape, (len(self.counts), self.centers.shape[1])
        if n_centers != sum(self.counts) or self.classifier.shape != expected:
            raise ValueError(
                f"centers {self.centers.shape} and classifier {self.classifier.shape} do not match: "
                f"{sum(self.counts)} centers of dimension {dim} and {expected[0]} classifier rows are needed"
            )
        for name in ("centers", "classifier"):
            matrix = getattr(self, name)
            if not np.all(np.isfinite(matrix.data if sparse.issparse(matrix) else matrix)):
                raise ValueError(f"{name} contains NaN or infinity")

    @classmethod
    def from_centers(cls, centers: ArrayLike, counts: Sequence[int], classifier: ArrayLike | None = None) -> "Frame":
        """Any frame, orthogonal or not; the classifier is each class's mean center unless given."""
        rows, owned = real_array("centers", centers), integers("counts", counts)
        if rows.ndim != 2 or rows.shape[0] != sum(owned):
            raise ValueError(f"centers of shape {rows.shape} do not split into counts={owned}")
        if classifier is None:
            starts = np.cumsum((0, *owned[:-1]))
            classifier = np.add.reduceat(rows, starts, axis=0) / np.array(owned)[:, None]
        return cls(owned, rows, real_array("classifier", classifier))

    @property
    def dim(self) -> int:
        """d."""
        return int(self.centers.shape[1])

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.counts)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where the centers of each class begin; shape (K + 1,)."""
        return np.concatenate(([0], np.cumsum(self.counts, dtype=np.int64)))

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The class of every center, (F,)."""
        return np.repeat(np.arange(self.n_classes), self.counts)

    @cached_property
    def _by_class(self) -> list[Matrix]:
        return [self.centers[begin:end] for begin, end in pairwise(self.offsets.tolist())]

    def class_centers(self, k: int) -> Matrix:
        """The centers of class ``k``, shape (f_k, d)."""
        return self._by_class[k]

    def classifier_row(self, k: int) -> Array:
        """w_k as a dense vector of length d."""
        return dense(self.classifier[k : k + 1])[0]

    def pick(self, classes: Sequence[int]) -> "Frame":
        """The frame of some of the classes, in the order given."""
        rows = np.concatenate([np.arange(self.offsets[k], self.offsets[k + 1]) for k in classes])
        auxiliary = None if self.auxiliary is None else self.auxiliary[rows]
        counts = tuple(self.counts[k] for k in classes)
        return Frame(counts, self.centers[rows], self.classifier[list(classes)], auxiliary)

    def occupied(self, k: int) -> tuple[Array, Array]:
        """Dense centers (f_k, m) and classifier (m,) of class ``k``, on the coordinates that any of them uses."""
        begin, end = int(self.offsets[k]), int(self.offsets[k + 1])
        if not (sparse.issparse(self.centers) and sparse.issparse(self.classifier)):
            return dense(self.centers[begin:end]), self.classifier_row(k)
        # By hand: slicing a scipy.sparse matrix a thousand times takes longer than simulating what it describes.
        parts = []
        for matrix, first, last in ((self.centers, begin, end), (self.classifier, k, k + 1)):
            pointer = matrix.indptr[first : last + 1]
            row = np.repeat(np.arange(last - first), np.diff(pointer))
            parts.append((row, matrix.indices[pointer[0] : pointer[-1]], matrix.data[pointer[0] : pointer[-1]]))
        columns = np.unique(np.concatenate([column for _, column, _ in parts]))
        rows = np.zeros((end - begin, columns.size)), np.zeros((1, columns.size))
        for target, (row, column, data) in zip(rows, parts, strict=True):
            target[row, np.searchsorted(columns, column)] = data
        return rows[0], rows[1][0]

    @cached_property
    def kinds(self) -> tuple[Integers, Integers]:
        """The first class of each kind, and the kind of every class, (K,): :meth:`occupied` is the same for a kind."""
        return stored_alike(self.centers, self.classifier, self.offsets)

    @cached_property
    def mean_centers(self) -> Matrix:
        """Mean of the centers of each class, shape (K, d)."""
        share = 1.0 / np.asarray(self.counts, dtype=np.float64)
        averaging = sparse.csr_array((share[self.owner], (self.owner, np.arange(self.owner.size))))
        return averaging @ self.centers

    @cached_property
    def mean_directions(self) -> Matrix:
        """``mean_centers`` with rows of unit length. Raises ValueError where a mean is 0."""
        lengths = row_norms(self.mean_centers)
        if not np.all(lengths > DEGENERATE * row_norms(self.centers).max()):
            raise ValueError(f"the centers of class {int(np.argmin(lengths))} average to 0: they have no direction")
        return sparse.diags_array(1.0 / lengths).tocsr() @ self.mean_centers

    def direction(self, k: int) -> Array:
        """The unit mean center of class ``k`` as a dense vector of length d."""
        return dense(self.mean_directions[k : k + 1])[0]

    @cached_property
    def differences(self) -> tuple[Matrix, Array]:
        """Rows (F, d) that differ within a class as its centers do, up to a factor, and the spread of them, (K,).

        Where centers nearly coincide their differences are small next to rounding, and so is what is projected on them.
        Those of the auxiliary vectors, which are orthogonal, are not; a frame that was given by its centers has nothing
        better than the deviations from their mean.
        """
        counts = np.asarray(self.counts)
        if self.auxiliary is not None:
            return self.auxiliary, np.add.reduceat(row_norms(self.auxiliary) ** 2, self.offsets[:-1]) / counts
        rows = dense(self.centers) - dense(self.mean_centers)[self.owner]
        return rows, np.add.reduceat(row_norms(rows) ** 2, self.offsets[:-1]) / np.maximum(counts - 1, 1)

    @cached_property
    def geometry(self) -> "Geometry":
        """What simulation needs to know of this frame, measured from its vectors."""
        return Geometry.measure(self)


def real_array(name: str, values: ArrayLike, *, copy: bool = True) -> Array:
    """Real numbers as float64, without ``copy`` themselves if they are. Raises ValueError for anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} of dtype {array.dtype} are not real numbers")
    return array.astype(np.float64, copy=copy)


def dense(matrix: Matrix) -> Array:
    """The same numbers as an ndarray."""
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def row_products(left: Matrix, right: Matrix) -> Array:
    """Inner product of each row of one matrix with that of another."""
    return np.asarray((left * right).sum(axis=1))


def row_norms(matrix: Matrix) -> Array:
    """Euclidean length of each row."""
    return np.sqrt(row_products(matrix, matrix))


@dataclass(frozen=True)
class Geometry:
    """Measured numbers of a frame, one per class, shape (K,).

    Attributes
    ----------
    length : length of the class's centers.
    mean : length of their mean.
    spread : variance-like size of their differences: the Gram matrix on the differences is ``spread`` times the
        identity if the frame is isotropic. 0 where the centers coincide.
    rank : dimension of the span of the differences.
    alignment : cosine between mean center and classifier.
    defect : by how much the reductions below are violated, relative to ``length``: centers of unequal length,
        differences that are not isotropic, a classifier that is not equally far from all of its centers.
    """

    length: Array
    mean: Array
    spread: Array
    rank: NDArray[np.int64]
    alignment: Array
    defect: Array

    @classmethod
    def measure(cls, frame: Frame) -> "Geometry":
        """Gram matrices, one for each kind of class; nothing larger than f_k x f_k and f_k x d is formed."""
        (first, kind), rows = frame.kinds, []
        for k in first.tolist():
            count = frame.counts[k]
            centers, classifier = frame.occupied(k)
            gram = centers @ centers.T
            square = float(np.trace(gram)) / count
            mean2 = float(gram.mean())
            # From the differences themselves: square - mean2 would cancel where they are small.
            spread = float(((centers - centers.mean(axis=0)) ** 2).sum()) / max(count - 1, 1)
            spread = spread if spread > DEGENERATE * square else 0.0
            centering = np.eye(count) - 1.0 / count
            anisotropy = centering @ gram @ centering - spread * centering
            size = float(np.linalg.norm(classifier))
            products = np.asarray(centers @ classifier) / size if size > 0 else np.zeros(count)
            uneven = np.concatenate([np.diag(gram) - square, (products - products.mean()) * np.sqrt(square)])
            defect = max(float(np.abs(anisotropy).max()), float(np.abs(uneven).max())) / square
            alignment = float(products.mean()) / np.sqrt(mean2) if mean2 > 0 else 0.0
            rank = count - 1 if spread > 0 else 0
            rows.append((np.sqrt(square), np.sqrt(max(mean2, 0.0)), spread, rank, alignment, defect))
        return cls(*(np.array(column)[kind] for column in zip(*rows, strict=True)))


def isotropic(frame: Frame) -> bool:
    """Whether classes look alike from all their centers: what every reduction to a few numbers needs."""
    return bool(frame.geometry.defect.max() < TOLERANCE)


def unit(frame: Frame) -> bool:
    """Whether all centers have unit length."""
    return bool(np.abs(frame.geometry.length - 1.0).max() < TOLERANCE)


def orthogonal(frame: Frame) -> bool:
    """Whether the centers of a class are orthogonal to the centers and to the classifier vectors of all others."""
    owner = frame.owner
    rows, lengths = row_norms(frame.centers), row_norms(frame.classifier)
    for other, owner_of_other, sizes in (
        (frame.centers, owner, rows),
        (frame.classifier, np.arange(frame.n_classes), np.maximum(lengths, np.finfo(float).tiny)),
    ):
        products = frame.centers @ other.T
        if isinstance(products, np.ndarray):
            products[owner[:, None] == owner_of_other] = 0.0
            products /= rows[:, None] * sizes
            worst = float(np.abs(products).max(initial=0.0))
        else:
            entries = products.tocoo()
            row, column = entries.coords
            foreign = owner[row] != owner_of_other[column]
            cosines = entries.data[foreign] / (rows[row[foreign]] * sizes[column[foreign]])
            worst = float(np.abs(cosines).max(initial=0.0))
        if worst >= TOLERANCE:
            return False
    return True


def multi_center_frame(
    problem: MultiCenterProblem,
    *,
    basis: str = "random",
    classifier: ArrayLike | None = None,
    norms: ArrayLike = 1.0,
    seed: int = 0,
) -> Frame:
    r"""A frame :math:`w_j^{(k)} = \cos\theta\, v_j^{(k)} + \sin\theta\, w_k` for the problem (definition 3.2).

    Parameters
    ----------
    problem : gives centers, theta and dim.
    basis : "random", rows of a Haar-distributed orthogonal matrix, dense; or "coordinate", the first F + K
        coordinate vectors, sparse: two numbers per center, so that frames of any size fit and products with
        them cost nothing. Both give the same simulations up to a rotation.
    classifier : given W0, shape (K, d), rows mutually orthogonal and not 0; the auxiliary vectors are then
        drawn at random from its orthogonal complement, and ``basis`` and ``norms`` are ignored.
    norms : :math:`|w_k|`, one number or K, > 0.
    seed : of the random basis.

    Raises
    ------
    ValueError : a basis, classifier or norms that are not as above.
    MemoryError : a frame that would not fit.

    Examples
    --------
    >>> from ufm import Problem
    >>> problem = Problem(class_sizes=(3, 2), centers=(2, 3), theta=0.2, dim=9)
    >>> frame = multi_center_frame(problem)
    >>> frame.centers.shape, frame.classifier.shape
    ((5, 9), (2, 9))
    """
    require_problem(problem, MultiCenterProblem)
    natural("seed", seed)
    _require_affordable(problem)
    n_centers, n_classes = problem.n_centers, problem.n_classes
    if classifier is not None:
        given = _validated_classifier(problem, classifier)
        lengths = np.linalg.norm(given, axis=1)
        directions = given / lengths[:, None]
        auxiliary = _complement(directions, n_centers, np.random.default_rng(seed))
    else:
        lengths = real_array("norms", norms)
        if lengths.shape not in ((), (n_classes,)) or not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise ValueError(f"norms={norms} must be one number or K={n_classes}, positive and finite")
        lengths = np.broadcast_to(lengths, (n_classes,))
        rows = _orthonormal_rows(problem, basis, seed)
        auxiliary, directions = rows[:n_centers], rows[n_centers:]
    owner = np.repeat(np.arange(n_classes), problem.centers)
    w0 = sparse.diags_array(lengths).tocsr() @ directions
    v = sparse.diags_array(lengths[owner]).tocsr() @ auxiliary
    centers = np.cos(problem.theta) * v + np.sin(problem.theta) * w0[owner]
    return Frame(problem.centers, centers, w0, v)


def fitting_frame(problem: MultiCenterProblem, frame: Frame | None, *, custom: bool = False) -> Frame:
    """The frame, or the problem's own in coordinate vectors. Raises ValueError if it is not one for the problem.

    An isotropic start does not see a rotation of the frame, so the cheapest basis is as good as any.
    """
    if isinstance(problem, Learned):
        raise ValueError("frame='learned': the frame is an unknown of this problem and cannot be given")
    frame = multi_center_frame(problem, basis="coordinate") if frame is None else frame
    if frame.counts != problem.centers or frame.dim != problem.dim:
        raise ValueError(
            f"the frame has centers {_brief(frame.counts)} in dimension {frame.dim}, "
            f"the problem {_brief(problem.centers)} in dimension {problem.dim}"
        )
    if isinstance(problem, CosineProblem) and not custom and not unit(frame):
        raise ValueError("the cosine loss wants centers of unit length: build the frame with norms=1")
    return frame


def _brief(numbers: tuple[int, ...]) -> str:
    return str(numbers) if len(numbers) <= 6 else f"({', '.join(map(str, numbers[:3]))}, ... {len(numbers)} classes)"


def _orthonormal_rows(problem: MultiCenterProblem, basis: str, seed: int) -> Matrix:
    count, dim = problem.n_centers + problem.n_classes, problem.dim
    if basis == "coordinate":
        return sparse.eye_array(count, dim, format="csr")
    if basis != "random":
        raise ValueError(f"basis={basis!r} is unknown: 'random' or 'coordinate'")
    _require_dense(count, dim)
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, count)))
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T)


def _validated_classifier(problem: MultiCenterProblem, classifier: ArrayLike) -> Array:
    given = real_array("classifier", classifier)
    if given.shape != (problem.n_classes, problem.dim):
        raise ValueError(f"classifier has shape {given.shape}, not (K, d) = {(problem.n_classes, problem.dim)}")
    lengths = np.linalg.norm(given, axis=1)
    if not np.all(np.isfinite(lengths)) or lengths.min() == 0:
        raise ValueError("classifier has rows that are 0 or not finite")
    cosines = (given / lengths[:, None]) @ (given / lengths[:, None]).T
    worst = float(np.abs(cosines - np.eye(len(given))).max())
    if worst > 1e-10:
        raise ValueError(f"classifier rows are not orthogonal: a cosine of {worst:.2g} between two of them")
    return given


def _complement(directions: Array, count: int, rng: np.random.Generator) -> Array:
    """``count`` random orthonormal rows orthogonal to the orthonormal rows ``directions``."""
    n_classes, dim = directions.shape
    _require_dense(count + n_classes, dim)
    stacked = np.concatenate([directions, rng.standard_normal((count, dim))])
    q, r = np.linalg.qr(stacked.T)
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T[n_classes:])


def _require_affordable(problem: MultiCenterProblem) -> None:
    """Raise MemoryError or ValueError for a frame that cannot be built and measured; warn of one that takes long."""
    largest, rows = max(problem.centers), problem.n_centers + problem.n_classes
    what = f"a frame of {problem.n_centers} centers, {largest} in one class, and d={problem.dim}"
    advice = "take fewer centers (--centers, --f), or a smaller --dim"
    # six matrices f_k x f_k of a class, two entries a row in a few sparse matrices, and vectors of length d
    memory.require(48 * largest**2 + 200 * rows + 40 * problem.dim, what, advice)
    # products of matrices f_k x f_k, and what a class costs whatever its size; measured on one core
    memory.require_time(2e-10 * sum(f**3 for f in problem.centers) + 1e-4 * problem.n_classes, what, advice)


def _require_dense(rows: int, dim: int) -> None:
    # basis, auxiliary vectors and centers, and the workspace of the factorisation
    memory.require(4 * 8 * rows * dim, f"a dense frame of {rows} x {dim}", "use basis='coordinate'")
