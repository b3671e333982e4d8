"""Bounds on errors without a distribution: no features break them, and the variances are those of loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from theory.decision import cantelli


@st.composite
def samples(draw, least=1):
    """Features of any shape around means, labels, and a classifier with a bias."""
    n_classes, dim = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    counts = draw(st.lists(st.integers(least, 12), min_size=n_classes, max_size=n_classes))
    rng = np.random.default_rng(draw(strategies.seeds))
    labels = rng.permutation(np.repeat(np.arange(n_classes), counts))
    spread = draw(st.sampled_from([0.05, 0.3, 2.0]))
    noise = rng.standard_t(2.0, (len(labels), dim)) * spread
    return rng.standard_normal((n_classes, dim))[labels] + noise, labels, rng.standard_normal((n_classes, dim))


@given(samples(), st.booleans())
def test_no_features_break_the_bounds(drawn, biased):
    features, labels, weights = drawn
    bias = weights[:, 0] if biased else None
    found = ufm.measure(features, labels, weights, bias)
    # a sample on the plane between two means may count as an error by rounding
    assert np.all(1 - found.nearest_mean_accuracy_of_class <= found.nearest_mean_error_bound_of_class + 1e-9)
    assert np.all(1 - found.accuracy_of_class <= found.classifier_error_bound_of_class + 1e-9)
    assert 1 - found.nearest_mean_accuracy <= found.nearest_mean_error_bound + 1e-9
    assert 1 - found.accuracy <= found.classifier_error_bound + 1e-9


@given(samples(least=2))
def test_bounds_by_loops(drawn):
    features, labels, weights = drawn
    found = ufm.measure(features, labels, weights)
    n_classes = len(weights)
    means = np.array([features[labels == k].mean(axis=0) for k in range(n_classes)])
    for k in range(n_classes):
        own, nearest, classifier = features[labels == k], 0.0, 0.0
        for j in set(range(n_classes)) - {k}:
            line = (means[k] - means[j]) / np.linalg.norm(means[k] - means[j])
            nearest += cantelli.tail_bound((own @ line).var(), np.linalg.norm(means[k] - means[j]) / 2)
            leads = own @ (weights[k] - weights[j])
            classifier += cantelli.tail_bound(leads.var(), leads.mean())
        assert found.nearest_mean_error_bound_of_class[k] == pytest.approx(min(1.0, nearest), rel=1e-7)
        assert found.classifier_error_bound_of_class[k] == pytest.approx(min(1.0, classifier), rel=1e-7)


def test_single_samples_borrow_the_variance_of_the_other_class():
    features = np.array([[0.0, 0.0], [2.0, 1.0], [2.0, -1.0], [2.1, 0.0], [1.9, 0.0], [0.0, 9.0]])
    found = ufm.measure(features, [0, 1, 1, 1, 1, 2])
    variance = 0.005  # of class 1 along the first axis
    assert found.nearest_mean_error_bound_of_class[0] == 1.0  # nothing is known along the line from class 0 to 2
    assert "classes with one sample (0, 2): their variance is unknown" in str(found)
    two = ufm.measure(features[:5], [0, 1, 1, 1, 1]).nearest_mean_error_bound_of_class
    np.testing.assert_allclose(two, variance / (variance + 1.0))


def test_classes_without_a_sample_are_rivals_of_the_classifier():
    features, labels = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [0.0, 5.0]]), [0, 0, 2, 2]
    found = ufm.measure(features, labels, [[1.0, 0.0], [0.5, 0.0], [0.0, 1.0]])
    leads = [cantelli.tail_bound(0.25, 1.0), cantelli.tail_bound(1.0, 2.0)]
    np.testing.assert_allclose(found.classifier_error_bound_of_class, [sum(leads), np.nan, 0.0])
    assert "nearest_mean_error_bound" in ufm.measure(features, labels).metrics
    assert "second pass" in ufm.Collector(3).add(features, labels).measures().left_out["nearest_mean_error_bound"]


def test_collectors_merge_what_leads():
    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((60, 4)), rng.integers(3, size=60)
    weights = rng.standard_normal((3, 4))
    first = ufm.Collector(3).add(features, labels)
    halves = [first.second_pass(weights).add(features[a:b], labels[a:b]) for a, b in ((0, 25), (25, 60))]
    merged = halves[0].merge(halves[1]).measures()
    whole = ufm.measure(features, labels, weights)
    np.testing.assert_allclose(merged.classifier_error_bound_of_class, whole.classifier_error_bound_of_class)
