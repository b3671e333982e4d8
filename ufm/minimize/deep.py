r"""Deep linear unconstrained-feature models: minimised over their layers, from many starts.

With :math:`V = M D^{1/2}`, the class means weighted by the root of their sizes, and layers and features in units that
give all of them the same decay,

.. math:: F_0 = \sqrt{\lambda_H / \bar\lambda}\, V , \quad F_l = \sqrt{\lambda_l / \bar\lambda}\, W_l , \qquad
    A = W_M \cdots W_1 V = F_M \cdots F_0 , \qquad \bar\lambda = (\lambda_1 \cdots \lambda_M \lambda_H)^{1/(M+1)} ,

the objective is the loss of A plus :math:`\frac{\bar\lambda}{2} \sum_l |F_l|^2`. For a given A this is least where the
factors are balanced, all with the singular values :math:`\sigma_i^{1/(M+1)}`, and then it is a Schatten quasi-norm,

.. math:: \frac1N \sum_k n_k\, \ell(A_{\cdot k} / \sqrt{n_k}, y_k) + \frac{M+1}{2} \bar\lambda \sum_i \sigma_i(A)^p ,
    \qquad p = \frac{2}{M + 1} ,

which is not convex for M >= 2: 0 is always a local minimum, and minima of all ranks may be others.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ufm.files import memory
from ufm.files.bars import tqdm
from ufm.files.blas import one_thread
from ufm.minimize.by_class import ByClass
from ufm.minimize.certificate import Certificate, Proven
from ufm.minimize.convex import require_convex
from ufm.minimize.layouts import Whole
from ufm.minimize.learned import CLOSED
from ufm.minimize.schatten import SchattenBound
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import TINY, descended, minimize_locally
from ufm.problems.deep_model import DeepModel
from ufm.problems.frames import Array


class Layered:
    r"""The objective over the factors :math:`F_0, \ldots, F_M`, at one point: a :class:`trust_region.Local`.

    With G the slopes of the loss by A, :math:`L_l = F_M \cdots F_{l+1}` and :math:`R_l = F_{l-1} \cdots F_0` those by
    :math:`F_l` are :math:`L_l^\top G R_l^\top + \bar\lambda F_l`.
    """

    def __init__(self, layout: Whole, lam: float, factors: Sequence[Array]) -> None:
        """``factors`` are F_0 (r, m), F_1 ... (r, r), and F_M (K, r)."""
        self.layout, self.lam, self.factors = layout, lam, list(factors)
        self.right = [np.eye(len(layout.root))]
        for factor in self.factors:
            self.right.append(factor @ self.right[-1])
        self.left = [np.eye(len(self.factors[-1]))]
        for factor in self.factors[:0:-1]:
            self.left.append(self.left[-1] @ factor)
        self.left.reverse()
        self.matrix = self.right.pop()
        self.logits = layout.logits(self.matrix, NOTHING, NOTHING)
        self.loss = layout.loss.at(self.logits, layout.targets, layout.counts)
        self.slopes, _, _ = layout.adjoint(layout.weights[:, None] * self.loss.slopes)
        self.value = float(layout.weights @ self.loss.values)
        self.value += 0.5 * lam * float(sum(np.vdot(factor, factor) for factor in self.factors))
        parts = zip(self.left, self.right, self.factors, strict=True)
        self.gradient = _flat(left.T @ self.slopes @ right.T + lam * factor for left, right, factor in parts)

    def hessian(self, v: Array) -> Array:
        """Along a direction, by the product rule."""
        steps, lam = self._parts(v), self.lam
        right, left = [np.zeros_like(self.right[0])], [np.zeros_like(self.left[-1])]
        for step, factor, below in zip(steps, self.factors, self.right, strict=True):
            right.append(step @ below + factor @ right[-1])
        for step, factor, above in zip(steps[:0:-1], self.factors[:0:-1], self.left[:0:-1], strict=True):
            left.append(left[-1] @ factor + above @ step)
        left.reverse()
        layout, g = self.layout, self.slopes
        moved = self.loss.bend(layout.logits(right.pop(), NOTHING, NOTHING))
        bent, _, _ = layout.adjoint(layout.weights[:, None] * moved)
        parts = zip(steps, self.left, left, self.right, right, strict=True)
        return _flat(a.T @ bent @ b.T + da.T @ g @ b.T + a.T @ g @ db.T + lam * step for step, a, da, b, db in parts)

    def _parts(self, v: Array) -> list[Array]:
        cuts = np.cumsum([factor.size for factor in self.factors])[:-1]
        return [piece.reshape(factor.shape) for piece, factor in zip(np.split(v, cuts), self.factors, strict=True)]

    def precondition(self, v: Array) -> Array:
        """By the decay."""
        return v / self.lam

    def move(self, v: Array) -> Self:
        """Addition."""
        steps = self._parts(v)
        return type(self)(self.layout, self.lam, [f + step for f, step in zip(self.factors, steps, strict=True)])


NOTHING = np.zeros(0)


def _flat(parts: Any) -> Array:
    return np.concatenate([part.ravel() for part in parts])


def balanced(layout: Whole, model: DeepModel, matrix: Array) -> Layered:
    """Factors of the best approximation of a matrix A that has the rank of the model: the cheapest ones."""
    left, strengths, right = linalg.svd(matrix, full_matrices=False)
    rank = min(model.dim, len(strengths))
    size = strengths[:rank] ** (1.0 / (model.layers + 1))
    inner = [np.diag(size)] * (model.layers - 1)
    return Layered(layout, model.strength, [size[:, None] * right[:rank], *inner, left[:, :rank] * size])


SIZES = (1.0, 3.0, 9.0)
"""Of starts: largest singular value of A, in units of the root of the largest class."""

SUBSPACES, GAUSSIANS = 18, 6
"""Random starts of both kinds."""


def starts(layout: Whole, model: DeepModel, seed: int) -> tuple[list[Layered], list[Layered]]:
    """Aligned starts, and random ones: the steepest descent from 0, seen through random subspaces, and Gaussian A.

    Balanced factors lose nothing: descent ends in them, and they are given by A but for rotations between layers.
    """
    rng, unit = np.random.default_rng(seed), float(layout.root.max())
    steepest = -balanced(layout, model, np.zeros(layout.shape)).slopes
    steepest *= unit / max(float(linalg.norm(steepest, 2)), TINY)
    columns = layout.shape[1]

    def through() -> Array:
        count = int(rng.integers(1, columns + 1))
        basis = linalg.qr(rng.standard_normal((columns, count)), mode="economic")[0]
        return np.asarray(steepest @ basis @ basis.T)

    drawn = [SIZES[i % len(SIZES)] * through() for i in range(SUBSPACES)]
    drawn += [SIZES[i % len(SIZES)] * unit * rng.standard_normal(layout.shape) for i in range(GAUSSIANS)]
    return (
        [balanced(layout, model, size * steepest) for size in SIZES],
        [balanced(layout, model, matrix) for matrix in drawn],
    )


def fallen(local: Layered) -> Layered:
    """Where L-BFGS gets to, in units of the decay: its square is that of the objective."""
    return descended(local, slope=1e-5, unit=1.0 / np.sqrt(local.lam), memory=20, max_iterations=1000)


def pruned(local: Layered, model: DeepModel) -> Layered:
    """A local minimum without the singular directions that cost more than they bring."""
    while True:
        left, strengths, right = linalg.svd(local.matrix, full_matrices=False)
        some = np.flatnonzero(strengths > 1e-9 * strengths[0])
        fewer = [
            balanced(local.layout, model, local.matrix - strengths[i] * np.outer(left[:, i], right[i])) for i in some
        ]
        best = min(fewer, key=lambda each: each.value, default=local)
        if not best.value < local.value:
            return local
        local = fallen(best)


def polished(local: Layered) -> Layered:
    """To rounding."""
    return minimize_locally(local, slope=1e-14, decrement=1e-13, max_iterations=30).local


@dataclass(frozen=True, eq=False, repr=False)
class DeepGeometry(ByClass, Proven):
    """The lowest point that was found of a deep model, up to rotations between its layers.

    Attributes
    ----------
    problem : what was solved.
    local : layers and class means in the units of :mod:`ufm.minimize.deep`, and the loss there.
    value : the objective.
    aligned : where descents end that start along the steepest direction at 0: the lowest of these, or the value at 0.
    certificate : where one is known, a number that the objective cannot go below, with its proof; else None.
    stats : seconds, seed, and ``ends``, the objective at the end of each start, 0 the first of them.
    """

    problem: DeepModel
    local: Layered
    value: float
    aligned: float
    certificate: Certificate | None
    stats: dict[str, Any]
    frame: None = None
    """There is none."""

    @property
    def status(self) -> str:
        """Either "optimal", if the gap is closed, or of how many starts it is the best."""
        if self.gap <= CLOSED * self.scale:
            return "optimal"
        return f"best of {len(self.stats['ends'])} starts"

    @cached_property
    def scale(self) -> float:
        """The objective where features and weights are 0."""
        return float(self.stats["ends"][0])

    @cached_property
    def layers(self) -> list[Array]:
        """W_1 (r, r) to W_M (K, r), r the smallest of dim and the numbers of classes and outputs."""
        decays = self.problem.decays / self.problem.strength
        return [factor / np.sqrt(decay) for factor, decay in zip(self.local.factors[1:], decays, strict=True)]

    @cached_property
    def class_features(self) -> Array:
        """Class means, (K, r), or of rows of targets."""
        return (self.local.factors[0] / np.sqrt(self.problem.lam_h / self.problem.strength) / self.local.layout.root).T

    @property
    def class_logits(self) -> Array:
        """A row for each class, (K, K), or row of targets."""
        return self.local.logits

    @property
    def weight_gram(self) -> Array:
        """Of the last layer, (K, K)."""
        return self.layers[-1] @ self.layers[-1].T

    @property
    def feature_gram(self) -> Array:
        """Products of class means, (K, K)."""
        return self.class_features @ self.class_features.T

    @property
    def layer_squares(self) -> Array:
        """Squared Frobenius norm of each layer, (M,)."""
        return np.array([np.vdot(layer, layer) for layer in self.layers])

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether the class means are more than a trace of what their class has of the objective at 0, (K,)."""
        costs = 0.5 * self.problem.lam_h * self.local.layout.sizes * self.feature_norms**2
        return np.asarray(costs > ALIVE * self.scale * self.local.layout.weights)

    @property
    def rank(self) -> int:
        """Dimensions that features and weights fill."""
        strengths = linalg.svdvals(self.local.matrix)
        power = 2.0 / (self.problem.layers + 1)
        return int(np.sum(self.problem.strength * strengths**power > ALIVE * self.scale))

    @property
    def collapsed(self) -> bool:
        """Whether the logits are those of a simplex, a multiple > 0 of I - 1 1^T / K."""
        logits, k = self.class_logits, self.problem.n_outputs
        if logits.shape != (k, k) or not self.rank:
            return False
        size = float(np.trace(logits)) / (k - 1)
        return bool(np.abs(logits - size * (np.eye(k) - 1.0 / k)).max() < 1e-4 * abs(size))


ALIVE = 1e-8
"""What counts as a trace."""


def deep_geometry_of(model: DeepModel, seed: int = 0, *, progress: bool = False) -> DeepGeometry:
    """Descend from all starts, drop what does not pay, and polish the lowest end; 0 is always one of them.

    Ten classes and two layers take about a third of a second, thirty take half a minute with cross-entropy.
    """
    began = time.perf_counter()
    rank = min(model.dim, model.n_outputs, len(model.class_sizes))
    size = rank * (model.n_outputs + len(model.class_sizes) + (model.layers - 1) * rank)
    memory.require(8 * 300 * size, f"a search over {size} numbers", "use fewer classes, dimensions or layers")
    layout = Whole(model)
    require_convex(layout, model)
    zero = balanced(layout, model, np.zeros(layout.shape))
    aligned, drawn = starts(layout, model, seed)
    bar = tqdm([*aligned, *drawn], desc="starts", disable=not progress)
    ends = [zero, *(fallen(start) for start in bar)]
    along = ends[1 : 1 + len(aligned)]
    first = min([zero, *along], key=_value)
    best = min([*ends, *(pruned(end, model) for end in (min(ends, key=_value), min(along, key=_value)))], key=_value)
    best = polished(best)
    stats = {"seconds": time.perf_counter() - began, "seed": seed, "ends": [end.value for end in ends]}
    return DeepGeometry(model, best, best.value, polished(first).value, _certificate(model), stats)


def _value(local: Layered) -> float:
    return local.value


def _certificate(model: DeepModel) -> Certificate | None:
    if not SchattenBound.speaks_of(model):
        return None
    bound = SchattenBound(model)
    multiplier = bound.multiplier()
    return Certificate(bound.statement, multiplier, bound.value(multiplier), model.key)


@solution_of.register
def _(problem: DeepModel, asked: Asked) -> Any:
    asked.require_plain()
    with one_thread(problem.n_outputs * len(problem.class_sizes)):
        return deep_geometry_of(problem, asked.seed, progress=asked.progress)
