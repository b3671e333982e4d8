"""The lower bound of deep linear models under the squared loss: a problem for each singular value."""

import numpy as np
from scipy import linalg

from ufm.minimize.certificate import bound_of
from ufm.minimize.layouts import Whole
from ufm.minimize.trust_region import TINY
from ufm.problems.deep_model import DeepModel
from ufm.problems.frames import Array


class SchattenBound:
    r"""Squared loss: the problem falls apart into one for each singular value.

    With :math:`T = Y D^{1/2}` and von Neumann's inequality, :math:`|A - T|^2 \ge \sum_i (\sigma_i(A) - \sigma_i(T))^2`,
    and by that of the means the decay of any factors of A is at least :math:`c \sum_i \sigma_i(A)^p`, where
    :math:`c = \frac{M+1}{2} \bar\lambda` and p = 2 / (M + 1). So, with d directions at the most,

    .. math:: F \ge \sum_{i \le d} \min_{x \ge 0} \varphi_i(x) + \sum_{i > d} \varphi_i(0) , \qquad
        \varphi_i(x) = \frac{(x - t_i)^2}{2 N} + c\, x^p , \quad t_i = \sigma_i(T) .

    Above :math:`t_i` a :math:`\varphi_i` rises; below :math:`r = (c\, p (1 - p) N)^{1 / (2 - p)}` it is concave, hence
    at least the smaller value at the ends; between the two it is convex, hence above its tangent at any
    :math:`y_i \in [r, t_i]`. These y are the multiplier, best where the tangent is flat.
    """

    statement = (
        "sum_i min(phi_i(0), phi_i(y_i) + min over x in {r, t_i} of phi_i'(y_i) (x - y_i)) for the d largest singular "
        "values t_i of Y D^(1/2), phi_i(0) for the rest, phi_i(x) = (x - t_i)^2 / (2 N) + c x^p, any y_i in [r, t_i]"
    )

    @staticmethod
    def speaks_of(model: DeepModel) -> bool:
        """Whether the loss is the squared one as it stands."""
        changes = (model.weights, model.temperatures, model.sample_temperatures, model.shifts)
        return model.loss == "mse" and all(change is None for change in changes)

    def __init__(self, model: DeepModel) -> None:
        """Keep the model. Raises TypeError where nothing is known."""
        if not self.speaks_of(model):
            raise TypeError(f"no lower bound is known for a DeepModel with loss={model.loss!r} and these changes of it")
        self.model = model

        layout = Whole(model)
        self.strengths = linalg.svdvals(layout.targets.T * layout.root)
        power = 2.0 / (model.layers + 1)
        self.scalar = ScalarProblem(self.strengths, float(layout.sizes.sum()), model.strength / power, power)

    def multiplier(self) -> Array:
        """The best one: where the slopes are 0, or as near to it as they come."""
        return self.scalar.flattest()

    def value(self, multiplier: Array, frame: object = None) -> float:
        """The bound. Raises ValueError for a multiplier of another shape."""
        if multiplier.shape != self.strengths.shape or not np.all(np.isfinite(multiplier)):
            raise ValueError(f"a multiplier is {len(self.strengths)} finite numbers, one for each singular value")
        lives = np.arange(len(multiplier)) < self.model.dim
        return float(np.where(lives, self.scalar.bound(multiplier), self.scalar.at_zero).sum())


class ScalarProblem:
    r""":math:`\varphi(x) = (x - t)^2 / (2 N) + c\, x^p` for many t at once: see :class:`SchattenBound`."""

    def __init__(self, t: Array, total: float, cost: float, power: float) -> None:
        """Where it changes from concave to convex, or t if that is smaller."""
        self.t, self.total, self.cost, self.power = t, total, cost, power
        self.bend = np.minimum((cost * power * (1.0 - power) * total) ** (1.0 / (2.0 - power)), t)
        self.at_zero = 0.5 * t**2 / total

    def slope(self, y: Array) -> Array:
        """The derivative, at y > 0."""
        return (y - self.t) / self.total + self.cost * self.power * y ** (self.power - 1.0)

    def bound(self, y: Array) -> Array:
        """What it is at least for x >= 0, by the tangent at y, or at the nearest number that is allowed."""
        y = np.maximum(np.clip(y, self.bend, self.t), TINY)
        value, slope = 0.5 * (y - self.t) ** 2 / self.total + self.cost * y**self.power, self.slope(y)
        tangent = value + np.minimum(slope * (self.bend - y), slope * (self.t - y))
        return np.minimum(self.at_zero, tangent)

    def flattest(self) -> Array:
        """The y between bend and t whose slope is next to 0, by bisection: slopes rise there."""
        low, high = self.bend.copy(), self.t.copy()
        for _ in range(100):
            middle = 0.5 * (low + high)
            rises = self.slope(np.maximum(middle, TINY)) > 0.0
            low, high = np.where(rises, low, middle), np.where(rises, middle, high)
        return high


bound_of.register(DeepModel, SchattenBound)
