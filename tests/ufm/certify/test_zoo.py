import numpy as np
import pytest

import ufm
from tests.ufm.certify.examined import examined_theorem
from theory.derivations import derivations
from theory.zoo import ce_imbalanced, soft_labels
from ufm.certify import phases, zoo
from ufm.minimize.certificate import bound_of
from ufm.minimize.convex import solve
from ufm.minimize.layouts import layout_of

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


BY_CLASS = ("class_sizes", "weights", "temperatures", "sample_temperatures", "shifts", "targets")


def turned(model, order):
    """The same model with its classes, or its rows of targets, in another order."""
    given = {name: getattr(model, name) for name in BY_CLASS if getattr(model, name) is not None}
    return model.replace(**{name: tuple(values[k] for k in order) for name, values in given.items()})


@pytest.mark.parametrize("name", CONVEX)
def test_the_order_of_the_classes_does_not_matter(name):
    for model in ZOO[name].cases().values():
        order = np.random.default_rng(0).permutation(model.n_classes)
        outputs = order if model.targets is None else np.arange(model.n_outputs)
        axes = {"bias": (outputs,), "weight_gram": (outputs, outputs), "logits": (order, outputs)}
        other = turned(model, order)
        before, after = (ZOO[name].module.predict(each) for each in (model, other))
        assert set(before) == set(after)
        for part, value in before.items():
            array = np.asarray(value, dtype=float)
            moved = array[np.ix_(*axes.get(part, (order,) * array.ndim))] if array.ndim else array
            np.testing.assert_allclose(after[part], moved, rtol=1e-9, atol=1e-12)
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
