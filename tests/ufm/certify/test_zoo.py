import functools

import numpy as np
import pytest

import ufm
from tests.ufm.certify.examined import examined_theorem
from theory.derivations import derivations
from theory.zoo import ce_imbalanced, soft_labels
from ufm.certify import phases, zoo
from ufm.minimize.certificate import bound_of
from ufm.minimize.convex import solve
from ufm.minimize.factored import Factored, nothing_but_bias
from ufm.minimize.layouts import Whole, layout_of
from ufm.minimize.sphere import OnSpheres, samples_of
from ufm.problems.balanced_flow import BalancedFlow
from ufm.problems.problem import MultiCenterProblem

ZOO = zoo.zoo()
UNPROVED = {"sphere-codes", "deep-ce", "mse-flow-modes", "ce-flow-time", "nc0"}
CONVEX = [name for name, entry in ZOO.items() if entry.kind is ufm.FeatureModel]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_a_theorem_is_reproduced_and_its_broken_case_is_not(name):
    examined = examined_theorem(name)
    for report in examined.reports.values():
        assert report.holds, str(report)
    assert not examined.broken.holds
    assert examined.reproduced
    assert np.isnan(examined.gap) if name in UNPROVED else abs(examined.gap) < 1e-9


@pytest.mark.parametrize("name", ZOO)
def test_hypotheses_are_those_of_the_cases(name):
    entry = ZOO[name]
    assert all(entry.module.applies(model) for model in entry.cases().values())
    assert not entry.module.applies(entry.broken())


@pytest.mark.parametrize("name", ZOO)
def test_derivations_that_a_theorem_names_are_there(name):
    assert {*ZOO[name].theorem.derivations} <= {*derivations()}


BY_CLASS = ("class_sizes", "weights", "temperatures", "sample_temperatures", "shifts", "targets", "centers", "beta")
SEARCHED = (ufm.DeepModel, ufm.SphereModel, BalancedFlow)
"""Kinds without a program that is solved once: that their ends are those of the predictions says the rest."""


def turned(model, order):
    """The same model with its classes, or its rows of targets, in another order."""
    given = {name: getattr(model, name, None) for name in BY_CLASS}
    moved = {name: tuple(values[k] for k in order) for name, values in given.items() if isinstance(values, tuple)}
    if isinstance(model, BalancedFlow):
        columns = order if model.targets is None else np.arange(model.n_outputs)
        moved["logits"] = np.asarray(model.logits)[np.ix_(order, columns)].tolist()
    return model.replace(**moved)


def turned_prediction(model, said, order):
    """What is said of it, in the other order; of motions at all times."""
    outputs = order if getattr(model, "targets", None) is None else np.arange(model.n_outputs)
    axes = {"bias": (outputs,), "weight_gram": (outputs, outputs), "logits": (order, outputs), "layer_squares": ()}
    for part, value in said.items():
        array = np.asarray(value, dtype=float)
        times = (np.arange(len(array)),) if isinstance(model, BalancedFlow) else ()
        of_classes = axes.get(part, (order,) * (array.ndim - len(times)))
        yield part, array[np.ix_(*times, *of_classes)] if array.ndim and part != "layer_squares" else array


@pytest.mark.parametrize("name", ZOO)
def test_the_order_of_the_classes_does_not_matter(name):
    for model in ZOO[name].cases().values():
        order = np.random.default_rng(0).permutation(model.n_classes)
        other = turned(model, order)
        assert ZOO[name].module.applies(other)
        before, after = (ZOO[name].module.predict(each) for each in (model, other))
        assert set(before) == set(after)
        for part, moved in turned_prediction(model, before, order):
            np.testing.assert_allclose(after[part], moved, rtol=1e-9, atol=1e-12)
        if not isinstance(model, SEARCHED):
            assert ufm.minimize(other).value == pytest.approx(ufm.minimize(model).value, abs=1e-10)


@pytest.mark.parametrize("name", CONVEX)
def test_the_bound_of_any_point_is_below_the_minimum(name):
    """Weak duality, at random points and at the minimiser moved by a little and by a lot."""
    rng = np.random.default_rng(1)
    for model in ZOO[name].cases().values():
        least, bound = ufm.minimize(model).value, bound_of(model)
        best = solve(layout_of(model), model, model.dim).local
        for size in (0.0, 1e-6, 1e-3, 1.0, 30.0):
            local = best.move(size * rng.standard_normal(best.gradient.size))
            assert bound.value(bound.of(local)) <= least + 1e-13


@functools.singledispatch
def multiplier(model, bound, size, rng):
    """The multiplier of a random point of a kind of model, at logits of about that size. TypeError for a new kind."""
    raise TypeError(f"no point of a {type(model).__name__} is known")


@multiplier.register
def _(model: ufm.NonnegativeModel, bound, size, rng):
    return bound.of(drawn(Whole(model), model, size, rng))


@multiplier.register
def _(model: ufm.PeeledModel, bound, size, rng):
    return bound.of(drawn(layout_of(bound.model).unweighted(), bound.model, size, rng))


def drawn(layout, model, size, rng):
    """Factors at random."""
    u, v = (np.sqrt(size) * rng.standard_normal((count, min(layout.shape))) for count in layout.shape)
    sigma, bias = nothing_but_bias(layout, model)
    return Factored(layout, model.strength, model.bias_decay, (u, v, sigma, size * rng.standard_normal(bias.shape)))


@multiplier.register
def _(model: ufm.DeepModel, bound, size, rng):
    return bound.strengths * rng.random(bound.strengths.shape)


@multiplier.register
def _(model: ufm.SphereModel, bound, size, rng):
    rows = rng.standard_normal((2 * model.n_classes, model.dim))
    return bound.of(OnSpheres(samples_of(model), model.temperature, rows / np.linalg.norm(rows, axis=1)[:, None]))


@multiplier.register
def _(model: ufm.DotRegressionModel, bound, size, rng):
    return size * rng.standard_normal(model.n_classes)


@multiplier.register
def _(problem: MultiCenterProblem, bound, size, rng):
    frame = ufm.multi_center_frame(problem.replace(frame="fixed"))
    return bound.multiplier(frame, size * rng.standard_normal((problem.n_classes, problem.dim)))


@pytest.mark.parametrize("name", [name for name in ZOO if name not in CONVEX and name not in UNPROVED])
def test_the_bound_of_any_point_of_another_kind_is_below_the_minimum(name):
    """At random points, and at mixtures of these and the minimum, which are multipliers too: they form convex sets."""
    rng = np.random.default_rng(1)
    for model in ZOO[name].cases().values():
        said, bound = ZOO[name].module.predict(model), bound_of(model)
        deep = isinstance(model, ufm.DeepModel)  # whose best multiplier needs no search
        found = None if deep else ufm.minimize(model)
        best, least = (bound.multiplier(), said["value"]) if deep else (found.certificate.multiplier, found.value)
        for size in (1e-3, 0.1, 1.0, 10.0):
            other = multiplier(model, bound, size, rng)
            for share in (1e-4, 0.1, 1.0):
                mixed = (1.0 - 1e-15) * ((1.0 - share) * best + share * other)  # rounding leaves no set
                assert bound.value(mixed, None) <= least * (1.0 + 1e-12) + 1e-13


def test_unknown_theorems():
    with pytest.raises(ValueError, match="did you mean 'ce-balanced'"):
        zoo.find("ce-balance")


@pytest.mark.parametrize("loss", ["ce", "mse", "bce", "hinge", "squared-hinge"])
@pytest.mark.parametrize("bias", ["none", "free", 0.2])
@pytest.mark.parametrize("sizes", [(5,), (1, 1), (7, 7, 7), (30, 4, 4, 1)])
def test_what_theorems_say_of_a_model_holds(sizes, bias, loss):
    """A single class, classes of one sample, and sizes that no theorem is written for, too."""
    report = ufm.certify(ufm.minimize(ufm.FeatureModel(sizes, lam_w=2e-2, lam_h=3e-3, loss=loss, bias=bias)))
    assert report.holds, str(report)


@pytest.mark.parametrize("bias", ["none", "free"])
@pytest.mark.parametrize("sizes", [(7,), (5, 5, 5), (90, 4, 4, 30, 1, 4), (1, 2, 3, 4), (2,) * 40 + (50,) * 3])
def test_where_learning_begins_by_groups_is_that_of_all_classes(sizes, bias):
    """The slopes at 0, whatever the classes have in common: of cross-entropy, and of the same labels written out."""
    n, k = np.array(sizes, dtype=float), len(sizes)
    middle = n / n.sum() if bias == "free" else np.full(k, 1.0 / k)
    threshold = np.linalg.norm((np.eye(k) - middle[:, None]) * np.sqrt(n), 2) / n.sum()
    assert ce_imbalanced.steepest(n, bias == "free") / n.sum() == pytest.approx(threshold, rel=1e-13, abs=1e-15)
    assert soft_labels._threshold(np.eye(k), n, bias) == pytest.approx(threshold, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("bias", ["none", "free"])
def test_equal_rows_of_soft_labels_count_as_one(bias):
    y, n = np.array([(0.7, 0.2, 0.1), (0.1, 0.1, 0.8), (0.7, 0.2, 0.1)]), np.array([3.0, 8.0, 5.0])
    middle = n @ y / n.sum() if bias == "free" else np.full(3, 1.0 / 3.0)
    threshold = np.linalg.norm((y - middle).T * np.sqrt(n), 2) / n.sum()
    assert soft_labels._threshold(y, n, bias) == pytest.approx(threshold, rel=1e-13)


def test_a_theorem_of_many_equal_classes_takes_no_matrix_of_all_of_them():
    """20,000 classes: their matrix would have 3 GB."""
    model = ufm.FeatureModel((100,) * 10_000 + (10,) * 10_000, lam_w=1e-6, lam_h=1e-6)
    said = ce_imbalanced.predict(model)
    assert said["learns"]
    assert not said["merged"].any()


@pytest.mark.parametrize("group", [(0,), (0, 0, 0), (0, 1, 0, 2, 2, 0), (0, 1, 2)])
@pytest.mark.parametrize("flat", [(), (0,), (0, 1, 2)])
def test_the_rank_by_groups_is_that_of_all_logits(group, flat):
    """Between groups anything, inside them a number, or nothing in those of ``flat``."""
    rng, of = np.random.default_rng(3), np.array(group)
    count = of.max() + 1
    inside = np.where(np.isin(np.arange(count), flat), 0.0, 1.0 + np.arange(count))
    for between in (rng.standard_normal((count, count)), np.zeros((count, count)), np.ones((count, count))):
        logits = between[np.ix_(of, of)] + np.diag(inside[of])
        assert phases.rank_of(logits, of) == np.linalg.matrix_rank(logits, tol=1e-9)


def test_a_diagram_of_many_equal_classes_is_certified_by_groups():
    """No rank is taken of a matrix of all classes."""
    sizes = (100,) * 600 + (10,) * 400

    def largest(matrix, *rest, **options):
        assert len(matrix) < 30
        return known(matrix, *rest, **options)

    model = ufm.FeatureModel(sizes, lam_w=1e-4, lam_h=1e-4)
    equal = ufm.FeatureModel((100,) * 1000, lam_w=1e-4, lam_h=1e-4)
    known = np.linalg.matrix_rank
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.linalg, "matrix_rank", largest)
        said = {**phases.phases(model), **phases.phases(equal)}
    assert {saying.name for saying in said} >= {"merged", "learns", "rank"}
