"""With classes equally frequent, deciding by the nearest mean center is Bayes on features around their mean centers: no
rule does better on the average over classes. What RCR and GCR fall short of it is their price: this is why GCR loses
once features have collapsed. At theta = 0 GCR's error grows with every further center. At other angles it does so up to
some number of centers, and falls beyond, slowly, to that of NMC: the best of very many centers hardly varies.
"""

import numpy as np
from scipy.special import ndtri

from theory.decision import accuracy
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.noisy import SEED, accuracies, around_mean, decisions, frame_of, frequency, means_of
from ufm.measure.montecarlo import Estimate

CLAIM = Claim(
    id="price-of-gcr",
    section="Decisions",
    latex=r"\frac1K \sum_k \mathrm{Acc}_k \le A(r / \sigma) \text{ for every rule, with equality for NMC}",
    hypotheses="As collapsed-accuracy, with the same r / sigma and probability for every class.",
    derivations=("label_shift",),
    functions=("theory.decision.accuracy.nmc_error", "theory.decision.accuracy.class_errors"),
    tests=(
        "tests/theory/decision/test_accuracy.py::test_the_nearest_mean_center_is_never_beaten",
        "tests/theory/decision/test_accuracy.py::test_copies_are_classes",
    ),
)


MANY = (1, 10, 10_000)


def accuracies_of_many() -> list[Estimate]:
    """Accuracy of GCR with 1, 10 and 10,000 centers a class, ten classes, by drawing the best score of each.

    The largest of f normals is the one normal that a uniform variable to the power 1/f stands for.
    """
    rng, found = np.random.default_rng(SEED), []
    for f in MANY:
        best = ndtri(rng.random((300_000, 10)) ** (1.0 / f))
        scores = np.cos(0.8) * best + np.sin(0.8) * rng.standard_normal(best.shape)
        scores[:, 0] += 3.0 * np.linalg.norm([np.cos(0.8) / np.sqrt(f), np.sin(0.8)])
        found.append(frequency(np.argmax(scores, axis=1) == 0))
    return found


def difference(first: Estimate, second: Estimate) -> Estimate:
    """By how much one is above the other in the mean over classes; the error is that of independent draws."""
    variance = np.asarray(first.standard_error**2 + second.standard_error**2)
    mean = np.asarray(np.mean(first.mean - second.mean))
    return Estimate(mean, np.sqrt(variance.sum()) / variance.size, first.n)


def evidence() -> Evidence:
    counts, angles, ratio = (2, 4, 9), (0.3, 0.3, 0.3), 1 / 0.35
    frame = frame_of(counts, angles)
    means, likeliest = ratio * means_of(frame), 0
    for k in range(3):
        z = around_mean(frame, k, ratio, 100 + k, draws=20_000)
        far = np.sum((z[:, None] - means) ** 2, axis=2)  # the density of class j is exp(-far / 2), up to a factor
        likeliest += int(np.sum(np.argmin(far, axis=1) != decisions(frame, z)["nmc"]))
    yield compare("features that NMC does not give to their likeliest class", "60,000 densities", likeliest, 0)
    found, stated = accuracies(counts, angles, ratio), accuracy.class_errors(counts, angles, ratio)
    for rule in ("rcr", "gcr"):
        price = difference(found["nmc"], found[rule])
        yield sampled(f"price of {rule.upper()}, in accuracy", price, np.mean(getattr(stated, rule) - stated.nmc))
    f, theta = np.arange(1, 41)[:, None], np.linspace(0.0, np.pi / 2, 21)
    for ratio in (1.0, 3.0, 8.0):
        least, where = accuracy.nmc_error(ratio, 10), f"40 numbers of centers, 21 angles, r / sigma = {ratio:g}"
        for error in (accuracy.rcr_error, accuracy.gcr_error):
            smallest = error(f, theta, ratio, 10).min()
            yield compare("smallest error of RCR or GCR", where, smallest, least * (1 - 1e-12), relation=">=")
        rise = np.diff(accuracy.gcr_error(f[:, 0], 0.0, ratio, 10)).min()
        yield compare("theta = 0: smallest rise of GCR's error with one more center", where, rise, 0.0, relation=">=")
    turning = accuracies_of_many()
    for name, each, by in zip(("1 center", "10,000 centers"), turning[::2], (0.03, 0.01), strict=True):
        more = difference(each, turning[1])
        yield sampled(f"accuracy of GCR, theta = 0.8: {name}, less that of 10", more, by, relation=">=")
    for n, each in zip(MANY, turning, strict=True):
        yield sampled(f"accuracy of GCR with {n:,} centers", each, accuracy.gcr_accuracy(n, 0.8, 3.0, 10))
