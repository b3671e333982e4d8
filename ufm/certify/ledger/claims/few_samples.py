"""Where class means are learned from few samples, most features of a rare class are nearer to the mean of another one:
the estimate is far from everything, the more so the larger the dimension. Taking sigma^2 d / n off each squared
distance repairs it. The probability is exact in every dimension; the normal one for large d needs the variance of
1/n_k^2 too, without which it is off even there.
"""

import numpy as np
from scipy.special import ndtr

from theory.decision import few_samples
from ufm.certify.ledger.claim import Claim, Evidence, compare, drawn, sampled
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


def quadratic_form(n: int, other: int) -> np.ndarray:
    """What |z - own mean|^2 is taken off |z - other mean|^2 for, in coordinates z, e_k and e_j without D."""
    own, far = np.array([1.0, -1.0 / np.sqrt(n), 0.0]), np.array([1.0, 0.0, -1.0 / np.sqrt(other)])
    return np.outer(far, far) - np.outer(own, own)


def moments_by_matrices(case: tuple[int, int, float, float, int]) -> tuple[float, float]:
    """Of v'Mv - 2 l'v + D^2, which is the difference, v all coordinates of z, e_k and e_j."""
    n, other, distance, sigma, dim = case
    m = sigma**2 * np.kron(np.eye(dim), quadratic_form(n, other))
    slope = np.zeros(3 * dim)
    slope[:3] = distance * sigma * np.array([1.0, 0.0, -1.0 / np.sqrt(other)])
    return float(np.trace(m) + distance**2), float(2.0 * np.trace(m @ m) + 4.0 * slope @ slope)


def lost_by_chi_squares(n: int, other: int, distance: float, sigma: float, dim: int) -> Estimate:
    """How often the other mean is nearer: in the direction of D as it is, in all others by chi squares."""
    rng = np.random.default_rng(11)
    z, own, far = rng.standard_normal((3, DRAWS))
    own, far = own / np.sqrt(n), far / np.sqrt(other) + distance / sigma
    sizes = np.linalg.eigvalsh(quadratic_form(n, other))[[0, 2]]  # the one in the middle is 0
    rest = rng.chisquare(dim - 1, (DRAWS, 2)) @ sizes
    return frequency(np.sum((z - far) ** 2 - (z - own) ** 2 + rest < 0), DRAWS)


def evidence() -> Evidence:
    for case in CASES:
        name = "n_k = {}, n_j = {}, D = {}, sigma = {}, d = {}".format(*case)
        plain, corrected = lost(case)
        yield sampled(f"P(j beats k), {name}", plain, few_samples.confusion(*case))
        yield sampled("the same, corrected", corrected, few_samples.confusion(*case, corrected=True))
    found, stated = moments_by_matrices(CASES[0]), few_samples.moments(*CASES[0])
    name, how = "mean and variance of the difference of squared distances", "traces of matrices of all coordinates"
    yield compare(name, how, found, stated, relative=1e-12)
    rare = (1000, 3.0, 1.0, 10**5)
    even = float(few_samples.break_even(*rare))
    for name, share, side in (("3 % below", 0.97, 1.0), ("3 % above", 1.03, -1.0)):
        n = round(share * even)
        share_lost = lost_by_chi_squares(n, *rare)
        yield sampled(f"P(j beats k), d = 10^5, {name} the threshold", share_lost, few_samples.confusion(n, *rare))
        beyond = side * (share_lost.mean - 0.5) - 4.0 * share_lost.standard_error
        chance = f"by how much the class is {'below' if side > 0 else 'above'} chance, beyond four standard errors"
        yield compare(chance, drawn(share_lost), beyond, 0.0, relation=">=")
    dims = np.array([100, 10_000, 1_000_000])
    at = (2, 1000, (2.0 * dims) ** 0.25, 1.0, dims)
    exact, normal = (rule(*at, corrected=True) for rule in (few_samples.confusion, few_samples.normal_confusion))
    name = "d = 100, 10^4, 10^6: the normal one, corrected, is off by at most 0.2 / sqrt d"
    yield compare(name, "exact", exact, normal, absolute=0.2 / np.sqrt(dims))
    q = np.sqrt(2.0 * dims)
    without = ndtr(-q / (2.0 * np.sqrt(q + dims * (1 / 2 + 1 / 1000))))
    name = "without the squares of 1/n in its variance it would be off by more than 0.015 at every d"
    yield compare(name, "exact", exact - without, 0.015, relation=">=")
