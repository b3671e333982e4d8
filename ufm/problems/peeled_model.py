"""Layer-peeled models: free features and weights whose mean squared norms are bounded."""

from dataclasses import dataclass
from typing import Any

from ufm.problems.feature_model import FeatureModel
from ufm.problems.loss_model import LossModel
from ufm.problems.problem import LEFT_OUT, integers


@dataclass(frozen=True)
class PeeledModel(LossModel):
    r"""Features H and weights W, and a bias b, that minimise together

    .. math:: \frac1N \sum_i \ell(W h_i + b, y_i) \quad \text{with} \quad \frac1K \sum_k |w_k|^2 \le E_W , \quad
        \frac1K \sum_k \frac{1}{n_k} \sum_{i \in k} |h_i|^2 \le E_H

    (Fang, He, Long and Su 2021).

    Parameters
    ----------
    class_sizes : samples of each class.
    energy_w, energy_h : E_W and E_H, > 0.
    loss : "ce", "mse", "bce", "squared-hinge", or a convex loss of your own, as for a :class:`ufm.FeatureModel`.
    bias : "none" or "free".
    dim : feature dimension d; one for each class if left out, which is as good as any larger one.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> model = PeeledModel((100, 10, 10), energy_w=1.0, energy_h=4.0)
    >>> model.radius, model == PeeledModel.from_toml(model.to_toml())
    (6.0, True)
    """

    energy_w: float = 1.0
    energy_h: float = 1.0
    loss: Any = "ce"
    bias: str = "none"
    dim: int = LEFT_OUT

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        self._require_loss()
        if self.loss == "hinge":
            raise ValueError(
                "loss='hinge': its margins are met at a finite norm; ufm.FeatureModel has the smallest one"
            )
        if self.bias not in ("none", "free"):
            raise ValueError(f"bias={self.bias!r} is unknown: 'none' or 'free'")
        for name in ("energy_w", "energy_h"):
            self._put_positive(name, "nothing but 0 is left")
        (dim,) = (self.n_classes,) if self.dim is LEFT_OUT else integers("dim", [self.dim])
        self._put("dim", dim)

    @property
    def radius(self) -> float:
        r""":math:`K \sqrt{E_W E_H}`, what the nuclear norm of the logits of class means is bounded by."""
        return float(self.n_classes * (self.energy_w * self.energy_h) ** 0.5)

    def penalised(self, strength: float) -> FeatureModel:
        """The model with decays in place of bounds, of that weight of the nuclear norm, and norms in the same ratio."""
        ratio = (self.energy_h / self.energy_w) ** 0.5
        decays = {"lam_w": strength * ratio, "lam_h": strength / ratio}
        return FeatureModel(self.class_sizes, loss=self.loss, bias=self.bias, dim=self.dim, **decays)
