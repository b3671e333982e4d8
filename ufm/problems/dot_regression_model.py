"""Features of bounded norm that are drawn to weights which do not move."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg

from ufm.problems.frames import Array
from ufm.problems.model import Model
from ufm.problems.problem import LEFT_OUT, integers


@dataclass(frozen=True)
class DotRegressionModel(Model):
    r"""Features H that minimise, with the vertices of a simplex as weights,

    .. math:: \frac{1}{2 s N} \sum_i (\langle w_{y_i}, h_i \rangle - t)^2 \quad \text{with} \quad |h_i|^2 \le E_H ,
        \qquad |w_k|^2 = E_W, \quad s = \sqrt{E_W E_H}

    (Yang, Chen, Li, Xie, Lin and Tao 2022, with t = s).

    Parameters
    ----------
    class_sizes : samples of each class, K >= 2 of them.
    energy_w, energy_h : E_W and E_H, > 0.
    target : t > 0; s if left out, which is the largest product that weights and features can have.
    dim : feature dimension d >= K - 1; K if left out.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> model = DotRegressionModel((100, 10, 10), energy_w=1.0, energy_h=4.0)
    >>> model.target, (model.weights @ model.weights.T).round(3)[0].tolist()
    (2.0, [1.0, -0.5, -0.5])
    """

    loss: ClassVar[str] = "dot-regression"

    energy_w: float = 1.0
    energy_h: float = 1.0
    target: float = LEFT_OUT
    dim: int = LEFT_OUT

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        if self.n_classes < 2:
            raise ValueError(f"class_sizes={self.class_sizes} must have at least 2 entries: a simplex has two vertices")
        for name in ("energy_w", "energy_h"):
            self._put_positive(name, "nothing but 0 is left")
        self._put("target", self.largest if self.target is LEFT_OUT else self.target)
        self._put_positive("target", "features that are 0 meet it")
        (dim,) = (self.n_classes,) if self.dim is LEFT_OUT else integers("dim", [self.dim])
        if dim < self.n_classes - 1:
            raise ValueError(f"dim={dim} < {self.n_classes - 1}: a simplex of {self.n_classes} vertices does not fit")
        self._put("dim", dim)

    @property
    def largest(self) -> float:
        r""":math:`s = \sqrt{E_W E_H}`, the largest product of a weight and a feature."""
        return float(self.energy_w**0.5 * self.energy_h**0.5)

    @property
    def weights(self) -> Array:
        r"""Rows with products :math:`E_W (K \delta_{jk} - 1) / (K - 1)`, (K, d)."""
        k = self.n_classes
        rows = np.zeros((k, self.dim))
        rows[:, : k - 1] = np.sqrt(self.energy_w * k / (k - 1)) * linalg.helmert(k).T
        return rows
