"""Layer-peeled models: the bound holds for anything within the bounds, and descent in them finds nothing lower."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

import ufm
from tests import strategies
from ufm.minimize.peeled import BallBound

MODEL = ufm.PeeledModel((30, 10, 4), energy_w=1.5, energy_h=0.7)


def loss(model, weights, means):
    logits = means @ weights.T
    shares = np.asarray(model.class_sizes) / sum(model.class_sizes)
    return float(shares @ (special.logsumexp(logits, axis=1) - np.diag(logits)))


def fitted(vectors, energy):
    """Scaled to the mean square that is allowed."""
    return vectors * np.sqrt(energy * len(vectors) / np.sum(vectors**2))


@settings(max_examples=30)
@given(strategies.seeds)
def test_nothing_within_the_bounds_goes_below_the_bound_of_any_slopes(seed):
    rng = np.random.default_rng(seed)
    slopes = special.softmax(rng.standard_normal((3, 3)), axis=1) - np.eye(3)
    groups = np.concatenate([np.diag(slopes)[:, None], slopes * (1.0 - np.eye(3))], axis=1)
    weights, means = (fitted(rng.standard_normal((3, 5)), e) for e in (MODEL.energy_w, MODEL.energy_h))
    bound = BallBound(MODEL)
    assert bound.value(slopes) <= loss(MODEL, weights, means)
    assert bound.value(groups) == pytest.approx(bound.value(slopes), abs=1e-12)


def test_descent_within_the_bounds_finds_nothing_lower():
    found = ufm.minimize(MODEL)
    assert found.status == "optimal"
    assert found.gap < 1e-12

    def at(x):
        weights, means = x.reshape(2, 3, 4)
        return loss(MODEL, fitted(weights, MODEL.energy_w), fitted(means, MODEL.energy_h))

    ends = [optimize.minimize(at, np.random.default_rng(seed).standard_normal(24)).fun for seed in range(3)]
    assert min(ends) >= found.value - 1e-10
    assert min(ends) == pytest.approx(found.value, abs=1e-7)
    assert np.mean(found.weight_norms**2) == pytest.approx(MODEL.energy_w, rel=1e-12)
    assert np.mean(found.feature_norms**2) == pytest.approx(MODEL.energy_h, rel=1e-12)


def test_bounds_that_bound_nothing():
    found = ufm.minimize(ufm.PeeledModel((5, 3), energy_w=9.0, energy_h=9.0, loss="mse"))
    assert found.penalty == 0.0
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.status == "optimal"


@pytest.mark.slow
@settings(max_examples=10)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.floats(0.1, 10.0), st.sampled_from(["none", "free"]))
def test_minima_are_proved_and_groups_are_classes(sizes, energy, bias):
    model = ufm.PeeledModel(tuple(sizes), energy_w=energy, bias=bias)
    found = ufm.minimize(model)
    assert found.status == "optimal"
    assert ufm.verify(found.certificate, model) == pytest.approx(found.bound, abs=1e-14)
    decayed = ufm.minimize(model.replace(loss="bce"))
    assert decayed.status == "optimal"


@pytest.mark.parametrize("bias", ["none", "free"])
def test_a_single_class_has_nothing_to_be_told_from(bias):
    found = ufm.minimize(ufm.PeeledModel((5,), energy_w=1.0, energy_h=2.0, bias=bias))
    assert (found.status, found.value, found.bound) == ("optimal", 0.0, 0.0)
    assert ufm.verify(found.certificate, found.problem) == 0.0


def test_on_paper_and_refused():
    assert ufm.PeeledModel.from_json(MODEL.to_json()) == MODEL
    for changes, message in (
        ({"energy_w": 0.0}, "energy_w=0.0 must be positive"),
        ({"loss": "hinge"}, "loss='hinge'"),
        ({"bias": 0.1}, "bias=0.1 is unknown"),
        ({"loss": "ze"}, "loss='ze' is unknown"),
    ):
        with pytest.raises(ValueError, match=message):
            MODEL.replace(**changes)
    with pytest.raises(ValueError, match="unknown key 'lam_w'"):
        ufm.PeeledModel.from_dict({"class_sizes": [3, 2], "lam_w": 1.0})
