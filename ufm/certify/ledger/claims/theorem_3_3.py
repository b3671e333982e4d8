"""Balanced classes, learned frame: all features of a class are equal and on its mean center, with equal products with
all its centers, class means are orthogonal, and norms are equal and explicit, if c > K sqrt(n lambda_H lambda_W);
otherwise everything is 0. The paper allows c to be equal to that: there the formula gives norm 0, which its constraint
excludes.
"""

from dataclasses import replace

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import BALANCED, SEED, learned_ends
from ufm.certify.predict import predict
from ufm.measure.metrics import unit_rows
from ufm.minimize.solve import minimize
from ufm.problems.frames import dense
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


def as_printed() -> Evidence:
    """The norm in the form of the paper, and what it says of products of features and centers."""
    k, n, c = BALANCED.n_classes, BALANCED.class_sizes[0], float(predict(BALANCED).center_cosine[0])
    ratio = BALANCED.lam_w / (n * BALANCED.lam_h)
    stated = (-k * BALANCED.lam_w + np.sqrt(ratio) * c) / (ratio * c**2)
    solution, how = minimize(BALANCED, seed=SEED, method="full"), "trust region"
    yield compare(
        "|w_k|^2 against the form in which the paper prints it", how, solution.norms**2, stated, absolute=1e-6
    )
    unit = unit_rows(solution.class_features)
    yield compare("cosines between class means", how, unit @ unit.T, np.eye(k), absolute=1e-6)
    scores = dense(solution.frame.centers) @ solution.class_features.T
    own = scores.reshape(k, BALANCED.centers[0], k)[np.arange(k), :, np.arange(k)]
    yield compare(
        "products with the centers of the own class: how they differ", how, np.ptp(own, axis=1), 0.0, absolute=1e-6
    )


def evidence() -> Evidence:
    yield from norms_and_collapse(BALANCED)
    yield from as_printed()
    said, scale = predict(BALANCED), 3 * np.sqrt(BALANCED.class_sizes[0])
    stated = scale * np.sqrt(BALANCED.lam_h * BALANCED.lam_w)
    yield compare("threshold: K sqrt(n lam_H lam_W)", "formula of the theorem", said.threshold, stated, relative=1e-14)
    for factor, alive in ((0.999, 1.0), (1.001, 0.0)):
        critical = factor * float(said.center_cosine[0]) / scale
        ends = learned_ends(replace(BALANCED, lam_h=critical, lam_w=critical), 4)
        name = f"whether classes live with weights at {factor} of the threshold"
        yield compare(name, "trust region, 4 random starts", np.all(ends.square_norms > 1e-5), alive)
