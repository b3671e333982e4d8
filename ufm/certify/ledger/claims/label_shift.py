"""If classes are not equally frequent in the test, the best offsets on the scores of the nearest mean center are
(sigma^2 / r) ln(prior), and with them the rule is Bayes. Offsets on RCR's scores are Bayes only if all skews cos(rho)
agree; otherwise scores need weights as well. Offsets at which all classes are right equally often cannot be improved
for the worst class, and their worst prior is known; under NMC they are 0 and it is uniform. So for the worst class no
skews make RCR better than NMC. Equal ones make it as good on features in the span of the mean centers: there both
decide the same.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from theory.decision import shift
from theory.multicenter.geometry import Array, equal_skew_angles
from ufm.certify.ledger.claim import Claim, Evidence, compare, drawn, sampled
from ufm.certify.ledger.noisy import SEED, decisions, frame_of, frequency, means_of
from ufm.measure.montecarlo import Estimate

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
        "theory.decision.shift.guessed_offsets",
        "theory.decision.shift.best_offsets",
        "theory.decision.shift.bayes_scores",
        "theory.decision.shift.offsets_are_bayes",
        "theory.decision.shift.minimax_offsets",
    ),
    tests=(
        "tests/theory/decision/test_shift.py::test_of_equal_classes_the_best_offsets_are_logarithms",
        "tests/theory/decision/test_shift.py::test_best_offsets_are_on_the_highest_hill_of_many",
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


def by_class(columns: Array) -> Array:
    """Accuracy of each class, by scores (K, K, DRAWS), in this order, which is the fast one for thousands of looks."""
    each = range(len(columns))
    wins = [np.logical_and.reduce([columns[k, k] > columns[k, j] for j in each if j != k]) for k in each]
    return np.mean(wins, axis=1)


def average(accuracy: Array, prior: Array) -> Estimate:
    """Of classes that were drawn on their own, (K,)."""
    variance = accuracy * (1.0 - accuracy) / DRAWS
    return Estimate(np.asarray(accuracy @ prior), np.sqrt(variance @ prior**2), DRAWS)


def searched(scores: Array, prior: Array) -> Estimate:
    """The largest average accuracy of any offsets on a grid, and on a finer one around the best of these."""
    columns, best = np.ascontiguousarray(scores.transpose(1, 2, 0)), np.zeros(3)
    for reach in (2.5, 0.5):
        steps = np.linspace(-reach, reach, 11)
        tried = [best + np.array([0.0, b, c]) for b, c in itertools.product(steps, steps)]
        found = [by_class(columns + b[:, None]) for b in tried]
        at = int(np.argmax(found @ prior))
        best = tried[at]
    return average(found[at], prior)


def evidence() -> Evidence:
    one = np.ones(3)
    for name, mean, noise in (("all alike", 2.0 * one, one), ("means and noises per class", MEANS, NOISES)):
        scores, offsets = scores_of(mean, noise), shift.best_offsets(PRIOR, mean, noise)
        stated = shift.offset_accuracy(mean, noise, offsets)
        yield sampled(f"accuracy with the best offsets, {name}", frequency(right(scores + offsets)), stated)
        yield sampled(f"best accuracy of 242 offsets, {name}", searched(scores, PRIOR), PRIOR @ stated)
    best = shift.best_offsets(PRIOR, 2.0 * one, one)
    stated = shift.nmc_offsets(PRIOR, 2.0, 1.0)
    yield compare("best offsets of equal classes", "climbing", best, stated - stated.mean(), absolute=1e-5)
    yield from which_are_bayes()

    worst = shift.minimax_offsets(2.0 * one, one)
    alike = frequency(right(scores_of(2.0 * one, one)))
    yield sampled("accuracy of NMC under any prior, equal classes", alike, worst.accuracy)
    yield compare("its offsets", "climbing", worst.offsets, 0.0, absolute=1e-9)
    yield from equal_skews(worst.accuracy)
    yield from two_classes()
    yield from unequal_means()


def which_are_bayes() -> Evidence:
    """Offsets are, if no decision is another one than by the largest density."""
    one, equal = np.ones(3), np.full(3, 1 / 3)
    for name, mean, noise in (
        ("all alike", 2.0 * one, one),
        ("means that differ", np.array([0.7, 1.5, 2.5]), one),
        ("noises that differ", 2.0 * one, NOISES),
    ):
        scores = scores_of(mean, noise)[:20_000]
        chosen = np.argmax(scores + shift.best_offsets(equal, mean, noise), axis=2)
        # best offsets are known to 1e-5: one in a thousand decisions is more than they can change
        alike = np.mean(chosen != np.argmax(log_densities(scores, mean, noise), axis=2)) < 1e-3
        stated = shift.offsets_are_bayes(mean, noise)
        yield compare(f"whether best offsets are Bayes, {name}", "60,000 densities", float(alike), float(stated))


def log_densities(scores: Array, mean: Array, noise: Array) -> Array:
    """Of scores (..., K) under each class, up to a constant."""
    far = np.sum((scores[..., None, :] - np.diag(mean)) ** 2, axis=-1)
    return -0.5 * far / noise**2 - mean.size * np.log(noise)


def equal_skews(best: float) -> Evidence:
    """RCR on features in the span of the mean centers, of equal classes: it multiplies the scores by the skews."""
    columns = np.ascontiguousarray(scores_of(2.0 * np.ones(3), np.ones(3)).transpose(1, 2, 0))
    skews = np.random.default_rng(SEED).uniform(0.3, 1.0, (60, 3))
    accuracy = max((by_class(columns * skew[:, None]) for skew in skews), key=np.min)
    found = average(accuracy, np.eye(3)[np.argmin(accuracy)])
    yield sampled("accuracy of the worst class under RCR, best of 60 choices of skews", found, best, relation="<=")
    counts = (2, 4, 9)
    differ, how = [], "60,000 features, explicit vectors"
    for angles in (tuple(equal_skew_angles(counts, 4, 0.4)), (0.4, 0.4, 0.4)):
        frame = frame_of(counts, angles)
        z = (columns[..., :20_000].transpose(0, 2, 1) @ means_of(frame)).reshape(-1, frame.centers.shape[1])
        chosen = decisions(frame, z)
        differ.append(float(np.mean(chosen["rcr"] != chosen["nmc"])))
    yield compare("share of decisions of RCR other than NMC's, equal skews", how, differ[0], 0.0)
    yield compare("the same at one angle", how, differ[1], 0.01, relation=">=")


def two_classes() -> Evidence:
    grid, priors = np.linspace(-4.0, 4.0, 8001), np.array([[0.7, 0.3], [0.5, 0.5], [0.1, 0.9]])
    accuracies = priors @ stats.norm.cdf(np.array([1.0 + grid, 2.0 - grid]) / np.sqrt(2))
    found = grid[np.argmax(accuracies, axis=1)]
    stated = [shift.pair_offset(p, [1.0, 2.0], 1.0) for p in priors]
    yield compare("best offset between two classes with means 1 and 2", "8,001 offsets", found, stated, absolute=2e-3)
    # the smaller threshold counts where errors are too small for numbers: both leads over the noise are alike
    best = shift.best_offsets([0.5, 0.5], [1.0, 2.0], [1e-3, 2e-3])
    yield compare("the same under noises of 1e-3 and 2e-3", "equal leads", 0.0, best[0] - best[1], absolute=1e-5)


def unequal_means() -> Evidence:
    mean, one = np.array([0.7, 1.5, 2.5]), np.ones(3)
    scores, equal = scores_of(mean, one), np.full(3, 1 / 3)
    densities = log_densities(scores[:20_000], mean, one)
    chosen = shift.bayes_scores(scores[:20_000], equal, mean, 1.0).argmax(axis=2)
    differ = int(np.sum(chosen != densities.argmax(axis=2)))
    yield compare("decisions other than by the largest density", "60,000 densities", differ, 0)
    noisy = scores_of(mean, NOISES)[:20_000]
    chosen = shift.bayes_scores(noisy, equal, mean, NOISES).argmax(axis=2)
    differ = int(np.sum(chosen != log_densities(noisy, mean, NOISES).argmax(axis=2)))
    yield compare("the same under noises that differ", "60,000 densities", differ, 0)
    bayes = frequency(right(shift.bayes_scores(scores, equal, mean, 1.0)))
    offset = equal @ shift.offset_accuracy(mean, one, shift.best_offsets(equal, mean, one))
    found = average(bayes.mean, equal)
    name, least = "Bayes on unequal skews, against the best offsets", offset + 4.0 * found.standard_error
    yield compare(name, drawn(found), found.mean, least, relation=">=")

    worst = shift.minimax_offsets(mean, one)
    yield sampled("minimax offsets: all classes alike", frequency(right(scores + worst.offsets)), worst.accuracy)
    steps = np.linspace(0.02, 0.96, 12)
    priors = [np.array([p, q, 1 - p - q]) for p, q in itertools.product(steps, steps) if p + q < 0.99]
    least = min(p @ shift.offset_accuracy(mean, one, shift.best_offsets(p, mean, one)) for p in [*priors, worst.prior])
    how = f"{len(priors)} priors, and the stated one"
    yield compare("smallest of the best accuracies", how, least, worst.accuracy, absolute=1e-8)
