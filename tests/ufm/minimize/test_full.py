"""Minima over the features of all samples, without any reduction."""

import numpy as np
import pytest

import ufm
from ufm.certify import zoo
from ufm.files.memory import DoesNotFit
from ufm.minimize.full import AllSamples
from ufm.problems.feature_point import Field, Point

ZOO = zoo.zoo()
CONVEX = [name for name, entry in ZOO.items() if entry.kind is ufm.FeatureModel]
MODELS = {
    "ce": {},
    "free bias": {"bias": "free", "shifts": (0.0, 1.0, 0.0, -1.0)},
    "decaying bias": {"bias": 0.2, "loss": "bce", "weights": (1.0, 2.0, 1.0, 3.0)},
    "mse": {"loss": "mse", "bias": "free", "smoothing": 0.1},
    "squared hinge": {"loss": "squared-hinge", "temperatures": (1.0, 1.0, 2.0, 1.0)},
    "merged": {"lam_w": 0.03, "lam_h": 0.03},
    "dead": {"lam_w": 2.0, "lam_h": 2.0, "bias": "free"},
}


def model_of(name):
    """Four classes, two of them equal."""
    return ufm.FeatureModel((20, 3, 3, 1), **{"lam_w": 5e-3, "lam_h": 4e-4, **MODELS[name]})


@pytest.mark.parametrize("name", MODELS)
def test_all_samples_end_where_the_reductions_say(name):
    model = model_of(name)
    full, reduced = ufm.minimize(model, method="full", seed=1), ufm.minimize(model)
    assert full.status == "optimal"
    assert full.value == pytest.approx(reduced.value, abs=1e-12)
    assert full.point.features.shape == (27, 4)
    assert (full.rank, full.alive.tolist()) == (reduced.rank, reduced.alive[reduced.group].tolist())
    assert full.merged.tolist() == reduced.merged[reduced.group].tolist()
    biases = (full.class_bias, reduced.class_bias)  # the loss may not see what is added to all of them
    assert np.ptp(biases[0] - biases[1]) < 1e-6
    for part in ("weight_gram", "feature_gram", "class_logits"):
        np.testing.assert_allclose(getattr(full, part), getattr(reduced, part), atol=1e-6)
    report = ufm.certify(full)
    assert report.holds, str(report)
    assert "collapse: cost of scatter" in str(report)


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_against_differences(name):
    field, rng = Field(model_of(name), full=True), np.random.default_rng(0)
    none = rng.standard_normal(0 if field.model.bias == "none" else 4)
    local = AllSamples(field, Point(rng.standard_normal((4, 4)), rng.standard_normal((27, 4)), none))
    v = rng.standard_normal(local.gradient.size)
    ahead, behind = local.move(1e-5 * v), local.move(-1e-5 * v)
    assert (ahead.value - behind.value) / 2e-5 == pytest.approx(local.gradient @ v, rel=1e-7)
    np.testing.assert_allclose(local.hessian(v), (ahead.gradient - behind.gradient) / 2e-5, atol=1e-6)


def spoiled(found, **parts):
    """The same minimum with other weights or features: what the checks are for."""
    point = found.point._replace(**parts)
    return type(found)(**{**vars_of(found), "point": point})


def vars_of(found):
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def test_what_is_not_collapsed_or_not_balanced_is_found_out():
    found = ufm.minimize(model_of("free bias"), method="full")
    w, h, b = found.point
    failing = {
        "scatter": {"features": h + 1e-2 * np.random.default_rng(0).standard_normal(h.shape)},
        "nuclear": {"weights": 2 * w, "features": h / 2},  # the same logits
        "W'W": {"weights": 2 * w, "features": h / 2},
        "bias": {"bias": b + 1e-2 * np.arange(4)},
    }
    for name, parts in failing.items():
        report = ufm.certify(spoiled(found, **parts))
        assert any(name in check.name and not check.holds for check in report.checks), str(report)


@pytest.mark.parametrize("name", CONVEX)
def test_theorems_hold_of_all_samples(name):
    """One case of each theorem, and neither convex program nor nuclear norm in the solver."""
    models = [model for model in ZOO[name].cases().values() if model.loss != "hinge" and model.n_samples < 300]
    for model in models[:2]:
        report = ufm.certify(ufm.minimize(model, method="full"))
        assert report.holds, str(report)


def test_wrong_input():
    with pytest.raises(DoesNotFit, match=r"a minimum of 10\d+ features needs .* use method='means'"):
        ufm.minimize(model_of("ce").replace(class_sizes=(10**10, 10, 1, 1)), method="full")
    with pytest.raises(ValueError, match="has kinks"):
        ufm.minimize(model_of("ce").replace(loss="hinge"), method="full")
    with pytest.raises(ValueError, match=r"lam_w=0\.0 must be positive"):
        ufm.minimize(model_of("ce").replace(lam_w=0.0), method="full")
    with pytest.raises(ValueError, match="method is 'means' or 'full' here"):
        ufm.minimize(model_of("ce"), method="projected")
