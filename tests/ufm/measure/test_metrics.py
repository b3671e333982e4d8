import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.measure import metrics


@st.composite
def measured(draw):
    """A problem, its frame, features in random order, and their labels."""
    problem = draw(strategies.problems(min_classes=2, max_size=6))
    seed = draw(strategies.seeds)
    order = np.random.default_rng(seed).permutation(problem.n_samples)
    return problem, ufm.multi_center_frame(problem, seed=seed), strategies.features_of(problem, seed), order


@given(measured())
def test_everything_against_loops_and_in_any_order(drawn):
    problem, frame, features, order = drawn
    w = oracles.dense(frame.classifier)
    result = ufm.measure(features[order], problem.labels[order], w, frame=frame)
    nc = oracles.collapse(problem, frame, features)
    for name, statistic in (("nc_mean", np.mean), ("nc_std", np.std), ("nc_max", np.max)):
        np.testing.assert_allclose(getattr(result, name), oracles.by_class(problem, nc, statistic), atol=1e-7)
    away = np.array(
        [
            h / np.linalg.norm(h) - oracles.mean_direction(problem, frame, k)
            for h, k in zip(features, problem.labels, strict=True)
        ]
    )
    assert result.entry_mean == pytest.approx(away.mean(), abs=1e-12)
    assert result.entry_std == pytest.approx(away.std(), abs=1e-12)
    cosines = np.array([h @ w[k] / np.linalg.norm(h) for h, k in zip(features, problem.labels, strict=True)])
    np.testing.assert_allclose(result.variability, 1 - oracles.by_class(problem, cosines, np.mean), atol=1e-12)
    means = np.array([features[problem.labels == k].mean(axis=0) for k in range(problem.n_classes)])
    norms = np.linalg.norm(means, axis=1)
    assert result.equinorm == pytest.approx(norms.std() / norms.mean())
    gram = means @ means.T / np.outer(norms, norms)
    assert result.equiangularity == pytest.approx(np.abs(gram - np.eye(len(gram))).max(), abs=1e-12)
    duality = [m @ oracles.mean_direction(problem, frame, k) / np.linalg.norm(m) for k, m in enumerate(means)]
    np.testing.assert_allclose(result.self_duality, duality, atol=1e-12)
    nearest = [np.argmin([np.linalg.norm(h - m) for m in means]) for h in features]
    decided = [np.argmax([v @ h for v in w]) for h in features]
    assert result.nc4_agreement == np.mean(np.array(nearest) == decided)


@given(measured())
def test_nc1_against_the_pseudo_inverse(drawn):
    problem, _, features, order = drawn
    means = np.array([features[problem.labels == k].mean(axis=0) for k in range(problem.n_classes)])
    between = (means - means.mean(axis=0)).T @ (means - means.mean(axis=0)) / problem.n_classes
    within = sum(np.outer(x, x) for x in features - means[problem.labels]) / problem.n_samples
    expected = np.trace(within @ np.linalg.pinv(between, rcond=1e-9, hermitian=True)) / problem.n_classes
    assert ufm.measure(features[order], problem.labels[order]).nc1 == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(strategies.problems(theta=st.floats(0.05, 1.5), min_classes=2))
def test_collapsed_features_measure_as_collapsed(problem):
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    features = ufm.minimize(problem, frame=frame).features
    result = ufm.measure(features, problem.labels, frame=frame)
    assert result.nc_max.max() < 1e-9
    assert result.nc1 < 1e-9
    assert result.equiangularity < 1e-9
    np.testing.assert_allclose(result.self_duality, 1)


@given(measured(), st.floats(0.0, 8.0))
def test_a_common_part_changes_nothing(drawn, exponent):
    """Features of networks share a large part; what is measured relative to their mean must not see it."""
    problem, _, features, order = drawn
    h, labels = features[order], problem.labels[order]
    moved = h + 10.0**exponent * np.random.default_rng(1).standard_normal(h.shape[1])
    rounding = 10.0**exponent * 1e-14
    means = metrics.class_means(h, labels)
    smallest = np.linalg.svd(means - means.mean(axis=0), compute_uv=False)[problem.n_classes - 2]
    if smallest > 1e4 * rounding:
        expected = ufm.measure(h, labels).nc1
        assert ufm.measure(moved, labels).nc1 == pytest.approx(expected, rel=100 * rounding / smallest, abs=1e-20)
    distances = np.linalg.norm(h[:, None] - means, axis=2)
    nearest, two = distances.argmin(axis=1), np.sort(distances, axis=1)
    unclear = np.mean(two[:, 1] - two[:, 0] <= 1e3 * rounding)
    assert abs(ufm.measure(moved, labels).nearest_mean_accuracy - np.mean(nearest == labels)) <= unclear


def test_means_without_a_difference_have_no_between():
    features = np.tile([3.0, 4.0], (4, 1)) + np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    assert "class means are the same" in ufm.measure(features, [0, 0, 1, 1]).left_out["nc1"]
    line = np.array([[0.0, 0], [1, 0], [2, 0]])[[0, 0, 1, 1, 2, 2]] + 0.1 * np.array([[1, 1], [-1, -1]] * 3)
    assert ufm.measure(line + 1e4 / 3, [0, 0, 1, 1, 2, 2]).nc1 == pytest.approx(
        ufm.measure(line, [0, 0, 1, 1, 2, 2]).nc1
    )


def test_gram_of_one_class():
    np.testing.assert_allclose(metrics.gram([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])[2], [0.5**0.5, 0.5**0.5, 1])


def test_one_class_has_no_between():
    features = np.random.default_rng(0).standard_normal((6, 4))
    assert "one class" in ufm.measure(features, np.zeros(6, dtype=int)).left_out["nc1"]


FRAME = ufm.multi_center_frame(ufm.Problem((2, 2), 2, 0.2))


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones((3, 6)), [0, 1], r"\(3, 6\) and labels \(2,\) do not match"),
        (np.ones(6), [0], "do not match"),
        (np.ones((2, 6)), [0.0, 1.0], "labels must be integers"),
        (np.ones((2, 6)), [0, -1], "labels must be integers"),
        (np.ones((2, 6)), [0, 2], "labels reach 2, the frame has 2 classes"),
        (np.ones((2, 6)), [0, 0], "no sample has label 1"),
        (np.full((2, 6), np.nan), [0, 1], r"features\[0\] contains NaN"),
        (np.zeros((2, 6)), [0, 1], "row 0 is 0"),
        (np.ones((0, 6)), [], "labels must be integers"),
    ],
)
def test_refused(features, labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.variability(features, labels, FRAME)


def test_pairs_of_classes_and_samples_outside():
    """CDNV pair by pair, of classes that have a sample, and NECO's scores in the order of the samples."""
    rng = np.random.default_rng(0)
    labels = np.array([0, 2, 3] * 5)
    features, ood = rng.normal(size=(15, 6)), rng.normal(size=(7, 6))
    found = ufm.measure(features, labels, classes=4, ood=ood)
    groups = [features[labels == k] for k in (0, 2, 3)]
    means, spreads = [each.mean(axis=0) for each in groups], [each.var(axis=0).sum() for each in groups]
    expected = [
        [(spreads[i] + spreads[j]) / 2 / np.sum((means[i] - means[j]) ** 2) if i != j else 0.0 for j in range(3)]
        for i in range(3)
    ]
    np.testing.assert_allclose(found.cdnv_pairs, expected, rtol=1e-12)
    assert found.cdnv == pytest.approx(found.cdnv_pairs.sum() / 6, rel=1e-12)
    span = np.linalg.svd(features - features.mean(axis=0))[2][:4]
    away = ood - features.mean(axis=0)
    scores = np.linalg.norm(away @ span.T, axis=1) / np.linalg.norm(away, axis=1)
    np.testing.assert_allclose(found.neco_scores, scores, rtol=1e-11)
    assert ufm.measure(features, labels).neco_scores is None
    assert ufm.measure(np.ones((4, 2)), [0, 0, 1, 1]).cdnv_pairs is None
