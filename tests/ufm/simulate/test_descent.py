import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies


@given(strategies.problems(max_classes=2, max_size=3), strategies.seeds, st.sampled_from([0.0, 0.6]))
def test_every_method_takes_the_steps_of_the_obvious_loop(problem, seed, momentum):
    frame, features = ufm.multi_center_frame(problem, seed=seed), strategies.features_of(problem, seed)
    expected = oracles.descend(problem, frame, features, 0.05, 6, momentum)
    for method in ("full", "span", "reduced") if problem.loss == "cosine" else ("full", "exact"):
        t = ufm.gradient_descent(
            problem,
            frame=frame,
            features=features,
            method=method,
            step_size=0.05,
            momentum=momentum,
            n_steps=6,
            keep="final",
        )
        np.testing.assert_allclose(t.final, expected, atol=1e-9, err_msg=method)
        assert t.value[-1] == pytest.approx(oracles.objective(problem, frame, expected), rel=1e-9, abs=1e-12)


def test_collapse_and_records():
    problem = ufm.Problem((6, 4), (2, 5), 0.3, 12)
    t = ufm.gradient_descent(problem, step_size=0.2, momentum=0.5, n_steps=5000, every=25)
    assert t.status == "collapsed"
    assert t.nc_max <= 1e-10
    np.testing.assert_allclose(np.diff(t.times), 25 * 0.2)
    assert ufm.gradient_descent(problem, step_size=0.01, n_steps=5).status == "stopped"


def test_too_large_a_step_is_a_status():
    problem = ufm.Problem((6, 4), (2, 5), 0.3, 12, loss="mse", lam_h=0.1)
    t = ufm.gradient_descent(problem, step_size=1e6, n_steps=2000)
    assert t.status == "diverged"
    assert "step_size is too large" in t.stats["reason"]
    t = ufm.gradient_descent(ufm.Problem((4, 3), (2, 3), 0.4, 14, lam=10.0), step_size=1e3, n_steps=500, every=200)
    assert t.status == "diverged"


@pytest.mark.parametrize(
    "options",
    [
        {"step_size": 0.0},
        {"step_size": np.nan},
        {"momentum": 1.0},
        {"n_steps": 0},
        {"every": 0},
        {"until_nc": 5.0},
        {"keep": "features"},
    ],
)
def test_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ufm.gradient_descent(ufm.Problem((3, 2), 2, 0.2), **{"step_size": 0.1, **options})
