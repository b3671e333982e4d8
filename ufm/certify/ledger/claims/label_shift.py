"""If classes are not equally frequent in the test, the best offsets on the scores of the nearest mean center are
(sigma^2 / r) ln(prior), and with them the rule is Bayes. Offsets on RCR's scores are Bayes only if all skews cos(rho)
agree; otherwise scores need weights as well. Offsets at which all classes are right equally often cannot be improved
for the worst class, and their worst prior is known; under NMC they are 0 and it is uniform. So for the worst class no
skews are better under RCR than equal ones, which make it NMC.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from theory.decision import shift
from theory.multicenter.geometry import Array
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.noisy import SEED, frequency

CLAIM = Claim(
    id="label-shift",
    section="Decisions",
    latex=r"""
        b_k = \frac{\sigma^2}{r} \ln \pi_k, \quad \mathrm{Acc}_k = \int \varphi(t) \prod_{j \ne k} \Phi\Big(t +
        \frac{m_k + b_k - b_j}{\sigma_k}\Big) dt, \quad \text{Bayes: } \frac{m_k s_k}{\sigma^2} - \frac{m_k^2}{2
        \sigma^2} + \ln \pi_k, \quad b_1 - b_2 = \frac{2 \sigma^2}{m_1 + m_2} \ln \frac{\pi_1}{\pi_2} - \frac{m_1 -
        m_2}{2}
    """,
    hypotheses="""
        Features r_k u_k + sigma_k g in a unit frame: m_k = r_k for NMC, r_k cos(rho_k) for RCR; all classes in the
        prior; equal noises where one sigma stands.
    """,
    derivations=("label_shift",),
    functions=(
        "theory.decision.shift.log_prior",
        "theory.decision.shift.nmc_offsets",
        "theory.decision.shift.offset_accuracy",
        "theory.decision.together.offset_accuracies",
        "theory.decision.shift.pair_offset",
        "theory.decision.shift.first_offsets",
        "theory.decision.shift.best_offsets",
        "theory.decision.shift.bayes_scores",
        "theory.decision.shift.offsets_are_bayes",
        "theory.decision.shift.minimax_offsets",
    ),
    tests=(
        "tests/theory/decision/test_shift.py::test_of_equal_classes_the_best_offsets_are_logarithms",
        "tests/theory/decision/test_shift.py::test_bayes_scores_are_logarithms_of_densities",
        "tests/theory/decision/test_shift.py::test_slopes_are_those_of_the_accuracies",
        "tests/theory/decision/test_shift.py::test_minimax_offsets_make_classes_alike_and_their_prior_is_the_worst",
    ),
)

PRIOR, MEANS, NOISES = np.array([0.7, 0.2, 0.1]), np.array([1.2, 2.0, 3.0]), np.array([1.0, 0.8, 1.3])
DRAWS = 300_000


def scores_of(mean: Array, noise: Array) -> Array:
    """Scores on features of each class, (DRAWS, K, K): the class is the second index."""
    g = np.random.default_rng(SEED).standard_normal((DRAWS, mean.size, mean.size))
    return g * noise[:, None] + np.diag(mean)


def right(scores: Array) -> NDArray[np.bool_]:
    """Whether the own score of each class is the largest, (DRAWS, K)."""
    return np.asarray(np.argmax(scores, axis=2) == np.arange(scores.shape[1]))


def searched(scores: Array, prior: Array) -> float:
    """The largest average accuracy of any offsets on a grid."""
    steps = np.linspace(-2.5, 2.5, 21)
    return max(
        float(right(scores + np.array([0.0, b, c])).mean(axis=0) @ prior) for b, c in itertools.product(steps, steps)
    )


def evidence() -> Evidence:
    one = np.ones(3)
    for name, mean, noise in (("all alike", 2.0 * one, one), ("means and noises per class", MEANS, NOISES)):
        scores, offsets = scores_of(mean, noise), shift.best_offsets(PRIOR, mean, noise)
        stated = shift.offset_accuracy(mean, noise, offsets)
        yield sampled(f"accuracy with the best offsets, {name}", frequency(right(scores + offsets)), stated)
        found, room = searched(scores[:20_000], PRIOR), 4.0 * np.sqrt(0.25 / 20_000)
        how = "441 offsets, on 20,000 features a class"
        yield compare(f"best accuracy by search, {name}", how, found, PRIOR @ stated, absolute=room)
    best = shift.best_offsets(PRIOR, 2.0 * one, one)
    stated = shift.nmc_offsets(PRIOR, 2.0, 1.0)
    yield compare("best offsets of equal classes", "climbing", best, stated - stated.mean(), absolute=1e-5)
    yield compare("which are Bayes: that offsets are", "climbing", float(shift.offsets_are_bayes(2.0 * one, one)), 1.0)

    worst = shift.minimax_offsets(2.0 * one, one)
    room = 4.0 * np.sqrt(0.25 / DRAWS)
    accuracy = right(scores_of(2.0 * one, one)).mean(axis=0)
    yield compare(
        "equal classes: what the worst prior costs NMC",
        "Monte Carlo of each",
        accuracy.min(),
        worst.accuracy,
        absolute=room,
    )
    yield compare("its offsets", "climbing", worst.offsets, 0.0, absolute=1e-9)
    yield from equal_skews(worst.accuracy)
    yield from two_classes()
    yield from unequal_means()


def equal_skews(best: float) -> Evidence:
    """RCR on features of equal classes: it multiplies the scores by the skews."""
    scores = scores_of(2.0 * np.ones(3), np.ones(3))[:20_000]
    skews = np.random.default_rng(SEED).uniform(0.3, 1.0, (60, 3))
    found = max(float(right(scores * skew).mean(axis=0).min()) for skew in skews)
    room = 4.0 * np.sqrt(0.25 / 20_000)
    how = "60 choices of skews, 20,000 features a class"
    yield compare("accuracy of the worst class under RCR", how, found, best + room, relation="<=")
    alike = int(np.sum(right(0.4 * scores) != right(scores)))
    yield compare("decisions of equal skews other than NMC's", "60,000 features", alike, 0)


def two_classes() -> Evidence:
    grid, priors = np.linspace(-4.0, 4.0, 8001), np.array([[0.7, 0.3], [0.5, 0.5], [0.1, 0.9]])
    accuracies = priors @ stats.norm.cdf(np.array([1.0 + grid, 2.0 - grid]) / np.sqrt(2))
    found = grid[np.argmax(accuracies, axis=1)]
    stated = [shift.pair_offset(p, [1.0, 2.0], 1.0) for p in priors]
    yield compare("best offset between two classes with means 1 and 2", "8,001 offsets", found, stated, absolute=2e-3)


def unequal_means() -> Evidence:
    mean, one = np.array([0.7, 1.5, 2.5]), np.ones(3)
    scores, equal = scores_of(mean, one), np.full(3, 1 / 3)
    densities = np.log(equal) - 0.5 * np.sum((scores[:20_000, :, None] - np.diag(mean)) ** 2, axis=3)
    chosen = shift.bayes_scores(scores[:20_000], equal, mean, 1.0).argmax(axis=2)
    differ = int(np.sum(chosen != densities.argmax(axis=2)))
    yield compare("decisions other than by the largest density", "60,000 densities", differ, 0)
    bayes = frequency(right(shift.bayes_scores(scores, equal, mean, 1.0)))
    offset = equal @ shift.offset_accuracy(mean, one, shift.best_offsets(equal, mean, one))
    room = 4.0 * float(np.sqrt(np.sum(bayes.standard_error**2))) / 3.0
    means = f"Monte Carlo, {bayes.n:.0e} draws"
    yield compare(
        "Bayes on unequal skews, against the best offsets", means, bayes.mean.mean(), offset + room, relation=">="
    )

    worst = shift.minimax_offsets(mean, one)
    yield sampled("minimax offsets: all classes alike", frequency(right(scores + worst.offsets)), worst.accuracy)
    steps = np.linspace(0.02, 0.96, 12)
    priors = [np.array([p, q, 1 - p - q]) for p, q in itertools.product(steps, steps) if p + q < 0.99]
    least = min(p @ shift.offset_accuracy(mean, one, shift.best_offsets(p, mean, one)) for p in [*priors, worst.prior])
    how = f"{len(priors)} priors, and the stated one"
    yield compare("smallest of the best accuracies", how, least, worst.accuracy, absolute=1e-8)
