r"""Layer-peeled models: the program of :mod:`ufm.minimize.convex`, the nuclear norm bounded and not weighted.

For the logits Z = W M of class means :math:`|Z|_* \le K \sqrt{E_W E_H} = R` by the inequality of means, with equality
for balanced factors; so minimisers are those of the loss where :math:`|Z|_* \le R`. They are those with the penalty
:math:`\mu |Z|_*` for one :math:`\mu`, which a scalar search finds, and

.. math:: F \ge -\frac1N \sum_k n_k\, \ell^*(g_k) - R\, |G|_{op} , \qquad
    G = \partial_Z \frac1N \sum_k n_k \langle g_k, Z_{\cdot k} \rangle ,

for any slopes g of the losses (of weighted sum 0 for a free bias), with equality at the minimum.
"""

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg, optimize

from ufm.minimize.certificate import Certificate, bound_of
from ufm.minimize.convex import solve
from ufm.minimize.factored import Factored
from ufm.minimize.geometry import Geometry
from ufm.minimize.layouts import Layout, layout_of
from ufm.minimize.nuclear import NuclearBound
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import Ending
from ufm.problems.peeled_model import PeeledModel

FAINTEST = 1e-10
"""Of the penalty at which everything dies: where the norm is still within its bound here, it bounds nothing."""


class BallBound(NuclearBound):
    """Weak duality where the nuclear norm is bounded: see the formulas above."""

    statement = (
        "-sum_k n_k l*(g_k) / N - K sqrt(E_W E_H) |G|_op, for any slopes g_k of the losses, G their derivative by the "
        "logits W M (for a free bias their weighted sum is 0)"
    )

    def __init__(self, model: PeeledModel) -> None:
        """Keep the radius, and a model with penalties of the same loss."""
        super().__init__(model.penalised(1.0))
        self.radius = model.radius

    def tempered(self, size: float) -> tuple[float, float]:
        """Slopes as they are, and what logits in the ball gain along them."""
        return 1.0, self.radius * size

    @staticmethod
    def of_kind(layout: Layout) -> Layout:
        """Class means count alike."""
        return layout.unweighted()


@dataclass(frozen=True, eq=False)
class PeeledGeometry(Geometry):
    """Where training ends under bounds: as :class:`Geometry`, with the penalty that does the same."""

    problem: Any
    penalty: float = field(kw_only=True)
    """mu, of the nuclear norm; 0 where the bounds bound nothing."""

    @property
    def strength(self) -> float:
        """What the nuclear norm is measured with: in units of its bound, that of the loss."""
        return self.scale / self.problem.radius

    @property
    def ratio(self) -> float:
        """Of the bounds, and the squared norms meet them: E_W / E_H, under a root."""
        return float(np.sqrt(self.problem.energy_w / self.problem.energy_h))


def _norm(local: Factored, layout: Layout) -> float:
    return float(linalg.svdvals(local.matrix).sum() + layout.repeats @ local.inside)


def peeled_geometry_of(model: PeeledModel, *, progress: bool = False) -> PeeledGeometry:
    """Search for the penalty, and prove how good its solution is; too few dimensions are used as they are."""
    began, bound = time.perf_counter(), BallBound(model)
    found = _searched(model, bound.of_kind(layout_of(bound.model)), progress=progress)
    if found.rank > model.dim:
        found = _searched(model, bound.of_kind(layout_of(bound.model, whole=True)), progress=progress)
    layout, ending, penalty = found.layout, found.ending, found.penalty
    u, v, sigma, b = ending.local.parts
    grown = np.sqrt(model.radius / _norm(ending.local, layout)) if penalty > 0.0 else 1.0
    local = Factored(layout, penalty, 0.0, (grown * u, grown * v, grown * sigma, b))
    value = float(layout.weights @ local.loss.values)
    # where nothing is bounded slopes are 0, and so is the loss
    multiplier = bound.of(ending.local) * (penalty > 0.0)
    certificate = Certificate(bound.statement, multiplier, bound.value(multiplier), model.key)
    stats: dict[str, Any] = {"seconds": time.perf_counter() - began, "reason": ending.reason}
    return PeeledGeometry(model, layout, local.matrix, local.inside, b, value, certificate, stats, penalty=penalty)


class _Found(NamedTuple):
    """The solution with the right penalty; 0 where the bound bounds nothing."""

    layout: Layout
    ending: Ending[Factored]
    penalty: float

    @property
    def rank(self) -> int:
        """Dimensions that it fills."""
        local = self.ending.local
        inside = float(self.layout.repeats @ (local.inside > 1e-9)) if len(local.inside) else 0.0
        return int(np.sum(linalg.svdvals(local.matrix) > 1e-9) + inside)


def _searched(model: PeeledModel, layout: Layout, *, progress: bool) -> _Found:
    rank = min(*layout.shape, model.dim) if not len(layout.repeats) else min(layout.shape)

    def at(log_penalty: float) -> Ending[Factored]:
        return solve(layout, model.penalised(float(np.exp(log_penalty))), rank, progress=progress)

    def excess(log_penalty: float) -> float:
        return _norm(at(log_penalty).local, layout) - model.radius

    deadly = layout.deadly
    if deadly == 0.0:  # nothing pulls at 0, as where there is but one class
        return _Found(layout, at(0.0), 0.0)
    top = np.log(deadly)
    low = top
    while excess(low) < 0.0:
        low -= 2.0
        if low < top + np.log(FAINTEST):
            return _Found(layout, at(low), 0.0)
    found = optimize.brentq(excess, low, low + 2.0, xtol=1e-15, rtol=1e-14)
    return _Found(layout, at(found), float(np.exp(found)))


bound_of.register(PeeledModel, BallBound)


@solution_of.register
def _(problem: PeeledModel, asked: Asked) -> Any:
    asked.require_plain()
    return peeled_geometry_of(problem, progress=asked.progress)
