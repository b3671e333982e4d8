import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from theory.zoo import sphere_codes
from ufm.minimize.sphere import MaxNormBound, OnSpheres, samples_of, sphere_geometry

SMALL = (4, 3, 2)


def unit(rng, *shape):
    rows = rng.standard_normal(shape)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def objective(model, weights, features, labels, shares):
    """As it is written, in loops; complex rows allowed, of any length."""
    total = 0.0
    for h, own, share in zip(features, labels, shares, strict=True):
        h = h / np.sqrt(np.sum(h * h))
        cosines = [np.sum(w * h) / np.sqrt(np.sum(w * w)) for w in weights]
        total += share * np.log(sum(np.exp(model.temperature * (c - cosines[own])) for c in cosines))
    return total


@st.composite
def points(draw):
    """A model, whether each sample has a feature, and rows of length 1."""
    rng = np.random.default_rng(draw(strategies.seeds))
    sizes = tuple(rng.integers(1, 5, draw(st.integers(2, 5))).tolist())
    model = ufm.SphereModel(sizes, draw(st.integers(2, 5)), draw(st.sampled_from([1e-2, 1.0, 7.0])))
    samples = samples_of(model, full=draw(st.booleans()))
    return model, samples, unit(rng, len(sizes) + len(samples.own), model.dim), rng


@given(points())
def test_value_gradient_and_curvature_are_those_of_the_definition(given_):
    model, samples, rows, rng = given_
    local, k = OnSpheres(samples, model.temperature, rows), model.n_classes
    value = objective(model, rows[:k], rows[k:], samples.own, samples.shares)
    assert local.log_value == pytest.approx(math.log(value), rel=1e-12, abs=1e-12)
    step = np.zeros_like(rows)
    for index in np.ndindex(rows.shape):
        moved = rows.astype(complex)
        moved[index] += 1e-30j
        step[index] = objective(model, moved[:k], moved[k:], samples.own, samples.shares).imag / 1e-30
    np.testing.assert_allclose(local.gradient.reshape(rows.shape), step / value / model.temperature, atol=1e-12)
    direction = rng.standard_normal(rows.shape)
    direction -= np.einsum("rd,rd->r", direction, rows)[:, None] * rows
    after, before = (local.move(sign * 1e-5 * direction).gradient.reshape(rows.shape) for sign in (1, -1))
    bent = (after - before) / 2e-5
    bent -= np.einsum("rd,rd->r", bent, rows)[:, None] * rows
    np.testing.assert_allclose(local.hessian(direction.ravel()).reshape(rows.shape), bent, atol=1e-7)


@given(points(), st.sampled_from([1.0, 40.0, 2000.0]))
def test_a_bound_is_below_the_loss_of_any_point(given_, hotter):
    """Weak duality, with the multipliers of other points and with random ones."""
    model, _, _, rng = given_
    model = model.replace(temperature=hotter * model.temperature)
    samples, bound, k = samples_of(model), MaxNormBound(model), model.n_classes
    here, there = (OnSpheres(samples, model.temperature, unit(rng, 2 * k, model.dim)) for _ in range(2))
    multiplier = bound.of(there)
    mixed = np.column_stack([multiplier[:, :k] - rng.exponential(size=(k, k)), rng.exponential(size=(k, 2)) + 1e-3])
    for each in (multiplier, bound.of(here), mixed):
        assert bound.log_value(each) <= here.log_value + 1e-12 * max(1.0, model.temperature)


@pytest.mark.parametrize("dim", [2, 3, 9])
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 30.0, 1e4])
def test_one_number_proves_the_value_of_a_simplex_in_any_dimension(temperature, dim):
    """q = 1 / (K - 1 + e^(tau K / (K - 1))) off the diagonal, and a = b = 1: no geometry comes in."""
    k = 5
    model = ufm.SphereModel((3,) * k, dim, temperature)
    logs = np.full((k, k), -np.logaddexp(math.log(k - 1), temperature * k / (k - 1)))
    proved = MaxNormBound(model).log_value(np.column_stack([logs, np.ones((k, 2))]))
    rise = math.log(k - 1) - temperature * k / (k - 1)
    wanted = math.log(np.logaddexp(0.0, rise)) if rise > -30.0 else rise
    assert proved == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.3, 3.0, 300.0])
@pytest.mark.parametrize("sizes", [SMALL, (1, 1), (100, 50, 20, 10, 5, 2, 1), (1000, 1000, 3, 3, 3)])
def test_minima_of_any_sizes_are_proven_where_dimensions_are_enough(sizes, temperature):
    model = ufm.SphereModel(sizes, max(len(sizes) - 1, 2), temperature)
    found = ufm.minimize(model)
    assert found.status == "optimal"
    assert -1e-13 < found.gap < 1e-9
    assert MaxNormBound(model).log_value(found.certificate.multiplier) > found.log_value - 1e-9 * max(1, temperature)
    kept = ufm.Certificate.from_json(found.certificate.to_json())
    assert ufm.verify(kept, model) == found.bound
    higher = ufm.minimize(model.replace(dim=model.dim + 3), seed=5)
    assert higher.log_value == pytest.approx(found.log_value, abs=1e-9)
    order = np.random.default_rng(0).permutation(len(sizes))
    other = ufm.minimize(model.replace(class_sizes=[sizes[k] for k in order]))
    np.testing.assert_allclose(other.weight_gram, found.weight_gram[np.ix_(order, order)], atol=1e-5)


@pytest.mark.parametrize(("sizes", "dim"), [(SMALL, 2), (SMALL, 4), ((4, 3, 2, 2, 1), 2), ((2,) * 6, 3)])
def test_samples_of_a_class_collapse_though_each_is_free(sizes, dim):
    model = ufm.SphereModel(sizes, dim, 3.0)
    whole, means = ufm.minimize(model, method="full"), ufm.minimize(model)
    assert whole.log_value == pytest.approx(means.log_value, abs=1e-12)
    np.testing.assert_allclose(whole.samples, whole.class_features[model.labels], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(whole.class_features, axis=1), 1.0, atol=1e-12)


def test_rare_classes_share_their_weights_on_the_sphere_too():
    model = ufm.SphereModel((100,) * 3 + (1,) * 5, 7, 0.3)
    merged, apart = ufm.minimize(model), ufm.minimize(model.replace(temperature=2.0))
    assert merged.status == apart.status == "optimal"
    np.testing.assert_allclose(merged.weight_gram[3:, 3:], 1.0, atol=1e-9)
    assert apart.largest_cosine < 0.99


def test_what_is_not_proved_says_of_how_many_starts_it_is_the_best():
    found = sphere_geometry(ufm.SphereModel((1,) * 12, 3, 5.0), starts=4)
    assert (found.status, found.certificate, found.stats["reached"]) == ("best of 4 starts", None, 4)
    report = ufm.certify(found)
    assert report.holds
    assert "that nothing is lower: this is the best of 4 starts" in str(report)


def test_simplices_in_orthogonal_planes_lose_to_a_tilt_at_high_temperature():
    """d + 2 <= K < 2 d: three and two points, orthogonal, with the largest cosine 0; and something better."""

    def split(tau):
        three = math.log1p(2 * math.exp(-1.5 * tau) + 2 * math.exp(-tau))
        two = math.log1p(math.exp(-2 * tau) + 3 * math.exp(-tau))
        return math.log((3 * three + 2 * two) / 5)

    cold, hot = (ufm.minimize(ufm.SphereModel((1,) * 5, 3, tau)) for tau in (1.0, 30.0))
    assert cold.log_value == pytest.approx(split(1.0), abs=1e-12)
    assert cold.largest_cosine == pytest.approx(0.0, abs=1e-6)
    assert hot.log_value < split(30.0) - 0.1
    assert hot.largest_cosine > 1e-3


@pytest.mark.parametrize(("factor", "cosine"), [(0.97, np.cos(0.4 * np.pi)), (1.03, 1.0 / 6.0)])
def test_two_pentagons_give_way_to_another_code(factor, cosine):
    tau = factor * sphere_codes.TURN
    found = sphere_geometry(ufm.SphereModel((1,) * 10, 4, tau), starts=40)
    both = [[-2.0 / 3.0] * 3 + [1.0 / 6.0] * 6, [*np.cos(0.4 * np.pi * np.arange(1, 5)), *[0.0] * 5]]
    losses = [math.log1p(sum(math.exp(tau * (c - 1.0)) for c in cosines)) for cosines in both]
    assert found.value == pytest.approx(min(losses), abs=1e-12)
    assert found.largest_cosine == pytest.approx(cosine, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [10.0, 100.0])
@pytest.mark.parametrize(("dim", "k"), [(7, 56), (4, 120), (8, 240)])
def test_large_codes_are_found(dim, k, temperature):
    model = ufm.SphereModel((1,) * k, dim, temperature)
    said = sphere_codes.predict(model)
    found = sphere_geometry(model, starts=3)
    assert found.log_value == pytest.approx(said["log_value"], abs=1e-9)
    assert found.largest_cosine == pytest.approx(said["largest_cosine"], abs=1e-6)


def test_what_proves_nothing_is_refused():
    model = ufm.SphereModel(SMALL, 2, 3.0)
    bound, good = MaxNormBound(model), ufm.minimize(model).certificate.multiplier
    assert bound.value(good, None) > 0.0
    for wrong in (good[:, :-1], np.where(np.eye(3, 5) > 0, np.nan, good), -good):
        with pytest.raises(ValueError, match=r"finite numbers of shape \(3, 5\), > 0 in the last two"):
            bound.value(wrong, None)
    with pytest.raises(ValueError, match="off the diagonal are more than 1"):
        bound.value(np.abs(good), None)
    with pytest.raises(ValueError, match="multiple centers; method is 'means' or 'full' here"):
        ufm.minimize(model, method="projected")
    with pytest.raises(MemoryError, match=r"features needs .*: take fewer samples"):
        ufm.minimize(model.replace(class_sizes=(10**12, 1)), method="full")
