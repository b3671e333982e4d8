"""What a theorem of the zoo is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


class Sized(Protocol):
    """Whatever has classes."""

    class_sizes: Sequence[int]


class Sphere(Sized, Protocol):
    """The fields of :class:`ufm.SphereModel`, which see."""

    dim: int
    temperature: float


class Model(Protocol):
    """What a prediction reads: the fields of :class:`ufm.FeatureModel`, which see."""

    class_sizes: Sequence[int]
    lam_w: float
    lam_h: float
    loss: Any
    bias: Any
    dim: int
    smoothing: float
    weights: Sequence[float] | None
    temperatures: Sequence[float] | None
    sample_temperatures: Sequence[float] | None
    shifts: Sequence[float] | None
    targets: Sequence[Sequence[float]] | None


class Peeled(Protocol):
    """The fields of :class:`ufm.PeeledModel`, which see."""

    class_sizes: Sequence[int]
    energy_w: float
    energy_h: float
    loss: Any
    bias: Any
    dim: int


class DotRegression(Sized, Protocol):
    """The fields of :class:`ufm.problems.dot_regression_model.DotRegressionModel`, which see."""

    energy_w: float
    energy_h: float
    target: float


class MultiCenter(Sized, Protocol):
    """What is read of a problem with a multi-center frame: see :class:`ufm.Problem`."""

    loss: str
    frame: str
    centers: Sequence[int]
    theta: float
    lam: float
    lam_w: float
    lam_h: float


class DeepModel(Model, Protocol):
    """What is read besides of a :class:`ufm.DeepModel`, of which ``lam_w`` may be one number for each layer."""

    layers: int


class Flow(Model, Protocol):
    """What a prediction of a motion reads besides: the fields of :class:`ufm.problems.balanced_flow.BalancedFlow`."""

    logits: Sequence[Sequence[float]]
    times: Sequence[float]


Prediction = Mapping[str, Any]
"""Any of: ``value``, of the objective; ``weight_squares`` and ``feature_squares``, |w_k|^2 and |h_k|^2, (K,);
``logits`` of the class means without the bias, (K, K), a row for each class; ``bias``, (K,); ``alive``, (K,) booleans;
``weight_gram`` and ``feature_gram``, W W^T and the products of class means, (K, K); ``learns``, whether anything is
not 0; ``merged``, (K,) booleans, whether a class has the mean of the classes that are like it in all numbers.
With targets that are no classes, what is said of classes is said of them.
``own_cosines``, between weights and features of each class, (K,). On the sphere ``log_value``, the logarithm of
``value``, where that may be too small for a number; ``largest_cosine``, between weights of two classes.
Of several layers, ``weight_squares`` and ``weight_gram`` are of the last one; ``layer_squares``, |W_l|^2, (M,);
``value_at_most``, which the minimum does not exceed; ``collapse_value``, the least value of a collapse, or at 0;
``collapsed``, whether the minimum is a collapse.
Of a motion, ``value``, ``logits`` and ``weight_gram`` are those at each of its times, with an axis in front, and
``drift`` is how far W^T W - H H^T is from e^(-2 lam t) times what it was at the start;
``row_sum_square`` is |W^T 1|^2."""

Case = Mapping[str, Any]
"""Fields of a model."""


@dataclass(frozen=True)
class Theorem:
    """What is to be said of a theorem besides its statement.

    Attributes
    ----------
    row : its number in the list of the documentation.
    source : who proved it, and what of it is derived here.
    latex : its formulas.
    hypotheses : when it holds, in words.
    verdict : "holds" as published, "corrected", or "new": at least a part of it is derived here, and the source says
        which.
    derivations : names in :mod:`theory.derivations`.
    """

    row: str
    source: str
    latex: str
    hypotheses: str
    verdict: Literal["holds", "corrected", "new"] = "holds"
    derivations: tuple[str, ...] = ()

    @property
    def formulas(self) -> list[str]:
        """The formulas one by one: wide gaps part them."""
        rows = [row.strip() for row in re.split(r"[;,]\s*\\quad", " ".join(self.latex.split()))]
        return [row for row in rows if row]


def strength(model: Model) -> float:
    r""":math:`\lambda = \sqrt{\lambda_W \lambda_H}`."""
    return float(np.sqrt(model.lam_w) * np.sqrt(model.lam_h))


def decays(model: DeepModel) -> Array:
    """Weight decay of each layer, (M,), from the features up."""
    return np.broadcast_to(np.asarray(model.lam_w, dtype=np.float64), model.layers)


def deep_strength(model: DeepModel) -> float:
    r""":math:`\bar\lambda = (\lambda_1 \cdots \lambda_M \lambda_H)^{1 / (M + 1)}`."""
    return float(np.exp(np.mean(np.log([*decays(model), model.lam_h]))))


def sizes(model: Sized) -> Array:
    """Class sizes n, (K,)."""
    return np.asarray(model.class_sizes, dtype=np.float64)


def plain(model: Model, *but: str, smoothed: bool = False) -> bool:
    """Whether the loss stands as it is: no weights, temperatures, shifts, smoothing or targets but those allowed."""
    changes = {"weights", "temperatures", "sample_temperatures", "shifts", "targets"} - set(but)
    return (smoothed or not model.smoothing) and all(getattr(model, name) is None for name in changes)


def balanced(model: Sized) -> bool:
    """Whether all classes have the same size."""
    return len(set(model.class_sizes)) == 1


def cross_entropy(temperature: float, cosines: Array) -> Prediction:
    r"""Loss of features that have these cosines with the weights of other classes, and 1 with their own.

    .. math:: \ln\big(1 + \sum_j e^{\tau (c_j - 1)}\big) ,

    and its logarithm, which is that of the sum to the last digit where that is below 1e-17.
    """
    rise = special.logsumexp(temperature * (cosines - 1.0))
    value = float(np.log1p(np.exp(rise)))
    return {"value": value, "log_value": float(rise if rise < -40.0 else np.log(value))}


def kept(strength: Array, total: float, lam: float) -> Array:
    r""":math:`(\sigma - N \lambda)_+`, what is left of a singular value of the targets."""
    return np.maximum(strength - total * lam, 0.0)


def cost(strength: Array, total: float, lam: float) -> Array:
    r"""Of a singular value: :math:`\lambda \sigma - N \lambda^2 / 2` if it is kept, else :math:`\sigma^2 / (2 N)`."""
    return np.where(strength > total * lam, lam * strength - 0.5 * total * lam**2, 0.5 * strength**2 / total)


def shrunk(target: Array, model: Model) -> Prediction:
    r"""Squared loss: :math:`A` nearest to a target T, in :math:`\frac{1}{2N} |A - T|^2 + \lambda |A|_*`.

    target : T = Y D^(1/2), (K, m), less what a bias takes.
    """
    n, lam = sizes(model), strength(model)
    total, root, scale = n.sum(), np.sqrt(n), np.sqrt(model.lam_h / model.lam_w)
    left, strengths, right = np.linalg.svd(target, full_matrices=False)
    left_over = kept(strengths, total, lam)
    return {
        "value": float(cost(strengths, total, lam).sum()),
        "logits": ((left * left_over) @ right / root).T,
        "learns": bool(left_over.any()),
        "weight_gram": scale * (left * left_over) @ left.T,
        "feature_gram": (right.T * left_over) @ right / scale / np.outer(root, root),
    }


def norms(model: Model, roots: Array) -> dict[str, Array]:
    r"""Squared norms for singular structure of one number a class: :math:`|w|^2 = r \sqrt{\lambda_H / \lambda_W}`.

    roots : the diagonal of :math:`(A A^\top)^{1/2}`, (K,), equal to that of :math:`(A^\top A)^{1/2}`; then
        :math:`|h|^2 = r \sqrt{\lambda_W / \lambda_H} / n`.
    """
    scale = np.sqrt(model.lam_h / model.lam_w)
    return {"weight_squares": roots * scale, "feature_squares": roots / scale / sizes(model)}
