"""Dot regression: the bound of any multiplier is below the loss of any features, and descent finds nothing lower."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import ufm
from tests import strategies
from ufm.minimize.certificate import bound_of
from ufm.minimize.dot_regression import on_ball

MODEL = ufm.DotRegressionModel((30, 10, 4), energy_w=1.5, energy_h=0.7, dim=5)
TARGETS = [MODEL.target, 0.4 * MODEL.target, 1.7 * MODEL.target]


def slow_loss(model, features):
    """Sample by sample, as it is written down."""
    s = np.sqrt(model.energy_w * model.energy_h)
    return sum(
        (sum(w * x for w, x in zip(model.weights[k], features[k], strict=True)) - model.target) ** 2 / (2 * s)
        for k in model.labels
    ) / len(model.labels)


def in_ball(rng, model):
    rows = rng.standard_normal((model.n_classes, model.dim))
    return rows * np.sqrt(model.energy_h) * rng.random((len(rows), 1)) / np.linalg.norm(rows, axis=1)[:, None]


@given(strategies.seeds, st.sampled_from(TARGETS))
def test_nothing_in_the_ball_goes_below_the_bound_of_any_multiplier(seed, target):
    rng, model = np.random.default_rng(seed), MODEL.replace(target=target)
    assert bound_of(model).value(rng.standard_normal(3)) <= slow_loss(model, in_ball(rng, model))


@pytest.mark.parametrize("target", TARGETS)
def test_descent_in_the_ball_finds_nothing_lower(target):
    model = MODEL.replace(target=target)
    found = ufm.minimize(model)
    assert (found.status, found.certificate.problem) == ("optimal", model.key)
    assert found.gap < 1e-14
    assert found.value == pytest.approx(slow_loss(model, found.class_features), rel=1e-12, abs=1e-30)
    assert found.feature_norms.max() <= np.sqrt(model.energy_h) * (1 + 1e-14)

    def at(x):
        rows = x.reshape(3, 5)
        size = np.linalg.norm(rows, axis=1)[:, None]
        return slow_loss(model, rows * np.sqrt(model.energy_h) / np.maximum(size, 1.0))

    end = optimize.minimize(at, np.random.default_rng(0).standard_normal(15)).fun
    assert found.value - 1e-14 <= end <= found.value + 1e-5
    assert ufm.verify(found.certificate, model) == found.bound


@given(strategies.seeds, st.integers(1, 4), st.floats(0.01, 10.0))
def test_least_squares_on_a_ball_are_stationary(seed, rows, radius):
    """The gradient is 0, or turned inwards along h with |h| = r."""
    rng = np.random.default_rng(seed)
    a, y = rng.standard_normal((rows, 3)), rng.standard_normal(rows)
    h = on_ball(a, y, radius)
    slope, size = a.T @ (a @ h - y), np.linalg.norm(h)
    assert size <= radius * (1 + 1e-12)
    mu = -slope @ h / size**2
    room = 1e-11 * np.linalg.norm(a, 2) ** 2 * (size + np.linalg.norm(y))
    np.testing.assert_allclose(slope, -mu * h, atol=room)
    assert mu * size >= -room
    if size < radius * (1 - 1e-9):
        np.testing.assert_allclose(slope, 0.0, atol=room)


def test_weights_are_a_simplex_in_any_dimension():
    for dim in (2, 3, 8):
        gram = MODEL.replace(dim=dim).weights @ MODEL.replace(dim=dim).weights.T
        np.testing.assert_allclose(gram, 1.5 * (1.5 * np.eye(3) - 0.5), atol=1e-15)


def test_on_paper_and_refused():
    assert (
        ufm.DotRegressionModel.from_json(MODEL.to_json()) == MODEL == ufm.DotRegressionModel.from_toml(MODEL.to_toml())
    )
    assert MODEL.replace(target=None).target == MODEL.largest
    for changes, message in (
        ({"energy_w": 0.0}, "energy_w=0.0 must be positive"),
        ({"energy_h": -1.0}, "energy_h=-1.0 must be finite and at least 0"),
        ({"target": 0.0}, "target=0.0 must be positive"),
        ({"target": "far"}, "target='far' is not a number"),
        ({"dim": 1}, "dim=1 < 2: a simplex of 3 vertices does not fit"),
        ({"class_sizes": (3,)}, "must have at least 2 entries"),
        ({"energy": 1.0}, "unknown key 'energy'"),
    ):
        with pytest.raises(ValueError, match=message):
            MODEL.replace(**changes)
    with pytest.raises(ValueError, match=r"finite numbers of shape \(3,\)"):
        bound_of(MODEL).value(np.zeros(4))
    with pytest.raises(ValueError, match="frame, start and method"):
        ufm.minimize(MODEL, method="full")
