"""Test data by another prior, and features that have moved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.measure import shifted


def test_resampled_classes_have_the_shares_of_the_prior():
    labels = np.random.default_rng(0).permutation(np.repeat(["a", "b", "c"], [900, 90, 10]))
    prior = np.array([0.2, 0.3, 0.5])
    rows = shifted.resampled(labels, prior, 100_000, seed=1)
    shares = np.array([np.mean(labels[rows] == name) for name in "abc"])
    assert np.all(np.abs(shares - prior) < 4 * np.sqrt(prior * (1 - prior) / 100_000))
    drawn = np.bincount(rows, minlength=1000)
    for name, share in zip("abc", prior, strict=True):
        own = drawn[labels == name]
        expected = 100_000 * share / own.size  # every sample of a class is as likely as any other
        assert np.all(np.abs(own - expected) < 6 * np.sqrt(expected))
    np.testing.assert_array_equal(
        shifted.resampled(labels, prior, 50, seed=1), shifted.resampled(labels, prior, 50, seed=1)
    )
    assert len(shifted.resampled(labels, prior)) == 1000
    assert set(labels[shifted.resampled(labels, (0, 0, 1.0))]) == {"c"}


def test_one_shift_for_all():
    z = np.random.default_rng(0).standard_normal((5, 4))
    np.testing.assert_allclose(np.linalg.norm(shifted.shifted(z, 0.3) - z, axis=1), 0.3)
    for length in (2, 1e-200, 1e200):
        moved = shifted.shifted(z, 0.3, [0, 0, length, 0])
        np.testing.assert_allclose(moved - z, np.outer(np.ones(5), [0, 0, 0.3, 0]), atol=1e-15)


@given(strategies.problems(min_classes=2, theta=st.floats(0.1, 1.5)), strategies.seeds, st.floats(0.0, 3.0))
def test_an_attack_changes_what_is_not_certified(problem, seed, size):
    frame = ufm.multi_center_frame(problem, seed=seed)
    z = strategies.features_of(problem, seed)
    for rule in ("rcr", "nearest"):
        before = ufm.certified_radius(z, frame, rule)
        moved = shifted.attacked(z, frame, size, rule)
        np.testing.assert_allclose(np.linalg.norm(moved - z, axis=1), size, atol=1e-12)
        after = ufm.certified_radius(moved, frame, rule).decision
        clear = np.abs(before.radius - size) > 1e-9
        np.testing.assert_array_equal((after != before.decision)[clear], (before.radius < size)[clear])


@pytest.mark.parametrize(("rule", "unit"), [("rcr", 1e-200), ("rcr", 1e200), ("nearest", 1e-200), ("nearest", 1e90)])
def test_attacks_are_as_long_as_asked_for_whatever_the_unit(rule, unit):
    rng = np.random.default_rng(0)
    rows, z = rng.standard_normal((4, 5)), rng.standard_normal((6, 5))
    length = unit if rule == "nearest" else 1.0  # products with rows have no unit in common with features
    moved = shifted.attacked(z * length, rows * unit, 0.7 * length, rule) / length
    np.testing.assert_allclose(moved, shifted.attacked(z, rows, 0.7, rule), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(moved - z, axis=1), 0.7, rtol=1e-12)


def test_one_class_is_not_attacked():
    np.testing.assert_array_equal(shifted.attacked([[1.0, 2.0]], [[1.0, 0.0]], 0.5), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shifted.resampled([0, 1], (0.5, 0.4)), "must be 2 numbers >= 0 with sum 1"),
        (lambda: shifted.resampled([0, 1], (0.5, 0.2, 0.3)), "one for each class that occurs"),
        (lambda: shifted.resampled([0, 1], (1.5, -0.5)), "must be 2 numbers"),
        (lambda: shifted.resampled([0, 1], (0.5, 0.5), 0), "n=0"),
        (lambda: shifted.shifted(np.ones((2, 3)), -1.0), "size=-1.0"),
        (lambda: shifted.shifted(np.ones((2, 3)), 1.0, [0, 0, 0]), "not all 0"),
        (lambda: shifted.shifted(np.ones((2, 3)), "a"), "size='a' is not a number"),
        (lambda: shifted.shifted([[np.nan, 1.0]], 1.0), r"features\[0\] contains NaN"),
        (lambda: shifted.shifted(np.ones(3), 1.0), r"features has shape \(3,\): \(N, d\) is needed"),
        (lambda: shifted.attacked(np.ones((2, 3)), np.eye(3), 1.0, "gcr"), "rule='gcr' does not decide by planes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
