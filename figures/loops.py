"""The flow of a problem the way it is usually written: one long state vector, or many small steps.

Slow on purpose. Benchmarks and the figure ``work-precision`` hold the toolkit's methods against these.
"""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from ufm.problems.frames import Array, Frame
from ufm.problems.losses import loss_of
from ufm.problems.problem import Problem


def velocity(problem: Problem, frame: Frame) -> Callable[[float, Array], Array]:
    """Minus the gradient of every sample's loss as a function of time and of all features in one vector (N d,)."""
    loss, shape = loss_of(problem, frame), (problem.n_samples, frame.dim)

    def field(_: float, state: Array) -> Array:
        features, moved = state.reshape(shape), np.empty(shape)
        for k in range(problem.n_classes):
            rows = problem.samples(k)
            moved[rows] = -loss.value_and_gradient(features[rows], k)[1]
        return moved.ravel()

    return field


def scipy_flow(problem: Problem, frame: Frame, features: Array, t: float, method: str, rtol: float) -> Array:
    """Features (N, d) at time ``t`` by :func:`scipy.integrate.solve_ivp` on the state as one vector."""
    field, start = velocity(problem, frame), features.ravel()
    done = solve_ivp(field, (0.0, t), start, method=method, rtol=rtol, atol=1e-2 * rtol, t_eval=[t])
    return np.asarray(done.y[:, -1].reshape(features.shape))


def gradient_steps(problem: Problem, frame: Frame, features: Array, t: float, n_steps: int) -> Array:
    """Features (N, d) at time ``t`` by ``n_steps`` steps of gradient descent: Euler's method."""
    field, state = velocity(problem, frame), features.ravel().copy()
    for _ in range(n_steps):
        state += t / n_steps * field(0.0, state)
    return state.reshape(features.shape)
