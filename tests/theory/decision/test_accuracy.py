"""Accuracy of the three rules: closed cases, laws, and quadrature at 30 digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from tests.timed import seconds
from theory.decision import accuracy, hard, scores

counts = st.integers(1, 100)
several = st.lists(st.integers(1, 30), min_size=1, max_size=5)
angles = st.floats(0.0, np.pi / 2)
ratios = st.floats(0.0, 30.0)
classes = st.integers(1, 200)

RELATIVE = 1e-12
"""What the docstrings promise; the steps are chosen for 3e-14, and REACH leaves 1e-16."""


def exact_error(density, below, lead, n_classes):
    """1 - integral of density(x) below(x + lead)^(K - 1), by mpmath."""
    points = [-lead - 12, -lead, -lead / 2, 0, 3, 12]
    return mpmath.quad(lambda x: density(x) * (1 - below(x + lead) ** (n_classes - 1)), points)


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 10, 1000])
@pytest.mark.parametrize("lead", [0.0, 0.7, 4.0, 10.0])
def test_a_lead_at_thirty_digits(lead, n_classes):
    with mpmath.workdps(30 + int(lead**2 / 4)):
        error = exact_error(mpmath.npdf, mpmath.ncdf, mpmath.mpf(lead), n_classes)
        assert float(accuracy.lead_error(lead, n_classes)) == pytest.approx(float(error), rel=RELATIVE, abs=0)
        assert float(accuracy.lead_accuracy(lead, n_classes)) == pytest.approx(float(1 - error), rel=RELATIVE)


@given(st.lists(counts, min_size=2, max_size=5), st.lists(st.tuples(angles, ratios, classes), min_size=1, max_size=3))
def test_many_counts_at_once_are_each_as_alone(f, others):
    """Classes that differ in f alone share the places of their integrals, moved; those that differ otherwise do not."""
    theta, ratio, n_classes = (np.array(each)[:, None] for each in zip(*others, strict=True))
    for rule in (accuracy.gcr_accuracy, accuracy.gcr_error):
        alone = [[rule(each, *other) for each in f] for other in others]
        np.testing.assert_allclose(rule(f, theta, ratio, n_classes), alone, rtol=1e-10, atol=1e-300)


@given(st.floats(-50.0, 50.0))
def test_two_classes_have_a_closed_form(lead):
    with mpmath.workdps(40):
        right, wrong = (float(mpmath.ncdf(sign * mpmath.mpf(lead) / mpmath.sqrt(2))) for sign in (1, -1))
    np.testing.assert_allclose(accuracy.lead_accuracy(lead, 2), right, rtol=RELATIVE)
    np.testing.assert_allclose(accuracy.lead_error(lead, 2), wrong, rtol=RELATIVE)


@pytest.mark.slow
@pytest.mark.parametrize(("f", "ratio", "n_classes"), [(2, 3.0, 5), (30, 8.0, 100)])
def test_without_a_shared_direction_the_best_score_is_a_power(f, ratio, n_classes):
    with mpmath.workdps(30 + int(ratio**2 / 2)):
        lead = mpmath.mpf(ratio) / mpmath.sqrt(f)
        error = exact_error(
            lambda x: f * mpmath.npdf(x) * mpmath.ncdf(x) ** (f - 1), lambda x: mpmath.ncdf(x) ** f, lead, n_classes
        )
    assert float(accuracy.gcr_error(f, 0.0, ratio, n_classes)) == pytest.approx(float(error), rel=RELATIVE, abs=0)


@pytest.mark.slow
@pytest.mark.parametrize("theta", [0.02, 0.05, 0.3, 1.2])
@pytest.mark.parametrize(("f", "ratio"), [(1, 9.0), (5, 6.0), (20, 12.0)])
def test_the_generalized_rule_by_brute_force(theta, f, ratio):
    """Over g at all angles, with steps of 0.02 for both integrals, far into the tails."""
    across, along = np.cos(theta), np.sin(theta)
    lead, h = ratio * np.sqrt(across**2 / f + along**2), 0.02
    g, x = h * np.arange(-900, 901)[:, None], h * np.arange(-900, 501)
    each = (x - along * g) / across
    density = (h * stats.norm.pdf(g.T)) @ (f * stats.norm.pdf(each) * np.exp((f - 1) * special.log_ndtr(each))) / across
    above = (h * stats.norm.pdf(g.T)) @ -np.expm1(f * special.log_ndtr(each + lead / across))
    error = h * np.sum(density * -np.expm1(2.0 * np.log1p(-np.minimum(above, 1.0 - 1e-16))))
    assert float(accuracy.gcr_error(f, theta, ratio, 3)) == pytest.approx(error, rel=RELATIVE, abs=0)


@settings(max_examples=40)
@given(counts, angles, st.floats(0.0, 60.0), classes)
def test_steps_half_as_long_change_nothing(f, theta, ratio, n_classes):
    found = accuracy._alike(f, theta, ratio, n_classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "DIGITS", 2.0 * scores.DIGITS)
        patch.setattr(scores, "DIRECT", 0.06)  # and which variable is integrated last does not matter
        finer = accuracy._alike(f, theta, ratio, n_classes)
    np.testing.assert_allclose(found, finer, rtol=RELATIVE, atol=1e-300)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


@given(counts, angles, ratios, classes)
def test_the_nearest_mean_center_is_never_beaten(f, theta, ratio, n_classes):
    best = accuracy.nmc_error(ratio, n_classes) * (1.0 - 1e-12)
    assert accuracy.rcr_error(f, theta, ratio, n_classes) >= best
    assert accuracy.gcr_error(f, theta, ratio, n_classes) >= best


@given(counts, angles, ratios, classes)
def test_limits(f, theta, ratio, n_classes):
    nearest = accuracy.nmc_error(ratio, n_classes)
    room = {"rtol": 1e-12, "atol": 1e-300}
    np.testing.assert_allclose(accuracy.gcr_error(1, theta, ratio, n_classes), nearest, **room)
    np.testing.assert_allclose(accuracy.gcr_error(f, np.pi / 2, ratio, n_classes), nearest, **room)
    np.testing.assert_allclose(accuracy.rcr_error(f, np.pi / 2, ratio, n_classes), nearest, **room)
    np.testing.assert_allclose(accuracy.rcr_accuracy(f, 0.0, ratio, n_classes), 1.0 / n_classes, rtol=1e-12)
    for rule in (accuracy.rcr_accuracy, accuracy.gcr_accuracy):
        np.testing.assert_allclose(rule(f, theta, 0.0, n_classes), 1.0 / n_classes, rtol=1e-12)
    assert accuracy.gcr_error(f, theta, ratio, 1) == accuracy.rcr_error(f, theta, ratio, 1) == 0.0


@given(several, st.floats(0.0, 20.0))
def test_coinciding_centers_are_one_center(f, ratio):
    many = accuracy.class_errors([*f, 4], [*[np.pi / 2] * len(f), 0.3], ratio).gcr
    single = accuracy.class_errors([*[1] * len(f), 4], [*[0.7] * len(f), 0.3], ratio).gcr
    np.testing.assert_allclose(many, single, rtol=1e-11)


@pytest.mark.parametrize("theta", [0.3, 0.8])
def test_more_centers_cost_accuracy_and_very_many_give_it_back(theta):
    f = np.array([1, 2, 4, 8, 10**4, 10**6, 10**9, 10**12])
    errors = accuracy.gcr_error(f, theta, 3.0, 10)
    assert np.all(np.diff(errors[:4]) > 0)
    assert np.all(np.diff(errors[4:]) < 0)
    assert errors[-1] > accuracy.nmc_error(3.0, 10)
    assert np.all(np.diff(accuracy.gcr_error(np.arange(1, 40), 0.0, 3.0, 10)) > 0)


def test_without_noise_nothing_is_wrong():
    for ratio in (1e4, 1e300):
        assert accuracy.nmc_error(ratio, 100) == 0.0
        assert accuracy.rcr_error(20, 0.2, ratio, 100) == 0.0
        assert accuracy.gcr_error([1, 2000], [[0.0], [0.2]], ratio, 100).max() == 0.0
        assert accuracy.class_errors([1, 20], 0.2, ratio).gcr.max() == 0.0


@settings(max_examples=40)
@given(several, angles, st.floats(0.0, 8.0), st.integers(1, 6))
def test_copies_are_classes(f, theta, ratio, copies):
    once = accuracy.class_errors(f, theta, ratio, [copies] * len(f))
    spelled = accuracy.class_errors(f * copies, theta, ratio)
    for one, other in zip(once, spelled, strict=True):
        np.testing.assert_allclose(np.tile(one, copies), other, rtol=1e-11)
    alike = accuracy.class_errors(f[:1], theta, ratio, [copies + 1]).gcr
    np.testing.assert_allclose(alike, accuracy.gcr_error(f[0], theta, ratio, copies + 1), rtol=1e-12)


@settings(max_examples=30)
@given(several, angles)
def test_without_a_signal_classes_are_chosen_as_among_features_of_no_class(f, theta):
    found = accuracy.class_accuracies(f, theta, 0.0)
    np.testing.assert_allclose(found.gcr, hard.frame_choice(f, theta), rtol=1e-11)
    wrong = accuracy.class_errors(f, theta, 0.0)
    for right, missed in zip(found, wrong, strict=True):
        np.testing.assert_allclose(right + missed, 1.0, atol=1e-12)


@settings(max_examples=30)
@given(several, st.data())
def test_an_angle_per_class_that_is_the_same_is_one_angle(f, data):
    theta = data.draw(st.floats(0.05, 1.5))
    nearly = theta * (1.0 + 1e-14 * np.arange(len(f)))  # which are taken one by one
    one, several_angles = (accuracy.class_errors(f, each, 2.0, [3] * len(f)).gcr for each in (theta, nearly))
    np.testing.assert_allclose(one, several_angles, rtol=1e-11)


@pytest.mark.slow
def test_a_grid_of_designs_takes_less_than_a_second_of_a_processor():
    """Where ten million values of the normal distribution take 80 ms; on a slower machine, as much longer."""
    f, theta = np.arange(1, 101)[:, None], np.linspace(0.0, np.pi / 2, 100)
    x = np.linspace(-4.0, 4.0, 10_000_000)

    def grid():
        accuracy.nmc_accuracy(3.0, 100)
        accuracy.rcr_accuracy(f, theta, 3.0, 100)
        accuracy.gcr_accuracy(f, theta, 3.0, 100)

    assert seconds(grid) < max(1.0, 12.5 * seconds(lambda: special.ndtr(x)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy.nmc_accuracy(-1.0, 3), "ratio=-1.0 must be finite and at least 0"),
        (lambda: accuracy.gcr_accuracy(2, 0.1, np.inf, 3), "ratio=inf must be finite"),
        (lambda: accuracy.gcr_accuracy(2, 2.0, 1.0, 3), "theta=2.0 is outside"),
        (lambda: accuracy.gcr_accuracy(2.5, 1.0, 1.0, 3), "f=2.5 must be integers"),
        (lambda: accuracy.rcr_accuracy(2.5, 1.0, 1.0, 3), "f=2.5 must be integers"),
        (lambda: accuracy.rcr_error([2, 2.5], 1.0, 1.0, 3), r"f=\[2, 2.5\] must be integers"),
        (lambda: accuracy.lead_accuracy(np.nan, 3), "lead=nan must be finite"),
        (lambda: accuracy.lead_accuracy(1.0, 0), "n_classes=0 must be integers >= 1"),
        (lambda: accuracy.class_accuracies([1, 2], 0.1, 1.0, [1, 2, 3]), "f has 2 entries and copies 3"),
        (lambda: accuracy.class_accuracies([1, 2], [0.1, 0.2, 0.3]), r"theta of shape \(3,\) must be one number"),
        (lambda: accuracy.class_accuracies([1, 2], 0.1, [1.0, 2.0, 3.0]), r"ratio of shape \(3,\) must be one"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_of_no_cases_there_is_no_accuracy():
    assert accuracy.nmc_accuracy([], 3).shape == accuracy.gcr_accuracy([], 0.2, 1.0, 3).shape == (0,)
