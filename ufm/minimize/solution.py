"""What a minimisation leaves behind."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ufm.files import memory
from ufm.minimize.by_class import ByClass
from ufm.minimize.certificate import Certificate, Proven
from ufm.problems.frames import Array, Frame, Matrix, dense, row_norms, row_products
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import require_features

if TYPE_CHECKING:
    import xarray

ALIVE = 1e-6
"""Mean output of a class at its own centers (1 is a perfect fit) above which it counts as alive."""


@dataclass(frozen=True, repr=False)
class Solution(ByClass, Proven):
    """A minimiser of the objective over all features, and over the frame if that is learned.

    All samples of a class share their minimiser, so one feature per class says everything.

    Attributes
    ----------
    problem, frame : what was solved; a learned frame is the one found, with its norms.
    rows : one feature a class, (K, d), dense or scipy.sparse; means, if there was one feature per sample.
    value : the objective.
    certificate : a number that no features (and no frame) can go below, with its proof.
    status : "optimal" if the gap is below 1e-9 of the value (or of 1, if that is larger), else "inexact"; "stopped" if
        the iteration met no tolerance, ``stats["reason"]`` says why.
    stats : seconds, iterations (of the worst class, if classes are solved one by one), and what else explains the run.
    samples : (N, d) if each sample had a feature of its own, else None.
    """

    problem: MultiCenterProblem
    frame: Frame
    rows: Matrix
    value: float
    certificate: Certificate
    status: Literal["optimal", "inexact", "stopped"]
    stats: dict[str, Any]
    samples: Array | None = None

    @property
    def norms(self) -> Array:
        """Length of each classifier vector, (K,)."""
        return row_norms(self.frame.classifier)

    @property
    def weight_norms(self) -> Array:
        """The same as ``norms``, by the name that minimisers of models without a frame have for it."""
        return self.norms

    @property
    def feature_norms(self) -> Array:
        """Length of each class's feature, (K,)."""
        return row_norms(self.rows)

    @cached_property
    def class_features(self) -> Array:
        """One feature a class as dense rows, (K, d). Raises MemoryError if they would not fit."""
        self._require(self.frame.dim)
        return dense(self.rows)

    def _require(self, columns: int) -> None:
        """Raise MemoryError if a matrix of so many columns, a row a class, would not fit with a copy."""
        n = self.problem.n_classes
        memory.require(16 * n * columns, f"a matrix of {n} x {columns}", "use rows, norms and feature_norms")

    @cached_property
    def living(self) -> NDArray[np.bool_]:
        """Whether each class is alive, (K,): whether its features have an output at their own mean center."""
        return np.asarray(row_products(self.frame.mean_centers, self.rows) > ALIVE)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """The same as ``living``, by the name that minimisers of models without a frame have for it."""
        return self.living

    @property
    def scale(self) -> float:
        """The unit of errors of the value: 1, or the value if that is larger."""
        return max(1.0, abs(self.value))

    @cached_property
    def weight_gram(self) -> Array:
        """Products of classifier vectors, (K, K)."""
        self._require(self.problem.n_classes)
        return dense(self.frame.classifier @ self.frame.classifier.T)

    @cached_property
    def feature_gram(self) -> Array:
        """Products of class means, (K, K)."""
        self._require(self.problem.n_classes)
        return self.class_features @ self.class_features.T

    @cached_property
    def class_logits(self) -> Array:
        """Products of class means with classifier vectors, a row for each class, (K, K)."""
        self._require(self.problem.n_classes)
        return np.asarray(self.frame.classifier @ self.class_features.T).T

    @property
    def own_cosines(self) -> Array:
        """Between classifier vectors and features of each class, (K,); NaN where one is 0."""
        size = self.weight_norms * self.feature_norms
        own = row_products(self.frame.classifier, self.rows)
        return np.divide(own, size, out=np.full(len(size), np.nan), where=size > 0.0)

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Solution and certificate as an xarray Dataset with dimensions class and dim, ready for a file.

        The attributes hold problem and certificate as JSON (:meth:`ufm.Certificate.from_json`), status and stats.
        """
        import xarray

        return xarray.Dataset(
            {
                "class_features": (("class", "dim"), self.class_features),
                "classifier": (("class", "dim"), dense(self.frame.classifier)),
                "classifier_norm": ("class", self.norms),
                "living": ("class", self.living.astype(np.int8)),
                "value": ((), self.value),
                "bound": ((), self.bound),
            },
            coords={
                "class_size": ("class", np.asarray(self.problem.class_sizes)),
                "centers": ("class", np.asarray(self.problem.centers)),
            },
            attrs={
                "problem": self.problem.to_json(),
                "certificate": self.certificate.to_json(),
                "status": self.status,
                "stats": json.dumps(self.stats),
            },
        )

    @cached_property
    def features(self) -> Array:
        """The minimiser, (N, d). Raises MemoryError if it would not fit."""
        if self.samples is not None:
            return self.samples
        require_features(self.problem)
        return np.repeat(self.class_features, self.problem.class_sizes, axis=0)
