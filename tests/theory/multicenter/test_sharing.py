import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from theory.multicenter.geometry import center_cosine
from theory.multicenter.sharing import feature_loss, shared_rate
from ufm.problems.frames import dense

COUNTS = st.lists(st.integers(1, 50), min_size=2, max_size=6)
ANGLES = st.floats(0.0, np.pi / 2)


def test_the_shared_rate_is_that_of_the_flow_over_the_steepest_slope_of_the_loss():
    """Slopes by differences of the loss as it is defined, at a feature that is orthogonal to its mean center."""
    problem = ufm.Problem((9, 5, 2), (2, 3, 7), 0.3, beta="weighted")
    frame, end = ufm.multi_center_frame(problem), ufm.predict(problem)
    means, step = dense(frame.mean_directions), 1e-6

    def loss(k, s):
        feature = s * means[k] + np.sqrt(1.0 - s * s) * means[k - 1]
        return problem.weights[k] * np.sum((dense(frame.class_centers(k)) @ feature - 1.0) ** 2)

    slopes = [(loss(k, -step) - loss(k, step)) / (2 * step) for k in range(3)]
    np.testing.assert_allclose(shared_rate(end.counts, end.theta, problem.weights), end.rate / max(slopes), rtol=1e-8)


@given(st.integers(2, 60), ANGLES, st.floats(0.1, 9.0))
def test_equal_classes_collapse_at_a_rate_that_knows_no_weight(f, theta, beta):
    stated = 2.0 * (1.0 - center_cosine(f, theta))
    np.testing.assert_allclose(shared_rate([f, f, f], theta, beta), stated, rtol=1e-10, atol=1e-12)


@given(COUNTS, ANGLES)
def test_no_class_collapses_faster_than_it_would_alone(counts, theta):
    alone = [float(shared_rate([f], theta, 1.0)[0]) for f in counts]
    assert np.all(shared_rate(counts, theta, 1.0) <= np.array(alone) * (1 + 1e-12))


def test_the_loss_is_least_at_the_mean_center():
    s = np.linspace(-1.0, 1.0, 201)
    losses = feature_loss(s, np.sqrt(1.0 - s * s), 5, 0.3, 1.0)
    assert np.argmin(losses) == 200
    assert losses[-1] == pytest.approx(5 * (1.0 - center_cosine(5, 0.3)) ** 2)
