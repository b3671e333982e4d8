import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import ufm
from tests import strategies
from ufm.minimize.convex import solve
from ufm.minimize.layouts import layout_of
from ufm.minimize.nuclear import NuclearBound
from ufm.problems.logits import NAMED, Local, RoundedHinge

SIZES = (50, 30, 10, 5, 5, 2, 2, 2)
BIASES = ["none", "free", 0.01]


@st.composite
def asked(draw, name):
    """Logits, targets and multiplicities: rows of the usual kind, or columns for several outputs."""
    rng = np.random.default_rng(draw(strategies.seeds))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    logits = 2.0 * rng.standard_normal((rows, columns))
    counts = rng.integers(1, 9, (rows, columns)).astype(float)
    targets = np.eye(columns)[rng.integers(0, columns, rows)]
    counts[targets > 0] = 1.0
    if "hinge" not in name:
        targets = 0.9 * targets + 0.1 / counts.sum(axis=1, keepdims=True)
    return logits, targets, counts


@pytest.mark.parametrize("name", NAMED)
@given(st.data())
def test_slopes_curvature_and_conjugate_of_a_loss(name, data):
    logits, targets, counts = data.draw(asked(name))
    loss = NAMED[name]()
    here = loss.at(logits, targets, counts)
    direction, h = np.random.default_rng(0).standard_normal(logits.shape), 1e-6
    after, before = (loss.at(logits + sign * h * direction, targets, counts) for sign in (1, -1))
    along = np.einsum("bp,bp->b", here.slopes, direction)
    np.testing.assert_allclose((after.values - before.values) / (2 * h), along, rtol=1e-5, atol=1e-6)
    if "hinge" not in name:  # whose slopes have kinks
        bent = (after.slopes - before.slopes) / (2 * h)
        np.testing.assert_allclose(bent, here.bend(direction), rtol=1e-4, atol=1e-6)
    # l(x) - <g, x> is the dual at the slopes of x (Fenchel), and below l(z) - <g, z> everywhere else
    dual = loss.dual(here.slopes, targets, counts)
    inner = np.einsum("bp,bp->b", here.slopes, logits)
    np.testing.assert_allclose(dual, here.values - inner, rtol=1e-9, atol=1e-9)
    other = loss.at(logits + direction, targets, counts)
    above = np.einsum("bp,bp->b", here.slopes, logits + direction)
    assert np.all(other.values - above >= here.values - inner - 1e-9)


@given(st.data(), st.sampled_from([1.0, 0.05]))
def test_a_rounded_hinge_is_below_the_hinge_and_meets_it_at_its_own_multipliers(data, width):
    logits, targets, counts = data.draw(asked("hinge"))
    hinge, others = NAMED["hinge"]().at(logits, targets, counts), counts * (1.0 - targets)
    rounded = RoundedHinge(np.random.default_rng(0).random(logits.shape), width)
    here = rounded.at(logits, targets, counts)
    assert np.all(here.values <= hinge.values + 1e-12)
    assert np.all(hinge.values - here.values <= 0.5 * width * others.sum(1))
    # one at a miss, nothing at a margin that is met
    met = RoundedHinge((hinge.slopes > 0).astype(float), width).at(logits, targets, counts)
    np.testing.assert_allclose(met.values, hinge.values, atol=1e-12)
    direction, h = np.random.default_rng(1).standard_normal(logits.shape), 1e-7
    moved = [rounded.at(logits + sign * h * direction, targets, counts).values for sign in (1, -1)]
    along = np.einsum("bp,bp->b", here.slopes, direction)
    np.testing.assert_allclose((moved[0] - moved[1]) / (2 * h), along, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", NAMED)
def test_minima_are_proven_and_groups_are_classes(loss, bias):
    model = ufm.FeatureModel(SIZES, lam_w=5e-3, lam_h=1e-3, loss=loss, bias=bias)
    geometry = ufm.minimize(model)
    assert geometry.status == "optimal", geometry.stats
    assert abs(geometry.gap) < 1e-9 * geometry.scale
    assert ufm.verify(geometry.certificate, model) == pytest.approx(geometry.bound, abs=1e-13)
    layout = layout_of(model, whole=True)
    whole = solve(layout, model, 8).local
    assert whole.convex_value == pytest.approx(geometry.value, abs=2e-9 * geometry.scale)
    bound = NuclearBound(model)
    assert bound.value(bound.of(whole)) == pytest.approx(geometry.value, abs=2e-9 * geometry.scale)


def everything(model, x):
    """The objective over weights, a feature for each sample, and a bias, written down once more; d = K."""
    k, n = model.n_classes, model.n_samples
    w, h, b = x[: k * k].reshape(k, k), x[k * k : k * k + n * k].reshape(n, k), x[k * k + n * k :]
    z = h @ w.T + (b if model.bias != "none" else 0.0)
    own = z[np.arange(n), model.labels]
    if model.loss == "ce":
        loss = np.log(np.exp(z).sum(axis=1)) - own
    elif model.loss == "mse":
        loss = 0.5 * ((z - np.eye(k)[model.labels]) ** 2).sum(axis=1)
    else:
        loss = np.log1p(np.exp(z)).sum(axis=1) - own
    decay = 0.5 * model.lam_w * (w**2).sum() + 0.5 * model.lam_h * (h**2).sum()
    return loss.mean() + decay + (0.5 * model.bias * (b**2).sum() if isinstance(model.bias, float) else 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("loss", ["ce", "mse", "bce"])
def test_nobody_who_has_a_feature_for_every_sample_gets_lower(loss, bias):
    model = ufm.FeatureModel((4, 2, 1), lam_w=3e-2, lam_h=2e-2, loss=loss, bias=bias)
    geometry, size = ufm.minimize(model), 9 + 21 + 3
    found = [
        optimize.minimize(lambda x: everything(model, x), np.random.default_rng(s).standard_normal(size), tol=1e-12).fun
        for s in range(3)
    ]
    assert min(found) >= geometry.bound - 1e-12
    assert min(found) == pytest.approx(geometry.value, abs=1e-7)


@given(strategies.seeds, st.sampled_from(sorted(NAMED)), st.sampled_from(BIASES))
def test_any_slopes_prove_a_bound(seed, loss, bias):
    """Weak duality: no multiplier proves more than the minimum, wherever it comes from."""
    model = ufm.FeatureModel((9, 4, 4, 1), lam_w=2e-2, lam_h=1e-2, loss=loss, bias=bias)
    rng, bound, layout = np.random.default_rng(seed), NuclearBound(model), layout_of(model)
    local = solve(layout, model, 3).local
    moved = local.move(rng.uniform(0, 0.3) * rng.standard_normal(local.gradient.size))
    value = bound.value(bound.of(moved))
    assert value <= local.convex_value + 1e-12
    assert moved.value >= local.convex_value - 1e-12


class Quartic:
    """A loss that nobody knows: sum of (x - y)^4 and squares, convex and at least 0, without a conjugate."""

    exchangeable = True

    def at(self, logits, targets, counts):
        from ufm.problems.logits import Local

        miss = logits - targets
        values = (counts * (0.25 * miss**4 + 0.5 * miss**2)).sum(axis=1)
        return Local(values, counts * (miss**3 + miss), lambda v: counts * (3.0 * miss**2 + 1.0) * v)


def test_a_loss_of_ones_own_is_certified_too():
    model = ufm.FeatureModel(SIZES, lam_w=5e-3, lam_h=1e-3, loss=Quartic())
    geometry = ufm.minimize(model)
    assert geometry.status == "optimal"
    assert 0 <= ufm.verify(geometry.certificate, model) <= geometry.value + 1e-12
    with pytest.raises(ValueError, match="is code"):
        model.to_toml()


@pytest.mark.slow
def test_a_million_classes_in_twenty_sizes():
    sizes = np.repeat(np.floor(500 * 0.01 ** (np.arange(20) / 19)).astype(int), 50_000)
    geometry = ufm.minimize(ufm.FeatureModel(sizes.tolist(), lam_w=1e-6, lam_h=1e-12))
    assert geometry.status == "optimal"
    assert geometry.rank == 999_999
    assert geometry.weight_norms.shape == (20,)


def test_too_few_dimensions_leave_a_valid_bound():
    model = ufm.FeatureModel((20, 20, 10, 5, 2), lam_w=5e-3, lam_h=1e-3, dim=2)
    geometry, free = ufm.minimize(model), ufm.minimize(model.replace(dim=4))
    assert free.status == "optimal"
    assert geometry.rank <= 2
    assert geometry.value > free.value > geometry.bound - 1e-9
    assert geometry.status == "best of 16 starts"
    assert "dim=2 is below the 4 that reach it" in str(ufm.certify(geometry))


def test_too_few_dimensions_are_searched_from_many_starts():
    """Descent from the steepest direction ends at 0.831."""
    model = ufm.FeatureModel((5, 5, 5, 5), lam_w=5e-4, lam_h=1e-4, loss="bce", dim=2)
    assert ufm.minimize(model).value == pytest.approx(0.82309, abs=1e-5)
    kinks = ufm.minimize(model.replace(loss="hinge"))
    assert kinks.status == "best of 1 starts"


def test_a_model_on_paper():
    model = ufm.FeatureModel((30, 20), lam_w=0.1, lam_h=0.2, loss="bce", bias=0.5, shifts=(0.1, -0.2))
    assert ufm.FeatureModel.from_toml(model.to_toml()) == model
    assert ufm.FeatureModel.from_json(model.to_json()) == model
    assert json.loads(model.to_json())["class_sizes"] == [30, 20]
    assert model.key != model.replace(lam_w=0.3).key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_sizes": (3, 0)}, "class_sizes contains 0"),
        ({"loss": "cee"}, "loss='cee' is unknown: did you mean 'ce'"),
        ({"loss": 5}, "loss=5 has no method at"),
        ({"lam_h": -1.0}, "lam_h=-1.0"),
        ({"bias": "some"}, "bias='some' is unknown"),
        ({"smoothing": 1.0}, "smoothing=1.0 must be below 1"),
        ({"loss": "squared-hinge", "smoothing": 0.1}, "smoothing=0.1 has no meaning for loss='squared-hinge'"),
        ({"weights": (1.0,)}, "weights=.* must be 3 finite numbers > 0"),
        ({"temperatures": (1.0, 0.0, 1.0)}, "temperatures=.* must be 3 finite numbers > 0"),
        ({"targets": ((1.0, 0.0),)}, r"targets of shape \(1, 2\)"),
        ({"targets": ((1.0, -1.0),) * 3}, "takes what is at least 0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ufm.FeatureModel(**{"class_sizes": (3, 2, 1), "lam_w": 0.1, "lam_h": 0.1, **changes})


@pytest.mark.parametrize("name", ["lam_w", "lam_h"])
def test_without_decay_there_is_a_model_but_no_minimum(name):
    model = ufm.FeatureModel((3, 2, 1), **{"lam_w": 0.1, "lam_h": 0.1, name: 0.0})
    with pytest.raises(ValueError, match=rf"{name}=0.0 must be positive: .* ufm.gradient_flow follows them"):
        ufm.minimize(model)


def test_multipliers_that_prove_nothing():
    model = ufm.FeatureModel((9, 4, 1), lam_w=1e-2, lam_h=1e-2, bias="free")
    certificate = ufm.minimize(model).certificate
    bound = NuclearBound(model)
    for change, message in (
        (np.full_like(certificate.multiplier, np.nan), "finite"),
        (certificate.multiplier[:2], "does not belong to this model"),
        (certificate.multiplier + 0.1, "prove nothing of a free bias"),
    ):
        with pytest.raises(ValueError, match=message):
            bound.value(change)
    with pytest.raises(ValueError, match="the certificate is about problem"):
        ufm.verify(certificate, model.replace(lam_w=2e-2))


def by_hand(model, x):
    """Cross-entropy with all that a model may change of it, a feature for each row of targets; d = K."""
    k, m = model.n_outputs, len(model.class_sizes)
    w, h = x[: k * k].reshape(k, k), x[k * k :].reshape(m, k)
    n = np.asarray(model.class_sizes) / model.n_samples
    one_hot = (1.0 - model.smoothing) * np.eye(k)[:m] + model.smoothing / k
    y = one_hot if model.targets is None else np.asarray(model.targets)
    z = (h @ w.T) * model.by_class("temperatures", 1.0) * model.by_class("sample_temperatures", 1.0)[:, None]
    z = z + model.by_class("shifts", 0.0)
    losses = y.sum(axis=1) * np.log(np.exp(z).sum(axis=1)) - (y * z).sum(axis=1)
    decay = 0.5 * model.lam_w * (w**2).sum() + 0.5 * model.lam_h * model.n_samples * (n * (h**2).sum(axis=1)).sum()
    return (n * model.by_class("weights", 1.0) * losses).sum() + decay


CHANGES = {
    "smoothing": {"smoothing": 0.2},
    "weights": {"weights": (0.5, 1.0, 3.0)},
    "temperatures": {"temperatures": (0.5, 1.0, 2.0)},
    "sample temperatures": {"sample_temperatures": (2.0, 1.0, 0.5)},
    "shifts": {"shifts": (-0.5, -1.0, -2.0)},
    "soft labels": {"targets": ((0.6, 0.3, 0.1), (0.2, 0.5, 0.3), (0.3, 0.3, 0.4))},
    "several labels": {"targets": ((1.0, 1.0, 0.0), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0))},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_all_that_a_model_may_change_of_its_loss(changes):
    model = ufm.FeatureModel((6, 3, 2), lam_w=2e-2, lam_h=1e-2, **changes)
    geometry = ufm.minimize(model)
    assert geometry.status == "optimal"
    found = [
        optimize.minimize(lambda x: by_hand(model, x), np.random.default_rng(s).standard_normal(18), tol=1e-13).fun
        for s in range(3)
    ]
    assert min(found) == pytest.approx(geometry.value, abs=1e-8)
    assert ufm.verify(geometry.certificate, model) <= min(found) + 1e-12
    grams = np.linalg.eigvalsh(geometry.weight_gram), np.linalg.eigvalsh(geometry.feature_gram)
    assert min(each.min() for each in grams) > -1e-9


def test_numbers_that_are_met():
    """Regression on free features (Andriopoulos et al.): W W^T is the root of Y Y^T, cut off at N lambda."""
    targets = np.random.default_rng(0).standard_normal((40, 3))
    model = ufm.FeatureModel((1,) * 40, lam_w=1e-2, lam_h=1e-3, loss="mse", targets=targets.tolist())
    geometry = ufm.minimize(model)
    assert geometry.status == "optimal"
    values, vectors = np.linalg.eigh(targets.T @ targets)
    kept = np.maximum(np.sqrt(values) - 40 * model.strength, 0.0)
    expected = np.sqrt(model.lam_h / model.lam_w) * (vectors * kept) @ vectors.T
    np.testing.assert_allclose(geometry.weight_gram, expected, atol=1e-8)


def test_programs_that_would_not_fit(monkeypatch):
    from ufm.files import memory

    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    with pytest.raises(MemoryError, match=r"a program of 200 x 200 logits needs .*: use fewer different class sizes"):
        ufm.minimize(ufm.FeatureModel(range(1, 201), lam_w=1e-2, lam_h=1e-3))


class Wavy:
    """Not convex: a cosine of the logits on top of a square."""

    exchangeable = True

    def at(self, logits, targets, counts):
        values = (counts * (0.5 * (logits - targets) ** 2 + 2.0 * np.cos(logits))).sum(1)
        slopes = counts * (logits - targets - 2.0 * np.sin(logits))
        return Local(values, slopes, lambda v: counts * (1.0 - 2.0 * np.cos(logits)) * v)


class OtherSlopes:
    """Convex, but its slopes are twice those of its values."""

    exchangeable = True

    def at(self, logits, targets, counts):
        miss = logits - targets
        return Local(0.5 * (counts * miss**2).sum(1), 2.0 * counts * miss, lambda v: 2.0 * counts * v)


@pytest.mark.parametrize("loss", [Wavy(), OtherSlopes()])
def test_losses_that_are_not_what_the_program_wants_are_named(loss):
    with pytest.raises(ValueError, match=rf"loss {type(loss).__name__} is .* below its tangent"):
        ufm.minimize(ufm.FeatureModel((5, 3, 3), lam_w=0.1, lam_h=0.1, loss=loss))


class Lowered:
    """Convex, but below 0 where logits are small."""

    exchangeable = True

    def at(self, logits, targets, counts):
        miss = logits - targets
        return Local(0.5 * (counts * miss**2).sum(1) - 2.0, counts * miss, lambda v: counts * v)


def test_a_loss_below_0_proves_nothing_and_is_named():
    with pytest.raises(ValueError, match=r"loss Lowered is -.* at logits .* are those of losses that are at least 0"):
        ufm.minimize(ufm.FeatureModel((5, 3, 3), lam_w=0.1, lam_h=0.1, loss=Lowered()))


def test_groups_are_in_the_order_of_their_first_classes():
    model = ufm.FeatureModel(
        (5, 9, 5, 5, 9, 9), lam_w=1e-3, lam_h=1e-3, weights=(1, 1, 2, 1, 1, 1), shifts=(0, 0, 0, 0, 0, 1)
    )
    layout = layout_of(model)
    assert layout.group.tolist() == [0, 1, 2, 0, 1, 3]
    assert layout.sizes.tolist() == [5, 9, 5, 9]
    assert layout_of(ufm.FeatureModel((3, 3, 3), lam_w=1e-3, lam_h=1e-3)).group.tolist() == [0, 0, 0]


@pytest.mark.parametrize("bias", ["none", "free", 0.1])
@pytest.mark.parametrize("loss", ["ce", "mse", "squared-hinge"])
def test_where_nothing_pays_the_minimum_is_0_at_once(loss, bias):
    solution = ufm.minimize(ufm.FeatureModel((5, 4, 4), loss=loss, bias=bias, lam_w=1.0, lam_h=1.0))
    assert solution.stats["products"] == 0
    assert solution.rank == 0
    assert abs(solution.gap) < 1e-15


def test_the_first_roundings_of_kinks_are_not_solved_to_the_last_digit():
    model = ufm.FeatureModel(ufm.long_tailed_sizes(50, 500, 0.01), loss="hinge", bias="free", lam_w=1e-3, lam_h=1e-4)
    found = ufm.minimize(model)
    assert abs(found.gap) <= 2e-13 * found.scale
    assert found.stats["products"] < 6000
