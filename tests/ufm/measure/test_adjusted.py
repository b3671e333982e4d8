import numpy as np
from hypothesis import given

import ufm
from tests import oracles, strategies
from ufm.measure.adjusted import ADJUSTMENTS, Adjustment, decisions


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
        found = decisions(moved, frame)
        scores = np.array([[means[k] @ z * (rows[k] @ means[k]) for k in range(problem.n_classes)] for z in moved])
        best = scores[np.arange(len(moved)), found["skewed"]]
        np.testing.assert_allclose(best, scores.max(axis=1), atol=1e-12)
        assert set(found) == {"rcr", "gcr", "nearest", "skewed"}


def test_a_coordinate_without_a_spread_keeps_its_unit():
    adjustment = Adjustment.of(np.array([[1.0, 2.0], [1.0, 4.0]]))
    np.testing.assert_array_equal(adjustment.apply(np.array([[3.0, 5.0]]), "normalised"), [[2.0, 2.0]])
