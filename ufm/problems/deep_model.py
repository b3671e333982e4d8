"""Deep linear unconstrained-feature models: free features, and several layers of weights above them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.problem import integers, nonnegative


@dataclass(frozen=True)
class DeepModel(FeatureModel):
    r"""Features H and M layers of weights that minimise, together,

    .. math:: \frac1N \sum_i \ell(W_M \cdots W_1 h_i, y_i) + \sum_{l=1}^M \frac{\lambda_l}{2} |W_l|_F^2
        + \frac{\lambda_H}{2} |H|_F^2 .

    A :class:`ufm.FeatureModel` with layers; M = 1 is that model itself. There is no bias.

    Parameters
    ----------
    class_sizes, loss, lam_h : as there, and the same changes of the loss: smoothing, weights, temperatures, targets.
    lam_w : weight decay of the layers, > 0: one number for all, or M of them from the features up, W_1 first.
    layers : M >= 2.
    dim : dimension of the features and of all layers between; one for each output if left out, which is as good as any
        larger one.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> model = DeepModel((100, 10, 10), lam_w=(5e-3, 1e-3), lam_h=1e-4, layers=2)
    >>> model.decays.tolist(), model == DeepModel.from_toml(model.to_toml())
    ([0.005, 0.001], True)
    """

    lam_w: Any
    layers: int = 2

    def __post_init__(self) -> None:
        """Validate every field."""
        (layers,) = integers("layers", [self.layers])
        if layers < 2:
            raise ValueError(f"layers={layers} must be at least 2: one layer is a ufm.FeatureModel")
        self._put("layers", layers)
        super().__post_init__()
        self.refuse_kinks()
        self.require_decay()
        if self.bias != "none":
            raise ValueError(f"bias={self.bias!r} must be 'none': a deep model has no bias")

    def _validated_decay(self) -> float | tuple[float, ...]:
        """One number if all layers have the same."""
        if not isinstance(self.lam_w, Iterable) or isinstance(self.lam_w, str):
            return nonnegative("lam_w", self.lam_w)
        decays = tuple(nonnegative("lam_w", decay) for decay in self.lam_w)
        if len(decays) != self.layers:
            raise ValueError(f"lam_w={decays} has {len(decays)} entries for layers={self.layers}")
        return decays[0] if len(set(decays)) == 1 else decays

    @property
    def decays(self) -> Array:
        """Weight decay of each layer, (M,), W_1 first."""
        return np.broadcast_to(np.asarray(self.lam_w, dtype=np.float64), self.layers)

    @property
    def strength(self) -> float:
        r""":math:`\bar\lambda = (\lambda_1 \cdots \lambda_M \lambda_H)^{1 / (M + 1)}`: the mean of all decays."""
        return float(np.exp(np.mean(np.log([*self.decays, self.lam_h]))))

    @property
    def exchangeable(self) -> bool:
        """False: a minimum of what is not convex need not be symmetric."""
        return False
