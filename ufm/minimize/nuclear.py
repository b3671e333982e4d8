"""The lower bound of the convex program, by weak duality."""

import numpy as np

from ufm.minimize.certificate import bound_of
from ufm.minimize.factored import Factored, bias_alone
from ufm.minimize.layouts import Groups, Layout, Whole, strongest
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.logits import Hinge


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
        flat = 0.0 * local.loss.slopes if kinks else bias_alone(layout, 0.0, len(layout.copies)).loss.slopes
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
        by_m, inside, by_b = layout.pulls(slopes)
        t, cost = self.tempered(self.strongest(by_m, inside))
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

    strongest = staticmethod(strongest)
    """What an infimum over all logits is finite for: :func:`ufm.minimize.layouts.strongest`."""

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


BALANCE = 1e-14
"""Slopes of a free bias add up to 0 up to here, in units of the largest: what is left is rounding of their sum."""

bound_of.register(FeatureModel, NuclearBound)
