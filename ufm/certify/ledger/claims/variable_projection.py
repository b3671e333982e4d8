"""Minimised over features, P with a learned frame is a separable, strictly convex function of the squared norms. So it
has no spurious local minima, and its distance from the minimum is known exactly for any iterate.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from theory.multicenter import minimum as minimizers
from theory.multicenter.geometry import Array
from ufm.certify.ledger.by_hand import frame_by_hand, ridge_feature
from ufm.certify.ledger.claim import Claim, compare
from ufm.certify.ledger.examples import BALANCED, learned
from ufm.certify.ledger.simulations import learned_ends
from ufm.certify.report import Check
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


def projected_by_elimination(w: Array, owner: Array, sizes: tuple[int, ...], own: dict[str, Any]) -> float:
    """P without its classifier term, minimised over features by solving the normal equations."""
    ridge = own["lam_h"] * own["total"]
    value = 0.0
    for k, n in enumerate(sizes):
        y = (owner == k).astype(float)
        h = ridge_feature(w, y, ridge)
        value += n * (np.sum((w @ h - y) ** 2) / (2 * own["total"]) + 0.5 * own["lam_h"] * h @ h)
    return float(value)


def evidence() -> Iterator[Check]:
    rng = np.random.default_rng(3)
    for counts, sizes, theta in (((2, 3), (4, 2), 0.4), ((1, 4), (3, 1), 1.0)):
        problem = LearnedMSEProblem(sizes, counts, theta, lam_h=0.02, lam_w=0.05)
        own, squares = learned(problem), rng.uniform(0.1, 4.0, 2)
        auxiliary, classifier, _ = frame_by_hand(counts, theta, sum(counts) + 4, seed=7)
        owner = np.repeat([0, 1], counts)
        lengths = np.sqrt(squares)
        w = lengths[owner, None] * (np.cos(theta) * auxiliary + np.sin(theta) * classifier[owner])
        found = projected_by_elimination(w, owner, sizes, own) + 0.5 * own["lam_w"] * squares.sum()
        stated = float(minimizers.projected_value(squares, **own).sum())
        yield compare(
            f"min over features of P on a frame of norms {lengths.round(2)}",
            "least squares in d dimensions",
            found,
            stated,
            relative=1e-12,
        )
        grid = np.linspace(0.0, 40.0, 4001)
        values = minimizers.projected_value(grid[:, None], **own)
        yield compare(
            "smallest second difference of phi",
            "grid of 4,001 norms",
            np.diff(values, 2, axis=0).min(),
            0.0,
            relation=">=",
        )
        yield compare(
            "its smallest value on the grid",
            "grid of 4,001 norms",
            values.min(axis=0),
            minimizers.learned_minimum(**own),
            absolute=1e-6,
        )
    ends = learned_ends(BALANCED, 12)
    stated = float(minimizers.learned_minimum(**learned(BALANCED)).sum())
    yield compare(
        "value where descent ends: no spurious local minima",
        "trust region, 12 random starts",
        ends.value,
        stated,
        absolute=1e-10,
    )
