"""A shift of test features by at most epsilon leaves a class at least 1 - (K - 1) Phi(-(R - epsilon)/sigma), with R the
robust radius of its mean center: exactly that for two classes. If every feature moves straight to its nearest boundary,
the accuracy is that of features whose lead is smaller by sqrt2 epsilon. GCR is right on at least as many as without a
shift on features of norm r - sqrt2 epsilon / c.
"""

import numpy as np
from scipy import integrate, stats

from theory.decision import covariate
from theory.decision.accuracy import class_accuracies
from theory.multicenter.geometry import center_cosine
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, sampled
from ufm.measure.montecarlo import Estimate, frequency

CLAIM = Claim(
    id="covariate-shift",
    section="Decisions",
    latex=r"""
        \mathrm{Acc}_k \ge 1 - (K - 1)\, \Phi\Big({-\frac{R_k - \varepsilon}{\sigma}}\Big), \qquad
        \min_{|s(z)| \le \varepsilon} \mathrm{Acc}_k
        = \int \varphi(t)\, \Phi\Big(t + \frac{\sqrt2 (R_k - \varepsilon)}{\sigma}\Big)^{K - 1} dt, \qquad
        \min_{|s(z)| \le \varepsilon} \mathrm{Acc}^{\mathrm{GCR}}_k(r)
        \ge \mathrm{Acc}^{\mathrm{GCR}}_k\Big(r - \frac{\sqrt2\, \varepsilon}{c}\Big)
    """,
    hypotheses="z = r u_k + sigma g + s; first RCR or nearest mean center: R_k = r cos rho_k / sqrt2 or r / sqrt2.",
    functions=(
        "theory.decision.covariate.shifted_accuracy_bound",
        "theory.decision.covariate.attacked_lead",
        "theory.decision.covariate.attacked_norm",
    ),
    tests=(
        "tests/theory/decision/test_covariate.py::test_the_bound_is_below_what_the_worst_shift_leaves",
        "tests/theory/decision/test_covariate.py::test_every_feature_moved_to_its_nearest_boundary",
        "tests/theory/decision/test_covariate.py::test_no_shift_costs_the_generalized_rule_more_than_the_norm_that_is_left",
    ),
)

DRAWS, SIGMA, SIZE = 300_000, 0.25, 0.15


def attacked(counts: tuple[int, ...], theta: float) -> tuple[Estimate, Estimate, float]:
    """How often RCR is right on class 0 after each feature moved to its boundary, or all by one vector; and R."""
    frame = frame_by_hand(counts, theta, sum(counts) + len(counts))
    rng, rows = np.random.default_rng(17), frame.classifier
    z = frame.direction(0) + SIGMA * rng.standard_normal((DRAWS, rows.shape[1]))
    gaps = rows[1:] - rows[0]
    gaps /= np.linalg.norm(gaps, axis=1, keepdims=True)
    nearest = gaps[np.argmax(z @ gaps.T, axis=1)]
    right = [np.all((z + SIZE * move) @ gaps.T < 0, axis=1) for move in (nearest, gaps[0])]
    each, constant = (frequency(hits.sum(), DRAWS) for hits in right)
    return each, constant, float(np.min(-gaps @ frame.direction(0)))


def attacked_generalized(counts: tuple[int, ...], theta: float) -> Estimate:
    """How often GCR is right on class 0, if each feature moves from its best center to whichever other one is worst."""
    frame = frame_by_hand(counts, theta, sum(counts) + len(counts))
    rng, (mine, rest) = np.random.default_rng(19), (frame.own(0), frame.centers[frame.owner != 0])
    z = frame.direction(0) + SIGMA * rng.standard_normal((DRAWS, mine.shape[1]))
    best, rival = mine[np.argmax(z @ mine.T, axis=1)], rest[np.argmax(z @ rest.T, axis=1)]
    moved = z + SIZE * (rival - best) / np.sqrt(2.0)
    return frequency(np.sum(np.max(moved @ mine.T, axis=1) > np.max(moved @ rest.T, axis=1)), DRAWS)


def promised(counts: tuple[int, ...], theta: float) -> float:
    """Accuracy of GCR on class 0 at the norm that is left."""
    norm = covariate.attacked_norm(1.0, center_cosine(counts, theta), SIZE)
    return float(class_accuracies(counts, theta, norm / SIGMA).gcr[0])


def left(radius: float, n_classes: int) -> float:
    """The integral, at the lead that is left."""
    lead = float(covariate.attacked_lead(radius, SIZE, SIGMA))
    normal = stats.norm
    found, _ = integrate.quad(lambda t: normal.pdf(t) * normal.cdf(t + lead) ** (n_classes - 1), -10, 10)
    return float(found)


def evidence() -> Evidence:
    each, constant, radius = attacked((4, 2), 0.7)
    bound = covariate.shifted_accuracy_bound(radius, SIZE, SIGMA, 2)
    yield sampled("two classes, all features moved by one vector", constant, bound)
    yield sampled("two classes, each moved to its boundary", each, left(radius, 2))
    each, constant, radius = attacked((4, 2, 1, 3, 2), 0.7)
    yield sampled("five classes, each moved to its nearest boundary", each, left(radius, 5))
    bound = covariate.shifted_accuracy_bound(radius, SIZE, SIGMA, 5)
    yield sampled("the same is not below the bound", each, bound, relation=">=")
    yield sampled("one vector for all does less", constant, each.mean, relation=">=")
    single, several = (1, 1, 1), (4, 2, 1, 3, 2)
    yield sampled("GCR, one center each", attacked_generalized(single, 0.7), promised(single, 0.7))
    yield sampled("GCR, several", attacked_generalized(several, 0.7), promised(several, 0.7), relation=">=")
