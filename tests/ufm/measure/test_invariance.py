"""What a change of features, labels or weights that means nothing does not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.measure.metric import known

UNCENTERED = {"nc2_orthogonal", "feature_norm", "zero_features", "bias_collapse", "nc4_agreement"}
UNCENTERED |= {"accuracy", "accuracy_of_class", "classifier_error_bound", "classifier_error_bound_of_class"}
"""What a common part of all features changes."""
LENGTHS = {"variance": 2, "mean_norm": 1, "feature_norm": 1, "weight_norm": 0, "bias_collapse": 1}
"""Powers of the features' unit that measures have; 0 for all others."""


@st.composite
def networks(draw):
    """Features, labels, weights: every class has at least two samples, and its mean a place of its own."""
    n_classes, d = draw(st.integers(2, 4)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(strategies.seeds))
    labels = np.concatenate([np.arange(n_classes)] * 2 + [rng.integers(n_classes, size=draw(st.integers(0, 9)))])
    means = rng.normal(size=(n_classes, d))
    features = means[labels] + 0.3 * rng.normal(size=(len(labels), d))
    return features, labels, rng.normal(size=means.shape), rng


def same(one, other, *, powers=None, factor=1.0, but=(), order=slice(None)):
    assert set(one) == set(other)
    for name in set(one) - set(but):
        wanted = one[name][order] if known()[name].by_class else one[name]
        wanted = wanted * factor ** (powers or {}).get(name, 0)
        condition = 1e-9 if name.startswith(("nc1", "uniformity_variation", "effective")) else 1e-10
        np.testing.assert_allclose(other[name], wanted, rtol=condition, atol=1e-12, err_msg=name)


@given(networks())
def test_rotated(drawn):
    h, y, w, rng = drawn
    q = strategies.rotation(h.shape[1], int(rng.integers(2**32)))
    same(ufm.measure(h, y, w), ufm.measure(h @ q, y, w @ q))


@given(networks())
def test_samples_in_another_order(drawn):
    h, y, w, rng = drawn
    order = rng.permutation(len(y))
    same(ufm.measure(h, y, w), ufm.measure(h[order], y[order], w))


@given(networks())
def test_classes_by_other_numbers(drawn):
    h, y, w, rng = drawn
    order = rng.permutation(len(w))
    same(ufm.measure(h, y, w), ufm.measure(h, np.argsort(order)[y], w[order]), order=order)


@given(networks(), st.integers(-60, 60))
def test_in_another_unit(drawn, exponent):
    """By powers of two, so that rounding is the same."""
    h, y, w, _ = drawn
    factor = 2.0**exponent
    same(ufm.measure(h, y, w), ufm.measure(factor * h, y, w), powers=LENGTHS, factor=factor)


@given(networks())
def test_moved(drawn):
    h, y, w, rng = drawn
    moved = ufm.measure(h + 10.0 * rng.normal(size=h.shape[1]), y, w)
    same(ufm.measure(h, y, w), moved, but=UNCENTERED)


@given(networks())
def test_in_more_dimensions(drawn):
    h, y, w, _ = drawn
    wider = np.zeros((len(h), 3))
    same(ufm.measure(h, y, w), ufm.measure(np.hstack([h, wider]), y, np.hstack([w, wider[: len(w)]])))


@given(networks(), st.integers(2, 3))
def test_every_sample_several_times(drawn, times):
    h, y, w, _ = drawn
    same(ufm.measure(h, y, w), ufm.measure(np.tile(h, (times, 1)), np.tile(y, times), w))


@given(networks())
def test_conventions_agree_on_balanced_data(drawn):
    h, y, w, _ = drawn
    few = 2 * len(w)
    samples = ufm.Conventions(between="samples", within="classes")
    same(ufm.measure(h[:few], y[:few], w), ufm.measure(h[:few], y[:few], w, conventions=samples))


def test_names_are_names_of_measures():
    assert (UNCENTERED | set(LENGTHS)) <= set(known())


def test_quartic_cdnv_has_a_unit():
    rng = np.random.default_rng(0)
    h, y, quartic = rng.normal(size=(20, 4)), np.arange(20) % 4, ufm.Conventions(cdnv="quartic")
    one, other = (ufm.measure(factor * h, y, conventions=quartic).cdnv for factor in (1.0, 4.0))
    assert other == pytest.approx(one / 16, rel=1e-13)
