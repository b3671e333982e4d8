r"""Samples of one class in coordinates that their flow cannot leave.

The gradient of a feature lies in the span of a few vectors and of the feature itself, so a d-dimensional
problem can be simulated exactly in far fewer coordinates. A :class:`Block` holds samples of one class in such
coordinates together with what simulation needs there: the loss, the direction of the mean center, and the
classifier. All of it is measured from the frame.

==========  =========================================================  =============================
method      coordinates                                                holds for
==========  =========================================================  =============================
full        the feature itself (d)                                     any loss, any frame
span        orthonormal basis of the class's centers, rest (f_k + 1)   cosine loss, any frame
reduced     mean center, differences of centers, rest (3)              cosine loss, isotropic frames
exact       own mean center, all else by rate of decay (a few)         P, orthogonal isotropic frames
==========  =========================================================  =============================
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ufm.problems.frames import Array, Frame, dense
from ufm.problems.losses import Loss, cosine
from ufm.problems.problem import Problem

ROWS = 32_768
"""Samples per chunk: what a core's cache holds of a vectorised integration."""


class Observation(NamedTuple):
    """What a trajectory records of each sample; arrays of one shape (..., n)."""

    nc: Array
    """Squared distance of the unit feature to the unit mean center."""
    norm: Array
    cosine: Array
    """Cosine to the class's classifier vector."""
    value: Array
    """Contribution to the objective."""


@dataclass(frozen=True)
class Linear:
    """A gradient that is linear: ``rates * (state - target)``."""

    rates: Array
    target: Array


@dataclass(frozen=True)
class Block:
    """Samples of one class in reduced coordinates.

    Attributes
    ----------
    k : the class.
    rows : where the samples stand among all samples of the problem.
    state : initial coordinates (n, m).
    loss : coordinates (n, m) -> (values (n,), gradients (n, m)).
    direction : unit mean center in these coordinates (m,).
    classifier : unit classifier vector in these coordinates, (m,) or one per sample (n, m).
    lift : coordinates (n, m) -> features (n, d); None if the samples were drawn in reduced coordinates.
    linear : set if the gradient is linear.
    """

    k: int
    rows: slice
    state: Array
    loss: Callable[[Array], tuple[Array, Array]]
    direction: Array
    classifier: Array
    lift: Callable[[Array], Array] | None
    linear: Linear | None = None

    def observe(self, state: Array) -> Observation:
        """Measure the samples in a state (n, m)."""
        norm = np.sqrt(np.einsum("nm,nm->n", state, state))
        unit = state / norm[:, None]
        away = unit - self.direction
        nc = np.einsum("nm,nm->n", away, away)
        cosine = np.einsum("nm,nm->n", unit, np.broadcast_to(self.classifier, unit.shape))
        return Observation(nc, norm, cosine, self.loss(state)[0])


def chunks(problem: Problem, k: int, size: int) -> Iterator[slice]:
    """The rows of class ``k`` in pieces of at most ``size``."""
    rows = problem.samples(k)
    for begin in range(rows.start, rows.stop, size):
        yield slice(begin, min(begin + size, rows.stop))


def full_blocks(problem: Problem, frame: Frame, features: Array, loss: Loss) -> Iterator[Block]:
    """The features themselves, class by class."""
    for k in range(problem.n_classes):
        yield full_block(frame, features[problem.samples(k)], loss, k, problem.samples(k))


def full_block(frame: Frame, features: Array, loss: Loss, k: int, rows: slice) -> Block:
    """Given features of class ``k`` in their own coordinates."""
    return Block(
        k,
        rows,
        features,
        lambda state: loss.value_and_gradient(state, k),
        dense(frame.mean_directions[k : k + 1])[0],
        unit_vector(frame.classifier_row(k)),
        lambda state: state,
    )


def span_blocks(problem: Problem, frame: Frame, features: Array) -> Iterator[Block]:
    """Coordinates along the span of each class's centers, and the norm of the rest."""
    for k in range(problem.n_classes):
        own, rows = dense(frame.class_centers(k)), problem.samples(k)
        _, sizes, basis = np.linalg.svd(own, full_matrices=False)
        basis = basis[sizes > 1e-12 * sizes[0]]
        inside = features[rows] @ basis.T
        rest = features[rows] - inside @ basis
        z = np.linalg.norm(rest, axis=1)
        rest_directions = rest / np.where(z > 0, z, 1.0)[:, None]
        classifier = unit_vector(frame.classifier_row(k))
        yield Block(
            k,
            rows,
            np.column_stack([inside, z]),
            cosine_loss(problem, k, np.column_stack([own @ basis.T, np.zeros(len(own))]), np.ones(len(own))),
            np.append(basis @ dense(frame.mean_directions[k : k + 1])[0], 0.0),
            np.column_stack([np.tile(basis @ classifier, (len(z), 1)), rest_directions @ classifier]),
            _span_lift(basis, rest_directions),
        )


def _span_lift(basis: Array, rest: Array) -> Callable[[Array], Array]:
    return lambda state: state[:, :-1] @ basis + state[:, -1:] * rest


def cosine_loss(problem: Problem, k: int, centers: Array, targets: Array) -> Callable[[Array], tuple[Array, Array]]:
    """The cosine loss of class ``k`` with its centers and targets written in other coordinates."""
    beta, lam = float(problem.weights[k]), float(problem.lam or 0.0)
    return lambda state: cosine(state, centers, beta, lam, targets)


def unit_vector(vector: Array, rounding: float = 0.0) -> Array:
    """The vector divided by its length; zeros if that is not above ``rounding``."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > rounding else np.zeros_like(vector)


def chi(rng: np.random.Generator, degrees: int, n: int) -> Array:
    """Norms of n standard Gaussian vectors."""
    return np.sqrt(rng.chisquare(degrees, n)) if degrees > 0 else np.zeros(n)
