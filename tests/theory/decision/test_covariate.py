"""Accuracy under shifts, against the integral over leads and against shifts of every feature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from theory.decision import covariate

ROOM = {"epsabs": 1e-12, "limit": 200}


def accuracy(lead, n_classes):
    def integrand(t):
        return stats.norm.pdf(t) * stats.norm.cdf(t + lead) ** (n_classes - 1)

    return integrate.quad(integrand, -10, 10, **ROOM)[0]


@given(st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.floats(0.1, 3.0), st.integers(2, 20))
def test_the_bound_is_below_what_the_worst_shift_leaves(radius, size, sigma, n_classes):
    exact = accuracy(float(covariate.attacked_lead(radius, size, sigma)), n_classes)
    bound = float(covariate.shifted_accuracy_bound(radius, size, sigma, n_classes))
    assert bound <= exact + 1e-10
    if n_classes == 2:
        assert bound == pytest.approx(exact, abs=1e-10)


def test_every_feature_moved_to_its_nearest_boundary():
    rng = np.random.default_rng(0)
    n_classes, sigma, size = 5, 0.4, 0.25
    z = sigma * rng.standard_normal((200_000, n_classes))
    z[:, 0] += 1.0
    rival = 1 + np.argmax(z[:, 1:], axis=1)
    moved = z.copy()
    moved[:, 0] -= size / np.sqrt(2)
    moved[np.arange(len(z)), rival] += size / np.sqrt(2)
    share = np.mean(np.argmax(moved, axis=1) == 0)
    expected = accuracy(float(covariate.attacked_lead(1 / np.sqrt(2), size, sigma)), n_classes)
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / len(z))
    constant = z + size * np.array([-1.0, 1.0, 0, 0, 0]) / np.sqrt(2)
    assert np.mean(np.argmax(constant, axis=1) == 0) > share  # one shift for all does less


@given(st.integers(2, 4), st.integers(1, 3), st.floats(0.0, 1.5), st.floats(0.0, 1.0), st.integers(0, 10**6))
def test_no_shift_costs_the_generalized_rule_more_than_the_norm_that_is_left(n_classes, f, theta, size, seed):
    """Leads over all centers of other classes, at the best own one, of a feature and of any that it moves to."""
    total = n_classes * (f + 1)
    along, across = np.split(np.eye(total), [n_classes])
    centers = np.sin(theta) * np.repeat(along, f, axis=0) + np.cos(theta) * across
    rng, mine, rest = np.random.default_rng(seed), centers[:f], centers[f:]

    def lead(z):
        return np.max(z @ mine.T, axis=-1) - np.max(z @ rest.T, axis=-1)

    noise, r = 0.3 * rng.standard_normal(total), 2.0
    c = float(np.linalg.norm(mine.mean(axis=0)))
    direction = mine.mean(axis=0) / c
    least = lead(float(covariate.attacked_norm(r, c, size)) * direction + noise)
    z = r * direction + noise
    moves = rng.standard_normal((50, z.size))
    moves = np.vstack([moves / np.linalg.norm(moves, axis=1, keepdims=True), (rest[0] - mine[0]) / np.sqrt(2.0)])
    assert np.all(lead(z + size * moves) >= least - 1e-12)


def test_limits():
    assert covariate.shifted_accuracy_bound(0.7, 9.0, 0.1, 3) == 0.0
    assert covariate.shifted_accuracy_bound(0.7, 0.0, 1e-3, 1000) == 1.0
    assert covariate.shifted_accuracy_bound(0.0, 0.0, 1.0, 1) == 1.0
    assert covariate.attacked_lead(0.5, 0.5, 0.1) == 0.0
    assert covariate.attacked_norm(0.7, 1.0, 0.0) == 0.7
    with pytest.raises(ValueError, match="cosine=0"):
        covariate.attacked_norm(1.0, 0.0, 0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.1, 0.1, 3), "radius=-1.0"),
        ((1.0, -0.1, 0.1, 3), "size=-0.1"),
        ((1.0, 0.1, 0.0, 3), "sigma=0.0 must be positive"),
        ((1.0, 0.1, 0.1, 0), "n_classes=0"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        covariate.shifted_accuracy_bound(*arguments)
