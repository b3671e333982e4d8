import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.measure import metrics
from ufm.simulate import blocks, reduced

CURVES = ("nc_mean", "nc_std", "nc_max", "norm_mean", "variability")


def flow(problem, **options):
    return ufm.gradient_flow(problem, keep="features", **{"rtol": 1e-10, **options})


@given(strategies.seeds)
def test_times_are_in_equal_ratios_where_a_class_with_one_center_comes_long_after_the_others(seed):
    t = ufm.gradient_flow(ufm.Problem((9, 6, 4), (3, 1, 2), 0.2, lam=0.1), seed=seed)
    assert t.status == "collapsed"
    assert t.times[0] == 0.0
    np.testing.assert_allclose(t.times[2:] / t.times[1:-1], (t.times[-1] / t.times[1]) ** (1 / 63), rtol=1e-12)
    nc = t.class_values("nc_mean")
    np.testing.assert_allclose(nc[1], nc[0], rtol=0.2)  # the first record after the start is close to it
    for k in range(3):
        assert np.sum((nc[:, k] < 0.9 * nc[0, k]) & (nc[:, k] > 1e-9)) >= 5  # each class is seen while it collapses
    assert np.ptp(np.diff(ufm.gradient_flow(ufm.Problem((9, 6, 4), (3, 5, 2), 0.2)).times)) < 1e-12


@pytest.mark.parametrize("count", [2, 3])
def test_few_times_reach_the_end_too(count):
    t = ufm.gradient_flow(ufm.Problem((9, 6), (3, 1), 0.2), n_times=count)
    assert t.status == "collapsed"
    assert len(t.times) == count


@pytest.mark.slow
@example(ufm.Problem((3,), 5, 0.0, 6, lam=0.0), 0)  # a long step whose interpolant was off by 3e-8
@given(strategies.problems(loss="cosine", max_centers=40), strategies.seeds)
def test_the_default_tolerance_keeps_unit_features_within_1e_8(problem, seed):
    features = strategies.features_of(problem, seed)
    times = np.linspace(0.0, 30.0, 17)
    runs = [
        flow(problem, features=features, t_eval=times, rtol=rtol).features for rtol in (ufm.simulate.flow.RTOL, 1e-13)
    ]
    one, other = (h / np.linalg.norm(h, axis=-1, keepdims=True) for h in runs)
    assert np.abs(one - other).max() < 1e-8


@pytest.mark.slow
@given(strategies.problems(loss="cosine"), strategies.seeds, st.floats(0.3, 3.0))
def test_full_span_and_reduced_are_one_flow(problem, seed, scale):
    frame = ufm.multi_center_frame(problem, seed=seed)
    features = strategies.features_of(problem, seed, scale)
    times = np.array([0.0, 0.1, 1.0, 4.0])
    runs = {
        m: flow(problem, frame=frame, features=features, method=m, t_eval=times) for m in ("full", "span", "reduced")
    }
    for name in ("span", "reduced"):
        np.testing.assert_allclose(runs[name].features, runs["full"].features, atol=1e-7)
        np.testing.assert_allclose(runs[name].value, runs["full"].value, rtol=1e-7, atol=1e-9)
        for curve in CURVES:
            np.testing.assert_allclose(
                runs[name].class_values(curve), runs["full"].class_values(curve), atol=1e-7, err_msg=curve
            )


@pytest.mark.parametrize("loss", ["cosine", "mse"])
@pytest.mark.parametrize("basis", ["random", "given"])
@given(st.floats(-8.0, -2.0), strategies.seeds)
def test_centers_that_nearly_coincide(loss, basis, exponent, seed):
    """The differences of centers are 10^exponent long: whatever is projected on them keeps its digits."""
    problem = ufm.Problem((2, 2), (9, 4), np.pi / 2 - 10.0**exponent, 40, loss=loss)
    frame = ufm.multi_center_frame(problem, seed=seed)
    frame = frame if basis == "random" else ufm.Frame.from_centers(frame.centers, frame.counts, frame.classifier)
    features, times = strategies.features_of(problem, seed), np.array([0.0, 0.5, 2.0])
    run = flow(problem, frame=frame, features=features, t_eval=times)
    full = flow(problem, frame=frame, features=features, t_eval=times, method="full")
    np.testing.assert_allclose(run.features[0], features, atol=1e-13)
    np.testing.assert_allclose(run.features, full.features, atol=1e-8)
    first = np.linalg.norm(features, axis=1)
    np.testing.assert_allclose(run.class_values("norm_mean")[0], oracles.by_class(problem, first, np.mean), rtol=1e-9)


@given(strategies.problems(loss="mse"), strategies.seeds, st.floats(0.3, 3.0))
def test_exact_full_and_matrix_exponential_are_one_flow(problem, seed, norm):
    frame = ufm.multi_center_frame(problem, seed=seed, norms=norm)
    features = strategies.features_of(problem, seed)
    times = np.array([0.0, 0.5, 3.0, 10.0])
    exact = flow(problem, frame=frame, features=features, method="exact", t_eval=times)
    full = flow(problem, frame=frame, features=features, method="full", t_eval=times)
    for j, t in enumerate(times):
        np.testing.assert_allclose(exact.features[j], oracles.mse_flow(problem, frame, features, t), atol=1e-10)
    np.testing.assert_allclose(full.features, exact.features, atol=1e-7)
    np.testing.assert_allclose(full.value, exact.value, rtol=1e-8, atol=1e-9 * exact.value[0])
    for curve in CURVES:
        np.testing.assert_allclose(full.class_values(curve), exact.class_values(curve), atol=1e-6, err_msg=curve)


@given(strategies.problems(), strategies.seeds)
def test_curves_are_those_of_the_features(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    t = flow(problem, frame=frame, seed=seed, t_eval=[0.0, 2.0])
    for j, features in enumerate(t.features):
        nc, norms = oracles.collapse(problem, frame, features), np.linalg.norm(features, axis=1)
        cosines = [
            h @ w / np.linalg.norm(h)
            for h, w in zip(features, oracles.dense(frame.classifier)[problem.labels], strict=True)
        ]
        expected = {
            "nc_mean": oracles.by_class(problem, nc, np.mean),
            "nc_std": oracles.by_class(problem, nc, np.std),
            "nc_max": oracles.by_class(problem, nc, np.max),
            "norm_mean": oracles.by_class(problem, norms, np.mean),
            "variability": 1 - oracles.by_class(problem, np.array(cosines), np.mean),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(t.class_values(name)[j], values, atol=2e-7, err_msg=name)
        assert t.value[j] == pytest.approx(oracles.objective(problem, frame, features), rel=1e-9, abs=1e-12)


@given(strategies.problems(), strategies.seeds)
def test_rotation_equivariance(problem, seed):
    frame, q = ufm.multi_center_frame(problem, seed=seed), strategies.rotation(problem.dim, seed + 1)
    turned = ufm.Frame(frame.counts, frame.centers @ q.T, frame.classifier @ q.T)
    features = strategies.features_of(problem, seed)
    one = flow(problem, frame=frame, features=features, t_eval=[3.0])
    other = flow(problem, frame=turned, features=features @ q.T, t_eval=[3.0])
    np.testing.assert_allclose(other.features, one.features @ q.T, atol=1e-8)


@given(strategies.problems(min_classes=2), strategies.seeds, st.randoms())
def test_order_of_classes_does_not_matter(problem, seed, random):
    frame, features = ufm.multi_center_frame(problem, seed=seed), strategies.features_of(problem, seed)
    order = list(range(problem.n_classes))
    random.shuffle(order)
    values = problem.to_dict()
    moved = ufm.Problem(**{**values, "class_sizes": [problem.class_sizes[k] for k in order],
                           "centers": [problem.centers[k] for k in order]})  # fmt: skip
    moved_frame = ufm.Frame(
        moved.centers,
        np.concatenate([oracles.class_rows(problem, frame.centers, k) for k in order]),
        np.stack([frame.classifier[k] for k in order]),
    )
    start = np.concatenate([features[problem.samples(k)] for k in order])
    one = flow(problem, frame=frame, features=features, t_eval=[2.0])
    other = flow(moved, frame=moved_frame, features=start, t_eval=[2.0])
    np.testing.assert_allclose(other.class_values("nc_mean"), one.class_values("nc_mean")[:, order], atol=1e-9)
    assert other.value == pytest.approx(one.value, rel=1e-10)


@given(strategies.problems(), strategies.seeds, st.sampled_from(["gaussian", "sphere", "antipode"]))
def test_the_objective_never_rises(problem, seed, kind):
    t = ufm.gradient_flow(problem, seed=seed, start=kind, t_final=20.0)
    assert np.diff(t.value).max() <= 1e-11 * t.value[0]


@given(strategies.problems(theta=st.floats(0.05, 1.5)), strategies.seeds)
def test_flow_runs_until_collapse_or_says_why_not(problem, seed):
    t = ufm.gradient_flow(problem, seed=seed, until_nc=1e-5)
    if problem.loss == "mse" and problem.lam_h == 0 and problem.dim > problem.n_centers:
        assert t.status == "stalled"
        assert "null space" in t.stats["reason"]
    else:
        assert t.status == "collapsed"
        assert t.nc_max <= 1e-5
        assert t.class_values("nc_max")[-2].max() > 1e-7 or t.times[-1] == 0  # and not much longer than it takes


def test_collapse_is_reached_at_the_same_time_by_every_method():
    problem = ufm.Problem((6, 4), (2, 5), 0.3, 12)
    features = strategies.features_of(problem, 3)
    ends = [
        ufm.gradient_flow(problem, features=features, method=m, rtol=1e-10).times[-1]
        for m in ("full", "span", "reduced")
    ]
    assert ends[1] == pytest.approx(ends[0], rel=1e-5)
    assert ends[2] == pytest.approx(ends[0], rel=1e-5)


@pytest.mark.parametrize("loss", ["cosine", "mse"])
def test_starts_drawn_in_reduced_coordinates_have_the_same_distribution(loss):
    weights = {"lam": 0.1} if loss == "cosine" else {"lam_h": 0.01}
    problem = ufm.Problem((20_000, 10_000), (2, 5), 0.3, 12, loss=loss, **weights)
    drawn = ufm.gradient_flow(problem, t_eval=[0.0, 1.0, 4.0], seed=1)
    real = ufm.gradient_flow(problem, t_eval=[0.0, 1.0, 4.0], seed=2, keep="final")
    for name in ("nc_mean", "nc_std", "norm_mean", "variability"):
        # standard error of a mean over 10,000 samples of spread about 1, five times over
        np.testing.assert_allclose(drawn.class_values(name), real.class_values(name), atol=0.05, err_msg=name)


@pytest.mark.parametrize("kind", ["gaussian", "sphere", "antipode"])
def test_starts(kind):
    problem = ufm.Problem((4, 3), (2, 3), 0.3, 12)
    for keep in ("metrics", "final"):
        t = ufm.gradient_flow(problem, start=ufm.Start(kind, scale=2.0, offset=1e-2), t_eval=[0.0], keep=keep)
        if kind != "gaussian":
            np.testing.assert_allclose(t.class_values("norm_mean"), 2.0)
        if kind == "antipode":
            np.testing.assert_allclose(t.class_values("nc_mean"), 4.0, atol=2e-4)
            assert ufm.gradient_flow(problem, start=kind, keep=keep).status == "collapsed"


def test_features_that_were_not_kept_are_asked_for_in_vain():
    problem = ufm.Problem((4, 3), (2, 3), 0.3, 12)
    only_metrics, final, whole = (
        ufm.gradient_flow(problem, t_eval=[0.0, 1.0], keep=keep) for keep in ("metrics", "final", "features")
    )
    with pytest.raises(ValueError, match="keep='final'"):
        only_metrics.require_final()
    with pytest.raises(ValueError, match="keep='features'"):
        final.require_features()
    assert np.array_equal(final.require_final(), whole.require_features()[-1])


def test_same_seed_same_numbers_whatever_the_chunks_and_threads(monkeypatch):
    problem = ufm.Problem((50, 30, 20), (2, 3, 4), 0.3, 16)
    base = ufm.gradient_flow(problem, seed=5, keep="final", t_eval=[0, 1, 5], workers=1)
    again = ufm.gradient_flow(problem, seed=5, keep="final", t_eval=[0, 1, 5], workers=3)
    np.testing.assert_array_equal(base.final, again.final)
    np.testing.assert_array_equal(base.value, again.value)
    for module in (blocks, reduced):
        monkeypatch.setattr(module, "ROWS", 16)
    chunked = ufm.gradient_flow(problem, seed=5, keep="final", t_eval=[0, 1, 5], workers=2)
    np.testing.assert_allclose(chunked.final, base.final, atol=1e-12)
    np.testing.assert_allclose(chunked.class_values("nc_mean"), base.class_values("nc_mean"), rtol=1e-10)


def test_small_steps_of_descent_follow_the_flow():
    problem = ufm.Problem((5, 3), (2, 4), 0.3, 12)
    features = strategies.features_of(problem, 0, 0.5)
    end = ufm.gradient_flow(problem, features=features, t_eval=[2.0], keep="final").final
    errors = []
    for step in (0.02, 0.01, 0.005):
        d = ufm.gradient_descent(
            problem, features=features, step_size=step, n_steps=round(2 / step), every=10_000, keep="final"
        )
        errors.append(np.abs(d.final - end).max())
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.2)


class TestLimits:
    def test_single_center_collapses_algebraically(self):
        t = ufm.gradient_flow(ufm.Problem((4,), 1, 0.3, 8), until_nc=1e-9)
        assert t.status == "collapsed"
        assert t.times[-1] == pytest.approx(1 / (2 * 1e-9), rel=0.02)

    def test_centers_that_coincide(self):
        t = ufm.gradient_flow(ufm.Problem((4, 3), 3, np.pi / 2, 12), until_nc=1e-8)
        assert t.status == "collapsed"
        np.testing.assert_allclose(t.class_values("variability")[-1], 0, atol=1e-7)

    def test_orthogonal_centers(self):
        t = ufm.gradient_flow(ufm.Problem((4, 3), 3, 0.0, 12))
        assert t.status == "collapsed"
        np.testing.assert_allclose(t.class_values("variability")[-1], 1, atol=1e-4)

    def test_no_penalty_keeps_the_norm(self):
        problem = ufm.Problem((4, 3), 3, 0.2, 12, lam=0.0)
        t = ufm.gradient_flow(problem, t_final=500.0)
        np.testing.assert_allclose(t.class_values("norm_mean")[-1], t.class_values("norm_mean")[0], rtol=1e-12)
        assert ufm.gradient_flow(problem).status == "collapsed"

    def test_one_class_of_one_sample(self):
        assert ufm.gradient_flow(ufm.Problem((1,), 2, 0.2, 3)).status == "collapsed"
        assert ufm.gradient_flow(ufm.Problem((1,), 2, 0.2, 3, loss="mse", lam_h=0.1)).status == "collapsed"

    def test_start_at_the_minimum(self):
        problem = ufm.Problem((4, 3), 3, 0.2, 12)
        t = ufm.gradient_flow(problem, features=ufm.minimize(problem).features)
        assert (t.status, len(t.times)) == ("collapsed", 1)

    def test_start_on_the_antipode_stalls_and_says_so(self):
        problem = ufm.Problem((4, 3), 3, 0.2, 12)
        features = ufm.minimize(problem).features.copy()
        frame = ufm.multi_center_frame(problem, basis="coordinate")
        features[5] = -oracles.mean_direction(problem, frame, 1)
        t = ufm.gradient_flow(problem, features=features)
        assert t.status == "stalled"
        assert "sample 5 (class 1) starts at the antipode" in t.stats["reason"]

    @pytest.mark.slow
    def test_tiny_and_huge_norms(self):
        problem = ufm.Problem((4, 3), 3, 0.2, 12)
        for scale in (1e-3, 1e3):
            features = strategies.features_of(problem, 0, scale)
            one = flow(problem, features=features, t_eval=[0.5, 5.0, 60.0], method="reduced")
            other = flow(problem, features=features, t_eval=[0.5, 5.0, 60.0], method="full")
            np.testing.assert_allclose(one.features, other.features, atol=1e-6 * max(1, scale))

    def test_accuracy_far_down_the_collapse_is_relative(self):
        problem = ufm.Problem((3,), 20, 0.2, 30)
        coarse, fine = (
            ufm.gradient_flow(problem, t_final=120.0, rtol=r).class_values("nc_mean") for r in (1e-9, 1e-12)
        )
        assert 0 < fine[-1, 0] < 1e-100
        np.testing.assert_allclose(np.log(coarse), np.log(fine), rtol=1e-7)


@pytest.mark.parametrize("norm", [1e-6, 1e-3, 1e3])
def test_exact_at_any_scale_of_the_frame(norm):
    problem = ufm.Problem((4, 3), (2, 3), 0.4, 14, loss="mse")
    frame = ufm.multi_center_frame(problem, norms=[norm, 2 * norm])
    features = strategies.features_of(problem, 0)
    time = problem.total / norm**2
    t = flow(problem, frame=frame, features=features, method="exact", t_eval=[0.0, time])
    expected = oracles.mse_flow(problem, frame, features, time)
    np.testing.assert_allclose(t.features[-1], expected, atol=1e-10 * np.abs(expected).max())
    measured = metrics.variability(features, problem.labels, frame)
    np.testing.assert_allclose(t.class_values("variability")[0], measured, atol=1e-12)


def test_a_classifier_that_leans_on_other_classes_is_not_reduced():
    problem = ufm.Problem((4, 3), (2, 3), 0.4, 14, loss="mse", lam_h=1e-3)
    frame = ufm.multi_center_frame(problem)
    leaning = ufm.Frame(frame.counts, frame.centers, frame.classifier + 0.5 * frame.mean_centers[::-1])
    assert ufm.gradient_flow(problem, frame=leaning, t_final=1.0).stats["method"] == "full"


def test_span_is_exact_for_any_frame():
    problem = ufm.Problem((4, 3), 3, 0.2, 12)
    centers = np.random.default_rng(0).standard_normal((6, 12))
    frame = ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (3, 3))
    one, other = (flow(problem, frame=frame, method=m, t_eval=[0.5, 5.0]) for m in ("span", "full"))
    np.testing.assert_allclose(one.features, other.features, atol=1e-8)


@pytest.mark.slow
def test_a_loss_that_blows_up_is_a_status_with_time_and_sample():
    def explode(h, y):
        return -(h[:, 0] ** 4) / 4

    problem = ufm.Problem((3, 2), 2, 0.2, 8)
    features = strategies.features_of(problem, 0)
    t = ufm.gradient_flow(problem, features=features, loss=ufm.TorchLoss(explode), t_final=50.0, keep="final")
    assert t.status == "diverged"
    assert "(class 0) runs away at t=" in t.stats["reason"]
    assert np.isnan(t.class_values("nc_mean")[-1]).any()


def test_budget_of_steps(monkeypatch):
    monkeypatch.setattr(ufm.simulate.blocks, "MAX_STEPS", 20)
    t = ufm.gradient_flow(ufm.Problem((4,), 1, 0.3, 8), method="full", until_nc=1e-9)
    assert t.status == "stopped"
    assert "after 20 steps" in t.stats["reason"]


def test_dataset():
    problem = ufm.Problem((4, 3), 3, 0.2, 12)
    data = flow(problem, t_eval=[0.0, 1.0]).data
    assert data["nc_mean"].dims == ("time", "class")
    assert data["features"].dims == ("time", "sample", "dim")
    assert ufm.Problem.from_json(data.attrs["problem"]) == problem
    assert data.attrs["status"] == "finished"
    assert "final_features" in ufm.gradient_flow(problem, t_final=1.0, keep="final").data


@pytest.mark.parametrize("start", [ufm.Start(), ufm.Start("antipode", offset=1e-4), ufm.Start(scale=30.0)])
@pytest.mark.parametrize(
    ("weights", "method"),
    [
        ({}, "reduced"),
        ({"lam": 0.0}, "reduced"),
        pytest.param({}, "span", marks=pytest.mark.slow),
        ({"loss": "mse", "lam_h": 0.01}, "exact"),
    ],
)
def test_the_time_to_collapse_is_that_of_the_last_sample(weights, method, start):
    """The samples that stand for the others when the end is looked for are the last ones: no flow goes on for longer.

    Of P and "reduced" many more samples than stand for them.
    """
    problem = ufm.Problem((5, 3, 2) if method == "span" else (400, 90, 50), (2, 3, 6), 0.3, 16, **weights)
    options = {"start": start, "seed": 3, "method": method, "until_nc": 1e-6}
    t = ufm.gradient_flow(problem, **options)
    assert t.status == "collapsed"
    before = ufm.gradient_flow(problem, t_eval=[t.times[-1] / 1.0101, t.times[-1]], **options)
    assert before.class_values("nc_max")[0].max() > 1e-6
    assert before.nc_max <= 1e-6
