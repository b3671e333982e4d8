"""Flow of weights and free features: against slow means, conserved quantities, and where it ends."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.files import memory
from ufm.problems.feature_point import Field, Point
from ufm.simulate import feature_flow

MODEL = ufm.FeatureModel((3, 2, 1), lam_w=2e-2, lam_h=2e-2, dim=4)
BIASES = ["none", "free", 0.3]
LOSSES = ["ce", "mse", "bce", "squared-hinge"]
CHANGED = {
    "weights": (0.5, 1.0, 3.0),
    "temperatures": (0.5, 1.0, 2.0),
    "sample_temperatures": (2.0, 1.0, 0.5),
    "shifts": (-0.5, 0.2, 1.0),
}


def objective(model, point, full):
    """Sample by sample, written down once more; any of the numbers may be complex."""
    w, h, b = point
    k = model.n_classes
    features = h if full else np.repeat(h, model.class_sizes, axis=0)
    value = 0.5 * model.lam_w * np.sum(w**2) + 0.5 * model.lam_h * np.sum(features**2)
    if isinstance(model.bias, float):
        value = value + 0.5 * model.bias * np.sum(b**2)
    for label, feature in zip(model.labels, features, strict=True):
        z = w @ feature + (b if len(b) else 0.0)
        z = model.by_class("sample_temperatures", 1.0)[label] * model.by_class("temperatures", 1.0) * z
        z = z + model.by_class("shifts", 0.0)
        y = (1.0 - model.smoothing) * np.eye(k)[label] + model.smoothing / k
        if model.loss == "ce":
            loss = np.log(np.sum(np.exp(z))) - y @ z
        elif model.loss == "mse":
            loss = 0.5 * np.sum((z - y) ** 2)
        elif model.loss == "bce":
            loss = np.sum(np.log(1.0 + np.exp(z)) - y * z)
        else:
            miss = 1.0 - z[label] + np.delete(z, label)
            loss = 0.5 * np.sum(np.where(miss.real > 0, miss, 0.0) ** 2)
        value = value + model.by_class("weights", 1.0)[label] * loss / model.n_samples
    return value


def slopes(model, point, full):
    """By complex steps, one number at a time; of a feature that stands for several samples that of one."""
    x = point.flat()
    gradient = np.empty_like(x)
    for i in range(x.size):
        moved = x.astype(complex)
        moved[i] += 1e-30j
        gradient[i] = objective(model, point.unflat(moved), full).imag / 1e-30
    slope = point.unflat(gradient)
    return slope if full else slope._replace(features=slope.features / np.array(model.class_sizes)[:, None])


def drawn(model, full, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    rows = model.n_samples if full else model.n_classes
    shapes = (model.n_outputs, model.dim), (rows, model.dim), (0 if model.bias == "none" else model.n_outputs,)
    return Point(*(scale * rng.standard_normal(shape) for shape in shapes))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("changes", [{}, CHANGED], ids=["plain", "changed"])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_field_is_the_gradient(loss, bias, changes, full):
    smoothing = 0.0 if loss == "squared-hinge" else 0.1
    model = MODEL.replace(loss=loss, bias=bias, lam_h=5e-3, smoothing=smoothing, **changes)
    point = drawn(model, full)
    value, slope = Field(model, full).at(point)
    assert value == pytest.approx(objective(model, point, full), rel=1e-14)
    np.testing.assert_allclose(slope.flat(), slopes(model, point, full).flat(), rtol=1e-12, atol=1e-14)


def by_runge_and_kutta(model, start, full, end, steps):
    """Four evaluations of the slow gradient a step."""
    x, h = start.flat(), end / steps

    def velocity(x):
        return -slopes(model, start.unflat(x), full).flat()

    for _ in range(steps):
        a = velocity(x)
        b = velocity(x + 0.5 * h * a)
        c = velocity(x + 0.5 * h * b)
        d = velocity(x + h * c)
        x = x + h / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return x


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("loss", "bias"), [("ce", "free"), ("mse", "none")])
def test_steps_of_runge_and_kutta_get_to_the_same_place(loss, bias, full):
    model, end = MODEL.replace(loss=loss, bias=bias, lam_w=0.0), 3.0
    start = drawn(model, full)
    coarse, fine = (by_runge_and_kutta(model, start, full, end, steps) for steps in (12, 24))
    flow = ufm.gradient_flow(model, start=start, t_final=end, method="full" if full else "means", rtol=1e-12)
    error = np.abs(coarse - fine).max() / 15.0  # of the fine one, as its order is 4
    assert 1e-10 < error < 1e-3
    np.testing.assert_allclose(flow.state.flat(), fine, atol=2.0 * error)


@pytest.mark.slow
@given(strategies.seeds, st.sampled_from(LOSSES), st.sampled_from(BIASES), st.booleans(), st.sampled_from([0.0, 0.05]))
def test_what_is_conserved(seed, loss, bias, full, lam):
    """B(t) = e^(-2 lam t) B(0), with a start that is far from balanced, whatever the loss."""
    model = ufm.FeatureModel((3, 2, 2), lam_w=lam, lam_h=lam, loss=loss, bias=bias, dim=5)
    method = "full" if full else "means"
    flow = ufm.gradient_flow(model, seed=seed, method=method, t_final=20.0, n_times=9, rtol=1e-12)
    assert flow.status == "finished"
    assert flow.curves["balance"][0] > 1.0
    assert flow.curves["drift"].max() < 1e-9
    np.testing.assert_allclose(flow.curves["balance"], flow.curves["balance"][0] * np.exp(-2 * lam * flow.times), 1e-7)
    assert np.all(np.diff(flow.value) <= 0.0)


def test_unequal_decays_conserve_nothing():
    flow = ufm.gradient_flow(MODEL.replace(lam_w=0.09, lam_h=0.01), t_final=20.0, rtol=1e-12)
    assert flow.curves["drift"].max() > 0.1


@pytest.mark.parametrize(
    ("loss", "bias", "sizes"), [("ce", "free", (4, 4, 4)), ("mse", "none", (6, 4, 2)), ("bce", "none", (5, 3, 3))]
)
def test_with_decay_all_features_collapse_to_the_minimum(loss, bias, sizes):
    model = ufm.FeatureModel(sizes, lam_w=2e-2, lam_h=2e-2, loss=loss, bias=bias, dim=6)
    flow = ufm.gradient_flow(model, method="full", t_final=3000.0, n_times=5, keep="features")
    least = ufm.minimize(model)
    assert flow.status == "collapsed"
    assert flow.nc1[0] > 0.1 > 1e-12 > flow.nc1[-1]
    assert least.bound - 1e-12 <= flow.value[-1] == pytest.approx(least.value, abs=1e-9)
    np.testing.assert_allclose(flow.weight_gram[-1], least.weight_gram, atol=1e-5)
    np.testing.assert_allclose(flow.feature_gram[-1], least.feature_gram, atol=1e-5)
    np.testing.assert_allclose(flow.class_logits[-1], least.class_logits, atol=1e-5)
    np.testing.assert_allclose(flow.curves["weight_norms"][-1], least.weight_norms[least.group], atol=1e-5)
    if loss == "ce":
        assert flow.curves["weight_simplex"][-1] < 1e-5 < 0.1 < flow.curves["weight_simplex"][0]
        assert flow.curves["mean_simplex"][-1] < 1e-5 < 0.1 < flow.curves["mean_simplex"][0]


@pytest.mark.slow
def test_without_decay_features_keep_what_weights_do_not_see():
    """W H = Y is reached, with the variation within classes that B has kept."""
    model = ufm.FeatureModel((4, 4, 4), lam_w=0.0, lam_h=0.0, loss="mse", dim=6)
    flow = ufm.gradient_flow(model, method="full", t_final=3000.0, n_times=5, keep="features", rtol=1e-12)
    assert flow.status == "finished"
    assert flow.value[-1] < 1e-12
    assert flow.nc1[-1] > 0.1
    weights, features, _ = flow.state
    np.testing.assert_allclose(features @ weights.T, np.eye(3)[model.labels], atol=1e-6)
    assert flow.curves["drift"].max() < 1e-9


def test_without_decay_cross_entropy_falls_for_ever():
    flow = ufm.gradient_flow(MODEL.replace(lam_w=0.0, lam_h=0.0), t_eval=10.0 ** np.arange(7), rtol=1e-12)
    assert np.all(np.diff(flow.curves["strengths"][2:, 0]) > 1.0)  # as the logarithm of the time
    assert flow.value[-1] < 1e-5
    assert flow.curves["drift"].max() < 1e-9


def test_samples_in_one_point_move_as_means_and_dimensions_nobody_uses_cost_nothing():
    model = MODEL.replace(bias="free", dim=40)
    start = drawn(model, full=False)
    means = ufm.gradient_flow(model, start=start, t_final=30.0, keep="features", rtol=1e-11)
    full = ufm.gradient_flow(model, start=start, t_final=30.0, method="full", keep="features", rtol=1e-11)
    assert (means.stats["method"], full.stats["method"]) == ("means", "full")
    assert full.state.features.shape == (6, 40)
    for name in set(means.curves) - {"nc1"}:
        np.testing.assert_allclose(full.curves[name], means.curves[name], atol=1e-8)
    assert np.isnan(means.nc1).all()
    assert full.nc1.max() < 1e-20
    repeated = np.repeat(start.features, model.class_sizes, axis=0)
    np.testing.assert_array_equal(full.start.features, repeated)
    np.testing.assert_allclose(full.states.features[0], repeated, atol=1e-13)
    few = np.linalg.qr(np.concatenate(start[:2]).T)[0]
    small = ufm.gradient_flow(model.replace(dim=6), start=start.times(few), t_final=30.0, rtol=1e-11)
    np.testing.assert_allclose(small.state.times(few.T).flat(), means.state.flat(), atol=1e-9)


@given(strategies.seeds)
def test_rotations_and_the_order_of_classes_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    start = drawn(MODEL, full=False, seed=seed)
    turn, order = np.linalg.qr(rng.standard_normal((4, 4)))[0], rng.permutation(3)
    one = ufm.gradient_flow(MODEL, start=start, t_final=9.0, n_times=3)
    turned = ufm.gradient_flow(MODEL, start=start.times(turn), t_final=9.0, n_times=3)
    np.testing.assert_allclose(turned.state.flat(), one.state.times(turn).flat(), atol=1e-6)
    model = MODEL.replace(class_sizes=tuple(MODEL.class_sizes[k] for k in order))
    moved = Point(start.weights[order], start.features[order], start.bias)
    other = ufm.gradient_flow(model, start=moved, t_final=9.0, n_times=3)
    np.testing.assert_allclose(other.curves["feature_norms"], one.curves["feature_norms"][:, order], atol=1e-6)


def test_soft_labels_and_a_loss_of_ones_own():
    targets = ((0.7, 0.3), (0.2, 0.8), (0.5, 0.5))
    model = ufm.FeatureModel((3, 2, 1), 2e-2, 2e-2, targets=targets)
    flow = ufm.gradient_flow(model, t_final=4000.0, n_times=3)
    assert flow.value[-1] == pytest.approx(ufm.minimize(model).value, abs=1e-8)
    assert flow.curves["strengths"].shape == (3, 2)
    own = ufm.gradient_flow(MODEL.replace(loss=type("Own", (type(MODEL.loss_object()),), {})()), t_final=5.0)
    np.testing.assert_array_equal(own.value, ufm.gradient_flow(MODEL, t_final=5.0).value)
    assert "problem" not in own.data.attrs


def test_what_is_recorded():
    flow = ufm.gradient_flow(MODEL, start=ufm.Start("sphere", scale=0.5), seed=3, t_final=2.0, n_times=3)
    again = ufm.gradient_flow(MODEL, start=ufm.Start("sphere", scale=0.5), seed=3, t_final=2.0, n_times=3)
    np.testing.assert_array_equal(flow.state.flat(), again.state.flat())
    np.testing.assert_allclose(flow.curves["weight_norms"][0], 0.5, rtol=1e-14)
    data = flow.data
    assert data.weight_norms.dims == ("time", "output")
    assert data.time.values.tolist() == [0.0, 1.0, 2.0]
    assert ufm.FeatureModel.from_json(data.attrs["problem"]) == MODEL
    assert json.loads(data.attrs["stats"])["start"]["scale"] == 0.5
    np.testing.assert_array_equal(data.value, flow.value)
    assert flow.scale == pytest.approx(np.log(3.0))
    assert flow.states is None
    with pytest.raises(ValueError, match="states were not kept"):
        _ = flow.class_logits


class TestStatus:
    def test_nothing_moves_weights_and_features_that_are_0(self):
        zero = Point(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros(3))
        flow = ufm.gradient_flow(MODEL.replace(bias="free"), start=zero, t_final=1.0)
        assert flow.status == "stalled"
        assert "start at 0" in flow.stats["reason"]
        assert not flow.state.weights.any()
        assert flow.state.bias.any()

    def test_a_start_that_overflows(self):
        huge = Point(np.full((3, 4), 1e100), np.full((3, 4), 1e100), np.zeros(0))
        flow = ufm.gradient_flow(MODEL.replace(loss="mse"), start=huge, t_final=1.0)
        assert flow.status == "diverged"
        assert flow.stats["reason"]
        assert np.isnan(flow.value[-1])

    def test_the_budget_is_spent(self, monkeypatch):
        monkeypatch.setattr(feature_flow, "MAX_STEPS", 5)
        flow = ufm.gradient_flow(MODEL, t_final=1e3, keep="features")
        assert flow.status == "stopped"
        assert "after 5 steps" in flow.stats["reason"]
        assert np.isnan(flow.value[-1])
        assert np.isnan(flow.states.weights[-1]).all()
        assert np.isfinite(flow.state.flat()).all()


BAD = (
    ({}, "t_eval or t_final is needed"),
    ({"t_final": 1.0, "method": "exact"}, "method='exact' is unknown"),
    ({"t_final": 1.0, "keep": "all"}, "keep='all' is unknown"),
    ({"t_final": 1.0, "rtol": 0.0}, "rtol=0.0 is outside"),
    ({"t_final": -1.0}, "t_final=-1.0 must be positive"),
    ({"t_final": 1.0, "seed": -1}, "seed=-1"),
    ({"t_final": 1.0, "frame_rate": 2.0}, "frame_rate was given, but weights and features"),
    ({"t_final": 1.0, "features": np.ones((6, 4))}, "features was given, but a model without a frame"),
    ({"t_final": 1.0, "start": "antipode"}, "start='antipode' is of a mean center"),
    ({"t_final": 1.0, "start": "zero"}, "start 'zero' is unknown"),
    ({"t_final": 1.0, "start": (np.ones((3, 4)),)}, "start has 1 parts"),
    ({"t_final": 1.0, "start": (np.ones((3, 5)), np.ones((3, 4)))}, r"start.weights has shape \(3, 5\): \(3, 4\)"),
    ({"t_final": 1.0, "start": (np.ones((3, 4)), np.ones((5, 4)))}, r"start.features has shape .* or \(6, 4\)"),
    (
        {"t_final": 1.0, "start": (np.ones((3, 4)), np.ones((6, 4))), "method": "means"},
        r"start.features has shape \(6, 4\): \(3, 4\) is needed",
    ),
    ({"t_final": 1.0, "start": (np.ones((3, 4)), np.ones((3, 4)), np.ones(3))}, r"start.bias has shape \(3,\): \(0,\)"),
    ({"t_final": 1.0, "start": (np.ones((3, 4)), np.full((3, 4), np.nan))}, "start.features contains NaN"),
    ({"t_final": 1.0, "start": (np.ones((3, 4)), 1j * np.ones((3, 4)))}, "start.features of dtype complex128"),
)


@pytest.mark.parametrize(("options", "message"), BAD)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ufm.gradient_flow(MODEL, **options)


def test_what_does_not_fit_is_refused_before_it_is_allocated(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1 << 24)
    model = ufm.FeatureModel((10**6,) * 10, lam_w=1e-3, lam_h=1e-3, dim=64)
    with pytest.raises(MemoryError, match=r"a flow of 10000000 features .* needs .* GiB .*: use method='means'"):
        ufm.gradient_flow(model, method="full", t_final=1.0)
    with pytest.raises(MemoryError, match="record fewer times"):
        ufm.gradient_flow(model, t_final=1.0, n_times=10**6)
    assert ufm.gradient_flow(model, t_final=1.0, n_times=2).status == "finished"


def test_a_flow_of_something_else():
    with pytest.raises(TypeError, match=r"problem is a ufm\.Problem, a ufm\.FeatureModel"):
        ufm.gradient_flow("ce", t_final=1.0)


@pytest.mark.parametrize(
    "model",
    [
        ufm.NonnegativeModel((3, 2), lam_w=0.1, lam_h=0.1),
        ufm.DeepModel((3, 2), lam_w=0.1, lam_h=0.1),
        ufm.PeeledModel((3, 2)),
        ufm.SphereModel((3, 2), dim=2, temperature=1.0),
    ],
)
def test_models_that_would_move_otherwise_are_refused(model):
    with pytest.raises((ValueError, TypeError), match=r"has minima, but no flow here|not of type|no flow"):
        ufm.gradient_flow(model, t_final=1.0)
