"""The program at a matrix, for many groups of classes, held against the program over factors."""

import numpy as np
import pytest
from scipy import linalg

import ufm
from ufm.minimize import convex
from ufm.minimize.balanced import Balanced
from ufm.minimize.certificate import bound_of
from ufm.minimize.coarse import expanded, merged
from ufm.minimize.factored import Factored, nothing_but_bias
from ufm.minimize.layouts import Groups, layout_of

SIZES = (*range(80, 0, -1), 80, 80, 7)
"""More groups than are solved over factors; some have several classes."""


def model_of(**changes):
    return ufm.FeatureModel(**{"class_sizes": SIZES, "lam_w": 5e-4, "lam_h": 1e-5, **changes})


def by_factors(model, monkeypatch):
    monkeypatch.setattr(convex, "MANY", np.inf)
    found = ufm.minimize(model)
    monkeypatch.undo()
    return found


CHANGES = {
    "plain": {},
    "free bias": {"bias": "free"},
    "bias with decay": {"bias": 0.1},
    "strong": {"lam_h": 5e-4},
    "nearly dead": {"lam_h": 2e-2},
    "all dead": {"lam_h": 1.0},
    "weights": {"weights": tuple(1.0 / np.array(SIZES))},
    "smoothed": {"smoothing": 0.1},
    "shifts": {"shifts": tuple(np.log(np.array(SIZES)))},
    "bce": {"loss": "bce"},
    "mse": {"loss": "mse"},
    "squared hinge": {"loss": "squared-hinge"},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_many_groups_have_the_minimum_that_factors_have(changes, monkeypatch):
    model = model_of(**changes)
    slow, fast = by_factors(model, monkeypatch), ufm.minimize(model)
    assert fast.status == "optimal"
    assert abs(fast.gap) < 1e-10 * fast.scale
    assert fast.value == pytest.approx(slow.value, rel=1e-11, abs=1e-12)
    assert fast.rank == slow.rank
    np.testing.assert_array_equal(fast.merged, slow.merged)
    np.testing.assert_allclose(fast.margins, slow.margins, atol=1e-5 * max(1.0, np.abs(slow.margins).max()))


def test_many_groups_take_few_products(monkeypatch):
    """Most products are of the merged classes: what is left is of second order."""
    model = model_of()
    layout = layout_of(model)
    ending = convex.solve(layout, model, len(layout.sizes))
    known = convex.solve(Groups(coarse := merged(model, len(layout.sizes) // convex.FEWER)), coarse, len(SIZES))
    assert ending.products - known.products < 150
    assert ending.iterations - known.iterations < 12


def point(bias, dead):
    """A point near the minimum, some of whose directions are dead and some small."""
    model = model_of(bias=bias, loss="ce")
    layout = layout_of(model)
    g, rng = len(layout.sizes), np.random.default_rng(2)
    left, right = (linalg.qr(rng.standard_normal((g, g)))[0] for _ in range(2))
    strengths = np.linspace(9.0, 3.0, g)
    strengths[g - dead - 3 :] = 2e-2
    strengths[g - dead :] = 0.0
    _, b = nothing_but_bias(layout, model)
    rest = np.where(layout.repeats > 0.0, 1.3, 0.0), b + rng.standard_normal(b.shape)
    return Balanced(layout, model.strength, model.bias_decay, (left, strengths, right), rest)


def along(local, seed, size):
    """A tangent vector."""
    x = size * np.random.default_rng(seed).standard_normal(local.gradient.size)
    v, ds, db = local._split(x)
    return Factored.flat(local._moving(v), ds * (local.layout.repeats > 0.0), db)


@pytest.mark.parametrize("bias", ["none", 0.3])
@pytest.mark.parametrize("dead", [0, 2])
def test_derivatives_are_those_of_the_values(bias, dead, monkeypatch):
    monkeypatch.setattr(Balanced, "settled", lambda self: self)
    local = point(bias, dead)
    x = along(local, 0, 1e-2)
    up, down = (local.move(t * x) for t in (1e-3, -1e-3))
    assert (up.value - down.value) / 2e-3 == pytest.approx(local.gradient @ x, rel=1e-5)


@pytest.mark.parametrize("bias", ["none", 0.3])
@pytest.mark.parametrize("dead", [0, 2])
def test_products_and_preconditioner_are_symmetric(bias, dead):
    local = point(bias, dead)
    x, y = along(local, 1, 1.0), along(local, 2, 1.0)
    assert x @ local.hessian(y) == pytest.approx(y @ local.hessian(x), rel=1e-9)
    assert x @ local.precondition(y) == pytest.approx(y @ local.precondition(x), rel=1e-9)
    assert x @ local.precondition(x) > 0.0


def test_the_curvature_is_that_of_the_values(monkeypatch):
    """Where nothing is small: the second differences of the objective itself."""
    monkeypatch.setattr(Balanced, "settled", lambda self: self)
    model = model_of()
    layout = layout_of(model)
    found = ufm.minimize(model)
    start = Factored(
        layout, model.strength, 0.0, (np.zeros((80, 0)), np.zeros((80, 0)), np.sqrt(found.inside), found.bias)
    )
    local = Balanced.of(start, found.matrix)
    x = along(local, 3, 3e-2)
    values = [local.move(t * x).value for t in (-0.1, 0.0, 0.1)]
    assert (values[0] - 2.0 * values[1] + values[2]) / 0.01 == pytest.approx(x @ local.hessian(x), rel=1e-3)


def test_directions_come_to_life_and_die_in_one_step():
    model = model_of(lam_h=5e-4)
    layout = layout_of(model)
    empty = Factored(layout, model.strength, 0.0, (np.zeros((80, 0)), np.zeros((80, 0)), np.zeros(80), np.zeros(0)))
    nothing = np.diag(np.where(np.arange(80) < 40, 30.0, 0.0))
    start = Balanced.of(empty, nothing)
    settled = start.settled()
    assert start.living == 40 < settled.living
    assert settled.value < start.value


def test_merged_classes_keep_their_order_and_their_means():
    model = model_of(class_sizes=(100, 1, 98, 2, 103), weights=(1.0, 2.0, 3.0, 4.0, 5.0), lam_h=1e-3)
    coarse = merged(model, 3)
    assert coarse.class_sizes == (100, 2, 100, 2, 100) or coarse.class_sizes == (100, 1, 100, 2, 100)
    assert coarse.weights[0] == coarse.weights[2] == coarse.weights[4] == 3.0
    assert merged(model_of(class_sizes=(5, 5)), 2).class_sizes == (5, 5)


def test_a_minimum_of_merged_classes_is_the_minimum_where_they_are_alike():
    model = ufm.FeatureModel((50,) * 3 + (8,) * 2 + (1,), lam_w=5e-3, lam_h=1e-4, bias="free")
    layout = Groups(model)
    known = convex.solve(layout, model, 3)
    local, matrix = expanded(known.local, layout, layout)
    np.testing.assert_allclose(matrix, known.local.matrix, atol=1e-13)
    np.testing.assert_allclose(local.inside[:2], known.local.inside[:2], atol=1e-14)
    np.testing.assert_array_equal(local.parts[3], known.local.parts[3])


@pytest.mark.slow
def test_a_hundred_and_sixty_sizes(monkeypatch):
    model = ufm.FeatureModel(range(160, 0, -1), lam_w=5e-4, lam_h=1e-6)
    found = ufm.minimize(model)
    assert abs(found.gap) < 1e-10 * found.value
    assert found.certificate.bound == pytest.approx(bound_of(model).value(found.certificate.multiplier), abs=1e-15)
    assert found.value == pytest.approx(by_factors(model, monkeypatch).value, rel=1e-12)
