"""The objective of a learned frame seen from one point of its manifold: what the trust region moves on."""

from collections.abc import Callable
from functools import cached_property
from typing import Self

from ufm.problems import stiefel
from ufm.problems.frames import Array
from ufm.problems.objective import Objective
from ufm.problems.state import State


class LearnedLocal:
    """One point of (orthonormal rows, norms, features), with the Riemannian derivatives there; see :class:`Local`."""

    def __init__(self, objective: Objective, state: State) -> None:
        """Evaluate value and gradient."""
        self.objective, self.state = objective, state
        self.value, self.euclidean = objective.value_and_gradient(state)
        self.bend = stiefel.normal(state.rows, self.euclidean.rows)
        turn = self.euclidean.rows - self.bend @ state.rows
        self.gradient: Array = self.euclidean._replace(rows=turn).flat()

    def hessian(self, v: Array) -> Array:
        """Riemannian Hessian along a tangent vector."""
        direction = self.state.unflat(v)
        product = self.objective.hessian_product(self.state, direction)
        rows = stiefel.hessian(self.state.rows, self.bend, product.rows, direction.rows)
        return product._replace(rows=rows).flat()

    @cached_property
    def _inverse(self) -> Callable[[State], State]:
        return self.objective.preconditioner(self.state, self.euclidean)

    def precondition(self, v: Array) -> Array:
        """The objective's preconditioner."""
        return self._inverse(self.state.unflat(v)).flat()

    def move(self, v: Array) -> Self:
        """Polar retraction of the rows, addition elsewhere."""
        turn, change, shift = self.state.unflat(v)
        q, s, h = self.state
        return type(self)(self.objective, State(stiefel.polar(q, turn), s + change, h + shift))
