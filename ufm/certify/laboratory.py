"""The simulations that the ledger of claims asks for, by plain numbers: a face of :mod:`ufm` that knows no formula.

The ledger (``ufm.certify.ledger``) is given this module and compares what comes out with what it predicts. Problems are
mappings of the arguments of :class:`ufm.Problem`; every frame is drawn in a random basis.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify import landscape
from ufm.certify.degenerate import FreeCenters, train_free_centers
from ufm.measure import montecarlo
from ufm.measure.metrics import class_average, collapse
from ufm.measure.rules import RULES
from ufm.minimize.solve import minimize
from ufm.problems.frames import Array, Frame, Geometry, dense, multi_center_frame
from ufm.problems.problem import Problem
from ufm.problems.start import Start, draw
from ufm.simulate.descent import gradient_descent
from ufm.simulate.flow import gradient_flow
from ufm.simulate.learned_flow import learned_flow
from ufm.simulate.learned_trajectory import LearnedTrajectory
from ufm.simulate.resimulate import null_part
from ufm.simulate.setup import Method

Fields = Mapping[str, Any]

SEED = 20241
"""Of everything that is drawn here: the evidence is the same every time."""

DRAWS = 500_000
"""Features per frequency: the standard error of a frequency is at most 0.0007."""


class Decomposed(NamedTuple):
    """Features along a flow, by their parts; every entry has the shape (times, samples)."""

    x: Array
    y: Array
    z: Array
    r: Array
    turn: Array
    nc: Array


def _build(problem: Fields) -> tuple[Problem, Frame]:
    built = Problem(**problem)
    return built, multi_center_frame(built, seed=SEED)


def geometry(problem: Fields) -> Geometry:
    """Angles of a frame, measured from its vectors."""
    return _build(problem)[1].geometry


def flow(problem: Fields, times: ArrayLike, *, scale: float = 1.0, start: str = "gaussian") -> Decomposed:
    """Integrate the flow in all d dimensions and split the features."""
    built, frame = _build(problem)
    begin = Start(start, scale)  # type: ignore[arg-type]
    trajectory = gradient_flow(
        built, frame=frame, start=begin, seed=SEED, method="full", t_eval=times, keep="features", rtol=1e-11
    )
    assert trajectory.features is not None
    parts = [_split(trajectory.features[:, built.samples(k)], frame, k) for k in range(built.n_classes)]
    return Decomposed(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


def _split(features: Array, frame: Frame, k: int) -> Decomposed:
    """Features (times, n, d) of one class, by their parts."""
    pole = dense(frame.mean_directions[k : k + 1])[0]
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


def null_space_memory(problem: Fields) -> tuple[Array, Array]:
    """NC of every sample at the very end of P's flow, and the length of its start's part that no center sees."""
    built, frame = _build(problem)
    start = draw(built, frame, Start(), SEED)
    trajectory = gradient_flow(built, frame=frame, features=start, t_eval=[0.0, 1e6], keep="features", method="exact")
    assert trajectory.features is not None
    end = trajectory.features[-1]
    unit = end / np.linalg.norm(end, axis=1, keepdims=True)
    away = unit - dense(frame.mean_directions)[built.labels]
    return np.sum(away**2, axis=1), np.linalg.norm(null_part(frame, start), axis=1)


def descent_defect(problem: Fields, *, momentum: float) -> float:
    """Largest difference of the final features after 50 steps of descent, in d and in the reduced coordinates."""
    built, frame = _build(problem)
    finals = []
    methods: tuple[Method, ...] = ("full", "reduced")
    for method in methods:
        run = gradient_descent(
            built,
            frame=frame,
            seed=SEED,
            method=method,
            step_size=0.05,
            momentum=momentum,
            n_steps=50,
            keep="final",
        )
        assert run.final is not None
        finals.append(run.final)
    return float(np.abs(finals[0] - finals[1]).max())


def minimum(problem: Fields, seed: int) -> float:
    """Smallest objective on a frame that is drawn with ``seed``."""
    built = Problem(**problem)
    return minimize(built, frame=multi_center_frame(built, seed=seed)).value


def ends(problem: Fields, n_starts: int) -> landscape.Ends:
    """Where minimisers end from random starts."""
    built, frame = _build(problem)
    return landscape.descend_from_everywhere(built, frame=frame, n_starts=n_starts, seed=SEED)


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


def learned_ends(problem: Fields, n_starts: int) -> LearnedEnds:
    """Minimise over frame, norms and the feature of every sample, from random starts."""
    built = Problem(**problem, frame="learned")
    rows = []
    for seed in range(n_starts):
        solution = minimize(built, seed=seed, method="full")
        lengths = class_average(np.linalg.norm(solution.features, axis=1), built.labels)
        nc = 0.0
        for k in np.flatnonzero(solution.living):
            own = solution.features[built.samples(int(k))]
            nc = max(nc, float(collapse(own, np.zeros(len(own), dtype=int), solution.frame.pick([int(k)])).max()))
        rows.append((solution.norms**2, lengths, solution.value, nc))
    return LearnedEnds(*(np.array(column) for column in zip(*rows, strict=True)))


def trained_together(problem: Fields, times: ArrayLike) -> LearnedTrajectory:
    """Flow of a learned frame together with the features of all samples."""
    return learned_flow(Problem(**problem, frame="learned"), t_eval=times, seed=SEED, features="full")


def free_centers(problem: Fields) -> FreeCenters:
    """Descent over unit centers without orthogonality, from a start in which the classes are close to each other."""
    return train_free_centers(Problem(**problem), common=20.0, n_steps=1000, seed=SEED)


def critical_points(problem: Fields, n_starts: int) -> Sequence[landscape.CriticalPoint]:
    """Zeros of the gradient."""
    built, frame = _build(problem)
    return landscape.critical_points(built, frame=frame, n_starts=n_starts, seed=SEED)


def choice_rates(problem: Fields, rule: str, *, noise: float = 1.0, mean_centers: bool = False) -> montecarlo.Estimate:
    """How often a rule gives a hard-to-predict feature to each class."""
    around: montecarlo.Around = "mean_centers" if mean_centers else "directions"
    return montecarlo.choice_rates(_build(problem)[1], RULES[rule], DRAWS, noise=noise, around=around, seed=SEED)


def accuracy(problem: Fields, rule: str, probabilities: Sequence[float]) -> montecarlo.Estimate:
    """How often a rule is right on hard-to-predict features of classes drawn with ``probabilities``."""
    return montecarlo.accuracy(_build(problem)[1], RULES[rule], probabilities, DRAWS, seed=SEED)


def preference(problem: Fields, lead: float, noise: float) -> montecarlo.Estimate:
    """How often GCR prefers class 0 to class 1, given the lead of class 0 under RCR."""
    return montecarlo.preference(_build(problem)[1], 0, 1, lead, DRAWS, noise=noise, seed=SEED)
