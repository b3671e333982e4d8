"""Minimised over features, P with a learned frame is a separable, strictly convex function of the squared norms. So it
has no spurious local minima, and its distance from the minimum is known exactly for any iterate.
"""

import numpy as np

from ufm.certify.ledger.by_hand import frame_by_hand, ridge_features
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import BALANCED, learned_ends
from ufm.certify.predict import predict
from ufm.problems.kinds import LearnedMSEProblem

CLAIM = Claim(
    id="variable-projection",
    section="Minimisers",
    latex=r"""
        \min_H P = \sum_k \Big[ \frac{n_k f_k \lambda_H / 2}{f_k c_k^2 u_k + \lambda_H S} + \frac{\lambda_W}{2} u_k
        \Big], \qquad u_k = |w_k|^2
    """,
    hypotheses="lambda_H, lambda_W > 0.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.projected_value", "theory.multicenter.minimum.learned_minimum"),
    tests=("tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",),
)


def evidence() -> Evidence:
    rng = np.random.default_rng(3)
    for counts, sizes, theta in (((2, 3), (4, 2), 0.4), ((1, 4), (3, 1), 1.0)):
        problem = LearnedMSEProblem(sizes, counts, theta, lam_h=0.02, lam_w=0.05)
        said, squares = predict(problem), rng.uniform(0.1, 4.0, 2)
        frame, lengths = frame_by_hand(counts, theta, sum(counts) + 4, seed=7), np.sqrt(squares)
        # P, at the features that solve its normal equations
        w, s, weight = lengths[frame.owner, None] * frame.centers, problem.total, problem.lam_h
        penalty, fit = (np.sum(part**2, axis=1) for part in ridge_features(w, frame.owner, weight * s))
        found = problem.class_sizes @ (fit / (2 * s) + 0.5 * weight * penalty) + 0.5 * problem.lam_w * squares.sum()
        name = f"min over features of P on a frame of norms {lengths.round(2)}"
        yield compare(name, "least squares in d dimensions", found, said.projected(squares).sum(), relative=1e-12)
        values, how = said.projected(np.linspace(0.0, 40.0, 4001)[:, None]), "grid of 4,001 norms"
        bend = np.diff(values, 2, axis=0).min()
        yield compare("smallest second difference of phi", how, bend, 0.0, relation=">=")
        yield compare("its smallest value on the grid", how, values.min(axis=0), said.minimum, absolute=1e-6)
    ends, how = learned_ends(BALANCED, 12), "trust region, 12 random starts"
    name = "value where descent ends: no spurious local minima"
    yield compare(name, how, ends.value, predict(BALANCED).value, absolute=1e-10)
