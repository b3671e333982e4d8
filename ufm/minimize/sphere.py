r"""Features and weights on the unit sphere: minimised over products of spheres, from many starts.

Given the weights, samples do not see each other, and those of a class have the same problem: the best feature of a
class serves all of them, so one feature a class, weighted by class sizes, loses nothing. (Its loss is convex over the
ball and, unless all weights are one, has no critical point inside: there is only one best feature.)

Large temperatures make losses smaller than any number, so the *logarithm* of the objective is minimised. With the
shares :math:`p_i` of features in all samples, and :math:`z_{ij} = \tau \langle w_j, h_i \rangle`,

.. math:: f = \frac1\tau \ln \sum_i p_i \ln(1 + e^{L_i}) , \qquad L_i = \ln \sum_{j \ne y_i} e^{z_{ij} - z_{i y_i}} .
"""

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ufm.files import memory
from ufm.files.blas import one_thread
from ufm.minimize.by_class import ByClass
from ufm.minimize.certificate import Certificate, Proven, bound_of
from ufm.minimize.learned import CLOSED
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import minimize_locally
from ufm.problems.frames import Array, row_norms
from ufm.problems.sphere_model import SphereModel

STARTS = 10
"""Random starts, unless a certificate says before that nothing can be gained by more."""

SOFT = 4.0
"""Temperature at which a start begins; it is raised by the same factor, until it is that of the model."""

SMALL = -36.0
"""Below this L, ln(1 + e^L) is e^L to the last digit."""

RARE = 1e-12
"""Least pull at a vector, relative to the largest, that steps are measured with."""

SLOPE = 1e-12
"""Gradient that a minimum is polished to, if rounding lets it: the gap of a certificate is as large as it."""

MEMORY = 20
"""Steps that L-BFGS remembers."""

LOWER = 1e-8
"""By how much f must be lower than the best before, for a start to be polished, too."""

SAME = 1e-6
"""Difference of f below which two starts, polished or not, count as having ended equally low."""


class Samples(NamedTuple):
    """The features of a problem: of all samples, or one for each class."""

    own: NDArray[np.int64]
    """Class of each, (m,)."""
    shares: Array
    """What part of all samples each stands for, (m,)."""
    n_classes: int


def samples_of(model: SphereModel, *, full: bool = False) -> Samples:
    """One feature a class, or one for each sample. Raises MemoryError if these would not fit."""
    k, n = model.n_classes, model.n_samples
    rows = n if full else k
    advice = "take fewer samples" if full else "take fewer classes"
    memory.require(8 * rows * (6 * k + 2 * MEMORY * model.dim), f"a minimum of {rows} features", advice)
    if full:
        return Samples(model.labels, np.full(n, 1.0 / n), k)
    return Samples(np.arange(k), np.asarray(model.class_sizes) / n, k)


class OnSpheres:
    """The function f above at one point, K weights and m features in rows: a :class:`trust_region.Local`."""

    def __init__(self, samples: Samples, temperature: float, rows: Array) -> None:
        """``rows`` (K + m, d), all of length 1."""
        self.samples, self.temperature, self.rows = samples, temperature, rows
        self.weights, self.features = rows[: samples.n_classes], rows[samples.n_classes :]
        own = np.arange(len(samples.own)), samples.own
        z = temperature * (self.features @ self.weights.T)
        z -= z[own][:, None]
        z[own] = -np.inf
        top = z.max(axis=1)
        self.foreign = np.exp(z - top[:, None])
        total = self.foreign.sum(axis=1)
        self.excess = top + np.log(total)
        self.foreign /= total[:, None]
        """What each other class has of the exponentials of L, (m, K); rows add up to 1."""
        small = self.excess < SMALL
        losses = np.where(small, self.excess, np.log(np.logaddexp(0.0, np.where(small, 0.0, self.excess))))
        largest = float(losses.max())
        self.log_value = largest + math.log(samples.shares @ np.exp(losses - largest))
        self.value = self.log_value / temperature
        # d f / d L_i, times tau
        self.pull = np.exp(np.log(samples.shares) - np.logaddexp(0.0, -self.excess) - self.log_value)
        self.signed = self.foreign.copy()
        self.signed[own] = -1.0
        self.slopes = self.pull[:, None] * self.signed
        self.ambient = np.vstack([self.slopes.T @ self.features, self.slopes @ self.weights])
        self.normal = np.einsum("rd,rd->r", self.ambient, rows)
        self.gradient = (self.ambient - self.normal[:, None] * rows).ravel()

    def hessian(self, v: Array) -> Array:
        """By the product rule; on a sphere, the slope along the radius takes its part of the curvature."""
        v = v.reshape(self.rows.shape)
        turn, shift = v[: len(self.weights)], v[len(self.weights) :]
        bent = self.temperature * (shift @ self.weights.T + self.features @ turn.T)
        bent -= np.take_along_axis(bent, self.samples.own[:, None], axis=1)
        rise = np.einsum("mk,mk->m", self.foreign, bent)
        pulled = self.pull * (special.expit(-self.excess) * rise - self.pull @ rise)
        slopes = pulled[:, None] * self.signed + self.pull[:, None] * self.foreign * (bent - rise[:, None])
        above = slopes.T @ self.features + self.slopes.T @ shift
        product = np.vstack([above, slopes @ self.weights + self.slopes @ turn]) - self.normal[:, None] * v
        return (product - np.einsum("rd,rd->r", product, self.rows)[:, None] * self.rows).ravel()

    def precondition(self, v: Array) -> Array:
        """By the size of the curvature: what pulls at a vector is as small as its class is rare."""
        sizes = np.maximum(row_norms(self.ambient), RARE * row_norms(self.ambient).max())
        return (v.reshape(self.rows.shape) / (sizes * (1.0 + self.temperature))[:, None]).ravel()

    def move(self, v: Array) -> Self:
        """Back to the spheres along their radii."""
        return type(self)(self.samples, self.temperature, _normalised(self.rows + v.reshape(self.rows.shape)))


def _normalised(rows: Array) -> Array:
    return rows / row_norms(rows)[:, None]


def descend(samples: Samples, temperature: float, rows: Array) -> OnSpheres:
    """L-BFGS over the directions of any rows, with the temperature raised up to that of the model."""
    rounds = max(math.ceil(math.log(temperature / SOFT, SOFT)), 0)

    def at(flat: Array, tau: float) -> tuple[float, Array]:
        sizes = row_norms(flat.reshape(rows.shape))[:, None]
        local = OnSpheres(samples, tau, flat.reshape(rows.shape) / sizes)
        return local.value, (local.gradient.reshape(rows.shape) / sizes).ravel()

    for tau in temperature / SOFT ** np.arange(rounds, -1.0, -1.0):
        options = {"maxiter": 2000, "gtol": 1e-6, "ftol": 1e-13, "maxcor": MEMORY}
        found = optimize.minimize(at, rows.ravel(), (tau,), jac=True, method="L-BFGS-B", options=options)
        rows = _normalised(found.x.reshape(rows.shape))
    return OnSpheres(samples, temperature, rows)


@dataclass(frozen=True, eq=False, repr=False)
class SphereGeometry(ByClass, Proven):
    """Where training ends on the sphere, up to a common rotation.

    Attributes
    ----------
    problem : what was solved.
    weights, class_features : (K, d), of length 1; the latter means of length <= 1, if each sample had its own.
    value, log_value : the objective and its logarithm; at large temperatures only the latter is a number other than 0.
    certificate : a number that it cannot go below, with its proof; None where that one is not reached.
    stats : seconds, and of how many starts this is the best: ``starts``, with ``reached`` of them ending as low.
    samples : (N, d) if each sample had a feature of its own, else None.
    """

    problem: SphereModel
    weights: Array
    class_features: Array
    value: float
    log_value: float
    certificate: Certificate | None
    stats: dict[str, Any]
    samples: Array | None = None
    frame: None = None
    """There is none."""

    @property
    def status(self) -> str:
        """Either "optimal", which is proved, or "best of N starts", which is not a proof of anything."""
        return "optimal" if self.certificate else f"best of {self.stats['starts']} starts"

    @property
    def scale(self) -> float:
        """The objective where all weights are one, ln K."""
        return math.log(self.problem.n_classes)

    @cached_property
    def weight_gram(self) -> Array:
        """Cosines between weights, (K, K)."""
        return self.weights @ self.weights.T

    @cached_property
    def feature_gram(self) -> Array:
        """Products of class means, (K, K)."""
        return self.class_features @ self.class_features.T

    @cached_property
    def class_logits(self) -> Array:
        """Logits of the class means, a row for each class, (K, K)."""
        return self.problem.temperature * self.class_features @ self.weights.T

    @property
    def alive(self) -> NDArray[np.bool_]:
        """All of them: vectors of length 1 do not die, (K,)."""
        return np.ones(len(self.weights), dtype=bool)

    @property
    def rank(self) -> int:
        """Dimensions that the weights fill."""
        return int(np.linalg.matrix_rank(self.weights, tol=1e-6))

    @property
    def own_cosines(self) -> Array:
        """Between the weights and the features of each class, (K,)."""
        return np.einsum("kd,kd->k", self.weights, self.class_features)

    @property
    def largest_cosine(self) -> float:
        """Between weights of two classes: how close the closest two are."""
        return float(self.weight_gram[np.triu_indices(len(self.weights), 1)].max())


def sphere_geometry(
    model: SphereModel, *, full: bool = False, seed: int = 0, starts: int = STARTS, progress: bool = False
) -> SphereGeometry:
    """The best of many descents, or the first that a certificate proves to be one.

    Parameters
    ----------
    model : what to solve.
    full : a feature for each sample, which tests the collapse itself.
    seed : of the random starts.
    starts : how many at most, >= 1.
    progress : show a bar on stderr.
    """
    began = time.perf_counter()
    samples, bound = samples_of(model, full=full), MaxNormBound(model)
    rng, shape = np.random.default_rng(seed), (model.n_classes + len(samples.own), model.dim)

    def begun() -> OnSpheres:
        return descend(samples, model.temperature, _normalised(rng.standard_normal(shape)))

    def polished(local: OnSpheres) -> OnSpheres:
        return minimize_locally(local, slope=SLOPE, decrement=SLOPE, progress=progress).local

    with one_thread(math.prod(shape)):
        ends = [(local := begun()).value]
        proof = bound.proof(best := polished(local))
        while proof is None and len(ends) < starts:
            ends.append((local := begun()).value)
            if local.value < best.value - LOWER:
                proof = bound.proof(best := polished(local))
    stats = {
        "seconds": time.perf_counter() - began,
        "starts": len(ends),
        "reached": int(np.sum(np.asarray(ends) < best.value + SAME)),
        "slope": float(np.linalg.norm(best.gradient)),
        "seed": seed,
    }
    means = class_means(samples, best.features)
    value, each = math.exp(best.log_value), best.features if full else None
    return SphereGeometry(model, best.weights, means, value, best.log_value, proof, stats, each)


def class_means(samples: Samples, features: Array) -> Array:
    """Mean feature of each class, (K, d)."""
    sums = np.zeros((samples.n_classes, features.shape[1]))
    np.add.at(sums, samples.own, features)
    return sums / np.bincount(samples.own)[:, None]


class MaxNormBound:
    r"""Weak duality on products of spheres, in any dimension, for classes of any sizes.

    For any rows P of probabilities, :math:`\ln \sum_j e^{x_j} \ge \sum_j P_j x_j - \sum_j P_j \ln P_j`. With
    :math:`M = \operatorname{diag}(n / N) (I - P)` the objective, of the best feature of each class, is so at least

    .. math:: -\sum_k \frac{n_k}{N} \sum_j P_{kj} \ln P_{kj} - \tau \sum_{kj} M_{kj} \langle h_k, w_j \rangle ,

    and for any a, b > 0 by the inequality of Cauchy and Schwarz, as :math:`\sum_j a_j |w_j|^2 = \sum_j a_j`,

    .. math:: \sum_{kj} M_{kj} \langle h_k, w_j \rangle \le
        \big| \operatorname{diag}(b)^{-1/2} M \operatorname{diag}(a)^{-1/2} \big|_{op}
        \Big( \sum_j a_j \sum_k b_k \Big)^{1/2} .

    The best a and b make this the dual of the max-norm of the logits: of the convex problem that is left where d is
    large. For equal classes the best P has one number off its diagonal and a = b = 1; then
    :math:`M = q (K I - 1 1^\top) / K`, the bound is that of Jensen and of :math:`|\sum_j w_j|^2 \ge 0`, and it is the
    value of a simplex. Logarithms of P are kept, so that it holds in relative terms at large temperatures, too.
    """

    statement = (
        "sum_k n_k / N entropy(P_k) - tau |B^(-1/2) M A^(-1/2)|_op (tr A tr B)^(1/2), M = diag(n / N) (I - P): any "
        "rows P_k of probabilities, columns 1 to K their logarithms off the diagonal; any diagonal A, B > 0, the last "
        "two columns"
    )

    def __init__(self, model: SphereModel) -> None:
        """Keep the model."""
        self.model = model

    def of(self, local: OnSpheres) -> Array:
        """The multiplier that belongs to a point with one feature a class, (K, K + 2)."""
        with np.errstate(divide="ignore"):
            logs = np.log(local.foreign) - np.logaddexp(0.0, -local.excess)[:, None]
        np.fill_diagonal(logs, 0.0)
        sizes = row_norms(local.ambient)
        sizes = np.maximum(sizes / sizes.max(), RARE).reshape(2, -1)
        return np.column_stack([np.maximum(logs, LEAST), *sizes])

    def proof(self, local: OnSpheres) -> Certificate | None:
        """The certificate of a minimum; None where it proves no such thing."""
        reached = local.log_value
        if len(local.features) != len(local.weights):
            means = _normalised(class_means(local.samples, local.features))
            local = OnSpheres(samples_of(self.model), self.model.temperature, np.vstack([local.weights, means]))
        multiplier = self.of(local)
        log_bound = self.log_value(multiplier)
        # a relative error of the objective is tau times one of cosines, which are known to rounding
        if reached - log_bound > CLOSED * max(1.0, self.model.temperature):
            return None
        return Certificate(self.statement, multiplier, math.exp(log_bound), self.model.key)

    def value(self, multiplier: Array, frame: object = None) -> float:
        """The bound. Raises ValueError for a multiplier of another shape, or one that proves nothing."""
        return math.exp(self.log_value(multiplier))

    def log_value(self, multiplier: Array) -> float:
        """Its logarithm; -inf if it is not above 0."""
        k, off = self.model.n_classes, ~np.eye(self.model.n_classes, dtype=bool)
        if multiplier.shape != (k, k + 2) or not np.all(np.isfinite(multiplier)) or np.any(multiplier[:, k:] <= 0.0):
            raise ValueError(f"a multiplier is finite numbers of shape {(k, k + 2)}, > 0 in the last two columns")
        logs, (a, b) = multiplier[:, :k], multiplier[:, k:].T
        unit = float(logs[off].max())
        parts = np.exp(logs - unit, where=off, out=np.zeros_like(logs))  # P off its diagonal, in units of e^unit
        rest = parts.sum(axis=1)
        away = math.exp(unit) * rest
        if np.any(away > 1.0 + 1e-12):
            raise ValueError(f"probabilities of {away.max():g} off the diagonal are more than 1")
        away = np.minimum(away, 1.0)
        # -(1 - x) ln(1 - x), which is x for small x, and -sum P ln P off the diagonal
        stay = -special.xlog1py(1.0 - away, -away)
        stay = rest * np.divide(stay, away, out=np.ones(k), where=away > 0.0)
        shares = np.asarray(self.model.class_sizes) / self.model.n_samples
        gained = shares @ (stay - np.where(off, parts * logs, 0.0).sum(axis=1))
        matrix = shares[:, None] * (np.diag(rest) - parts)
        most = np.linalg.norm(matrix / np.sqrt(np.outer(b, a)), 2) * math.sqrt(a.sum() * b.sum())
        bound = float(gained - self.model.temperature * most)
        return unit + math.log(bound) if bound > 0.0 else -math.inf


LEAST = -1e300
"""Logarithm of what counts as 0."""

bound_of.register(SphereModel, MaxNormBound)


@solution_of.register
def _(problem: SphereModel, asked: Asked) -> Any:
    asked.require_plain("means", "full")
    return sphere_geometry(problem, full=asked.method == "full", seed=asked.seed, progress=asked.progress)
