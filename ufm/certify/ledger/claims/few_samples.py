"""Where class means are learned from few samples, most features of a rare class are nearer to the mean of another one:
the estimate is far from everything, the more so the larger the dimension. Taking sigma^2 d / n off each squared
distance repairs it. The probability is exact in every dimension; the normal one for large d needs the variance of
1/n_k^2 too, without which it is off even there.
"""

import numpy as np
from scipy.special import ndtr

from theory.decision import few_samples
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.measure.montecarlo import Estimate, frequency

CLAIM = Claim(
    id="few-samples",
    section="Decisions",
    latex=r"""
        P(j \text{ beats } k) = P(Q < 0), \qquad \ln E e^{sQ} = -\frac d2 \ln p(s) + \frac{D^2}{\sigma^2}
        \frac{s + 2 s^2 (1 + 1/n_k)}{p(s)}, \qquad p(s) = 1 - 2s\Big(\frac1{n_j} - \frac1{n_k}\Big)
        - 4s^2\Big(\frac1{n_k} + \frac1{n_j} + \frac1{n_k n_j}\Big); \qquad
        E Q < 0 \Leftrightarrow n_k < \frac{\sigma^2 d}{D^2 + \sigma^2 d / n_j}
    """,
    hypotheses="Isotropic normal noise; means are averages of n_k and n_j samples that are not the test samples.",
    derivations=("few_samples",),
    functions=(
        "theory.decision.few_samples.confusion",
        "theory.decision.few_samples.normal_confusion",
        "theory.decision.few_samples.moments",
        "theory.decision.few_samples.break_even",
    ),
    tests=(
        "tests/theory/decision/test_few_samples.py::test_exact_probability_is_that_of_two_chi_squares",
        "tests/theory/decision/test_few_samples.py::test_a_rare_class_is_below_chance_and_the_correction_repairs_it",
        "tests/theory/decision/test_few_samples.py::test_the_normal_one_is_right_for_large_d",
    ),
)

DRAWS = 300_000
CASES = ((2, 40, 3.0, 0.8, 12), (1, 3, 2.0, 1.0, 3), (30, 4, 2.0, 0.7, 10))
"""n_k, n_j, D, sigma, d."""


def lost(case: tuple[int, int, float, float, int]) -> tuple[Estimate, Estimate]:
    """How often the other mean is nearer, as it is and after the correction, in vectors; every draw learns anew."""
    n, other, distance, sigma, dim = case
    rng = np.random.default_rng(7)
    z, own, far = sigma * rng.standard_normal((3, DRAWS, dim))
    own /= np.sqrt(n)
    far /= np.sqrt(other)
    far[:, 0] += distance
    lead = np.sum((z - far) ** 2, axis=1) - np.sum((z - own) ** 2, axis=1)
    bias = sigma**2 * dim * (1 / other - 1 / n)
    return frequency(np.sum(lead < 0), DRAWS), frequency(np.sum(lead < bias), DRAWS)


def evidence() -> Evidence:
    for case in CASES:
        name = "n_k = {}, n_j = {}, D = {}, sigma = {}, d = {}".format(*case)
        plain, corrected = lost(case)
        yield sampled(f"P(j beats k), {name}", plain, few_samples.confusion(*case))
        yield sampled("the same, corrected", corrected, few_samples.confusion(*case, corrected=True))
    rng, (n, other, distance, sigma, dim) = np.random.default_rng(1), CASES[0]
    own = rng.standard_normal((200_000, n, dim)).mean(axis=1)
    z, far = rng.standard_normal((200_000, dim)), rng.standard_normal((200_000, dim)) / np.sqrt(other)
    far[:, 0] += distance / sigma
    leads = sigma**2 * (np.sum((z - far) ** 2, axis=1) - np.sum((z - own) ** 2, axis=1))
    mean, variance = few_samples.moments(*CASES[0])
    error = np.sqrt(leads.var() / leads.size)
    how = "2e+05 draws, means of the samples themselves"
    yield compare("mean of the difference of squared distances", how, leads.mean(), mean, absolute=4 * error)
    spread = np.sqrt(np.mean((leads - leads.mean()) ** 4) - leads.var() ** 2) / np.sqrt(leads.size)
    yield compare("its variance", how, leads.var(), variance, absolute=4 * spread)
    rare = (1000, 3.0, 1.0, 10**5)
    even = float(few_samples.break_even(*rare))
    sides = few_samples.confusion(np.round([0.97 * even, 1.03 * even]), *rare)
    yield compare("d = 10^5, 3 % below the threshold: below chance", "exact", sides[0], 0.5, relation=">=")
    yield compare("3 % above it: not", "exact", sides[1], 0.5, relation="<=")
    dims = np.array([100, 10_000, 1_000_000])
    at = (2, 1000, (2.0 * dims) ** 0.25, 1.0, dims)
    exact, normal = (rule(*at, corrected=True) for rule in (few_samples.confusion, few_samples.normal_confusion))
    name = "d = 100, 10^4, 10^6: the normal one, corrected, is off by at most 0.2 / sqrt d"
    yield compare(name, "exact", exact, normal, absolute=0.2 / np.sqrt(dims))
    q = np.sqrt(2.0 * dims)
    without = ndtr(-q / (2.0 * np.sqrt(q + dims * (1 / 2 + 1 / 1000))))
    name = "without the squares of 1/n in its variance it would be off by more than 0.015 at every d"
    yield compare(name, "exact", exact - without, 0.015, relation=">=")
