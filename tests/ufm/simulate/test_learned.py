"""Training frame and features together: flow, descent, mini-batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import ufm
from tests import oracles, strategies
from theory.multicenter import minimum
from ufm.measure import metrics
from ufm.problems import stiefel
from ufm.problems.frames import dense
from ufm.problems.state import frame_of, random_state

pytestmark = pytest.mark.slow

COSINE = ufm.Problem((5, 4, 3), (2, 4, 3), 0.3, frame="learned")
P = ufm.Problem((5, 4, 3), (2, 4, 3), 0.3, loss="mse", lam_h=1e-2, lam_w=1e-2, frame="learned")
small = {"max_classes": 2, "max_size": 3, "max_centers": 2, "spare": 2}


def least(problem):
    sizes = np.asarray(problem.class_sizes)
    if problem.loss == "cosine":
        return float(sizes @ minimum.cosine_minimum(problem.centers, problem.theta, problem.weights))
    return float(
        minimum.learned_minimum(
            problem.centers, problem.theta, sizes, problem.total, problem.lam_h, problem.lam_w
        ).sum()
    )


def obvious_flow(problem, state, time, rate):
    """The same flow by scipy on the Euclidean gradient from complex steps, projected, with no retraction at all."""

    def field(_, x):
        now = state.unflat(x)
        gradient = state.unflat(oracles.learned_gradient(problem, now))
        norms = rate * gradient.norms if problem.loss == "mse" else 0 * gradient.norms
        turn = rate * stiefel.tangent(now.rows, gradient.rows)
        return -state._replace(rows=turn, norms=norms, features=gradient.features).flat()

    end = solve_ivp(field, (0, time), state.flat(), method="DOP853", rtol=1e-10, atol=1e-12)
    return state.unflat(end.y[:, -1])


@pytest.mark.slow
@settings(max_examples=8)
@given(strategies.learned_problems(**small), strategies.seeds, st.sampled_from([0.3, 1.0]))
def test_flow_follows_the_obvious_one(problem, seed, rate):
    state = random_state(problem, seed, full=True)
    flow = ufm.gradient_flow(problem, t_eval=[0.7], start=state, method="full", frame_rate=rate, rtol=1e-10)
    for part, expected in zip(flow.state, obvious_flow(problem, state, 0.7, rate), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-8)
    assert flow.value[-1] == pytest.approx(oracles.learned_objective(problem, flow.state), rel=1e-11)
    measured = metrics.variability(flow.state.features, problem.labels, flow.frame)
    np.testing.assert_allclose(flow.class_values("variability")[-1], measured, atol=1e-12)


@pytest.mark.parametrize(("problem", "end"), [(COSINE, 80.0), (P, 2000.0)], ids=["cosine", "mse"])
@pytest.mark.parametrize("method", ["means", "full"])
def test_flow_ends_in_ncmc_on_the_manifold_and_never_rises(problem, end, method):
    # P's slowest rate is lam_h, of deviations that no center sees: NC falls like exp(-2 lam_h t)
    flow = ufm.gradient_flow(problem, t_eval=np.linspace(0, end, 41), method=method, frame_rate=1.0)
    assert flow.status == "collapsed"
    assert flow.value[-1] == pytest.approx(least(problem), abs=1e-10)
    assert np.all(np.diff(flow.value) <= 1e-12 * flow.value[0])
    assert flow.curves.frame["defect"].max() < 1e-12
    assert flow.curves.frame["moved"][0] < 1e-15 < 1e-3 < flow.curves.frame["moved"][-1]
    assert flow.class_values("nc_max").shape == flow.class_values("classifier_norm").shape == (41, 3)
    assert {"nc_max", "norm_mean", "variability", "classifier_norm", "moved", "defect", "value"} < set(
        flow.data.data_vars
    )
    assert flow.data.sizes == {"time": 41, "class": 3}


def test_samples_that_start_together_move_like_their_mean():
    start = random_state(P, 1)
    runs = [ufm.gradient_flow(P, t_eval=[5.0], start=start, method=f, rtol=1e-10) for f in ("means", "full")]
    np.testing.assert_allclose(runs[0].state.rows, runs[1].state.rows, atol=1e-9)
    np.testing.assert_allclose(runs[0].state.features[P.labels], runs[1].state.features, atol=1e-9)


def test_small_steps_follow_the_flow():
    start = random_state(COSINE, 0, full=True)
    flow = ufm.gradient_flow(COSINE, t_eval=[1.0], start=start, method="full")
    errors = []
    for n in (100, 200):
        descent = ufm.gradient_descent(COSINE, step_size=1 / n, n_steps=n, start=start, method="full")
        errors.append(np.abs(descent.state.flat() - flow.state.flat()).max())
        assert descent.curves.frame["defect"].max() < 1e-12
    assert 1.7 < errors[0] / errors[1] < 2.3
    assert errors[1] < 0.01


@pytest.mark.parametrize(("problem", "step"), [(COSINE, 0.05), (P, 2.0)], ids=["cosine", "mse"])
def test_mini_batches_with_momentum_end_where_the_flow_does(problem, step):
    run = ufm.gradient_descent(problem, step_size=step, momentum=0.5, batch_size=4, n_steps=20_000, every=100)
    assert run.status == "collapsed"
    assert run.value[-1] == pytest.approx(least(problem), abs=1e-3)
    assert run.curves.frame["defect"].max() < 1e-12


def test_a_batch_of_everything_is_the_gradient_step():
    start = random_state(P, 2, full=True)
    kept = start.flat()
    one, other = (
        ufm.gradient_descent(P, step_size=0.5, n_steps=20, start=start, method="full", batch_size=b, momentum=0.3)
        for b in (None, P.n_samples)
    )
    np.testing.assert_allclose(one.state.flat(), other.state.flat(), atol=1e-12)
    np.testing.assert_array_equal(start.flat(), kept)


def test_every_end_has_a_status():
    run = ufm.gradient_descent(COSINE, step_size=1e200, n_steps=50)
    assert run.status == "diverged"
    assert "step_size is too large" in run.stats["reason"]
    assert ufm.gradient_descent(COSINE, step_size=0.01, n_steps=5).status == "stopped"
    assert ufm.gradient_flow(COSINE, t_eval=0.1).status == "finished"


@pytest.mark.parametrize(("scale", "reason"), [(1e150, "runs away at t=0"), (1e200, "not finite at the start")])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_flow_that_cannot_begin_has_a_status(scale, reason):
    start = random_state(P, 0)
    run = ufm.gradient_flow(P, start=start._replace(features=scale * start.features), t_eval=1.0)
    assert run.status == "diverged"
    assert reason in run.stats["reason"]
    np.testing.assert_allclose(dense(run.frame.classifier), dense(frame_of(P, start).classifier))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": 0.0}, "step_size"),
        ({"momentum": 1.0}, "momentum"),
        ({"n_steps": 0}, "n_steps"),
        ({"every": 0}, "every"),
        ({"batch_size": 13}, "batch_size"),
        ({"batch_size": 2, "method": "means"}, "batch_size"),
        ({"method": "all"}, "method='all'"),
        ({"frame_rate": -1.0}, "frame_rate"),
        ({"until_nc": 5.0}, "until_nc"),
        ({"problem": COSINE.replace(frame="fixed"), "frame_rate": 1.0}, "the frame of this problem is fixed"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ufm.gradient_descent(**{"problem": COSINE, "step_size": 0.1, **options})


@pytest.mark.parametrize("options", [{"t_eval": []}, {"t_eval": [1, 0]}, {"t_eval": np.nan}, {"t_eval": 1, "rtol": 2}])
def test_flow_refused(options):
    with pytest.raises(ValueError, match=r"t_eval|rtol"):
        ufm.gradient_flow(COSINE, **options)
