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
"""

from copy import copy
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from ufm.files.blas import one_thread
from ufm.minimize.balanced import Balanced
from ufm.minimize.coarse import expanded, merged
from ufm.minimize.factored import Factored, first_guess, nothing_but_bias
from ufm.minimize.layouts import Groups, Layout
from ufm.minimize.nuclear import NuclearBound
from ufm.minimize.trust_region import TINY, Ending, descended, minimize_locally
from ufm.problems.feature_model import FeatureModel
from ufm.problems.logits import Adjusted, Hinge, RoundedHinge


def solve(layout: Layout, model: FeatureModel, rank: int, *, progress: bool = False) -> Ending[Factored]:
    """Minimise over factors of ``rank`` columns: a trust region, and where kinks hold it up, L-BFGS before it."""
    require_convex(layout, model)
    if isinstance(layout.loss.loss, Hinge):
        with one_thread(layout.counts.size):
            return _by_multipliers(layout, model, rank, progress=progress)
    return _smooth(layout, model, rank, (SLOPE, DECREMENT), progress=progress)


def _smooth(
    layout: Layout, model: FeatureModel, rank: int, tolerances: tuple[float, float], *, progress: bool = False
) -> Ending[Factored]:
    """A loss without kinks: at the matrix if there are many groups, over factors if not, or if that is held up."""
    if many(layout, rank):
        with one_thread():
            ending = _by_matrix(layout, model, tolerances, progress=progress)
        if ending.status == "optimal":
            return ending
    with one_thread(layout.counts.size):
        return _polished(first_guess(layout, model, rank), tolerances, progress=progress)


def restarted(layout: Layout, model: FeatureModel, starts: int) -> list[Ending[Factored]]:
    """Where factors of fewer columns than the minimum fills lead to, from random starts; none where there are kinks.

    L-BFGS comes first: a trust region that begins far out ends more often in poor minima.
    """
    if isinstance(layout.loss.loss, Hinge):
        return []
    rng, (sigma, bias) = np.random.default_rng(0), nothing_but_bias(layout, model)
    size, rank = OUT * np.sqrt(layout.root.max() / model.dim), model.dim
    drawn = [[size * rng.standard_normal((count, rank)) for count in layout.shape] for _ in range(starts)]
    points = [Factored(layout, model.strength, model.bias_decay, (u, v, sigma, bias)) for u, v in drawn]
    with one_thread(layout.counts.size):
        ends = [descended(point, slope=1e-8) for point in points]
        return [_polished(end, (SLOPE, DECREMENT), progress=False) for end in ends]


OUT = 8.0
"""How far out these begin, in units of logits of about 1: nearer ones have fewer classes alive, and end higher."""


MANY, FEWER = 64, 4
"""Groups of classes from which the program is solved at a matrix, and by what there are fewer where that begins."""


ROUGH = 1e-4
"""Decrement of that beginning, in units of the root of the objective at 0: what merging changes is more."""


def many(layout: Layout, rank: int) -> TypeGuard[Groups]:
    """Whether the program is solved at a matrix: :class:`ufm.minimize.balanced.Balanced`."""
    if not isinstance(layout, Groups) or not MANY <= len(layout.sizes) <= rank:
        return False
    smooth = not isinstance(layout.loss.loss, Hinge) and layout.at_zero.curvature is not None
    return smooth and np.array_equal(layout.root, np.sqrt(layout.sizes))


def _by_matrix(
    layout: Groups, model: FeatureModel, tolerances: tuple[float, float], *, progress: bool
) -> Ending[Factored]:
    """From the minimum of classes of fewer sizes: near enough for steps of second order."""
    coarse = merged(model, max(len(layout.sizes) // FEWER, 2))
    there = Groups(coarse)
    known = _smooth(there, coarse, len(there.sizes), (np.inf, ROUGH * np.sqrt(layout.value_at_zero)))
    start = Balanced.of(*expanded(known.local, there, layout)).settled()
    slope, decrement = tolerances
    ending = minimize_locally(start, slope=slope, decrement=decrement, max_iterations=PATIENCE, progress=progress)
    counts = ending.iterations + known.iterations, ending.products + known.products
    return Ending(ending.local.factored(), ending.status, ending.reason, ending.slope, ending.decrement, *counts)


def require_convex(layout: Layout, model: FeatureModel) -> None:
    """Raise ValueError for a loss of one's own that is below 0, or one of its tangents, at random logits of many sizes.

    What may be below 0 proves nothing, and has no unit: see :class:`ufm.minimize.nuclear.NuclearBound`.
    """
    if isinstance(model.loss, str):
        return
    name = model.loss_name
    rng, shape, all_of = np.random.default_rng(0), layout.counts.shape, (layout.targets, layout.counts)
    for size in (0.1, 1.0, 10.0) * CHORDS:
        here, there = size * rng.standard_normal((2, *shape))
        at, other = layout.loss.at(here, *all_of), layout.loss.at(there, *all_of)
        if np.any(at.values < 0.0):
            row = int(np.argmin(at.values))
            raise ValueError(
                f"loss {name} is {at.values[row]:.3g} at logits {here[row].round(3)} of class {row}: bound and "
                "tolerances are those of losses that are at least 0. Add a number to it"
            )
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


def _polished(start: Factored, tolerances: tuple[float, float], *, progress: bool) -> Ending[Factored]:
    slope, decrement = tolerances

    def second_order(local: Factored) -> Ending[Factored]:
        return minimize_locally(local, slope=slope, decrement=decrement, max_iterations=PATIENCE, progress=progress)

    ending = second_order(start)
    return ending if ending.iterations < PATIENCE else second_order(descended(start, slope=slope))


SLOPE, DECREMENT, PATIENCE = 1e-13, 1e-12, 60
"""Tolerances of the trust region, and the iterations that it has: a smooth loss takes about twenty."""


def _by_multipliers(layout: Layout, model: FeatureModel, rank: int, *, progress: bool) -> Ending[Factored]:
    """Where the loss has kinks, by the method of multipliers: rounded ones, again and again, until the gap is closed.

    The slopes of what is returned are those of the last rounding: at a kink, the ones that its neighbours need.
    """
    given, bound, width = layout.loss, NuclearBound(model), WIDEST
    rounded, multipliers, iterations, products = copy(layout), np.full(layout.counts.shape, 0.5), 0, 0
    start = None
    for turn in range(ROUNDINGS):
        loss = RoundedHinge(multipliers, width)
        rounded.loss = Adjusted(loss, given.weights, given.scale, given.shift)
        start = first_guess(rounded, model, rank) if start is None else start.on(rounded)
        slope, decrement = (
            max(last, first * CLOSER**turn) for first, last in zip(FIRST, (SLOPE, DECREMENT), strict=True)
        )
        ending = _polished(start, (slope, decrement), progress=progress)
        iterations, products = iterations + ending.iterations, products + ending.products
        local = ending.local.on(layout)
        local.loss = local.loss._replace(slopes=ending.local.loss.slopes)
        if local.convex_value - bound.value(bound.of(local)) <= CLOSED_GAP * layout.value_at_zero:
            break
        start = local
        multipliers = np.clip(loss.shares(given.scale * local.logits + given.shift, layout.targets), 0.0, 1.0)
        width = max(width * NARROWER, NARROWEST)
    return replace(ending, local=local, iterations=iterations, products=products)


FIRST, CLOSER = (1e-4, 1e-3), 0.1
"""Tolerances of the first rounding, which need not be solved well, and by what the next ones are smaller."""

CLOSED_GAP = 1e-13
"""Gap at which they end, in units of the objective at 0."""

WIDEST, NARROWER, NARROWEST, ROUNDINGS = 1.0, 0.3, 0.03, 40
"""How wide kinks are at first, by what they are made narrower, at the end, and how often at most."""
