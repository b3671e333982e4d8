r"""Losses and penalties of features: values and analytic gradients, row by row.

A loss has ``value_and_gradient(features, labels) -> (values, gradients)`` for features (n, m) and their classes (n,),
or one class for all; simulations need nothing else. :func:`loss_of` gives the loss that a problem names;
:class:`TorchLoss` makes any torch callable one. Convex parts also have a conjugate, from which lower bounds are made.
"""

import functools
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ufm.problems.frames import Array, Frame, Matrix
from ufm.problems.kinds import CosineProblem, MSEProblem
from ufm.problems.problem import Integers, Problem


class Loss(Protocol):
    """What a simulation needs to know of a loss."""

    constant: float
    """The part of the objective that no feature moves."""

    def value_and_gradient(self, features: Array, labels: ArrayLike) -> tuple[Array, Array]:
        """Loss of each row, shape (n,), and its gradient, shape (n, m); ``labels`` (n,), or one class for all rows."""
        ...


class Squares:
    r"""Squared distance of outputs a from targets y: :math:`|a - y|^2 / (2 S)`."""

    def __init__(self, total: float) -> None:
        """Keep S."""
        self.total = total

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Values (n,) and gradients (n, F)."""
        miss = outputs - targets
        return np.einsum("nf,nf->n", miss, miss) / (2.0 * self.total), miss / self.total

    def conjugate(self, slopes: Array, targets: Array) -> Array:
        r""":math:`\sup_a \langle \nu, a \rangle - |a - y|^2 / (2 S) = \langle \nu, y \rangle + S |\nu|^2 / 2`, (n,)."""
        return np.einsum("nf,nf->n", slopes, targets + 0.5 * self.total * slopes)


class Ridge:
    r"""Penalty :math:`\frac{\lambda}{2} |h|^2`."""

    def __init__(self, weight: float) -> None:
        """Keep lambda, >= 0."""
        self.weight = weight

    def value_and_gradient(self, features: Array) -> tuple[Array, Array]:
        """Values (n,) and gradients (n, m)."""
        return 0.5 * self.weight * np.einsum("nd,nd->n", features, features), self.weight * features

    def conjugate(self, slopes: Array) -> Array:
        r""":math:`|s|^2 / (2 \lambda)`, (n,); for lambda = 0 it is 0 at s = 0 and infinite elsewhere."""
        squares = np.einsum("nd,nd->n", slopes, slopes)
        return squares / (2.0 * self.weight) if self.weight else np.where(squares > 0.0, np.inf, 0.0)


def row_lengths(features: Array) -> Array:
    """Euclidean length of each row, shape (n, 1). Raises ValueError where a direction is needed and there is none."""
    lengths: Array = np.sqrt(np.einsum("nd,nd->n", features, features))
    if not np.all(lengths > 0):
        row = int(np.argmin(np.where(np.isnan(lengths), -1.0, lengths)))
        kind = "0" if lengths[row] == 0 else "not a number"
        raise ValueError(f"the norm of features[{row}] is {kind}: the cosine loss is not defined there")
    return lengths[:, None]


def cosine(features: Array, centers: Matrix, beta: float, lam: float, targets: ArrayLike = 1.0) -> tuple[Array, Array]:
    r"""Cosine loss and its gradient.

    With :math:`r = |h|`, :math:`u = h / r` and :math:`a_j = \langle w_j, u \rangle`

    .. math::
        L = \beta \sum_j (a_j - t_j)^2 + \lambda (r - 1)^2, \qquad
        \nabla L = \frac{2 \beta}{r} \sum_j (a_j - t_j)(w_j - a_j u) + 2 \lambda (r - 1)\, u

    The paper prints the derivative with 1/r^2 and, in its appendix, with h for u; both are wrong unless r = 1.

    Parameters
    ----------
    features : (n, m), rows not 0.
    centers : (f, m), dense or sparse.
    beta, lam : weight of the class, weight of the norm penalty.
    targets : t_j, f numbers or one; 1 in the paper.

    Returns
    -------
    (values, gradients) of shapes (n,) and (n, m).
    """
    r = row_lengths(features)
    u = features / r
    a = np.asarray(u @ centers.T)
    miss = a - targets
    values = beta * np.einsum("nf,nf->n", miss, miss) + lam * (r[:, 0] - 1.0) ** 2
    turning = np.asarray(miss @ centers) - np.einsum("nf,nf->n", miss, a)[:, None] * u
    return values, (2.0 * beta / r) * turning + 2.0 * lam * (r - 1.0) * u


def cosine_center_gradient(features: Array, centers: Matrix, beta: float) -> Array:
    r"""Gradient of :func:`cosine` summed over features (n, m) by the centers (f, m): :math:`2\beta (a - 1)^\top u`."""
    u = features / row_lengths(features)
    return 2.0 * beta * (np.asarray(u @ centers.T) - 1.0).T @ u


def cosine_hessian_product(
    features: Array, directions: Array, centers: Matrix, beta: float, lam: float, turns: Array | None = None
) -> tuple[Array, Array]:
    r"""Derivative of the gradients of :func:`cosine` as features and centers move.

    With :math:`a = W u`, :math:`t = W^\top (a - 1) - ((a - 1)^\top a)\, u`, the gradients are
    :math:`\frac{2\beta}{r} t + 2 \lambda (r - 1) u` for the feature and those of :func:`cosine_center_gradient` for the
    centers; this is the product rule with :math:`\dot r = u^\top \dot h`, :math:`\dot u = (\dot h - \dot r u) / r`,
    :math:`\dot a = W \dot u + \dot W u`.

    Parameters
    ----------
    features : (n, m), or (1, m) for one feature and n directions.
    directions : (n, m), how they move.
    centers : (f, m).
    turns : (f, m), how the centers move; not at all if left out.

    Returns
    -------
    Derivatives of the gradients with respect to the features, (n, m), and, summed over the features, with respect to
    the centers, (f, m); the latter are zeros if ``turns`` is left out.
    """
    r = row_lengths(features)
    u = features / r
    dr = np.einsum("nm,nm->n", np.broadcast_to(u, directions.shape), directions)[:, None]
    du = (directions - dr * u) / r
    a, da = np.asarray(u @ centers.T), np.asarray(du @ centers.T)
    if turns is not None:
        da = da + u @ turns.T
    miss = a - 1.0
    pull = np.einsum("nf,nf->n", miss, a)[:, None]
    bent = np.asarray(da @ centers) - np.einsum("nf,nf->n", da, 2.0 * a - 1.0)[:, None] * u - pull * du
    if turns is not None:
        bent += miss @ turns
    turning = np.asarray(miss @ centers) - pull * u
    by_feature = 2.0 * beta / r * (bent - turning * dr / r) + 2.0 * lam * (dr * u + (r - 1.0) * du)
    by_center = np.zeros(centers.shape) if turns is None else 2.0 * beta * (da.T @ u + miss.T @ du)
    return by_feature, by_center


class CosineLoss:
    """The cosine loss of a problem on a frame; a feature sees the centers of its own class only."""

    constant = 0.0

    def __init__(self, problem: CosineProblem, frame: Frame) -> None:
        """Take weights from the problem and centers from the frame."""
        self._frame, self._beta, self._lam = frame, problem.weights, problem.lam

    def value_and_gradient(self, features: Array, labels: ArrayLike) -> tuple[Array, Array]:
        """See :func:`cosine`."""
        values, gradients = np.empty(len(features)), np.empty_like(features)
        for k, rows in _by_class(labels, len(features)):
            values[rows], gradients[rows] = cosine(
                features[rows], self._frame.class_centers(k), float(self._beta[k]), self._lam
            )
        return values, gradients

    def hessian_product(self, feature: Array, directions: Array, k: int) -> Array:
        """See :func:`cosine_hessian_product`."""
        centers, beta = self._frame.class_centers(k), float(self._beta[k])
        return cosine_hessian_product(feature[None], directions, centers, beta, self._lam)[0]


class MSELoss:
    r"""Problem P, sample by sample: :math:`|W h - y|^2 / (2S) + \frac{\lambda_H}{2} |h|^2`.

    :math:`\frac{\lambda_W}{2} |W_0|_F^2` belongs to no sample and is the constant.
    """

    def __init__(self, problem: MSEProblem, frame: Frame) -> None:
        """Take weights from the problem and centers from the frame."""
        self._frame, self._fit, self._penalty = frame, Squares(problem.total), Ridge(problem.lam_h)
        self.constant = 0.5 * problem.lam_w * float((frame.classifier * frame.classifier).sum())

    def value_and_gradient(self, features: Array, labels: ArrayLike) -> tuple[Array, Array]:
        """Gradient W^T (W h - y) / S + lam_h h."""
        centers = self._frame.centers
        targets = class_targets(self._frame, np.broadcast_to(np.asarray(labels), len(features)))
        fit, pull = self._fit.value_and_gradient(np.asarray(features @ centers.T), targets)
        size, shrink = self._penalty.value_and_gradient(features)
        return fit + size, np.asarray(pull @ centers) + shrink

    def hessian_product(self, feature: Array, directions: Array, k: int) -> Array:
        """(W^T W / S + lam_h I) applied to each row of ``directions``; it is the same everywhere."""
        centers = self._frame.centers
        bent = np.asarray(np.asarray(directions @ centers.T) @ centers)
        return bent / self._fit.total + self._penalty.weight * directions


def class_targets(frame: Frame, labels: ArrayLike) -> Array:
    """The targets Y of P as rows, (n, F): 1 at the centers of the row's class, 0 at all others."""
    return (frame.owner == np.asarray(labels)[:, None]).astype(np.float64)


def _by_class(labels: ArrayLike, n: int) -> list[tuple[int, slice | Integers]]:
    """Each class that occurs, with its rows."""
    array = np.asarray(labels)
    if array.ndim == 0:
        return [(int(array), slice(None))]
    if array.shape != (n,):
        raise ValueError(f"labels of shape {array.shape} do not belong to {n} features")
    return [(int(k), np.flatnonzero(array == k)) for k in np.unique(array)]


class TorchLoss:
    """Any torch callable as a loss: ``function(features, labels)`` with a float64 tensor (n, d) and labels (n,).

    It returns one loss per sample, shape (n,), or a scalar that is their sum; gradients come from autograd.
    A scalar *mean* is a different objective for each number of samples, and simulations refuse it as they do whatever
    couples samples: pass ``reduction="none"`` to torch's own losses.

    Examples
    --------
    A linear classifier with cross-entropy::

        loss = ufm.TorchLoss(lambda h, y: torch.nn.functional.cross_entropy(h @ w.T, y, reduction="none"))
        ufm.gradient_flow(problem, loss=loss, t_final=10.0)
    """

    constant = 0.0

    def __init__(self, function: Callable[..., Any]) -> None:
        """Keep the callable; torch is imported when it is first used."""
        self._function = function

    def value_and_gradient(self, features: Array, labels: ArrayLike) -> tuple[Array, Array]:
        """Raises ValueError if the callable returns another shape, or something that does not depend on h."""
        import torch

        tensor = torch.tensor(features, dtype=torch.float64, requires_grad=True)
        classes = np.broadcast_to(np.asarray(labels, dtype=np.int64), len(features))
        try:
            values = self._function(tensor, torch.tensor(classes))
        except RuntimeError as error:
            if "dtype" not in str(error):
                raise
            raise ValueError(f"the loss takes no features in float64 (are its weights .double()?): {error}") from None
        if not isinstance(values, torch.Tensor) or values.shape not in ((), (len(features),)):
            shape = tuple(getattr(values, "shape", ()))
            raise ValueError(f"the loss returned shape {shape}: ({len(features)},) or a scalar is needed")
        if not values.requires_grad:
            raise ValueError("the loss does not depend on the features through torch operations")
        (gradient,) = torch.autograd.grad(values.sum(), tensor)
        share = values if values.ndim else values / len(features)
        return np.broadcast_to(share.detach().numpy(), len(features)).astype(np.float64), gradient.numpy()


def require_separable(loss: Loss, features: Array, k: int) -> None:
    """Raise ValueError for a loss that couples samples, or that is a mean: features (n, m) of class k, n >= 1, tell.

    Every sample moves by itself, so the loss of several must be the sum of theirs.
    """
    rows = np.concatenate([features, 0.5 * features[:1], -2.0 * features[:1]])
    values, gradients = loss.value_and_gradient(rows, k)
    single = [loss.value_and_gradient(row[None], k) for row in rows]
    if not all(np.all(np.isfinite(each)) for each in (values, gradients, *(part for one in single for part in one))):
        return  # where it is not finite, the flow says when and at which sample
    for what, together, alone in (
        ("value", values.sum(), sum(value.sum() for value, _ in single)),
        ("gradient", gradients, np.concatenate([gradient for _, gradient in single])),
    ):
        scale = np.abs(alone).max()
        if np.abs(together - alone).max() > SEPARABLE * scale:
            raise ValueError(
                f"the {what} of {len(rows)} samples of class {k} is not the sum of theirs: the loss couples them or "
                "takes a mean (what is wanted of torch's own losses is reduction='none')"
            )


SEPARABLE = 1e-5
"""Largest relative difference that counts as rounding: losses may compute in single precision."""


@functools.singledispatch
def loss_of(problem: Problem, frame: Frame) -> Loss:
    """The loss that a problem names, on a frame. Raises TypeError for a kind without one."""
    raise TypeError(f"{type(problem).__name__} has no loss of features")


@loss_of.register
def _(problem: CosineProblem, frame: Frame) -> Loss:
    return CosineLoss(problem, frame)


@loss_of.register
def _(problem: MSEProblem, frame: Frame) -> Loss:
    return MSELoss(problem, frame)
