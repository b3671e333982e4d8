"""Claims on classification: how often each rule chooses a class, and when the two rules disagree."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import integrate, stats
from scipy.special import ndtr

from theory import decision
from ufm.certify.ledger.claim import Evidence, Finding, Laboratory, compare, sampled

ORTHONORMAL: dict[str, Any] = {"class_sizes": (1, 1, 1, 1), "centers": (1, 2, 4, 5), "theta": 0.0}
SHARES = (0.1, 0.15, 0.25, 0.5)
LEANING: dict[str, Any] = {**ORTHONORMAL, "theta": 0.6}
PAIR: dict[str, Any] = {"class_sizes": (1, 1, 1), "centers": (5, 1, 2), "theta": 0.6}
NOISE = 0.1
"""Standard deviation: the paper's s = 0.01 is the variance."""


def _choice(lab: Laboratory) -> Iterator[Finding]:
    counts = ORTHONORMAL["centers"]
    yield sampled("P(GCR chooses k)", lab.choice_rates(ORTHONORMAL, "gcr"), decision.gcr_choice(counts))
    yield sampled("P(RCR chooses k)", lab.choice_rates(ORTHONORMAL, "rcr"), decision.rcr_choice(4))
    stated = decision.gcr_accuracy(counts, SHARES)
    yield sampled("accuracy of GCR", lab.accuracy(ORTHONORMAL, "gcr", SHARES), stated)
    yield sampled("accuracy of RCR", lab.accuracy(ORTHONORMAL, "rcr", SHARES), 0.25)
    pair = {**ORTHONORMAL, "class_sizes": (1, 1), "centers": (2, 5)}
    yield sampled("one class against another", lab.choice_rates(pair, "gcr"), [2 / 7, 5 / 7])
    total = sum(counts)
    exact = [
        integrate.quad(lambda x, f=f: f * stats.norm.pdf(x) * stats.norm.cdf(x) ** (total - 1), -9, 9, epsabs=1e-13)[0]
        for f in counts
    ]
    stated_all = decision.gcr_choice(counts)
    yield compare("the same by quadrature", "scipy.integrate", exact, stated_all, tolerance=1e-12)


def _chebyshev(lab: Laboratory) -> Iterator[Finding]:
    rng = np.random.default_rng(0)
    worst, defect = np.inf, 0.0
    for _ in range(2000):
        size = int(rng.integers(2, 9))
        f, p = np.sort(rng.integers(1, 30, size)), np.sort(rng.dirichlet(np.ones(size)))
        double = np.sum(np.subtract.outer(f, f) * np.subtract.outer(p, p)) / (2 * size * f.sum())
        advantage = decision.gcr_advantage(f, p)
        worst, defect = min(worst, advantage), max(defect, abs(advantage - double))
    how = "2,000 random pairs, sorted alike"
    yield compare("smallest P_GCR - P_RCR", how, worst, 0.0, relation=">=", tolerance=1e-15)
    yield compare("its distance from the double sum", how, defect, 0.0, tolerance=1e-14)
    against = decision.gcr_accuracy((5, 1), (0.3, 0.7)) - 0.5
    yield compare("P_GCR - P_RCR, sorted against each other", "f = (5, 1), P = (0.3, 0.7)", against, 0.0, relation="<=")


def _allocations(lab: Laboratory) -> Iterator[Finding]:
    p, total = np.array(SHARES), 11
    every = [f for f in itertools.product(range(1, total), repeat=4) if sum(f) == total]
    accuracies = np.array([decision.gcr_accuracy(f, p) for f in every])
    how = f"all {len(every)} allocations of {total} centers"
    best, safe = decision.best_allocation(p, total), decision.minimax_allocation(p, total)
    yield compare("largest P_GCR", how, accuracies.max(), decision.gcr_accuracy(best, p), tolerance=1e-15)
    yield compare("most centers for the worst class", how, max(min(f) for f in every), safe.min())
    front = decision.tradeoff(p, total)
    found = [max(a for a, f in zip(accuracies, every, strict=True) if min(f) >= m) for m in front.minimum]
    yield compare("largest P_GCR for each guaranteed number of centers", how, found, front.accuracy, tolerance=1e-15)
    rates = lab.choice_rates({**ORTHONORMAL, "centers": tuple(map(int, best))}, "gcr")
    yield sampled("price: accuracy on each class's own features", rates, best / total)


def _frame(lab: Laboratory) -> Iterator[Finding]:
    counts, theta = LEANING["centers"], LEANING["theta"]
    stated = decision.frame_choice(counts, theta)
    rates = lab.choice_rates(LEANING, "gcr")
    yield sampled("P(GCR chooses k), theta = 0.6, around the mean of the directions", rates, stated)
    ideal = decision.gcr_choice(counts)
    how = "quadrature"
    yield compare("class with most centers: at most f_k / F", how, stated[-1], ideal[-1], relation="<=")
    yield compare("class with fewest centers: at least f_k / F", how, stated[0], ideal[0], relation=">=")
    for noise in (0.02, 0.1, 1.0):
        rates = lab.choice_rates(LEANING, "gcr", noise=noise, mean_centers=True)
        name = f"P(GCR chooses k) around the mean of the mean centers, noise {noise}"
        yield sampled(name, rates, decision.frame_choice(counts, theta, noise))
    small = decision.frame_choice(counts, theta, 0.02)
    yield compare(
        "noise 0.02: the class with fewest centers is chosen more often than 1/K", how, small[0], 0.25, relation=">="
    )


def _surrogate(lab: Laboratory) -> Iterator[Finding]:
    f, g, _ = PAIR["centers"]
    margin = float(decision.surrogate_margin(f, g, PAIR["theta"], 3, NOISE))
    for step in (-0.1, -0.02, 0.0, 0.02, 0.1):
        stated = decision.surrogate_probability(margin + step, f, g, PAIR["theta"], 3, NOISE)
        estimate = lab.preference(PAIR, margin + step, NOISE)
        yield sampled(f"P(GCR prefers k) at a lead of {step:+.2f} over the margin", estimate, stated)
    above, below = (lab.preference(PAIR, margin + step, NOISE).mean for step in (0.02, -0.02))
    yield compare("just above the margin: more than 1/2", "Monte Carlo", above, 0.5, relation=">=")
    yield compare("just below: less", "Monte Carlo", below, 0.5, relation="<=")
    for x, counts in ((0.7, (5, 1)), (-1.3, (3, 8))):
        exact, _ = integrate.dblquad(
            lambda b, a, x=x, n=counts: _largest(a, n[0]) * _largest(b, n[1]),
            -8,
            8,
            -8,
            lambda a, x=x: a - x,
            epsabs=1e-10,
        )
        stated = decision.gamma_survival(x, *counts)
        yield compare(
            f"P(gamma > {x}), f = {counts}", "scipy.integrate.dblquad over both maxima", exact, stated, tolerance=1e-8
        )
    zero = decision.gamma_survival(0.0, f, g)
    yield compare("P(gamma > 0): f / (f + g)", "quadrature", zero, f / (f + g), tolerance=1e-14)
    yield compare(
        "eps0 in units of the noise", "quadrature and root finding", decision.gamma_median(f, g), 0.0, relation=">="
    )


def _largest(x: float, count: int) -> float:
    """Density of the largest of some standard normal variables."""
    return float(count * np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi) * ndtr(x) ** (count - 1))


def printed_surrogate(lab: Laboratory) -> Iterator[Finding]:
    """Proposition C.1 at the bound that the paper's gamma gives."""
    f, g, n_classes = PAIR["centers"][0], PAIR["centers"][1], 3
    cos, median = np.cos(PAIR["theta"]), float(decision.gamma_median(f, g))
    # gamma with z in place of p: <v_j, z> = <v_j, p> + cos(theta) / (K f)
    printed_median = NOISE * median - cos / n_classes * (1 / g - 1 / f)
    # Delta at which x0 is that median: part 2 then promises class k' more than 1/2 below, so at least 1/2 here
    lead = (cos**2 / n_classes * (1 / g - 1 / f) - cos * printed_median) / np.sin(PAIR["theta"])
    estimate = lab.preference(PAIR, lead, NOISE)
    stated = decision.surrogate_probability(lead, f, g, PAIR["theta"], n_classes, NOISE)
    reject = estimate._replace(mean=1.0 - estimate.mean)
    name = "P(GCR prefers k') at the printed bound, K = 3, f = (5, 1), theta = 0.6, s = 0.01"
    yield sampled(name, reject, 1.0 - stated, printed=0.5)
    exact = 1.0 - decision.gamma_survival(printed_median / NOISE, f, g)
    yield compare("the same", "quadrature", exact, 1.0 - stated, tolerance=1e-12, printed=0.5)


def _surrogate_and_printed(lab: Laboratory) -> Iterator[Finding]:
    yield from _surrogate(lab)
    yield from printed_surrogate(lab)


EVIDENCE: Mapping[str, Evidence] = {
    "proposition-3.1": _choice,
    "chebyshev": _chebyshev,
    "gcr-price": _allocations,
    "frame-choice": _frame,
    "proposition-c.1": _surrogate_and_printed,
}
