"""Features that are not negative: the bound holds for anything, and what is found is what obvious descent finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import ufm
from tests import strategies
from ufm.minimize.layouts import Whole
from ufm.minimize.nonnegative import ConeBound, Masked

MODEL = ufm.NonnegativeModel((12, 6, 2), lam_w=2e-2, lam_h=1e-3)


def whole_value(model, weights, features):
    """The objective with a feature for every sample, from its definition."""
    labels = np.repeat(np.arange(model.n_classes), model.class_sizes)
    logits = features @ weights.T
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]
    return losses.mean() + 0.5 * model.lam_w * (weights**2).sum() + 0.5 * model.lam_h * (features**2).sum()


@settings(max_examples=20)
@given(strategies.seeds, st.floats(1e-3, 3.0))
def test_no_weights_and_features_go_below_the_bound_of_any_slopes(seed, size):
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((3, 4)), rng.random((3, 4))
    local = Masked(Whole(MODEL), MODEL.strength, 0.0, (u, v, np.zeros(0), np.zeros(0)))
    bound = ConeBound(MODEL)
    features = size * rng.random((20, 4))
    assert bound.value(bound.of(local)) <= whole_value(MODEL, size * rng.standard_normal((3, 4)), features)


def test_nobody_who_has_a_feature_for_every_sample_gets_lower():
    found = ufm.minimize(MODEL)
    assert found.status == "optimal"
    rng, d = np.random.default_rng(0), 5

    def at(x):
        weights, features = x[: 3 * d].reshape(3, d), x[3 * d :].reshape(-1, d)
        return whole_value(MODEL, weights, features)

    low = np.concatenate([np.full(3 * d, -np.inf), np.zeros(20 * d)])
    ends = [
        optimize.minimize(at, rng.random(23 * d), method="L-BFGS-B", bounds=optimize.Bounds(low, np.inf)).fun
        for _ in range(4)
    ]
    assert min(ends) >= found.value - 1e-9
    assert min(ends) == pytest.approx(found.value, abs=1e-4)


@pytest.mark.parametrize("bias", ["none", "free", 0.1])
@pytest.mark.parametrize("loss", ["ce", "mse", "bce", "squared-hinge"])
def test_a_rectifier_never_helps(loss, bias):
    fields = {"class_sizes": (12, 6, 2), "lam_w": 2e-2, "lam_h": 1e-3, "loss": loss, "bias": bias}
    free, found = ufm.minimize(ufm.FeatureModel(**fields)), ufm.minimize(ufm.NonnegativeModel(**fields))
    assert found.bound <= found.value + 1e-14
    assert found.value >= free.value - 1e-12
    assert found.feature_gram.min() >= 0.0
    assert ufm.verify(found.certificate, found.problem) == pytest.approx(found.bound, abs=1e-14)


def test_on_paper():
    assert ufm.FeatureModel.from_toml(MODEL.to_toml()) == MODEL
    assert ufm.FeatureModel.from_json(MODEL.to_json()) == MODEL
    assert MODEL.key != ufm.FeatureModel(MODEL.class_sizes, lam_w=MODEL.lam_w, lam_h=MODEL.lam_h).key
    with pytest.raises(ValueError, match="features='negative' is unknown"):
        ufm.FeatureModel.from_dict(MODEL.to_dict() | {"features": "negative"})


def test_kinks_are_for_the_convex_program():
    with pytest.raises(ValueError, match="loss='hinge' has kinks"):
        MODEL.replace(loss="hinge")
    with pytest.raises(ValueError, match="loss='hinge' has kinks"):
        ufm.DeepModel((5, 3), lam_w=0.1, lam_h=0.1, loss="hinge")
