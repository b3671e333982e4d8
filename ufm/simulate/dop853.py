"""Gradient flow of one block by scipy's DOP853 on the whole state: the slow, general method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import DOP853
from scipy.optimize import brentq

from ufm.problems.frames import Array
from ufm.simulate.method import Arrival, Trouble, Unfinished, Work

if TYPE_CHECKING:
    from ufm.simulate.blocks import Block

MAX_STEPS = 20_000


def _solver(block: "Block", end: float, rtol: float) -> DOP853:
    shape = block.state.shape

    def field(_: float, y: Array) -> Array:
        return -block.loss(y.reshape(shape))[1].ravel()

    # The error norm is a mean over all entries. Scaling the tolerance down by the root of their number bounds
    # the error of every single sample instead.
    share = rtol / np.sqrt(block.state.size)
    return DOP853(field, 0.0, block.state.ravel(), end, rtol=max(share, 1e-13), atol=share)


def _advance(solver: DOP853, block: "Block", work: Work) -> None:
    """Take one step, or raise Unfinished."""
    before = solver.nfev
    message = solver.step()
    work.steps += 1
    work.evaluations += (solver.nfev - before) * len(block.state)
    if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
        sizes = np.abs(solver.y.reshape(block.state.shape)).max(axis=1)
        row = block.rows.start + int(np.argmax(np.where(np.isfinite(sizes), sizes, np.inf)))
        reason = f"sample {row} (class {block.k}) runs away at t={solver.t:.6g}"
        trouble = Trouble("diverged", f"{reason}: {message}" if message else reason)
        raise Unfinished(trouble, float(solver.t_old or 0.0))
    if work.steps >= MAX_STEPS:
        reached = f"class {block.k} is at t={solver.t:.3g} after {MAX_STEPS} steps"
        trouble = Trouble("stopped", f"{reached}; on multi-center frames 'reduced' and 'exact' need far fewer")
        raise Unfinished(trouble, float(solver.t))


def states_at(block: "Block", times: Array, rtol: float, work: Work) -> Iterator[tuple[int, Array]]:
    """Yield (index, state) for each of the ascending times."""
    solver = _solver(block, float(times[-1]), rtol)
    for j, moment in enumerate(times):
        # Steps end on the recorded times: the method's interpolant is orders less accurate than its steps.
        solver.t_bound = float(moment)
        while solver.t < moment:
            solver.status = "running"
            _advance(solver, block, work)
        yield j, solver.y.reshape(block.state.shape)


def time_to_reach(block: "Block", nc: float, rtol: float, work: Work) -> Arrival:
    """First time at which every sample of the block has a neural collapse of at most ``nc``."""

    def excess(state: Array) -> float:
        return float(block.observe(state.reshape(block.state.shape)).nc.max()) - nc

    if excess(block.state) <= 0.0:
        return Arrival(0.0)
    solver = _solver(block, np.inf, rtol)
    try:
        while excess(solver.y) > 0.0:
            _advance(solver, block, work)
    except Unfinished as stop:
        return Arrival(stop.time, stop.trouble)
    interpolant = solver.dense_output()
    return Arrival(float(brentq(lambda t: excess(interpolant(t)), solver.t_old, solver.t, xtol=1e-9 * solver.t)))
