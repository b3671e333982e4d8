"""Probabilities of the classification rules, against quadrature by scipy and enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import ufm
from theory.decision import hard

counts = st.integers(1, 200)
several = st.lists(st.integers(1, 30), min_size=1, max_size=8)


@st.composite
def weighted(draw):
    """Centers per class and probabilities."""
    f = draw(several)
    raw = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=len(f), max_size=len(f))))
    return f, raw / raw.sum()


@given(weighted())
def test_accuracies_by_hand(pair):
    f, p = pair
    assert hard.gcr_accuracy(f, p) == pytest.approx(sum(a * b for a, b in zip(f, p, strict=True)) / sum(f))
    np.testing.assert_allclose(hard.gcr_gain(f), [a / sum(f) - 1 / len(f) for a in f], atol=1e-15)
    assert hard.gcr_choice(f).sum() == pytest.approx(1.0)


@given(weighted())
def test_sorted_alike_gcr_never_loses(pair):
    f, p = map(np.sort, pair)
    terms = [(a - b) * (x - y) for a, x in zip(f, p, strict=True) for b, y in zip(f, p, strict=True)]
    advantage = hard.gcr_advantage(f, p)
    assert advantage >= -1e-15
    assert advantage == pytest.approx(sum(terms) / (2 * len(f) * f.sum()), abs=1e-15)
    assert advantage == pytest.approx(hard.gcr_accuracy(f, p) - 1 / len(f), abs=1e-15)


def test_order_matters_only_between_different_counts():
    assert hard.gcr_advantage((2, 2, 3), (0.3, 0.2, 0.5)) > 0
    with pytest.raises(ValueError, match=r"class 0 has f=5 >= 2 of class 1, but probability 0\.3 < 0\.7"):
        hard.gcr_advantage((5, 2), (0.3, 0.7))


@given(weighted(), st.integers(0, 6))
def test_allocations_beat_every_other(pair, spare):
    _, p = pair
    p = p[:3] / p[:3].sum()
    total = len(p) + spare
    every = [f for f in itertools.product(range(1, total + 1), repeat=len(p)) if sum(f) == total]
    best = hard.best_allocation(p, total)
    assert hard.gcr_accuracy(best, p) >= max(hard.gcr_accuracy(f, p) for f in every) - 1e-12
    safe = hard.minimax_allocation(p, total)
    assert safe.sum() == best.sum() == total
    worst = max(min(f) for f in every)
    assert safe.min() == worst
    allowed = [f for f in every if min(f) == worst]
    assert hard.gcr_accuracy(safe, p) >= max(hard.gcr_accuracy(f, p) for f in allowed) - 1e-12


@given(weighted(), st.integers(0, 6))
def test_tradeoff_is_the_pareto_front(pair, spare):
    _, p = pair
    p = p[:3] / p[:3].sum()
    total = 2 * len(p) + spare
    every = [f for f in itertools.product(range(1, total + 1), repeat=len(p)) if sum(f) == total]
    front = hard.tradeoff(p, total)
    for minimum, worst, accuracy in zip(*front, strict=True):
        best = max(hard.gcr_accuracy(f, p) for f in every if min(f) >= minimum)
        assert accuracy == pytest.approx(best)
        assert worst == minimum / total


@pytest.mark.slow
@settings(max_examples=40)
@given(st.floats(-4, 4), counts, counts)
def test_gamma_against_adaptive_quadrature(x, f, g):
    def density(t):
        return g * stats.norm.pdf(t) * stats.norm.cdf(t) ** (g - 1) * -np.expm1(f * stats.norm.logcdf(t + x))

    expected, _ = integrate.quad(density, -10, 10, epsabs=1e-13, epsrel=1e-13, limit=400)
    assert float(hard.gamma_survival(x, f, g)) == pytest.approx(expected, rel=1e-10, abs=1e-13)


@given(counts, counts)
def test_gamma_is_positive_as_often_as_the_class_has_centers(f, g):
    assert float(hard.gamma_survival(0.0, f, g)) == pytest.approx(f / (f + g), abs=1e-14)
    median = float(hard.gamma_median(f, g))
    assert np.sign(median) == np.sign(f - g) or abs(median) < 1e-12
    assert float(hard.gamma_survival(median, f, g)) == pytest.approx(0.5, abs=1e-12)


@given(counts, counts, st.floats(0.05, 1.5), st.integers(2, 50), st.floats(0.01, 3.0))
def test_gcr_is_undecided_at_the_margin(f, g, theta, n_classes, noise):
    margin = hard.surrogate_margin(f, g, theta, n_classes, noise)
    here = hard.surrogate_probability(margin, f, g, theta, n_classes, noise)
    assert float(here) == pytest.approx(0.5, abs=1e-9)
    step = 0.1 * noise
    above, below = (float(hard.surrogate_probability(margin + d, f, g, theta, n_classes, noise)) for d in (step, -step))
    assert above > 0.5 > below


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.floats(0, np.pi / 2), st.floats(0.01, 100.0))
def test_frame_choice_is_a_distribution(f, theta, noise):
    p = hard.frame_choice(f, theta, noise)
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(p >= 0)


def won(f, theta, noise, draws=100_000):
    """How often a class has the nearest center to the mean of all mean centers and noise, in vectors."""
    problem = ufm.Problem((1,) * len(f), f, theta)
    centers = ufm.multi_center_frame(problem, seed=1).centers
    means = np.array([rows.mean(axis=0) for rows in np.split(centers, np.cumsum(f)[:-1])])
    rng = np.random.default_rng(0)
    z = means.mean(axis=0) + noise * rng.standard_normal((draws, centers.shape[1]))
    best = np.argmax(z @ centers.T, axis=1)
    return np.bincount(np.repeat(np.arange(len(f)), f)[best], minlength=len(f)) / draws


@pytest.mark.parametrize(
    ("f", "theta", "noise"),
    [((1, 2, 5), 0.3, 0.1), ((1, 2, 5), 0.3, 0.5), ((3, 1), 1.1, 0.05), ((2, 2, 6, 1), 0.0, 0.2)],
)
def test_choice_under_noise_is_what_vectors_do(f, theta, noise):
    said = hard.frame_choice(f, theta, noise)
    assert np.abs(said - hard.frame_choice(f, theta)).max() > 0.02  # the common part matters here
    error = np.sqrt(said * (1.0 - said) / 100_000)
    assert np.all(np.abs(won(f, theta, noise) - said) < 4.5 * error)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.7, 5.0])
@pytest.mark.parametrize("theta", [0.0, 0.3, 0.9, 1.5])
def test_choice_between_two_classes_under_noise_by_quadrature(theta, noise):
    """The first of one center against five: a normal score against another one and the best of five."""
    gap = np.cos(theta) ** 2 * (1.0 - 1.0 / 5.0) / 2.0 / noise  # of c^2 / K over the noise
    shared = np.hypot(1.0, np.sin(theta))  # the own center is one normal, and the other class shares its direction

    def lost(x):
        return 5.0 * stats.norm.pdf(x) * stats.norm.cdf(x) ** 4 * stats.norm.cdf((np.cos(theta) * x - gap) / shared)

    expected, _ = integrate.quad(lost, -10.0, 10.0, epsabs=1e-13, limit=400)
    assert hard.frame_choice((1, 5), theta, noise)[1] == pytest.approx(expected, abs=1e-10)


def test_limits_of_frame_choice():
    f = (1, 4, 15)
    np.testing.assert_allclose(hard.frame_choice(f, 0.0), hard.gcr_choice(f), atol=1e-13)
    np.testing.assert_allclose(hard.frame_choice(f, np.pi / 2), hard.rcr_choice(3), atol=1e-13)
    np.testing.assert_allclose(hard.frame_choice(f, 0.5, 1e8), hard.frame_choice(f, 0.5), atol=1e-8)
    np.testing.assert_allclose(hard.frame_choice(f, 0.5, 1e-9), [1, 0, 0], atol=1e-12)
    assert np.ptp(hard.frame_choice((7, 7), 0.3)) < 1e-14


@pytest.mark.slow
@settings(max_examples=15)
@given(st.floats(0.02, 1.55), st.integers(1, 30), st.integers(1, 30))
def test_two_classes_agree_with_the_gamma_of_their_frame(theta, f, g):
    # the two shared normals differ by one more: average the survival of gamma over it, on a fine grid
    x = np.linspace(-9.0, 9.0, 8001)
    survival = hard.gamma_survival(-np.sqrt(2.0) * np.tan(theta) * x, f, g)
    expected = float(stats.norm.pdf(x) @ survival) * (x[1] - x[0])
    assert hard.frame_choice((f, g), theta)[0] == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hard.gcr_accuracy((1, 2), (0.5, 0.4)), "probabilities: the entries sum to 0.9"),
        (lambda: hard.gcr_accuracy((1, 2, 3), (0.5, 0.5)), "probabilities has 2 entries and there are 3 classes"),
        (lambda: hard.gcr_accuracy((1, 2), (1.5, -0.5)), "negative or NaN"),
        (lambda: hard.gcr_accuracy((1, 2), (np.nan, 1.0)), "negative or NaN"),
        (lambda: hard.gcr_accuracy((0, 2), (0.5, 0.5)), "f=\\(0, 2\\) must be integers >= 1"),
        (lambda: hard.gcr_accuracy((1.5, 2), (0.5, 0.5)), "must be integers"),
        (lambda: hard.gcr_choice(3), "not one number of centers per class"),
        (lambda: hard.best_allocation((0.5, 0.5), 1), "total=1 < 2 classes"),
        (lambda: hard.best_allocation((0.5, 0.5), 2.5), "total=2.5 must be integers >= 1"),
        (lambda: hard.minimax_allocation((0.5, 0.5), 2.5), "total=2.5 must be integers >= 1"),
        (lambda: hard.best_allocation(((0.5, 0.5),), 9), "not one number per class"),
        (lambda: hard.tradeoff((0.5, 0.5), 1), "total=1 < 2 classes"),
        (lambda: hard.frame_choice((1, 2), 0.1, 0.0), "noise=0.0 must be positive"),
        (lambda: hard.rcr_choice(0), "n_classes=0"),
        (lambda: hard.surrogate_offset(0.0, 2, 1, np.pi / 2, 3), "is pi/2"),
        (lambda: hard.surrogate_margin(2, 1, 0.0, 3, 1.0), "theta=0.0 must be positive"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
