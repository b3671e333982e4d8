r"""Losses of logits from a callable: values from the user, slopes and curvature by differentiation.

A callable takes logits (B, K) and targets y (B, K), one-hot rows or what the model was given, and returns the loss of
each row, (B,). It must be convex in the logits and at least 0; :func:`ufm.minimize` tries both at random logits.
Classes of equal size are not solved as one, as they are with an object that has a method ``at``
(:class:`ufm.problems.logits.LogitLoss`): for a few hundred classes that does not matter.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ufm.problems.frames import Array
from ufm.problems.logits import Local

STEP = 1e-100
"""Of complex steps: nothing is subtracted, so that none is too small."""

SHARE = 1e-6
"""Of differences of slopes, in units of the largest logit or 1: the root of what rounding and the third derivative
cost together is near 1e-10, and steps of second order need no more."""


class _FromCallable:
    """What both kinds share."""

    exchangeable = False

    def __init__(self, function: Callable[..., Any]) -> None:
        """Keep the callable."""
        self._function = function

    @property
    def name(self) -> str:
        """The name of the callable, by which certificates and errors call it."""
        return str(getattr(self._function, "__qualname__", type(self._function).__qualname__))

    def _require(self, shape: tuple[int, ...], rows: int) -> None:
        if shape != (rows,):
            raise ValueError(f"loss {self.name} returned shape {shape}: ({rows},), one number a row, is needed")


class TorchLogitLoss(_FromCallable):
    """A torch callable ``function(logits, targets)`` as the loss of a :class:`ufm.FeatureModel`; tensors are float64.

    Slopes and curvature come from autograd, twice. Pass ``reduction="none"`` to torch's own losses.

    Examples
    --------
    >>> import torch, ufm
    >>> loss = ufm.TorchLogitLoss(lambda x, y: torch.nn.functional.cross_entropy(x, y, reduction="none"))
    >>> own = ufm.minimize(ufm.FeatureModel((50, 5, 5), lam_w=5e-3, lam_h=1e-4, loss=loss))
    >>> own.status, abs(own.value - ufm.minimize(own.problem.replace(loss="ce")).value) < 1e-12
    ('optimal', True)
    """

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Values, slopes, and the change of slopes by a second derivative."""
        import torch

        x = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        values = self._function(x, torch.tensor(targets, dtype=torch.float64))
        self._require(tuple(getattr(values, "shape", ())), len(logits))
        if not (isinstance(values, torch.Tensor) and values.requires_grad):
            raise ValueError(f"loss {self.name} does not depend on the logits through torch operations")
        (slopes,) = torch.autograd.grad(values.sum(), x, create_graph=True)

        def bend(v: Array) -> Array:
            if not slopes.requires_grad:  # linear pieces
                return np.zeros_like(v)
            along = torch.tensor(v, dtype=torch.float64)
            (moved,) = torch.autograd.grad(slopes, x, along, retain_graph=True, materialize_grads=True)
            return np.asarray(moved.numpy())

        return Local(values.detach().numpy(), slopes.detach().numpy(), bend)


class NumpyLogitLoss(_FromCallable):
    """A numpy callable ``function(logits, targets)`` as the loss of a :class:`ufm.FeatureModel`.

    It returns values alone, and is made of functions that take complex numbers (exp, log, sums, maximum, but not abs,
    logaddexp or sqrt of squares): slopes are complex steps then. Or it returns values and slopes (B, K).

    Examples
    --------
    >>> import numpy as np, ufm
    >>> def softplus_of_gaps(x, y):
    ...     own = (x * y).sum(axis=1, keepdims=True)
    ...     return (np.log(1 + np.exp(x - own)) * (1 - y)).sum(axis=1)
    >>> loss = ufm.NumpyLogitLoss(softplus_of_gaps)
    >>> own = ufm.minimize(ufm.FeatureModel((50, 5, 5), lam_w=5e-3, lam_h=1e-4, loss=loss))
    >>> own.status, own.gap < 1e-9
    ('optimal', True)
    """

    def at(self, logits: Array, targets: Array, counts: Array) -> Local:
        """Values, slopes, and the change of slopes by their differences."""
        values, slopes = self._both(logits, targets)

        def bend(v: Array) -> Array:
            size = SHARE * max(1.0, float(np.abs(logits).max())) / max(float(np.abs(v).max()), np.finfo(float).tiny)
            ahead, behind = (self._both(logits + sign * size * v, targets)[1] for sign in (1.0, -1.0))
            return np.asarray((ahead - behind) / (2.0 * size))

        return Local(values, slopes, bend)

    def _both(self, logits: Array, targets: Array) -> tuple[Array, Array]:
        """Values (B,) and slopes (B, K)."""
        said = self._function(logits, targets)
        values, slopes = said if isinstance(said, tuple) else (said, None)
        self._require(np.shape(values), len(logits))
        if slopes is None:
            slopes = np.stack([self._along(j, logits, targets) for j in range(logits.shape[1])], axis=1)
        elif np.shape(slopes) != logits.shape:
            raise ValueError(f"loss {self.name} returned slopes of shape {np.shape(slopes)}: {logits.shape} is needed")
        return np.asarray(values, dtype=np.float64), np.asarray(slopes, dtype=np.float64)

    def _along(self, output: int, logits: Array, targets: Array) -> Array:
        """Slopes by one logit, from a complex step."""
        moved = logits.astype(np.complex128)
        moved[:, output] += 1j * STEP
        try:
            values = np.asarray(self._function(moved, targets))
        except TypeError:
            values = np.zeros(0)
        if not np.iscomplexobj(values):
            raise ValueError(f"loss {self.name} takes no complex numbers: let it return values and slopes (B, K)")
        return np.asarray(values.imag / STEP)
