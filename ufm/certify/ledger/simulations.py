"""Problems that several claims are examined on, and their simulations, which know no formula.

All problems are small, so that every means of finding out is affordable; every frame is drawn in a random basis.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ufm.measure import montecarlo
from ufm.measure.metrics import class_average, collapse
from ufm.measure.rules import RULES
from ufm.minimize.solve import minimize
from ufm.problems.frames import Array, Frame, dense, multi_center_frame
from ufm.problems.kinds import CosineProblem, LearnedMSEProblem
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import Start
from ufm.simulate.flow import gradient_flow

SEED = 20241
"""Of everything that is drawn here: the evidence is the same every time."""

DRAWS = 500_000
"""Features per frequency: the standard error of a frequency is at most 0.0007."""

FRAME = CosineProblem((1, 1, 1), (1, 4, 9), 0.35)
"""One sample a class, for what depends on the frame alone."""

COSINE = CosineProblem((1, 1, 1), (2, 4, 7), 0.4, dim=24, beta=1.0, lam=0.5)
"""One sample a class under the cosine loss, for what depends on the landscape of a class."""

SPHERE = CosineProblem((3, 3, 3), (2, 4, 7), 0.4, dim=24, beta=1.0, lam=0.3)
"""Flows of the cosine loss, which take place on the sphere."""

SPHERE_FLOW = "flow in 24 dimensions"
"""How its flows are found."""

BALANCED = LearnedMSEProblem((6, 6, 6), (3, 3, 3), 0.3, lam_h=1e-2, lam_w=1e-2)
"""P with a learned frame, all classes alike and alive."""

PARTIAL = LearnedMSEProblem((100, 10, 1), (1, 1, 1), 0.3, lam_h=2e-2, lam_w=3e-2)
"""P with a learned frame, and a class too rare to live."""

ORTHONORMAL = CosineProblem((1, 1, 1, 1), (1, 2, 4, 5), 0.0)
"""Directions that are all orthonormal, as proposition 3.1 has them."""

SHARES = (0.1, 0.15, 0.25, 0.5)
"""Probabilities of its classes."""

PAIR = CosineProblem((1, 1, 1), (5, 1, 2), 0.6)
"""Two classes of which one has five centers and the other one, and a third."""

NOISE = 0.1
"""Standard deviation around :data:`PAIR`: the paper's s = 0.01 is the variance."""

LONG_TAIL = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
"""Class sizes of CIFAR-10-LT, imbalance ratio 0.01."""


def random_frame(problem: MultiCenterProblem) -> Frame:
    """A frame of the problem in a random basis."""
    return multi_center_frame(problem, seed=SEED)


class Decomposed(NamedTuple):
    """Features along a flow, by their parts; every entry has the shape (times, samples).

    x is the cosine with the mean center, y and z the lengths of the unit feature's parts in the differences of the
    centers and outside, r the norm, turn the angle by which these parts have turned, as 1 - cosine.
    """

    x: Array
    y: Array
    z: Array
    r: Array
    turn: Array
    nc: Array


def flow(problem: MultiCenterProblem, times: ArrayLike, *, start: Start | None = None) -> Decomposed:
    """Integrate the flow in all d dimensions and split the features."""
    frame = random_frame(problem)
    begin = start or Start()
    run = gradient_flow(
        problem, frame=frame, start=begin, seed=SEED, method="full", t_eval=times, keep="features", rtol=1e-11
    )
    features = run.require_features()
    parts = [_split(features[:, problem.samples(k)], frame, k) for k in range(problem.n_classes)]
    return Decomposed(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


def _split(features: Array, frame: Frame, k: int) -> Decomposed:
    """Features (times, n, d) of one class, by their parts."""
    pole = frame.direction(k)
    r = np.linalg.norm(features, axis=-1)
    u = features / r[..., None]
    x = u @ pole
    rest = u - x[..., None] * pole
    centers = dense(frame.class_centers(k))
    _, sizes, rows = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)
    rows = rows[sizes > 1e-8]
    inside = rest @ rows.T @ rows
    outside = rest - inside
    y, z = np.linalg.norm(inside, axis=-1), np.linalg.norm(outside, axis=-1)
    turn = np.zeros_like(x)
    for part, length in ((inside, y), (outside, z)):
        seen = length > 1e-6  # a direction is known to as many digits as its length has
        unit = part / np.where(seen, length, 1.0)[..., None]
        turn = np.maximum(turn, np.where(seen & seen[:1], 1.0 - np.sum(unit * unit[:1], axis=-1), 0.0))
    return Decomposed(x, y, z, r, turn, np.sum(rest**2, axis=-1) + (1.0 - x) ** 2)


class LearnedEnds(NamedTuple):
    """Where minimisers of P with a learned frame end, one row per start."""

    square_norms: Array
    """|w_k|^2, (n_starts, K)."""
    feature_norms: Array
    """Mean norm of the features of each class, (n_starts, K)."""
    value: Array
    """(n_starts,)."""
    nc: Array
    """Largest NC of a sample of a living class, (n_starts,)."""


def learned_ends(problem: MultiCenterProblem, n_starts: int) -> LearnedEnds:
    """Minimise over frame, norms and the feature of every sample, from random starts."""
    rows = [_learned_end(problem, seed) for seed in range(n_starts)]
    return LearnedEnds(*(np.array(column) for column in zip(*rows, strict=True)))


@cache  # several claims look at the same ends
def _learned_end(problem: MultiCenterProblem, seed: int) -> tuple[Array, Array, float, float]:
    solution = minimize(problem, seed=seed, method="full")
    lengths = class_average(np.linalg.norm(solution.features, axis=1), problem.labels)
    nc = 0.0
    for k in np.flatnonzero(solution.living):
        own = solution.features[problem.samples(int(k))]
        nc = max(nc, float(collapse(own, np.zeros(len(own), dtype=int), solution.frame.pick([int(k)])).max()))
    return solution.norms**2, lengths, solution.value, nc


def choice_rates(
    problem: MultiCenterProblem, rule: str, *, noise: float = 1.0, around: montecarlo.Around = "directions"
) -> montecarlo.Estimate:
    """How often a rule gives a hard-to-predict feature to each class."""
    return montecarlo.choice_rates(random_frame(problem), RULES[rule], DRAWS, noise=noise, around=around, seed=SEED)


def accuracy(problem: MultiCenterProblem, rule: str, probabilities: Sequence[float]) -> montecarlo.Estimate:
    """How often a rule is right on hard-to-predict features of classes drawn with ``probabilities``."""
    return montecarlo.accuracy(random_frame(problem), RULES[rule], probabilities, DRAWS, seed=SEED)


@cache  # two claims ask it at the printed bound, and one asks twice around its own
def preference(problem: MultiCenterProblem, lead: float, noise: float) -> montecarlo.Estimate:
    """How often GCR prefers class 0 to class 1, given the lead of class 0 under RCR."""
    return montecarlo.preference(random_frame(problem), 0, 1, lead, DRAWS, noise=noise, seed=SEED)
