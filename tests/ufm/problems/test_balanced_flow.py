import numpy as np
import pytest

import ufm
from theory.zoo import ce_balanced, ce_flow_time, mse_flow_modes, mse_imbalanced
from ufm.problems.balanced_flow import BalancedFlow

LOGITS = ((0.3, 0.1, 0.0), (-0.2, 0.4, 0.1), (0.0, 0.5, 0.2))
FLOW = BalancedFlow((5, 2, 1), 0.02, 0.01, bias="free", dim=5, logits=LOGITS, times=(0.0, 2.0))


def test_the_start_has_the_logits_and_is_balanced():
    weights, features, bias = FLOW.start
    np.testing.assert_allclose(features @ weights.T, LOGITS, atol=1e-15)
    np.testing.assert_allclose(weights.T @ weights, (features.T * FLOW.class_sizes) @ features, atol=1e-15)
    assert (weights.shape, features.shape, bias.tolist()) == ((3, 5), (3, 5), [0.0] * 3)


def test_a_flow_on_paper():
    assert BalancedFlow.from_toml(FLOW.to_toml()) == FLOW
    assert BalancedFlow.from_json(FLOW.to_json()) == FLOW
    assert FLOW.key != FLOW.replace(times=(1.0,)).key
    assert FLOW.model == ufm.FeatureModel((5, 2, 1), 0.02, 0.01, bias="free", dim=5)


def test_it_is_followed_from_its_start_at_its_times_and_minimised_without():
    found = ufm.gradient_flow(FLOW, keep="features")
    assert found.problem is FLOW
    assert found.times.tolist() == [0.0, 2.0]
    np.testing.assert_allclose(found.class_logits[0], LOGITS, atol=1e-15)
    assert ufm.minimize(FLOW).problem == FLOW.model
    for options, message in (({"t_final": 1.0}, "times of its own"), ({"start": FLOW.start}, "start was given")):
        with pytest.raises(ValueError, match=message):
            ufm.gradient_flow(FLOW, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logits": ((1.0, 0.0),)}, r"logits of shape \(1, 2\) must be \(3, 3\)"),
        ({"logits": ((1.0,), (1.0, 2.0))}, "logits=.* are not numbers"),
        ({"logits": ((np.nan,) * 3,) * 3}, "logits=.* must be finite"),
        ({"times": ()}, "times=.* strictly ascending"),
        ({"times": (1.0, 1.0)}, "times=.* strictly ascending"),
        ({"times": (-1.0,)}, "times=.* >= 0"),
        ({"dim": 2}, "logits of rank 3 do not fit into dim=2"),
        ({"lam_w": -1.0}, "lam_w=-1.0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        FLOW.replace(**changes)


@pytest.mark.parametrize("case", ["decay", "decay, from above", "just below the threshold", "just above the threshold"])
def test_cross_entropy_ends_where_the_minimum_is(case):
    """Row 1, in the limit of long times."""
    flow = BalancedFlow(**{**ce_flow_time.CASES[case], "times": (1e6,)})
    said, end = ce_flow_time.predict(flow), ce_balanced.predict(flow.model)
    np.testing.assert_allclose(said["logits"][0], end["logits"], atol=1e-12)
    np.testing.assert_allclose(said["value"][0], end["value"], atol=1e-12)


@pytest.mark.parametrize("case", ["decay", "one class dies", "more than is learned", "balanced, any basis"])
def test_squared_loss_ends_where_the_minimum_is(case):
    """Row 4, in the limit of long times."""
    flow = BalancedFlow(**{**mse_flow_modes.CASES[case], "times": (2e5,)})
    said, end = mse_flow_modes.predict(flow), mse_imbalanced.predict(flow.model)
    np.testing.assert_allclose(said["logits"][0], end["logits"], atol=1e-12)
    np.testing.assert_allclose(said["value"][0], end["value"], atol=1e-12)


@pytest.mark.parametrize("k", [2, 5, 1000])
def test_the_exact_time_is_the_integral_and_its_root_is_the_size(k):
    """By the rule of Simpson in ln a: t = integral of (e^a + K - 1) d ln a."""
    start, end = 1e-3, 4.0
    u = np.linspace(np.log(start), np.log(end), 4001)
    pace, weights = np.exp(np.exp(u)) + k - 1, np.where(np.arange(4001) % 2, 4.0, 2.0)
    weights[[0, -1]] = 1.0
    time = float(weights @ pace) * (u[1] - u[0]) / 3.0
    assert ce_flow_time.time_without_decay(end, start, k) == pytest.approx(time, rel=1e-10)
    assert ce_flow_time.size_at(time, start, k, 0.0) == pytest.approx(end, rel=1e-10)
    assert ce_flow_time.size_at(time, start, k, 1e-13) == pytest.approx(end, rel=1e-8)
