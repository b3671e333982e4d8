"""Minimised over features, P with a learned frame is a separable, strictly convex function of the squared norms. So it
has no spurious local minima, and its distance from the minimum is known exactly for any iterate.
"""

import numpy as np

from theory.multicenter.geometry import Array
from ufm.certify.ledger.by_hand import frame_by_hand, ridge_feature
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import BALANCED, total
from ufm.certify.ledger.simulations import learned_ends
from ufm.certify.predict import predict
from ufm.problems.kinds import LearnedMSEProblem

CLAIM = Claim(
    id="variable-projection",
    section="Minimisers",
    verdict="new",
    source="new",
    latex=r"""
        \min_H P = \sum_k \Big[ \frac{n_k f_k \lambda_H / 2}{f_k c_k^2 u_k + \lambda_H S} + \frac{\lambda_W}{2} u_k
        \Big], \qquad u_k = |w_k|^2
    """,
    hypotheses="lambda_H, lambda_W > 0.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.projected_value", "theory.multicenter.minimum.learned_minimum"),
    tests=("tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",),
)


def projected_by_elimination(w: Array, owner: Array, problem: LearnedMSEProblem) -> float:
    """P without its classifier term, minimised over features by solving the normal equations."""
    s, weight, value = total(problem), problem.lam_h, 0.0
    for k, n in enumerate(problem.class_sizes):
        y = (owner == k).astype(float)
        h = ridge_feature(w, y, weight * s)
        value += n * (np.sum((w @ h - y) ** 2) / (2 * s) + 0.5 * weight * h @ h)
    return float(value)


def evidence() -> Evidence:
    rng = np.random.default_rng(3)
    for counts, sizes, theta in (((2, 3), (4, 2), 0.4), ((1, 4), (3, 1), 1.0)):
        problem = LearnedMSEProblem(sizes, counts, theta, lam_h=0.02, lam_w=0.05)
        end, squares = predict(problem), rng.uniform(0.1, 4.0, 2)
        auxiliary, classifier, _ = frame_by_hand(counts, theta, sum(counts) + 4, seed=7)
        owner = np.repeat([0, 1], counts)
        lengths = np.sqrt(squares)
        w = lengths[owner, None] * (np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner])
        found = projected_by_elimination(w, owner, problem) + 0.5 * problem.lam_w * squares.sum()
        stated = float(end.projected(squares).sum())
        name = f"min over features of P on a frame of norms {lengths.round(2)}"
        yield compare(name, "least squares in d dimensions", found, stated, relative=1e-12)
        grid = np.linspace(0.0, 40.0, 4001)
        values = end.projected(grid[:, None])
        name = "smallest second difference of phi"
        yield compare(name, "grid of 4,001 norms", np.diff(values, 2, axis=0).min(), 0.0, relation=">=")
        name = "its smallest value on the grid"
        yield compare(name, "grid of 4,001 norms", values.min(axis=0), end.minimum, absolute=1e-6)
    ends = learned_ends(BALANCED, 12)
    stated = predict(BALANCED).value
    name = "value where descent ends: no spurious local minima"
    yield compare(name, "trust region, 12 random starts", ends.value, stated, absolute=1e-10)
