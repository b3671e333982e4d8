"""Deep linear models: the objective written down once more, the convex program as their case of one layer, limits."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import ufm
from tests import strategies
from theory.zoo import ce_balanced, deep_ce, deep_mse, mse_imbalanced
from ufm.minimize.certificate import bound_of
from ufm.minimize.deep import Layered, balanced, polished
from ufm.minimize.factored import Factored
from ufm.minimize.layouts import Whole
from ufm.minimize.schatten import ScalarProblem
from ufm.problems.logits import NAMED, Local

SMOOTH = sorted(NAMED.keys() - {"hinge"})

SIZES = (6, 3, 2)
UNEQUAL = (2e-2, 5e-3, 8e-3)


def model_of(loss="mse", **changes):
    return ufm.DeepModel(
        **{"class_sizes": SIZES, "lam_w": UNEQUAL, "lam_h": 3e-3, "layers": 3, "loss": loss, **changes}
    )


def everything(model, layers, features):
    """The objective over all layers and a feature for each sample, (N, d), by its definition; complex numbers, too."""
    h, y = features, np.eye(model.n_classes)[model.labels]
    for w in layers:
        h = h @ w.T
    if model.loss == "ce":
        value = np.log(np.exp(h).sum(axis=1)).sum() - (y * h).sum()
    elif model.loss == "mse":
        value = 0.5 * ((h - y) ** 2).sum()
    else:
        value = (np.log(1.0 + np.exp(h)) - y * h).sum()
    value = value / model.n_samples + 0.5 * model.lam_h * (features**2).sum()
    return value + sum(0.5 * lam * (w**2).sum() for lam, w in zip(model.decays, layers, strict=True))


def somewhere(model, seed=0):
    """A point, and factors in which it is no balanced one."""
    rng, r, k = np.random.default_rng(seed), min(model.dim, model.n_classes), model.n_classes
    shapes = [(r, k), *[(r, r)] * (model.layers - 1), (k, r)]
    return Layered(Whole(model), model.strength, [rng.standard_normal(shape) for shape in shapes])


def unscaled(model, factors):
    """Layers and a feature for each sample."""
    layers = [f / np.sqrt(lam / model.strength) for f, lam in zip(factors[1:], model.decays, strict=True)]
    means = factors[0] / np.sqrt(np.asarray(model.class_sizes) * model.lam_h / model.strength)
    return layers, means.T[model.labels]


@pytest.mark.parametrize("loss", ["ce", "mse", "bce"])
@pytest.mark.parametrize("dim", [2, 5])
def test_value_and_gradient_are_those_of_the_definition(loss, dim):
    model = model_of(loss, dim=dim)
    local = somewhere(model)
    assert local.value == pytest.approx(everything(model, *unscaled(model, local.factors)), rel=1e-13)
    for i in range(0, local.gradient.size, 3):
        step = 1e-30j * np.eye(1, local.gradient.size, i)[0]
        moved = [f + s for f, s in zip(local.factors, local._parts(step), strict=True)]
        slope = everything(model, *unscaled(model, moved)).imag / 1e-30
        assert local.gradient[i] == pytest.approx(slope, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("loss", SMOOTH)
@given(strategies.seeds)
def test_the_hessian_is_the_slope_of_the_gradient(loss, seed):
    local, h = somewhere(model_of(loss), seed), 1e-6
    v = np.random.default_rng(seed).standard_normal(local.gradient.size)
    if loss != "squared-hinge":  # whose slopes have kinks
        bent = (local.move(h * v).gradient - local.move(-h * v).gradient) / (2.0 * h)
        np.testing.assert_allclose(local.hessian(v), bent, rtol=1e-5, atol=1e-6 * np.abs(bent).max())


@pytest.mark.parametrize("loss", SMOOTH)
def test_one_layer_is_the_convex_program(loss):
    model = ufm.FeatureModel(SIZES, lam_w=2e-2, lam_h=3e-3, loss=loss)
    layout, rng = Whole(model), np.random.default_rng(0)
    u, v, nothing = rng.standard_normal((3, 3)), rng.standard_normal((3, 3)), np.zeros(0)
    shallow = Factored(layout, model.strength, 0.0, (u, v, nothing, nothing))
    deep = Layered(layout, model.strength, [v.T, u])
    assert deep.value == pytest.approx(shallow.value, rel=1e-14)

    def turned(x):
        return np.concatenate([x[9:].reshape(3, 3).T.ravel(), x[:9]])

    np.testing.assert_allclose(deep.gradient, turned(shallow.gradient), atol=1e-14)
    x = rng.standard_normal(18)
    np.testing.assert_allclose(deep.hessian(turned(x)), turned(shallow.hessian(x)), atol=1e-13)


def single(**fields):
    """A deep model of one layer, which there is only on paper."""
    return SimpleNamespace(**vars(ufm.FeatureModel(**fields)), layers=1)


@pytest.mark.parametrize("lam", [1e-3, 1e-2, 3e-2, 1.0])
def test_theorems_agree_at_one_layer(lam):
    fields = {"class_sizes": (40, 20, 8, 3), "lam_w": 2 * lam, "lam_h": lam / 2, "loss": "mse"}
    deep, shallow = deep_mse.predict(single(**fields)), mse_imbalanced.predict(ufm.FeatureModel(**fields))
    for part, wanted in shallow.items():
        np.testing.assert_allclose(deep[part], wanted, atol=1e-13, err_msg=part)
    fields = {"class_sizes": (5,) * 6, "lam_w": 2 * lam, "lam_h": lam / 2}
    said = deep_ce.predict(single(**fields))
    assert said["collapse_value"] == said["value_at_most"]
    assert said["collapse_value"] == pytest.approx(ce_balanced.predict(ufm.FeatureModel(**fields))["value"], abs=1e-13)


def test_the_bound_agrees_at_one_layer():
    model = ufm.FeatureModel((40, 20, 8, 3), lam_w=1e-2, lam_h=2e-2, loss="mse")
    scalar = ScalarProblem(np.sqrt(model.class_sizes), 71.0, model.strength, 1.0)
    assert scalar.bound(scalar.flattest()).sum() == pytest.approx(ufm.minimize(model).value, abs=1e-12)


@given(st.floats(0.0, 10.0), st.floats(1e-6, 10.0), st.integers(1, 6), st.floats(-1.0, 12.0), st.floats(0.0, 20.0))
def test_any_tangent_is_a_bound(t, cost, layers, y, x):
    power, total = 2.0 / (layers + 1), 7.0
    scalar = ScalarProblem(np.array([t]), total, cost, power)
    here = 0.5 * (x - t) ** 2 / total + cost * x**power
    best = scalar.bound(scalar.flattest())[0]
    assert scalar.bound(np.array([y]))[0] <= best + 1e-12
    assert best <= here + 1e-12
    grid = np.linspace(0.0, t, 4001)
    least = (0.5 * (grid - t) ** 2 / total + cost * grid**power).min()
    assert best == pytest.approx(least, abs=1e-5 * (1.0 + t**2))


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"smoothing": 0.2},
        {"targets": ((1.0, 0.2), (-0.5, 1.5), (0.3, -2.0))},
        {"targets": ((1.0, 1.0, 0.0, 0.5),) * 3},
    ],
)
def test_squared_loss_is_proven(changes, dim):
    model = model_of(dim=dim, **changes)
    found = ufm.minimize(model)
    assert found.status == "optimal"
    assert abs(found.gap) < 1e-12
    assert found.rank <= dim
    again = ufm.Certificate.from_json(found.certificate.to_json())
    assert ufm.verify(again, model) == pytest.approx(found.value, abs=1e-12)


@given(strategies.seeds)
def test_no_multiplier_proves_more_than_the_minimum(seed):
    model = model_of()
    multiplier = np.random.default_rng(seed).uniform(-1.0, 4.0, 3)
    assert bound_of(model).value(multiplier) <= bound_of(model).value(bound_of(model).multiplier()) + 1e-14


@pytest.mark.parametrize("loss", ["ce", "mse", "bce"])
def test_a_solution_is_worth_what_it_says(loss):
    model = model_of(loss)
    found = ufm.minimize(model)
    assert everything(model, found.layers, found.class_features[model.labels]) == pytest.approx(found.value, abs=1e-13)
    assert found.stats["ends"][0] == pytest.approx(found.scale)
    assert found.value <= min(found.stats["ends"])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["ce", "mse", "bce"])
def test_nobody_who_has_a_feature_for_every_sample_gets_lower(loss):
    model = model_of(loss, class_sizes=(3, 2, 1), layers=2, lam_w=(2e-2, 1e-2))

    def at(x):
        return everything(model, [x[:9].reshape(3, 3), x[9:18].reshape(3, 3)], x[18:].reshape(6, 3))

    starts = (np.random.default_rng(seed).standard_normal(36) for seed in range(4))
    others = [optimize.minimize(at, start, tol=1e-9).fun for start in starts]
    assert min(others) == pytest.approx(ufm.minimize(model).value, abs=1e-7)


def test_neighbouring_layers_are_balanced():
    model = model_of("ce")
    found = ufm.minimize(model)
    layers, lam = found.layers, model.decays
    for low, high, a, b in zip(layers, layers[1:], lam, lam[1:], strict=False):
        np.testing.assert_allclose(b * high.T @ high, a * low @ low.T, atol=1e-9)
    weighted = found.class_features.T * np.sqrt(model.class_sizes)
    np.testing.assert_allclose(lam[0] * layers[0].T @ layers[0], model.lam_h * weighted @ weighted.T, atol=1e-9)
    # the objective is then the loss and the Schatten quasi-norm of A = Z D^(1/2)
    a = found.class_logits.T * np.sqrt(model.class_sizes)
    strengths = np.linalg.svd(a, compute_uv=False)
    kept = strengths[strengths > 1e-9]  # the root of rounding is no rounding
    decay = 0.5 * (model.layers + 1) * model.strength * np.sum(kept ** (2.0 / (model.layers + 1)))
    loss = found.local.layout.weights @ found.local.loss.values
    assert loss + decay == pytest.approx(found.value, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("loss", SMOOTH)
def test_limits(loss):
    nothing = ufm.minimize(model_of(loss, lam_w=10.0))
    assert (nothing.rank, nothing.value) == (0, nothing.scale)
    values = [ufm.minimize(model_of(loss, lam_w=lam)).value for lam in (1e-2, 1e-4, 1e-6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 2e-3


@pytest.mark.slow
def test_the_order_of_the_classes_does_not_matter():
    for loss in SMOOTH:
        model = model_of(loss)
        before, after = ufm.minimize(model), ufm.minimize(model.replace(class_sizes=SIZES[::-1]))
        assert after.value == pytest.approx(before.value, abs=1e-11)
        np.testing.assert_allclose(after.feature_norms[::-1], before.feature_norms, atol=1e-6)


@pytest.mark.parametrize("k", [6, 8, 10])
def test_pairs_of_opposite_classes_are_what_many_starts_find_under_two_layers(k):
    """Seen, not proved: what is predicted is an upper bound, here reached."""
    model = ufm.DeepModel((5,) * k, lam_w=2.0**-10, lam_h=2.0**-10, layers=2)
    found, said = ufm.minimize(model), deep_ce.predict(model)
    assert found.value == pytest.approx(said["value_at_most"], abs=1e-11)
    assert found.aligned == pytest.approx(said["collapse_value"], abs=1e-11)
    assert found.status == "best of 28 starts"
    assert found.certificate is None
    assert found.bound == -np.inf
    assert found.rank == k // 2
    assert not found.collapsed
    cosines = found.weight_gram / np.outer(found.weight_norms, found.weight_norms)
    np.testing.assert_allclose(np.sort(cosines, axis=1)[:, [0, 1, -2, -1]], [[-1, 0, 0, 1]] * k, atol=1e-6)
    if k == 10:
        assert (round(found.aligned, 6), round(found.value, 6)) == (0.090662, 0.080013)


@pytest.mark.parametrize("lam", [1e-3, 1e-6, 1e-40])
def test_the_orthoplex_is_not_always_the_minimum(lam):
    """Sixteen classes at the vertices of half a 5-cube, with cosines 1/5 and -3/5, are lower under two layers."""
    model = ufm.DeepModel((5,) * 16, lam_w=lam, lam_h=lam, layers=2)
    signs = np.array([(*s, np.prod(s)) for s in np.ndindex(2, 2, 2, 2) for s in [2 * np.array(s) - 1]])
    gram, layout = signs @ signs.T / 5.0, Whole(model)
    scales = np.geomspace(1.0, 400.0, 400)
    lowest = min(balanced(layout, model, size * gram * layout.root).value for size in scales)
    assert lowest < 0.99 * deep_ce.predict(model)["value_at_most"]


@pytest.mark.parametrize("k", [4, 6, 8])
@pytest.mark.parametrize("layers", [2, 3, 4, 7])
def test_the_criterion_as_decay_vanishes(k, layers):
    said = deep_ce.predict(ufm.DeepModel((5,) * k, lam_w=1e-40, lam_h=1e-40, layers=layers))
    assert ("collapsed" in said) == (k * (1.0 - 2.0 ** (2.0 / (layers + 1) - 1.0)) > 1.0)


def test_a_collapse_is_known_when_it_is_seen():
    model = ufm.DeepModel((5,) * 4, lam_w=1e-3, lam_h=1e-3, layers=2)
    found = ufm.minimize(model)
    assert found.collapsed
    assert found.value == found.aligned
    assert not ufm.minimize(model.replace(lam_w=10.0)).collapsed


def test_reports():
    proven, best = ufm.certify(ufm.minimize(model_of())), ufm.certify(ufm.minimize(model_of("ce")))
    assert proven.holds
    assert "optimal" in proven.title
    assert any("best of 28 starts" in note for note in best.notes)
    assert "best of 28 starts" in best.title


class Quartic:
    """A loss of one's own."""

    exchangeable = True

    def at(self, logits, targets, counts):
        miss = logits - targets
        return Local((counts * miss**4).sum(axis=1), 4.0 * counts * miss**3, lambda v: 12.0 * counts * miss**2 * v)


def test_a_loss_of_ones_own():
    found = ufm.minimize(model_of(Quartic(), lam_w=1e-4))
    assert found.alive.all()
    assert polished(found.local).value == pytest.approx(found.value, abs=1e-15)


def test_balanced_factors_are_those_of_the_matrix():
    model = model_of(dim=2)
    matrix = np.random.default_rng(0).standard_normal((3, 3))
    left, strengths, right = np.linalg.svd(matrix)
    np.testing.assert_allclose(balanced(Whole(model), model, matrix).matrix, (left[:, :2] * strengths[:2]) @ right[:2])


def test_a_model_on_paper():
    model = model_of()
    assert ufm.DeepModel.from_toml(model.to_toml()) == model
    assert ufm.DeepModel.from_json(model.to_json()) == model
    assert json.loads(model.to_json())["lam_w"] == list(UNEQUAL)
    assert model.strength == pytest.approx((2e-2 * 5e-3 * 8e-3 * 3e-3) ** 0.25)
    same = model_of(lam_w=(0.1, 0.1, 0.1))
    assert same == model_of(lam_w=0.1)
    assert same.key == model_of(lam_w=0.1).key != model.key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 1}, "layers=1 must be at least 2: one layer is a ufm.FeatureModel"),
        ({"layers": 2.5}, "layers contains 2.5: only integers"),
        ({"lam_w": (0.1, 0.2)}, r"lam_w=\(0.1, 0.2\) has 2 entries for layers=3"),
        ({"lam_w": (0.1, 0.2, 0.0)}, "lam_w=0.0 must be positive"),
        ({"lam_w": (0.1, -0.2, 0.3)}, "lam_w=-0.2 must be finite and at least 0"),
        ({"lam_w": "0.1 each"}, "lam_w='0.1 each' is not a number"),
        ({"lam_h": 0.0}, "lam_h=0.0 must be positive"),
        ({"bias": "free"}, "bias='free' must be 'none': a deep model has no bias"),
        ({"loss": "cee"}, "loss='cee' is unknown: did you mean 'ce'"),
        ({"dim": 0}, "dim contains 0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model_of(**changes)


def test_what_has_no_meaning_or_no_bound():
    model = model_of()
    with pytest.raises(ValueError, match="are for problems with multiple centers"):
        ufm.minimize(model, method="full")
    for without in (model_of("ce"), model_of(weights=(1.0, 2.0, 3.0))):
        assert ufm.minimize(without).certificate is None
        with pytest.raises(TypeError, match="no lower bound is known for a DeepModel"):
            bound_of(without)
    for wrong in (np.ones(4), np.full(3, np.nan)):
        with pytest.raises(ValueError, match="a multiplier is 3 finite numbers"):
            bound_of(model).value(wrong)
    with pytest.raises(ValueError, match="the certificate is about problem"):
        ufm.verify(ufm.minimize(model).certificate, model.replace(layers=2, lam_w=0.1))


def test_searches_that_would_not_fit(monkeypatch):
    from ufm.files import memory

    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    with pytest.raises(MemoryError, match=r"a search over .* numbers needs .*: use fewer classes"):
        ufm.minimize(ufm.DeepModel((5,) * 50, lam_w=1e-2, lam_h=1e-3))
