import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from theory.multicenter.centers import class_aware
from theory.multicenter.geometry import classifier_cosine
from ufm.measure.adjusted import ADJUSTMENTS, Adjustment, decisions, lent_cosines


@given(strategies.problems(min_classes=2, max_size=6), strategies.seeds)
def test_rules_on_adjusted_features_by_loops(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    features = strategies.features_of(problem, seed)
    adjustment = Adjustment.of(features)
    rows, means = oracles.dense(frame.classifier), oracles.dense(frame.mean_directions)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for name in ADJUSTMENTS:
        moved = adjustment.apply(features, name)
        for i, z in enumerate(features):
            if name in ("centered", "normalised"):
                z = z - sum(features) / len(features)
            if name in ("scaled", "normalised"):
                z = z / [np.std(column) or 1.0 for column in features.T]
            np.testing.assert_allclose(moved[i], z, atol=1e-12)
        lent = np.linspace(0.2, 0.9, problem.n_classes)
        found = decisions(moved, frame, lent)
        for rule, cosines in (("skewed", [rows[k] @ means[k] for k in range(problem.n_classes)]), ("lent", lent)):
            scores = np.array([[means[k] @ z * cosines[k] for k in range(problem.n_classes)] for z in moved])
            best = scores[np.arange(len(moved)), found[rule]]
            np.testing.assert_allclose(best, scores.max(axis=1), atol=1e-12)
        assert set(found) == {"rcr", "gcr", "nearest", "skewed", "lent"}


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5), st.integers(1, 9), st.floats(0.05, 1.5))
def test_a_frame_of_equal_centers_is_lent_the_skew_of_class_aware_ones(sizes, f, theta):
    frame = ufm.multi_center_frame(ufm.Problem(sizes, (f,) * len(sizes), theta), basis="coordinate")
    own = ufm.Problem(sizes, class_aware(sizes, f), theta)
    expected = ufm.multi_center_frame(own, basis="coordinate").geometry.alignment
    np.testing.assert_allclose(lent_cosines(sizes, frame), expected, rtol=1e-9)
    np.testing.assert_allclose(lent_cosines(sizes, frame), classifier_cosine(own.centers, theta), rtol=1e-9)


def test_a_coordinate_without_a_spread_keeps_its_unit():
    adjustment = Adjustment.of(np.array([[1.0, 2.0], [1.0, 4.0]]))
    np.testing.assert_array_equal(adjustment.apply(np.array([[3.0, 5.0]]), "normalised"), [[2.0, 2.0]])
