r"""Losses of features of one class: value and analytic gradient, row by row.

Every loss object has ``value_and_gradient(features, k) -> (values, gradients)`` for an array (n, m) of features
of class ``k``; simulations need nothing else. :class:`CosineLoss` and :class:`MSELoss` are the two of the
paper; :class:`TorchLoss` makes any torch callable one.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ufm.problems.frames import Array, Frame, Matrix
from ufm.problems.problem import Problem


class Loss(Protocol):
    """What a flow needs to know of a loss."""

    constant: float
    """The part of the objective that no feature moves."""

    def value_and_gradient(self, features: Array, k: int) -> tuple[Array, Array]:
        """Loss of each row, shape (n,), and its gradient, shape (n, m)."""
        ...


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

    def __init__(self, problem: Problem, frame: Frame) -> None:
        """Take weights from the problem and centers from the frame."""
        self._centers = [frame.class_centers(k) for k in range(frame.n_classes)]
        self._beta, self._lam = problem.weights, float(problem.lam or 0.0)

    def value_and_gradient(self, features: Array, k: int) -> tuple[Array, Array]:
        """See :func:`cosine`."""
        return cosine(features, self._centers[k], float(self._beta[k]), self._lam)

    def hessian_product(self, feature: Array, directions: Array, k: int) -> Array:
        """See :func:`cosine_hessian_product`."""
        centers, beta = self._centers[k], float(self._beta[k])
        return cosine_hessian_product(feature[None], directions, centers, beta, self._lam)[0]


class MSELoss:
    r"""Problem P, sample by sample: :math:`|W h - y|^2 / (2S) + \frac{\lambda_H}{2} |h|^2`.

    :math:`\frac{\lambda_W}{2} |W_0|_F^2` belongs to no sample and is the constant.
    """

    def __init__(self, problem: Problem, frame: Frame) -> None:
        """Take weights from the problem and centers from the frame."""
        self._frame, self._total, self._lam = frame, problem.total, float(problem.lam_h or 0.0)
        self.constant = 0.5 * float(problem.lam_w or 0.0) * float((frame.classifier * frame.classifier).sum())

    def value_and_gradient(self, features: Array, k: int) -> tuple[Array, Array]:
        """Gradient W^T (W h - y) / S + lam_h h."""
        centers, offsets = self._frame.centers, self._frame.offsets
        miss = np.asarray(features @ centers.T)
        miss[:, offsets[k] : offsets[k + 1]] -= 1.0
        squares = np.einsum("nd,nd->n", features, features)
        values = np.einsum("nf,nf->n", miss, miss) / (2.0 * self._total) + 0.5 * self._lam * squares
        return values, np.asarray(miss @ centers) / self._total + self._lam * features

    def hessian_product(self, feature: Array, directions: Array, k: int) -> Array:
        """(W^T W / S + lam_h I) applied to each row of ``directions``; it is the same everywhere."""
        centers = self._frame.centers
        return np.asarray(np.asarray(directions @ centers.T) @ centers) / self._total + self._lam * directions


class TorchLoss:
    """Any torch callable as a loss: ``function(features, labels)`` with a float64 tensor (n, d) and labels (n,).

    It returns one loss per sample, shape (n,), or a scalar that is their sum; gradients come from autograd.
    A scalar *mean* is a different objective for each number of samples and cannot be told from a sum: pass
    ``reduction="none"`` to torch's own losses.

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

    def value_and_gradient(self, features: Array, k: int) -> tuple[Array, Array]:
        """Raises ValueError if the callable returns another shape, or something that does not depend on h."""
        import torch

        tensor = torch.tensor(features, dtype=torch.float64, requires_grad=True)
        values = self._function(tensor, torch.full((len(features),), k, dtype=torch.int64))
        if not isinstance(values, torch.Tensor) or values.shape not in ((), (len(features),)):
            shape = tuple(getattr(values, "shape", ()))
            raise ValueError(f"the loss returned shape {shape}: ({len(features)},) or a scalar is needed")
        if not values.requires_grad:
            raise ValueError("the loss does not depend on the features through torch operations")
        (gradient,) = torch.autograd.grad(values.sum(), tensor)
        share = values if values.ndim else values / len(features)
        return np.broadcast_to(share.detach().numpy(), len(features)).astype(np.float64), gradient.numpy()


def loss_of(problem: Problem, frame: Frame) -> Loss:
    """The loss that a problem names, on a frame."""
    return CosineLoss(problem, frame) if problem.loss == "cosine" else MSELoss(problem, frame)
