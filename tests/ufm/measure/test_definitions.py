"""Each measure against loops with 50 digits."""

import itertools
import zlib

import mpmath as mp
import numpy as np
import pytest

import ufm
from tests.ufm.measure.by_loops import ByLoops
from ufm.measure.conventions import CHOICES
from ufm.measure.metric import known
from ufm.measure.statistics import squared_distances

RELATIVE, ABSOLUTE = 1e-10, 1e-13
"""As promised; and of what is of order 1 and may be 0."""


def samples(seed=0, sizes=(5, 3, 4, 1), d=6, spread=0.4, n_outside=7):
    """Features near random means, labels out of order, a classifier that errs, and data of no class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    means = rng.normal(size=(len(sizes), d))
    features = means[labels] + spread * rng.normal(size=(len(labels), d))
    weights, bias = means + 0.7 * rng.normal(size=means.shape), rng.normal(size=len(sizes))
    return features, labels, weights, bias, rng.normal(size=(n_outside, d)) + 0.5


def agree(measures, expected, scale=1.0, but=()):
    assert set(expected) - set(but) == set(measures) - set(but)
    for name in set(expected) - set(but):
        value = measures[name]
        value = value[~np.isnan(value)] if known()[name].by_class else value
        np.testing.assert_allclose(value, expected[name], rtol=RELATIVE, atol=ABSOLUTE * scale, err_msg=name)


@pytest.mark.parametrize("apart", [1.0, 1e-1, 1e-3, 1e-7, 0.0])
def test_squared_distances_of_near_and_far_rows(apart):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=5) + apart * rng.normal(size=(6, 5))
    rows[5] = rng.normal(size=5)
    expected = [
        [float(mp.fsum((mp.mpf(x) - mp.mpf(y)) ** 2 for x, y in zip(a, b, strict=True))) for b in rows] for a in rows
    ]
    found = squared_distances(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0.0)  # eps / CANCELS, or of the differences
    assert not np.diag(found).any()


def test_loops_know_every_measure():
    problem = ufm.Problem((2, 2, 2, 2), 1, 0.4, 8)
    features, labels, weights, bias, ood = samples(d=8)
    found = ByLoops(features, labels, weights, bias, ood, ufm.multi_center_frame(problem)).numbers()
    assert set(found) == set(known())


@pytest.mark.parametrize("choices", list(itertools.product(*CHOICES.values())), ids="-".join)
def test_against_loops(choices):
    conventions, seed = ufm.Conventions(*choices), zlib.crc32("".join(choices).encode())
    features, labels, weights, bias, ood = samples(seed)
    measures = ufm.measure(features, labels, weights, bias, ood=ood, conventions=conventions)
    agree(measures, ByLoops(features, labels, weights, bias, ood, conventions=conventions).numbers())


@pytest.mark.parametrize("seed", range(4))
def test_with_a_common_mean_of_a_million(seed):
    features, labels, weights, bias, ood = samples(seed)
    features, ood = features + 1e6, ood + 1e6
    measures = ufm.measure(features, labels, weights, bias, ood=ood)
    agree(measures, ByLoops(features, labels, weights, bias, ood).numbers())


def test_at_collapse_beside_a_common_mean_of_a_million():
    """Deviations of 1e-6 beside a mean of 1e6: squares of one are 1e-24 of those of the other."""
    features, labels, weights, bias, _ = samples(spread=1e-6)
    features += 1e6
    agree(ufm.measure(features, labels, weights, bias), ByLoops(features, labels, weights, bias).numbers(), but=RANK)


RANK = ("effective_rank_of_features",)
"""Needs the scatter of the first pass."""


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_in_low_precision(dtype):
    features, labels, weights, bias, _ = (np.asarray(x) for x in samples())
    low = features.astype(dtype), weights.astype(dtype), bias.astype(dtype)
    measures = ufm.measure(low[0], labels, *low[1:])
    agree(measures, ByLoops(low[0], labels, *low[1:]).numbers(), but=RANK)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_of_torch(dtype):
    torch = pytest.importorskip("torch")
    features, labels, weights, bias, ood = (torch.tensor(x) for x in samples())
    features, weights, bias, ood = (x.to(getattr(torch, dtype)) for x in (features, weights, bias, ood))
    measures = ufm.measure(features.requires_grad_(), labels, weights.requires_grad_(), bias, ood=ood)
    numbers = [x.detach().double().numpy() for x in (features, weights, bias, ood)]
    agree(measures, ByLoops(numbers[0], labels, *numbers[1:]).numbers())


@pytest.mark.parametrize("seed", range(4))
def test_with_a_frame(seed):
    problem = ufm.Problem((2, 2, 2, 2), (1, 2, 1, 3), 0.4, 13)
    frame = ufm.multi_center_frame(problem, seed=seed)
    features, labels, weights, bias, _ = samples(seed, d=13)
    features[3] = 0.0
    measures = ufm.measure(features, labels, weights, bias, frame=frame)
    agree(measures, ByLoops(features, labels, weights, bias, frame=frame).numbers(), but=RANK)


def test_of_an_absent_class():
    features, labels, weights, bias, ood = samples()
    there = labels != 1
    measures = ufm.measure(features[there], labels[there], weights, bias, ood=ood)
    agree(measures, ByLoops(features[there], labels[there], weights, bias, ood).numbers())
    assert np.isnan(measures.variance[1])
    assert measures.counts[1] == 0


@pytest.mark.parametrize(("sizes", "d"), [((3, 4, 2, 5, 3), 2), ((2, 2), 1), ((1, 1, 1), 4)])
def test_of_more_classes_than_dimensions_and_of_one_sample_each(sizes, d):
    features, labels, weights, bias, _ = samples(3, sizes, d)
    agree(ufm.measure(features, labels, weights, bias), ByLoops(features, labels, weights, bias).numbers(), but=RANK)
