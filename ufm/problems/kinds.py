"""The kinds of problems with multiple centers: two losses, each with a fixed or a learned frame."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from theory.multicenter.geometry import center_cosine
from ufm.problems.problem import MultiCenterProblem, nonnegative


@dataclass(frozen=True)
class CosineProblem(MultiCenterProblem):
    r"""Cosine loss, fixed frame: the features of sample :math:`(k, i)` minimise

    .. math:: \beta_k \sum_j (\langle w_j^{(k)}, h / |h| \rangle - 1)^2 + \lambda (|h| - 1)^2 .

    Parameters
    ----------
    beta : weight > 0 for all classes, K weights, or "weighted", the paper's :math:`\beta_k = \cos\alpha_k`.
    lam : weight of the norm penalty, >= 0. The paper's 6e-4 per sample, summed over a batch of 128, is 0.0768 here.
    """

    loss: ClassVar[str] = "cosine"
    frame: ClassVar[str] = "fixed"

    beta: float | tuple[float, ...] | Literal["weighted"] = "weighted"
    lam: float = 0.1

    def __post_init__(self) -> None:
        """Validate the weights."""
        super().__post_init__()
        self._put("beta", self._validated_beta())
        self._put("lam", nonnegative("lam", self.lam))

    def _validated_beta(self) -> float | tuple[float, ...] | Literal["weighted"]:
        beta: Any = self.beta
        if isinstance(beta, str):
            if beta == "weighted":
                return "weighted"
            raise ValueError(f"beta={beta!r} is unknown: a number, one number per class, or 'weighted'")
        several = np.ndim(beta) > 0
        weights = [nonnegative("beta", b) for b in (beta if several else [beta])]
        if several and len(weights) != self.n_classes:
            raise ValueError(f"beta has {len(weights)} entries and class_sizes {self.n_classes}")
        if min(weights) == 0:
            raise ValueError("beta contains 0: a class without weight has no geometry to collapse to")
        return tuple(weights) if several else weights[0]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """beta_k of every class, shape (K,)."""
        if self.beta == "weighted":
            return center_cosine(self.centers, self.theta)
        return np.broadcast_to(np.asarray(self.beta, dtype=np.float64), (self.n_classes,)).copy()


@dataclass(frozen=True)
class MSEProblem(MultiCenterProblem):
    r"""Problem P of the paper (section 3), fixed frame: the features, columns of H, minimise

    .. math:: |W H - Y|_F^2 / (2 S) + \frac{\lambda_W}{2} |W_0|_F^2 + \frac{\lambda_H}{2} |H|_F^2,
        \qquad S = \sum_k f_k n_k .

    Parameters
    ----------
    lam_h, lam_w : weights of features and classifier, >= 0.
    """

    loss: ClassVar[str] = "mse"
    frame: ClassVar[str] = "fixed"

    lam_h: float = 0.0
    lam_w: float = 0.0

    def __post_init__(self) -> None:
        """Validate the weights."""
        super().__post_init__()
        for name in ("lam_h", "lam_w"):
            self._put(name, nonnegative(name, getattr(self, name)))


@dataclass(frozen=True)
class LearnedCosineProblem(CosineProblem):
    """Cosine loss with a frame whose directions (orthonormal) are unknowns as well."""

    frame: ClassVar[str] = "learned"


@dataclass(frozen=True)
class LearnedMSEProblem(MSEProblem):
    """P with a frame whose directions (orthonormal) and norms are unknowns as well; needs both weights positive."""

    frame: ClassVar[str] = "learned"

    def __post_init__(self) -> None:
        """Refuse problems without a minimiser."""
        super().__post_init__()
        # scaling features by t and norms by 1/t leaves the outputs alone, so one of the two penalties can be had for 0
        pairs = ("lam_h", "features grow and norms of the frame shrink"), ("lam_w", "norms grow and features shrink")
        for name, way_out in pairs:
            if not getattr(self, name):
                raise ValueError(
                    f"{name}={getattr(self, name)} must be positive with frame='learned': P is degenerate without it, "
                    f"{way_out} without bound and at no cost"
                )


Learned = LearnedCosineProblem | LearnedMSEProblem
"""Kinds whose frame is an unknown."""
