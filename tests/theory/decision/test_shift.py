"""Offsets for a test prior: laws, finite differences, and searches that know no formula."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from theory.decision import accuracy, shift


@st.composite
def classes(draw, alike=False):
    """A prior, means and noises of 2 to 5 classes."""
    k = draw(st.integers(2, 5))

    def numbers(low, high):
        return np.array(draw(st.lists(st.floats(low, high), min_size=k, max_size=k)))

    raw = numbers(0.05, 1.0)
    mean, noise = numbers(0.5, 3.0), numbers(0.5, 1.5)
    return raw / raw.sum(), np.full(k, mean[0]) if alike else mean, np.full(k, noise[0]) if alike else noise


@given(st.floats(0.0, 6.0), st.floats(0.1, 3.0), st.integers(1, 8))
def test_without_offsets_it_is_the_accuracy_of_a_lead(mean, noise, k):
    found = shift.offset_accuracy(np.full(k, mean), noise)
    np.testing.assert_allclose(found, accuracy.lead_accuracy(mean / noise, k), atol=1e-12)


@given(classes(), st.floats(-3, 3))
def test_two_classes_by_their_difference(case, offset):
    mean, noise = case[1][:2], case[2][:2]
    found = shift.offset_accuracy(mean, noise, [offset, 0.0])
    stated = stats.norm.cdf(np.add(mean, [offset, -offset]) / np.sqrt(2) / noise)
    np.testing.assert_allclose(found, stated, atol=1e-12)


@given(classes(), st.data())
def test_slopes_are_those_of_the_accuracies(case, data):
    _, mean, noise = case
    b = np.array(data.draw(st.lists(st.floats(-1, 1), min_size=mean.size, max_size=mean.size)))
    logs, h = shift._logs(mean, noise, b), 1e-4
    slopes = logs.slopes(0.0)
    np.testing.assert_allclose(np.exp(logs.accuracy), shift.offset_accuracy(mean, noise, b), rtol=1e-15)
    np.testing.assert_allclose(np.exp(logs.accuracy) + np.exp(logs.error), 1.0, rtol=1e-12)
    for j, step in enumerate(h * np.eye(mean.size)):
        found = (shift.offset_accuracy(mean, noise, b + step) - shift.offset_accuracy(mean, noise, b - step)) / (2 * h)
        # third derivatives are below 5 / noise^3, and accuracies are known to 1e-12
        np.testing.assert_allclose(slopes[:, j], found, atol=40 * h**2 + 1e-8)
    np.testing.assert_allclose(slopes.sum(axis=1), 0.0, atol=1e-13)


@settings(max_examples=25)
@given(classes(alike=True))
def test_of_equal_classes_the_best_offsets_are_logarithms(case):
    prior, mean, noise = case
    stated = shift.nmc_offsets(prior, mean[0], noise[0])
    found = shift.best_offsets(prior, mean, noise)
    np.testing.assert_allclose(found, stated - stated.mean(), atol=1e-5)
    assert shift.offsets_are_bayes(mean, noise)
    best = prior @ shift.offset_accuracy(mean, noise, stated)
    rng = np.random.default_rng(0)
    for step in rng.normal(0, 0.3, (20, prior.size)):
        assert prior @ shift.offset_accuracy(mean, noise, stated + step) <= best + 1e-12


@settings(max_examples=25)
@given(classes())
def test_best_offsets_beat_those_around_them(case):
    prior, mean, noise = case
    found = shift.best_offsets(prior, mean, noise)
    assert abs(found.sum()) < 1e-12
    best = prior @ shift.offset_accuracy(mean, noise, found)
    for step in np.random.default_rng(0).normal(0, 0.2, (20, prior.size)):
        assert prior @ shift.offset_accuracy(mean, noise, found + step) <= best + 1e-9  # where a class is left out


def test_no_threshold_between_two_classes_is_better_than_the_best_offsets():
    """Of noises that differ accuracy may have two hills, or be largest where one class is never chosen."""
    rng, thresholds = np.random.default_rng(3), np.linspace(-60, 60, 24001)
    given = [([0.3, 0.7], [0.25, 2.75], [1.8, 2.4]), ([0.068, 0.932], [0.523, 0.954], [1.628, 0.742])]
    given += [(rng.dirichlet([1, 1]), rng.uniform(0.05, 3, 2), rng.uniform(0.2, 3, 2)) for _ in range(100)]
    for p, m, s in given:
        right = stats.norm.cdf((m[0] + thresholds) / (np.sqrt(2) * s[0]))
        other = stats.norm.cdf((m[1] - thresholds) / (np.sqrt(2) * s[1]))
        best = max((p[0] * right + p[1] * other).max(), *p)
        assert p @ shift.offset_accuracy(m, s, shift.best_offsets(p, m, s)) > best - 1e-6


def test_among_three_classes_best_offsets_are_on_the_highest_hill():
    """Of accuracies that differ by what rounding does to the way: there is a lower one, of 0.56."""
    p, m, s = [0.552, 0.209, 0.239], [0.22, 2.34, 2.89], [2.58, 2.51, 1.58]
    assert p @ shift.offset_accuracy(m, s, shift.best_offsets(p, m, s)) > 0.584


@given(classes())
def test_two_classes_have_a_closed_form(case):
    prior, mean, sigma = case[0][:2] / case[0][:2].sum(), case[1][:2], float(case[2][0])
    best = shift.best_offsets(prior, mean, sigma)
    assert best[0] - best[1] == pytest.approx(shift.pair_offset(prior, mean, sigma), abs=1e-5)


@given(classes(), st.floats(-2, 2), st.floats(-2, 2))
def test_bayes_scores_are_logarithms_of_densities(case, one, other):
    prior, mean, noise = case
    scores = np.random.default_rng(0).normal(np.array([[one], [other], [0], [1]]), 1, (4, prior.size))
    found = shift.bayes_scores(scores, prior, mean, noise)
    for s, row in zip(scores, found, strict=True):
        density = [stats.norm.logpdf(s, m * (np.arange(s.size) == k), noise[k]).sum() for k, m in enumerate(mean)]
        stated = np.array(density) + np.log(prior)
        np.testing.assert_allclose(row - row[0], stated - stated[0], atol=1e-10)


@settings(max_examples=25)
@given(classes())
def test_minimax_offsets_make_classes_alike_and_their_prior_is_the_worst(case):
    _, mean, noise = case
    found = shift.minimax_offsets(mean, noise)
    np.testing.assert_allclose(shift.offset_accuracy(mean, noise, found.offsets), found.accuracy, atol=1e-8)
    assert found.prior.sum() == pytest.approx(1.0)
    assert found.prior.min() > 0
    for step in np.random.default_rng(0).normal(0, 0.3, (30, mean.size)):
        assert shift.offset_accuracy(mean, noise, found.offsets + step).min() <= found.accuracy + 1e-8
    assert found.accuracy >= shift.offset_accuracy(mean, noise).min() - 1e-8


@settings(max_examples=25)
@given(classes(), st.floats(-4, 0))
def test_two_classes_have_a_closed_form_under_any_noise(case, power):
    """Also where errors are too small for numbers, as exp(-1e8)."""
    prior, mean, sigma = case[0][:2] / case[0][:2].sum(), case[1][:2], 10.0**power
    best = shift.best_offsets(prior, mean, sigma)
    # to a thousandth of the width of the threshold
    assert best[0] - best[1] == pytest.approx(shift.pair_offset(prior, mean, sigma), abs=1e-3 * sigma**2 / mean.mean())
    worst = shift.minimax_offsets(mean, sigma)
    assert worst.offsets[0] - worst.offsets[1] == pytest.approx((mean[1] - mean[0]) / 2, abs=1e-9)


def log_errors(mean, noise, offsets):
    """Of each class, (K,), by 30 digits and more."""
    with mpmath.workdps(30):
        found = []
        for k, (m, s) in enumerate(zip(mean, noise, strict=True)):
            ahead = [(m + offsets[k] - b) / s for j, b in enumerate(offsets) if j != k]

            def loses(t, ahead=ahead):
                return mpmath.npdf(t) * -mpmath.expm1(sum(mpmath.log1p(-mpmath.ncdf(-t - a)) for a in ahead))

            middle = -max(0.0, min(ahead)) / 2.0
            found.append(float(mpmath.log(mpmath.quad(loses, np.linspace(middle - 12.0, middle + 12.0, 25)))))
    return np.array(found)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.02])
def test_logarithms_of_errors(scale):
    mean, noise, offsets = np.array([1.0, 2.0, 1.5]), scale * np.array([0.5, 0.3, 0.4]), np.array([0.2, -0.4, 0.1])
    stated = log_errors(mean, noise, offsets)
    np.testing.assert_allclose(shift._logs(mean, noise, offsets).error, stated, rtol=1e-12)
    assert -1.0 > stated.max() * scale**2 > -4.0


@settings(max_examples=20)
@given(classes(), st.floats(-3, 0))
def test_under_little_noise_nothing_around_the_best_offsets_errs_less(case, power):
    prior, mean, noise = case[0], case[1], 10.0**power * case[2]

    def error(b):
        return special.logsumexp(np.log(prior) + shift._logs(mean, noise, b).error)

    found = shift.best_offsets(prior, mean, noise)
    best, rng = error(found), np.random.default_rng(0)
    for size in 10.0 ** rng.uniform(-6, 0, 40):
        assert error(found + size * rng.normal(size=mean.size)) >= best - 1e-9 * max(1.0, -best)
    assert error(shift.first_offsets(np.log(prior), mean, noise)) >= best - 1e-9 * max(1.0, -best)


@pytest.mark.parametrize(
    ("prior", "mean", "noise"),
    [
        ([0.62, 0.375, 0.005], [0.11, 0.58, 0.13], 39.4),
        ([0.2057, 0.1572, 0.5526, 0.0845], [0.45, 0.33, 0.25, 9.86], 0.2),
        ([0.3, 0.3, 0.2, 0.1, 0.1], [0.2, 1.0, 0.4, 2.0, 0.3], 1.0),
    ],
)
def test_best_offsets_are_on_the_highest_hill_of_many(prior, mean, noise):
    """Of climbs from all over by a search that knows no slopes, and of always deciding for the commonest class."""
    prior, mean = np.array(prior), np.array(mean)

    def error(b):
        return 1.0 - prior @ shift.offset_accuracy(mean, noise, b)

    found, rng = error(shift.best_offsets(prior, mean, noise)), np.random.default_rng(0)
    assert found < 1.0 - prior.max() + 1e-7
    for _ in range(6):
        start = (noise + mean.max()) * rng.normal(size=mean.size)
        assert found < optimize.minimize(error, start, method="Nelder-Mead", options={"maxfev": 600}).fun + 1e-6


@pytest.mark.parametrize("noise", [0.3, 0.1, 0.05, 1e-3])
def test_minimax_offsets_under_little_noise_make_the_least_lead_largest(noise):
    """Errors of 1e-4 to exp(-5e5) are alike: every class is as far ahead of its nearest rival."""
    mean = np.array([1.0, 2.0, 4.0])
    b = shift.minimax_offsets(mean, noise).offsets
    ahead = mean[:, None] + b[:, None] - b + np.diag([np.inf] * 3)
    # two rivals are as near to one class, one to each other: a factor 2 of the error is ln 2 of the exponent
    np.testing.assert_allclose(ahead.min(axis=1), 1.5, atol=2 * noise**2 * np.log(2) / 1.5)


def test_limits():
    alike = shift.minimax_offsets([1.5] * 4, 0.7)
    np.testing.assert_allclose(alike.offsets, 0.0, atol=1e-12)
    np.testing.assert_allclose(alike.prior, 0.25, atol=1e-12)
    np.testing.assert_allclose(shift.nmc_offsets([0.5, 0.5], 1.0, 1e-9), 0.0, atol=1e-17)
    # one class only: it is always chosen, at any noise
    assert shift.offset_accuracy([1.0], 1e9).tolist() == pytest.approx([1.0])
    assert shift.nmc_offsets([1.0], 1.0, 1.0).tolist() == [0.0]
    left_out = shift.offset_accuracy([1.0, 2.0, 2.0], 1.0, [-np.inf, 0.0, 0.0])
    np.testing.assert_allclose(left_out, [0.0, *accuracy.lead_accuracy([2.0, 2.0], 2)], atol=1e-12)
    np.testing.assert_allclose(shift.offset_accuracy([1.0, 2.0, 0.5], 1e-6), 1.0, atol=1e-12)
    np.testing.assert_allclose(shift.offset_accuracy([1.0, 2.0, 0.5], 1e12), 1 / 3, atol=1e-10)


def test_offsets_are_bayes_only_where_classes_agree():
    assert not shift.offsets_are_bayes([1.0, 1.1], 1.0)
    assert not shift.offsets_are_bayes(1.0, [1.0, 1.1])
    assert shift.offsets_are_bayes([1.0, 1.0], [2.0, 2.0])
    # the Bayes decision from a line of scores on which no offset could decide as it does
    prior, mean = [0.5, 0.5], [2.0, 1.0]
    lines = np.array([[[t + 0.4, t] for t in (-2.0, 2.0)]])
    decided = shift.bayes_scores(lines, prior, mean, 1.0).argmax(axis=-1)
    assert decided.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shift.nmc_offsets([0.5, 0.4], 1.0, 1.0), "prior: the entries sum to 0.9"),
        (lambda: shift.nmc_offsets([0.5, 0.5], 1.0, [1.0, 2.0]), "must be one number each"),
        (lambda: shift.pair_offset([0.5, 0.5], [1.0, 2.0], [1.0, 2.0]), "must be one number"),
        (lambda: shift.bayes_scores([1.0, 2.0, 3.0], [0.5, 0.5], 1.0, 1.0), r"\(..., K\) with K=2"),
        (lambda: shift.nmc_offsets([1.0, 0.0], 1.0, 1.0), "prior of class 1 is 0"),
        (lambda: shift.nmc_offsets([0.5, 0.5], 1.0, 0.0), "sigma=0.0 must be positive"),
        (lambda: shift.best_offsets([0.0, 1.0], 1.0, 1.0), "prior of class 0 is 0"),
        (lambda: shift.best_offsets([0.5, 0.5], -1.0, 1.0), "mean=-1.0 must be positive"),
        (lambda: shift.bayes_scores([1.0, 2.0], [0.5, 0.5], 1.0, -1.0), "noise=-1.0 must be positive"),
        (lambda: shift.offset_accuracy(1.0, 1.0), "not one number per class"),
        (lambda: shift.offset_accuracy([np.nan, 1.0], 1.0), "must be finite"),
        (lambda: shift.offset_accuracy(1.0, 1.0, [np.nan, 0.0]), "must be finite, or minus infinity"),
        (lambda: shift.offset_accuracy([1.0, 1.0], 1.0, [0.0] * 3), "not one number per class of 3"),
        (lambda: shift.nmc_offsets([0.5, 0.5], 1.0, np.inf), "sigma=inf must be positive and finite"),
        (lambda: shift.pair_offset([0.3, 0.3, 0.4], [1.0, 2.0], 1.0), "3 entries and there are 2 classes"),
        (lambda: shift.pair_offset([0.5, 0.5], [-1.0, 1.0], 1.0), "must have a positive sum"),
        (lambda: shift.minimax_offsets([1.0], 1.0), "of one class"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
