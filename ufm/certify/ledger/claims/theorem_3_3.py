"""Balanced classes, learned frame: features sit on their mean centers, class means are orthogonal, and norms are
explicit, if c > K sqrt(n lambda_H lambda_W); otherwise everything is 0.
"""

from dataclasses import replace

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import BALANCED, learned_ends
from ufm.certify.predict import predict
from ufm.problems.kinds import LearnedMSEProblem

CLAIM = Claim(
    id="theorem-3.3",
    section="Minimisers",
    verdict="holds",
    source="theorem 3.3",
    latex=r"""
        |w_k|^2 = \sqrt{\tfrac{n \lambda_H}{\lambda_W}} \frac1c - \frac{\lambda_H S}{f c^2}, \qquad \lambda_W |w_k|^2 =
        n \lambda_H |h_k|^2
    """,
    hypotheses="n_k = n, f_k = f, d >= (f + 1) K, lambda_H, lambda_W > 0. 0 is an infimum: frames have positive norms.",
    derivations=("mse_fixed", "mse_learned"),
    functions=(
        *("theory.multicenter.minimum.learned_square_norm", "theory.multicenter.minimum.alive_threshold"),
        *("theory.multicenter.minimum.natural_square_norm", "theory.multicenter.minimum.balanced_feature_norm"),
        "theory.multicenter.minimum.learned_feature_norm",
    ),
    tests=(
        "tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",
        "tests/theory/multicenter/test_minimum.py::test_features_of_a_learned_frame_are_those_of_the_fixed_one",
    ),
)

MINIMIZED = "trust region over frame, norms and features, 12 random starts"


def norms_and_collapse(problem: LearnedMSEProblem) -> Evidence:
    """Norms as the formulas have them class by class, and living classes on their mean centers."""
    end, ends, how = predict(problem), learned_ends(problem, 12), MINIMIZED
    yield compare("|w_k|^2", how, ends.square_norms, end.square_norm, absolute=1e-6)
    yield compare("|h_k|", how, ends.feature_norms, end.feature_norm, absolute=1e-6)
    balance = problem.lam_w * ends.square_norms - end.sizes * problem.lam_h * ends.feature_norms**2
    yield compare("lam_W |w_k|^2 - n_k lam_H |h_k|^2", how, balance, 0.0, absolute=1e-7)
    yield compare("NC of living classes", how, ends.nc, 0.0, absolute=1e-10)


def evidence() -> Evidence:
    yield from norms_and_collapse(BALANCED)
    said, scale = predict(BALANCED), 3 * np.sqrt(BALANCED.class_sizes[0])
    stated = scale * np.sqrt(BALANCED.lam_h * BALANCED.lam_w)
    yield compare("threshold: K sqrt(n lam_H lam_W)", "formula of the theorem", said.threshold, stated, relative=1e-14)
    for factor, alive in ((0.999, 1.0), (1.001, 0.0)):
        critical = factor * float(said.center_cosine[0]) / scale
        ends = learned_ends(replace(BALANCED, lam_h=critical, lam_w=critical), 4)
        name = f"whether classes live with weights at {factor} of the threshold"
        yield compare(name, "trust region, 4 random starts", np.all(ends.square_norms > 1e-5), alive)
