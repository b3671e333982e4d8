r"""The convex program behind an unconstrained-feature model: logits and their nuclear norm.

Samples of a class may share their feature (convexity of the loss: their mean does no worse), and
:math:`\frac{\lambda_W}{2} |W|^2 + \frac{\lambda_H}{2} \sum_k n_k |m_k|^2 \ge \lambda |A|_*` with
:math:`A = W M D^{1/2}`, :math:`D = \operatorname{diag}(n)`, :math:`\lambda = \sqrt{\lambda_W \lambda_H}`, with equality
for balanced factors. So minimisers are those of

.. math:: F(A, b) = \frac1N \sum_k n_k\, \ell(A_{\cdot k} / \sqrt{n_k} + b, y_k) + \lambda |A|_*
    + \frac{\lambda_b}{2} |b|^2 ,

which is convex. It is solved over factors :math:`A = U V^\top`, with :math:`|A|_* = \min \frac12 (|U|^2 + |V|^2)`, by a
trust region; with as many columns as A has rows or columns a critical point of second order is a global minimum, and
the dual gap says so at any point.

Classes that agree in all their numbers are interchangeable, and a minimum is symmetric under it: with g groups of m_a
equal classes A is given by a g x g matrix M on the normalised indicators of the groups, and one number s_a for all
directions inside a group,

.. math:: A = \sum_{ab} \frac{M_{ab} - \delta_{ab} s_a}{\sqrt{m_a m_b}} 1_a 1_b^\top + \sum_a s_a I_a , \qquad
    |A|_* = |M|_* + \sum_a (m_a - 1) |s_a| .
"""

from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from ufm.files import memory
from ufm.files.blas import one_thread
from ufm.minimize.by_class import own_margins
from ufm.minimize.certificate import bound_of
from ufm.minimize.trust_region import Ending, minimize_locally
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.logits import Adjusted, Hinge, RoundedHinge

FLOOR = 1e-3
"""Least curvature along the bias that steps are measured with."""


class Whole:
    """A as it is: a row for each output, a column for each class or row of targets."""

    def __init__(self, model: FeatureModel) -> None:
        """Weights, targets and counts of the columns. Raises MemoryError if they would not fit."""
        _require(model.n_outputs, len(model.class_sizes))
        n = np.asarray(model.class_sizes, dtype=np.float64)
        self.shape = model.n_outputs, len(n)
        self.sizes, self.root, self.weights = n, np.sqrt(n), n / n.sum()
        self.copies, self.columns, self.repeats = np.ones(model.n_outputs), np.ones(len(n)), np.zeros(0)
        self.targets, self.group, self.outputs = model.label_rows, np.arange(len(n)), np.arange(model.n_outputs)
        self.counts = np.ones_like(self.targets)
        self.loss = model.loss_of_rows(self.group)

    def logits(self, m: Array, s: Array, b: Array) -> Array:
        """Z^T + b, (m, K)."""
        return (m / self.root).T + b if len(b) else (m / self.root).T

    def adjoint(self, slopes: Array) -> tuple[Array, Array, Array]:
        """The transpose of :meth:`logits`: what slopes (m, K) mean for M, s and b."""
        return slopes.T / self.root, self.repeats, slopes.sum(0)

    def by_class(self, logits: Array) -> Array:
        """Logits (m, K) of each row of targets: as they are."""
        return logits

    def margins(self, logits: Array) -> Array:
        """Own logit minus the largest other one, (K,)."""
        return own_margins(logits)

    def unweighted(self) -> Self:
        """The same, where the norm of a class mean counts once, whatever the size of its class."""
        other = copy(self)
        other.root = np.ones_like(self.root)
        return other

    def spread(self, slopes: Array) -> Array:
        """What to take from every row for the slopes (m, K), weighted, to add up to 0."""
        return np.broadcast_to(self.weights @ slopes, slopes.shape)


class Groups:
    """A by groups of classes that agree in all their numbers."""

    def __init__(self, model: FeatureModel) -> None:
        """Find the groups, in the order of their first classes."""
        names = ("weights", "temperatures", "sample_temperatures", "shifts")
        numbers = np.stack([np.asarray(model.class_sizes, float), *(model.by_class(name, 0.0) for name in names)])
        first, self.group = _alike(numbers)
        self.sizes, g = numbers[0, first], len(first)
        _require(g, g)
        self.copies = np.bincount(self.group).astype(np.float64)
        self.columns, self.outputs = self.copies, self.group
        self.repeats, self.root, self.shape = self.copies - 1.0, np.sqrt(self.sizes), (g, g)
        self.weights = self.copies * self.sizes / (self.copies @ self.sizes)
        self.shrink = 1.0 / (np.sqrt(np.outer(self.copies, self.copies)) * self.root)
        own, others = np.ones((g, 1)), np.tile(self.copies, (g, 1)) - np.eye(g)
        self.counts = np.concatenate([own, others], axis=1)
        self.targets = np.full((g, g + 1), model.smoothing / model.n_classes)
        self.targets[:, 0] += 1.0 - model.smoothing
        by_output = [model.by_class(name, default)[first] for name, default in (("temperatures", 1.0), ("shifts", 0.0))]
        delta, shift = (np.concatenate([each[:, None], np.tile(each, (g, 1))], axis=1) for each in by_output)
        scale = delta * model.by_class("sample_temperatures", 1.0)[first, None]
        self.loss = Adjusted(model.loss_object(), model.by_class("weights", 1.0)[first, None], scale, shift)

    def logits(self, m: Array, s: Array, b: Array) -> Array:
        """The own logit of each group's classes, and those of the others by group, (g, g + 1)."""
        z = m * self.shrink
        at = np.diag_indices(len(z))
        z[at] -= s / (self.copies * self.root)
        if len(b):
            z += b[:, None]
        return np.concatenate([(z[at] + s / self.root)[:, None], z.T], axis=1)

    def adjoint(self, slopes: Array) -> tuple[Array, Array, Array]:
        """The transpose of :meth:`logits`: what slopes (g, g + 1) mean for M, s and b."""
        at = np.diag_indices(len(slopes))
        by_z = slopes[:, 1:].T.copy()
        by_z[at] += slopes[:, 0]
        by_s = slopes[:, 0] / self.root - by_z[at] / (self.copies * self.root)
        return by_z * self.shrink, by_s, by_z.sum(1)

    def by_class(self, logits: Array) -> Array:
        """Logits (K, K) of each class."""
        full = logits[np.ix_(self.group, 1 + self.group)]
        full[np.diag_indices(len(full))] = logits[self.group, 0]
        return full

    def margins(self, logits: Array) -> Array:
        """Own logit minus the largest other one, (g,)."""
        there = self.counts[:, 1:] > 0.0
        return np.asarray(logits[:, 0] - np.max(logits[:, 1:], axis=1, initial=-np.inf, where=there))

    def unweighted(self) -> Self:
        """The same, where the norm of a class mean counts once, whatever the size of its class."""
        other = copy(self)
        other.root, other.shrink = np.ones_like(self.root), self.shrink * self.root
        return other

    def spread(self, slopes: Array) -> Array:
        """What to take from every row for the slopes (g, g + 1), weighted, to add up to 0."""
        excess = self.adjoint(self.weights[:, None] * slopes)[2] / self.copies
        return self.counts * np.concatenate([excess[:, None], np.tile(excess, (len(excess), 1))], axis=1)


Layout = Whole | Groups


def _alike(numbers: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each group of equal columns, in their order, and the group of each; rows of one number are cheap."""
    varying = [row for row in numbers if np.ptp(row) > 0.0] or [numbers[0]]
    key = varying[0]
    for row in varying[1:]:
        (_, known), (values, label) = (np.unique(each, return_inverse=True) for each in (key, row))
        key = known * len(values) + label
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[group]


def _require(rows: int, columns: int) -> None:
    """Raise MemoryError if the program, its derivatives and what a step keeps of them would not fit."""
    memory.require(
        8 * 40 * rows * (columns + 1), f"a program of {rows} x {columns} logits", "use fewer different class sizes"
    )


class Factored:
    r"""The program over factors :math:`M = U V^\top`, :math:`s = \sigma^2`, and b, at one point: see :class:`Local`.

    .. math:: \sum_b w_b \ell_b + \frac{\lambda}{2} (|U|^2 + |V|^2) + \lambda \sum_a (m_a - 1) \sigma_a^2
        + \frac{\lambda_b}{2} \sum_a m_a b_a^2
    """

    def __init__(self, layout: Layout, lam: float, decay: float, parts: tuple[Array, Array, Array, Array]) -> None:
        """``decay`` is that of the bias; ``parts`` are U (R, r), V (C, r), sigma (g or 0) and b (g, K, or 0)."""
        self.layout, self.lam, self.decay, self.parts = layout, lam, decay, parts
        u, v, sigma, b = parts
        self.matrix, self.inside = u @ v.T, sigma**2
        self.logits = layout.logits(self.matrix, self.inside, b)
        self.loss = layout.loss.at(self.logits, layout.targets, layout.counts)
        self.by_m, self.by_s, self.by_b = layout.adjoint(layout.weights[:, None] * self.loss.slopes)
        penalty = 0.5 * lam * (np.vdot(u, u) + np.vdot(v, v)) + lam * float(layout.repeats @ self.inside)
        copies = layout.copies[: len(b)]
        self.value = float(layout.weights @ self.loss.values) + float(penalty) + 0.5 * decay * float(copies @ b**2)
        self.gradient: Array = self.flat(
            self.by_m @ v + lam * u,
            self.by_m.T @ u + lam * v,
            2.0 * sigma * (self.by_s + lam * layout.repeats),
            self.by_b[: len(b)] + decay * copies * b,
        )

    @property
    def convex_value(self) -> float:
        """The objective with balanced factors of the same A: with its nuclear norm in place of their squares."""
        u, v, _, _ = self.parts
        excess = 0.5 * float(np.vdot(u, u) + np.vdot(v, v)) - float(linalg.svdvals(self.matrix).sum())
        return self.value - self.lam * excess

    def on(self, layout: Layout) -> Self:
        """The same point of another loss."""
        return type(self)(layout, self.lam, self.decay, self.parts)

    @staticmethod
    def flat(*parts: Array) -> Array:
        """Parts as one vector, as the gradient has them."""
        return np.concatenate([part.ravel() for part in parts])

    def _parts(self, x: Array) -> list[Array]:
        cuts = np.cumsum([part.size for part in self.parts])[:-1]
        return [piece.reshape(part.shape) for piece, part in zip(np.split(x, cuts), self.parts, strict=True)]

    def hessian(self, x: Array) -> Array:
        """Along a direction, by the product rule."""
        u, v, sigma, b = self.parts
        du, dv, ds, db = self._parts(x)
        layout, lam = self.layout, self.lam
        moved = layout.logits(du @ v.T + u @ dv.T, 2.0 * sigma * ds, db)
        bent = layout.adjoint(layout.weights[:, None] * self.loss.bend(moved))
        return self.flat(
            bent[0] @ v + self.by_m @ dv + lam * du,
            bent[0].T @ u + self.by_m.T @ du + lam * dv,
            2.0 * ds * (self.by_s + lam * layout.repeats) + 2.0 * sigma * bent[1],
            bent[2][: len(b)] + self.decay * layout.copies[: len(b)] * db,
        )

    @cached_property
    def _stiffness(self) -> float:
        """Curvature along the bias, as one direction without preference sees it."""
        b = self.parts[3]
        if not len(b):
            return 1.0
        probe = np.random.default_rng(0).standard_normal(len(b))
        moved = self.layout.logits(np.zeros(self.layout.shape), np.zeros(len(self.parts[2])), probe)
        bent = self.layout.adjoint(self.layout.weights[:, None] * self.loss.bend(moved))[2]
        return float(probe @ bent) / float(probe @ probe)

    def precondition(self, x: Array) -> Array:
        """By the decay of the factors, and by the curvature of the loss along the bias."""
        *factors, by_b = self._parts(x)
        return self.flat(*(each / self.lam for each in factors), by_b / (self._stiffness + FLOOR + self.decay))

    def move(self, x: Array) -> Self:
        """Addition."""
        parts = tuple(part + step for part, step in zip(self.parts, self._parts(x), strict=True))
        return type(self)(self.layout, self.lam, self.decay, parts)  # type: ignore[arg-type]


def solve(layout: Layout, model: FeatureModel, rank: int, *, progress: bool = False) -> Ending[Factored]:
    """Minimise over factors of ``rank`` columns: a trust region, and where kinks hold it up, L-BFGS before it."""
    if not isinstance(model.loss, str):
        require_convex(layout, type(model.loss).__name__)
    with one_thread(layout.counts.size):
        if isinstance(layout.loss.loss, Hinge):
            return _by_multipliers(layout, model, rank, progress=progress)
        return _polished(first_guess(layout, model, rank), progress=progress)


def require_convex(layout: Layout, name: str) -> None:
    """Raise ValueError for a loss of one's own that is below one of its tangents, at random logits of several sizes."""
    rng, shape, all_of = np.random.default_rng(0), layout.counts.shape, (layout.targets, layout.counts)
    for size in (0.1, 1.0, 10.0) * CHORDS:
        here, there = size * rng.standard_normal((2, *shape))
        at, other = layout.loss.at(here, *all_of), layout.loss.at(there, *all_of)
        above = other.values - at.values - np.einsum("bp,bp->b", at.slopes, there - here)
        scale = np.abs(other.values) + np.abs(at.values) + np.abs(at.slopes * (there - here)).sum(1)
        if np.any(above < -1e-9 * scale):
            row = int(np.argmin(above / np.maximum(scale, TINY)))
            raise ValueError(
                f"loss {name} is {-above[row]:.3g} below its tangent: it is not convex, or its slopes are not those of "
                f"its values (class {row}, between logits {here[row].round(3)} and {there[row].round(3)})"
            )


CHORDS = 8
"""Tangents of each size that are tried."""


def _polished(start: Factored, *, progress: bool) -> Ending[Factored]:
    def second_order(local: Factored) -> Ending[Factored]:
        return minimize_locally(local, slope=SLOPE, decrement=DECREMENT, max_iterations=PATIENCE, progress=progress)

    ending = second_order(start)
    return ending if ending.iterations < PATIENCE else second_order(_quasi_newton(start))


SLOPE, DECREMENT, PATIENCE = 1e-13, 1e-12, 60
"""Tolerances of the trust region, and the iterations that it has: a smooth loss takes about twenty."""


def _by_multipliers(layout: Layout, model: FeatureModel, rank: int, *, progress: bool) -> Ending[Factored]:
    """Where the loss has kinks, by the method of multipliers: rounded ones, again and again, until the gap is closed.

    The slopes of what is returned are those of the last rounding: at a kink, the ones that its neighbours need.
    """
    given, bound, width = layout.loss, NuclearBound(model), WIDEST
    rounded, multipliers, iterations, products = copy(layout), np.full(layout.counts.shape, 0.5), 0, 0
    nothing = np.zeros_like(layout.counts)
    closed = DECREMENT * float(layout.weights @ given.at(nothing, layout.targets, layout.counts).values)
    start = None
    for _ in range(ROUNDINGS):
        loss = RoundedHinge(multipliers, width)
        rounded.loss = Adjusted(loss, given.weights, given.scale, given.shift)
        start = first_guess(rounded, model, rank) if start is None else start.on(rounded)
        ending = _polished(start, progress=progress)
        iterations, products = iterations + ending.iterations, products + ending.products
        local = ending.local.on(layout)
        local.loss = local.loss._replace(slopes=ending.local.loss.slopes)
        if local.convex_value - bound.value(bound.of(local)) <= closed:
            break
        start = local
        multipliers = np.clip(loss.shares(given.scale * local.logits + given.shift, layout.targets), 0.0, 1.0)
        width = max(width * NARROWER, NARROWEST)
    return replace(ending, local=local, iterations=iterations, products=products)


WIDEST, NARROWER, NARROWEST, ROUNDINGS = 1.0, 0.3, 0.03, 40
"""How wide kinks are at first, by what they are made narrower, at the end, and how often at most."""


def _quasi_newton(local: Factored) -> Factored:
    """Where L-BFGS gets to from here."""

    def at(x: Array) -> tuple[float, Array]:
        there = local.move(x)
        return there.value, there.gradient

    options = {"maxcor": 30, "maxiter": 3000, "maxfun": 9000, "ftol": 0.0, "gtol": SLOPE}
    found = optimize.minimize(at, np.zeros(local.gradient.size), jac=True, method="L-BFGS-B", options=options)
    return local.move(found.x)


def first_guess(layout: Layout, model: FeatureModel, rank: int) -> Factored:
    """Along the steepest descent from 0, as far as pays: the directions are those of the smallest solutions.

    Where no direction is steeper than the nuclear norm, 0 is the minimum, and the guess.
    """
    count = 0 if model.bias == "none" else len(layout.copies)
    decay = 0.0 if isinstance(model.bias, str) else model.bias
    flat = _bias_alone(layout, decay, count)
    left, strengths, right = linalg.svd(-flat.by_m, full_matrices=False)
    left, strengths, right = left[:, :rank], strengths[:rank], right[:rank].T
    inside = np.maximum(-flat.by_s / np.maximum(layout.repeats, 1.0), 0.0) * (layout.repeats > 0.0)
    top = max(float(strengths[0]), float(inside.max(initial=0.0)), TINY)

    def at(size: float) -> Factored:
        scaled, within = np.sqrt(size * strengths / top), np.sqrt(size * inside / top)
        return Factored(layout, model.strength, decay, (left * scaled, right * scaled, within, flat.parts[3]))

    if top <= model.strength:
        return at(0.0)
    sizes = layout.root.max() * np.exp(np.arange(-4.0, 4.0, 0.5))
    return min(map(at, sizes.tolist()), key=lambda local: local.value)


TINY = float(np.finfo(float).tiny)


def _bias_alone(layout: Layout, decay: float, count: int) -> Factored:
    """The best bias where features and weights are 0."""
    rows, columns = layout.shape
    empty = np.zeros((rows, 0)), np.zeros((columns, 0)), np.zeros(len(layout.repeats)), np.zeros(count)
    local = Factored(layout, 1.0, decay, empty)
    return minimize_locally(local, slope=1e-15, decrement=1e-15).local if count else local


def layout_of(model: FeatureModel, *, whole: bool = False) -> Layout:
    """Groups where classes are interchangeable, unless ``whole`` is wanted."""
    return Groups(model) if model.exchangeable and not whole else Whole(model)


class NuclearBound:
    r"""Weak duality for the convex program, at any slopes g of the losses.

    With :math:`G = \partial \frac1N \sum_k n_k \langle g_k, A_{\cdot k} / \sqrt{n_k} \rangle / \partial A`, and
    :math:`\ell \ge \langle t g, \cdot \rangle - \ell^*(t g)`,

    .. math:: F \ge -\frac1N \sum_k n_k\, \ell^*(t g_k) + \inf_A \big( t \langle G, A \rangle + \lambda |A|_* \big)
        + \inf_b \big( t \langle \gamma, b \rangle + \tfrac{\lambda_b}{2} |b|^2 \big) , \qquad
        \gamma = \frac1N \sum_k n_k g_k .

    The first infimum is 0 iff :math:`t |G|_{op} \le \lambda`, and t is taken as large as that allows, at most 1. The
    second is :math:`-t^2 |\gamma|^2 / (2 \lambda_b)`; a free bias wants :math:`\gamma = 0`, no bias asks nothing. By
    the inequality of means, :math:`\frac{\lambda_W}{2} |W|^2 + \frac{\lambda_H}{2} |H|^2 \ge \lambda |A|_*` for
    features of any samples in any dimension, so the bound holds for all of them.

    A loss of the user's own has no conjugate that we know. If it is at least 0, then by convexity
    :math:`-\ell^*(t g) \ge t (\ell(x) - \langle g, x \rangle)` where g are the slopes at x; the multiplier is x then.
    """

    statement = (
        "-sum_k n_k l*(t g_k) / N - t^2 |c|^2 / (2 lam_b), t = min(1, lam / |G|_op), any slopes g_k of the losses, c "
        "and G their sums by bias and by W H D^(1/2) (c = 0 for a free bias); where l* is not known: any logits x_k, "
        "g_k = l'(x_k), -l*(t g) replaced by t (l(x) - <g, x>), for a convex loss that is at least 0"
    )

    def __init__(self, model: FeatureModel) -> None:
        """Keep the model."""
        self.model = model

    def of(self, local: Factored) -> Array:
        """The multiplier that belongs to a point: slopes, or logits where the conjugate is not known."""
        if not self._has_dual:
            return local.logits
        if self.model.bias != "free":
            return local.loss.slopes
        return self._balanced(local)

    @property
    def _has_dual(self) -> bool:
        return hasattr(self.model.loss_object(), "dual")

    def _balanced(self, local: Factored) -> Array:
        """Slopes whose sum vanishes: mixed with as little as will do of those of the best bias alone, and shifted."""
        layout, kinks = local.layout, isinstance(self.model.loss_object(), Hinge)
        # where the best bias alone is at a kink, slopes 0 will do: they prove that no loss is negative
        flat = 0.0 * local.loss.slopes if kinks else _bias_alone(layout, 0.0, len(layout.copies)).loss.slopes
        for share in (0.0, *10.0 ** np.arange(-16.0, 1.0)):
            slopes = (1.0 - share) * local.loss.slopes + share * flat
            slopes = slopes - layout.spread(slopes)
            values = layout.loss.dual(slopes, layout.targets, layout.counts)
            if np.all(np.isfinite(values)):
                return slopes
        return flat

    def value(self, multiplier: Array, frame: object = None) -> float:
        """The bound. Raises ValueError for a multiplier of another shape, or one that proves nothing."""
        layout = self._layout(multiplier.shape)
        if not np.all(np.isfinite(multiplier)):
            raise ValueError("a multiplier is finite numbers")
        model = self.model
        if self._has_dual:
            slopes = multiplier
        else:
            local = layout.loss.at(multiplier, layout.targets, layout.counts)
            slopes = local.slopes
        by_m, by_s, by_b = layout.adjoint(layout.weights[:, None] * slopes)
        inner = np.abs(np.divide(by_s, layout.repeats, out=np.zeros_like(by_s), where=layout.repeats > 0))
        t, cost = self.tempered(self.largest(by_m, inner))
        if self._has_dual:
            values = layout.loss.dual(t * slopes, layout.targets, layout.counts)
        else:
            values = t * (local.values - np.einsum("bp,bp->b", slopes, multiplier))
        bound = float(layout.weights @ values) - cost
        if model.bias == "free":
            if np.abs(by_b).max() > BALANCE * max(1.0, float(np.abs(slopes).max())):
                raise ValueError(f"slopes that add up to {np.abs(by_b).max():g} prove nothing of a free bias")
        elif model.bias != "none":
            bound -= t**2 * float(np.sum(by_b**2 / layout.copies)) / (2.0 * float(model.bias))
        if not np.isfinite(bound):
            raise ValueError("these are no slopes of the loss: the multiplier proves nothing")
        return bound

    def tempered(self, size: float) -> tuple[float, float]:
        """t, and what the best logits gain along slopes of that largest strength."""
        return (min(1.0, self.model.strength / size) if size else 1.0), 0.0

    @staticmethod
    def largest(by_m: Array, inner: Array) -> float:
        """|G|_op, of the part between groups and of that inside them."""
        return max(float(linalg.norm(by_m, 2)), float(inner.max(initial=0.0)))

    def _layout(self, shape: tuple[int, ...]) -> Layout:
        """The layout that a multiplier belongs to."""
        whole = self.model.n_classes, self.model.n_outputs
        layout = Whole(self.model) if shape == whole else Groups(self.model) if self.model.exchangeable else None
        if layout is None or layout.counts.shape != shape:
            raise ValueError(f"a multiplier of shape {shape} does not belong to this model")
        return self.of_kind(layout)

    @staticmethod
    def of_kind(layout: Layout) -> Layout:
        """The layout as this bound wants it."""
        return layout


def deadly(layout: Layout) -> float:
    """A penalty at which everything is dead: the strength of the slopes where all logits are 0, twice."""
    slopes = layout.loss.at(np.zeros_like(layout.counts), layout.targets, layout.counts).slopes
    by_m, by_s, _ = layout.adjoint(layout.weights[:, None] * slopes)
    inner = np.abs(np.divide(by_s, layout.repeats, out=np.zeros_like(by_s), where=layout.repeats > 0))
    return 2.0 * NuclearBound.largest(by_m, inner)


BALANCE = 1e-14
"""Slopes of a free bias add up to 0 up to here, in units of the largest: what is left is rounding of their sum."""

bound_of.register(FeatureModel, NuclearBound)
