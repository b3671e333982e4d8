"""Networks held against the Gram matrices that theory predicts."""

import numpy as np
import pytest

import ufm
from tests import strategies

SIZES = (50, 20, 8, 2)


def root(gram):
    sizes, vectors = np.linalg.eigh(gram)
    return (vectors * np.sqrt(np.maximum(sizes, 0.0))) @ vectors.T


def network(grams, sizes=SIZES, common=0.0):
    """Features and weights that have exactly these Gram matrices, in a random position."""
    q = strategies.rotation(7, 0)[: len(sizes)]
    means, weights = (root(each) @ q for each in grams)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return means[labels] + common * strategies.rotation(7, 0)[-1], labels, weights


def test_seli_by_its_formula():
    n = np.array(SIZES, dtype=float)
    left, strengths, right = np.linalg.svd((np.eye(4) - 0.25) * np.sqrt(n))
    means = (right.T * strengths) @ right / np.sqrt(np.outer(n, n))
    found = ufm.predicted_grams(SIZES)
    np.testing.assert_allclose(found.means, means, atol=1e-12)
    np.testing.assert_allclose(found.weights, (left * strengths) @ left.T, atol=1e-12)


def test_a_model_with_little_decay_ends_at_seli():
    model = ufm.FeatureModel(SIZES, lam_w=1e-5, lam_h=1e-5, loss="hinge")
    h, labels, w = network(ufm.predicted_grams(model))
    found = ufm.measure(h, labels, w, grams={"seli": ufm.predicted_grams(SIZES)})
    for name in ("gram_seli", "centered_gram_seli", "weight_gram_seli"):
        assert found[name] == pytest.approx(0.0, abs=1e-5), name


@pytest.mark.parametrize("bias", ["none", "free"])
@pytest.mark.parametrize("loss", ["ce", "mse"])
def test_the_minimum_of_a_model_is_as_predicted(loss, bias):
    model = ufm.FeatureModel(SIZES, lam_w=5e-3, lam_h=1e-3, loss=loss, bias=bias)
    grams = ufm.predicted_grams(model)
    h, labels, w = network(grams)
    found = ufm.measure(h, labels, w, grams={"model": grams, "etf": np.eye(4) - 0.25})
    for name in ("gram", "centered_gram", "weight_gram"):
        assert found[f"{name}_model"] == pytest.approx(0.0, abs=1e-6), name
        assert found[f"{name}_etf"] > 1e-3
    moved, labels, w = network(grams, common=3.0)
    found = ufm.measure(moved, labels, w, grams={"model": grams})
    assert found["centered_gram_model"] == pytest.approx(0.0, abs=1e-6)
    assert found["gram_model"] > 0.1
    assert "gram_model" in str(found)
    assert "gram_model" in found.to_dict()["metrics"]


def test_absent_classes_and_what_is_not_predicted():
    grams = ufm.predicted_grams(SIZES)
    h, labels, w = network(grams)
    there = labels != 1
    found = ufm.measure(h[there], labels[there], w, grams={"a": grams, "means": ufm.Grams(grams.means)})
    assert found["gram_a"] == pytest.approx(0.0, abs=1e-7)
    assert "weight_gram_means" not in found
    assert "weight_gram_a" not in ufm.measure(h, labels, grams={"a": grams})
    zero = ufm.measure(0 * h, labels, grams={"a": grams, "dead": np.zeros((4, 4))})
    assert {"gram_a", "centered_gram_a", "gram_dead"} <= set(zero.left_out)
    first = ufm.Collector(4).add(h, labels)
    both = first.measures(w, grams={"a": grams}), first.second_pass(w, grams={"a": grams}).add(h, labels).measures()
    assert both[0]["gram_a"] == both[1]["gram_a"] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (np.eye(3), r"grams\['a'\] has shape \(3, 3\): \(4, 4\) is needed"),
        (np.ones(4), r"grams\['a'\] has shape \(4,\): \(K, K\) is needed"),
        (np.triu(np.ones((4, 4))), "not symmetric"),
        (np.full((4, 4), np.nan), r"grams\['a'\]\[0\] contains NaN"),
    ],
)
def test_refused(gram, message):
    h, labels, _ = network(ufm.predicted_grams(SIZES))
    with pytest.raises(ValueError, match=message):
        ufm.measure(h, labels, grams={"a": gram})


def test_of_a_frame():
    problem = ufm.Problem((2, 2), (2, 5), 0.3)
    said = ufm.predicted_grams(problem)
    means = ufm.minimize(problem).class_features
    np.testing.assert_allclose(said.means, means @ means.T, atol=1e-9)
    np.testing.assert_allclose(said.weights, np.eye(2), atol=1e-12)
