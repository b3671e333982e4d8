r"""Convex losses of logits: values, slopes, curvature and conjugates, many classes at a time.

A loss is asked about rows of logits x, (B, p), with targets y and multiplicities c of the same shape: column j stands
for ``c[i, j]`` outputs that have the same logit and the same target in row i. Classes of equal size have equal logits
at a minimum, so what would be K columns is often a few; with c = 1 the columns are the outputs themselves.

Slopes are derivatives by the common logit of a column, hence c times those of a single output.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import special

from ufm.files.text import require_known
from ufm.problems.frames import Array


class Local(NamedTuple):
    """A loss at rows of logits."""

    values: Array
    """(B,)."""
    slopes: Array
    """(B, p)."""
    bend: Callable[[Array], Array]
    """Derivative of the slopes along a direction, (B, p) to (B, p)."""
    curvature: Array | None = None
    """Second derivatives by each logit alone, (B, p), where they are known."""


class LogitLoss(Protocol):
    """A convex loss of logits."""

    exchangeable: bool
    """Whether outputs other than the own one play equal parts, so that equal classes may share a column."""

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Values, slopes and curvature."""
        ...


class ConjugateLoss(LogitLoss, Protocol):
    """A convex loss whose conjugate is known."""

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`\inf_x\, \ell(x) - \langle g, x \rangle`, minus the conjugate at slopes g, (B,); may be -inf."""
        ...


class CrossEntropy:
    r""":math:`\ell = |c y|_1 \ln \sum_j c_j e^{x_j} - \langle c y, x \rangle`, y >= 0; the usual one for one-hot y."""

    exchangeable = True

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """With p the softmax of the columns: slopes :math:`|c y|_1 p - c y`."""
        y = counts * targets
        mass = y.sum(1, keepdims=True)
        top = np.max(logits, axis=1, keepdims=True, initial=-np.inf, where=counts > 0)
        e = counts * np.exp(np.minimum(logits - top, 0.0))
        total = e.sum(1, keepdims=True)
        p = e / total
        values = mass[:, 0] * (np.log(total) + top)[:, 0] - np.einsum("bp,bp->b", y, logits)

        def bend(v: Array) -> Array:
            return mass * p * (v - np.einsum("bp,bp->b", p, v)[:, None])

        return Local(values, mass * p - y, bend, mass * p * (1.0 - p))

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`-\sum q \ln (q / (|c y|_1 c))` with q = g + c y, which must be >= 0 and add up to :math:`|c y|_1`."""
        y = counts * targets
        mass = y.sum(1, keepdims=True)
        q = slopes + y
        q = np.where(np.abs(q) < 1e-15 * mass, 0.0, q)
        inside = np.all(q >= 0.0, axis=1) & (np.abs(slopes.sum(1)) <= 1e-12 * mass[:, 0])
        return np.where(inside, -special.rel_entr(np.maximum(q, 0.0), mass * counts).sum(1), -np.inf)


class Squared:
    r""":math:`\ell = \frac12 \sum_j c_j (x_j - y_j)^2`."""

    exchangeable = True

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Slopes c (x - y)."""
        miss = logits - targets
        values = 0.5 * np.einsum("bp,bp,bp->b", counts, miss, miss)
        return Local(values, counts * miss, lambda v: counts * v, counts)

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`-\sum_j g_j y_j - g_j^2 / (2 c_j)`."""
        used = counts > 0
        squares = np.divide(slopes**2, 2.0 * counts, out=np.zeros_like(slopes), where=used)
        return -(slopes * targets + squares).sum(1)


class Binary:
    r"""Binary cross-entropy of every output, :math:`\ell = \sum_j c_j (\ln(1 + e^{x_j}) - y_j x_j)`."""

    exchangeable = True

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """With p the logistic function: slopes c (p - y)."""
        p = special.expit(logits)
        values = (counts * (np.logaddexp(0.0, logits) - targets * logits)).sum(1)
        bent = counts * p * (1.0 - p)
        return Local(values, counts * (p - targets), lambda v: bent * v, bent)

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        """The entropy of q = g / c + y in [0, 1], c times."""
        used = counts > 0
        q = np.divide(slopes, counts, out=np.zeros_like(slopes), where=used) + targets
        entropy = np.where(used, counts * (special.entr(q) + special.entr(1.0 - q)), 0.0)
        return entropy.sum(1)


def _misses(logits: Array, targets: Array) -> Array:
    """How much each output lacks of being 1 below the own one: 1 - x_y + x_j."""
    return np.asarray(1.0 - np.einsum("bp,bp->b", targets, logits)[:, None] + logits)


def _of_misses(values: Array, slopes: Array, bends: Array, targets: Array) -> Local:
    """A loss of the misses of other outputs, by its first and second derivatives there."""

    def bend(v: Array) -> Array:
        moved = bends * (v - np.einsum("bp,bp->b", targets, v)[:, None])
        return moved - targets * moved.sum(1, keepdims=True)

    alone = bends + targets * bends.sum(1, keepdims=True)
    return Local(values.sum(1), slopes - targets * slopes.sum(1, keepdims=True), bend, alone)


def _dual_of_misses(slopes: Array, targets: Array, counts: Array, squares: float, most: Array) -> Array:
    """sum_j g_j - squares g_j^2 / c_j over other outputs, 0 <= g_j <= most; the own slope cancels them."""
    others = counts * (1.0 - targets)
    g = slopes * (1.0 - targets)
    tiny = 1e-12 * np.abs(slopes).sum(1)
    inside = np.all((g >= -tiny[:, None]) & (g <= most + tiny[:, None]), axis=1)
    less = np.divide(squares * g**2, others, out=np.zeros_like(g), where=others > 0)
    return np.where(inside & (np.abs(slopes.sum(1)) <= tiny), (g - less).sum(1), -np.inf)


class SquaredHinge:
    r""":math:`\ell = \frac12 \sum_{j \neq y} c_j \max(0, 1 - x_y + x_j)^2`; targets are one-hot."""

    exchangeable = True

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Slopes c m off the own output, where m is the miss, and minus their sum at it."""
        others, miss = counts * (1.0 - targets), np.maximum(0.0, _misses(logits, targets))
        return _of_misses(0.5 * others * miss**2, others * miss, others * (miss > 0.0), targets)

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`\sum_j g_j - g_j^2 / (2 c_j)` off the own output, where g must be >= 0 and cancel there."""
        return _dual_of_misses(slopes, targets, counts, 0.5, np.full_like(counts, np.inf))


class Hinge:
    r""":math:`\ell = \sum_{j \neq y} c_j \max(0, 1 - x_y + x_j)`; targets are one-hot.

    Where the decay is small all misses end at 0 or below, and the minimum is the support vector machine's.
    """

    exchangeable = True

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Slopes c where there is a miss, and minus their sum at the own output; at a kink 0, which is one of many."""
        others, miss = counts * (1.0 - targets), _misses(logits, targets)
        return _of_misses(others * np.maximum(0.0, miss), others * (miss > 0.0), np.zeros_like(miss), targets)

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`\sum_j g_j` off the own output, where g must be between 0 and c, and cancel there."""
        return _dual_of_misses(slopes, targets, counts, 0.0, counts)


class RoundedHinge:
    r"""The hinge near multipliers u: :math:`\sum_{j \neq y} c_j \max_{0 \le p \le 1} p m_j - \frac{w}{2} (p - u_j)^2`.

    It is differentiable, is at most the hinge, and is the hinge where p = u: minimising it again and again, with u the
    p of the last time, is the method of multipliers (Hestenes 1969; Powell 1969).
    """

    exchangeable = True

    def __init__(self, multipliers: Array, width: float) -> None:
        """Multipliers u in [0, 1], (B, p), and the width w > 0 of the kink."""
        self.multipliers, self.width = multipliers, width

    def shares(self, logits: Array, targets: Array) -> Array:
        """The p of the maximum, (B, p), before it is cut off at 0 and 1: u + m / w."""
        return self.multipliers + _misses(logits, targets) / self.width

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Slopes c p."""
        others, free = counts * (1.0 - targets), self.shares(logits, targets)
        p = np.clip(free, 0.0, 1.0)
        values = others * (p * _misses(logits, targets) - 0.5 * self.width * (p - self.multipliers) ** 2)
        return _of_misses(values, others * p, others * (free == p) / self.width, targets)


NAMED: dict[str, Callable[[], Any]] = {
    "ce": CrossEntropy,
    "mse": Squared,
    "bce": Binary,
    "hinge": Hinge,
    "squared-hinge": SquaredHinge,
}
"""Losses by name."""


def named(name: str) -> Any:
    """A loss by its name. Raises ValueError with the nearest one."""
    require_known(name, NAMED, f"loss={name!r} is unknown")
    return NAMED[name]()


class Adjusted:
    r"""Another loss with weights, temperatures and shifts: :math:`\omega_b\, \ell(\delta_j \epsilon_b x_j + \iota_j)`.

    weights, sample_scale : omega and epsilon by row, (B, 1). scale, shift : delta and iota by column, (B, p).
    """

    def __init__(self, loss: Any, weights: Array, scale: Array, shift: Array) -> None:
        """``scale`` is delta times epsilon, > 0."""
        self.loss, self.weights, self.scale, self.shift = loss, weights, scale, shift
        self.exchangeable = loss.exchangeable

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """By the chain rule."""
        inner = self.loss.at(self.scale * logits + self.shift, targets, counts)
        factor = self.weights * self.scale
        bent = None if inner.curvature is None else factor * self.scale * inner.curvature

        def bend(v: Array) -> Array:
            return np.asarray(factor * inner.bend(self.scale * v))

        return Local(self.weights[:, 0] * inner.values, factor * inner.slopes, bend, bent)

    def dual(self, slopes: Array, targets: Array, counts: Array) -> Array:
        r""":math:`\omega \ell` has the dual :math:`\omega\, D(g / (\omega s)) + \langle g, \iota / s \rangle`."""
        inner = self.loss.dual(slopes / (self.weights * self.scale), targets, counts)
        return np.asarray(self.weights[:, 0] * inner + (slopes * self.shift / self.scale).sum(1))
