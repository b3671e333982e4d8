"""Unconstrained-feature models without a frame: free features and weights under a convex loss of their logits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from ufm.files.text import require_known
from ufm.problems import logits
from ufm.problems.frames import Array
from ufm.problems.loss_model import LossModel
from ufm.problems.problem import LEFT_OUT, Integers, integers, nonnegative

BIASES = ("none", "free")


@dataclass(frozen=True)
class FeatureModel(LossModel):
    r"""Features H, weights W and a bias b that minimise, together,

    .. math:: \frac1N \sum_i \ell(W h_i + b, y_i) + \frac{\lambda_W}{2} |W|_F^2 + \frac{\lambda_H}{2} |H|_F^2
        + \frac{\lambda_b}{2} |b|^2 .

    Parameters
    ----------
    class_sizes : samples of each class; with ``targets``, of each row of these.
    loss : "ce", "mse" (half the squared distance to the one-hot label), "bce", "hinge", "squared-hinge", or a
        convex loss of your own: a :class:`ufm.TorchLogitLoss` or :class:`ufm.NumpyLogitLoss` around a callable, an
        object as :class:`ufm.problems.logits.LogitLoss` describes it, or one that a file has
        (:func:`ufm.problems.file_loss.read_loss`).
    lam_w, lam_h : weight decay of weights and features, >= 0. At 0 there is a flow (:func:`ufm.gradient_flow`), but no
        end of it that weights and features tend to, or none that does not depend on the start:
        :func:`ufm.minimize` refuses it.
    bias : "none", "free", or the weight of its decay, > 0.
    dim : feature dimension d; one for each output if left out, which is as good as any larger one.
    smoothing : of the labels: delta in (1 - delta) e_y + delta / K.
    weights : omega, one weight > 0 for each class; 1 if left out.
    temperatures : delta, the factor > 0 of each output (CDT); 1 if left out.
    sample_temperatures : epsilon, the factor > 0 of all outputs for samples of each class (LDT); 1 if left out.
    shifts : iota, added to each output (logit adjustment); 0 if left out.
    targets : rows y of soft labels, of several labels or of numbers to be met, (m, K), in place of one class each.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> model = FeatureModel((100, 10, 10), lam_w=5e-3, lam_h=1e-4)
    >>> model.n_classes, model.strength, model == FeatureModel.from_toml(model.to_toml())
    (3, 0.0007071067811865475, True)
    """

    lam_w: float
    lam_h: float
    loss: Any = "ce"
    bias: float | str = "none"
    dim: int = LEFT_OUT
    smoothing: float = 0.0
    weights: tuple[float, ...] | None = None
    temperatures: tuple[float, ...] | None = None
    sample_temperatures: tuple[float, ...] | None = None
    shifts: tuple[float, ...] | None = None
    targets: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        self._require_loss()
        self._put("lam_w", self._validated_decay())
        self._put("lam_h", nonnegative("lam_h", self.lam_h))
        if self.bias not in BIASES:
            if isinstance(self.bias, str):
                raise ValueError(f"bias={self.bias!r} is unknown: 'none', 'free', or the weight of its decay")
            self._put("bias", nonnegative("bias", self.bias) or "free")
        self._put("smoothing", nonnegative("smoothing", self.smoothing))
        if self.smoothing and self.loss in ("hinge", "squared-hinge"):
            raise ValueError(f"smoothing={self.smoothing} has no meaning for loss={self.loss!r}, which wants one class")
        if not self.smoothing < 1.0:
            raise ValueError(f"smoothing={self.smoothing} must be below 1")
        self._put("targets", self._validated_targets())
        for name in ("weights", "temperatures", "sample_temperatures", "shifts"):
            count = self.n_outputs if name in ("temperatures", "shifts") else len(self.class_sizes)
            self._put(name, self._numbers(name, count, signed=name == "shifts"))
        (dim,) = (self.n_outputs,) if self.dim is LEFT_OUT else integers("dim", [self.dim])
        self._put("dim", dim)

    def _validated_decay(self) -> Any:
        return nonnegative("lam_w", self.lam_w)

    def refuse_kinks(self) -> None:
        """Raise ValueError for a loss that only the convex program can be solved with."""
        if self.loss == "hinge":
            raise ValueError("loss='hinge' has kinks, which many starts get stuck at: take 'squared-hinge'")

    def _validated_targets(self) -> tuple[tuple[float, ...], ...] | None:
        if self.targets is None:
            return None
        try:
            rows = np.asarray(self.targets, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError("targets is not a table of numbers, one row for each entry of class_sizes") from None
        if rows.ndim != 2 or len(rows) != len(self.class_sizes) or not rows.shape[1] or not np.all(np.isfinite(rows)):
            raise ValueError(f"targets of shape {rows.shape} must be finite, a row for each of {len(self.class_sizes)}")
        if self.smoothing:
            raise ValueError(f"smoothing={self.smoothing} has no meaning beside targets: soften them yourself")
        if isinstance(self.loss, str) and self.loss != "mse" and (rows < 0.0).any():
            raise ValueError(f"targets has {rows.min()}: loss={self.loss!r} takes what is at least 0")
        if self.loss in ("hinge", "squared-hinge"):
            raise ValueError(f"targets has no meaning for loss={self.loss!r}, which wants one class for each sample")
        return tuple(map(tuple, rows.tolist()))

    def _numbers(self, name: str, count: int, *, signed: bool) -> tuple[float, ...] | None:
        given: Sequence[Any] | None = getattr(self, name)
        if given is None:
            return None
        values = np.asarray(given, dtype=np.float64)
        if values.shape != (count,) or not np.all(np.isfinite(values)) or (not signed and values.min() <= 0.0):
            raise ValueError(f"{name}={given} must be {count} finite numbers{'' if signed else ' > 0'}")
        return tuple(values.tolist())

    features: ClassVar[str] = "free"
    """What values features may have."""

    @property
    def n_outputs(self) -> int:
        """K, of the logits."""
        return self.n_classes if self.targets is None else len(self.targets[0])

    @property
    def strength(self) -> float:
        r""":math:`\lambda = \sqrt{\lambda_W \lambda_H}`, the weight of the nuclear norm that both decays come to."""
        return float(np.sqrt(self.lam_w) * np.sqrt(self.lam_h))

    @property
    def bias_decay(self) -> float:
        """Weight of the decay of the bias; 0 where it is free, or not there."""
        return 0.0 if isinstance(self.bias, str) else float(self.bias)

    @cached_property
    def exchangeable(self) -> bool:
        """Whether classes that agree in all their numbers have equal logits at a minimum."""
        return self.targets is None and bool(self.loss_object().exchangeable)

    def by_class(self, name: str, default: float) -> Array:
        """One of the optional fields with a number for each class, or its default, as an array."""
        values = getattr(self, name)
        count = self.n_outputs if name in ("temperatures", "shifts") else self.n_classes
        return np.full(count, default) if values is None else np.asarray(values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what was left out is left out. A loss of a file is FILE.py::NAME."""
        return super().to_dict() | ({} if self.features == "free" else {"features": self.features})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Inverse of :meth:`to_dict`; features = "nonnegative" are a :class:`NonnegativeModel`'s."""
        rest = {key: value for key, value in values.items() if key != "features"}
        features = values.get("features", cls.features)
        if features == cls.features:
            return super().from_dict(rest)
        kinds: dict[Any, Any] = {kind.features: kind for kind in (FeatureModel, NonnegativeModel)}
        require_known(features, kinds, f"features={features!r} is unknown")
        model: Self = kinds[features].from_dict(rest)
        return model

    def require_decay(self) -> None:
        """Raise ValueError where weights or features do not decay: there is nothing to look for then."""
        for name in ("lam_w", "lam_h"):
            if np.min(getattr(self, name)) == 0.0:
                raise ValueError(
                    f"{name}=0.0 must be positive: without decay nothing bounds weights and features. Where losses "
                    "only tend to 0 they grow for ever (those of 'ce' towards the directions of loss='hinge' at little "
                    "decay), else they end near their start: ufm.gradient_flow follows them"
                )

    @cached_property
    def label_rows(self) -> Array:
        r"""Targets y of each class, (1 - delta) e_k + delta / K, or what was given, (m, K)."""
        if self.targets is not None:
            return np.asarray(self.targets)
        return (1.0 - self.smoothing) * np.eye(self.n_classes) + self.smoothing / self.n_classes

    def loss_of_rows(self, classes: Integers) -> Any:
        """The loss of samples of these classes, a row of all outputs each, with all that the model changes of it."""
        scale = np.outer(self.by_class("sample_temperatures", 1.0)[classes], self.by_class("temperatures", 1.0))
        shift = np.broadcast_to(self.by_class("shifts", 0.0), scale.shape)
        return logits.Adjusted(self.loss_object(), self.by_class("weights", 1.0)[classes, None], scale, shift)


@dataclass(frozen=True)
class NonnegativeModel(FeatureModel):
    """A :class:`FeatureModel` whose features are not negative, as behind a ReLU; on paper, features = "nonnegative".

    Examples
    --------
    >>> model = NonnegativeModel((100, 10), lam_w=5e-3, lam_h=1e-4)
    >>> FeatureModel.from_toml(model.to_toml()) == model
    True
    """

    features: ClassVar[str] = "nonnegative"

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        self.refuse_kinks()

    @property
    def exchangeable(self) -> bool:
        """Directions of features belong to classes: equal ones share none."""
        return False
