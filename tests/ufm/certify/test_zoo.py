import numpy as np
import pytest

import ufm
from ufm.certify import zoo

ZOO = zoo.zoo()


@pytest.mark.parametrize("name", ZOO)
def test_a_theorem_is_reproduced_and_its_broken_case_is_not(name):
    examined = zoo.examine(ZOO[name])
    for report in examined.reports.values():
        assert report.holds, str(report)
    assert not examined.broken.holds
    assert examined.reproduced
    assert abs(examined.gap) < 1e-9


@pytest.mark.parametrize("name", ZOO)
def test_hypotheses_are_those_of_the_cases(name):
    entry = ZOO[name]
    assert all(entry.module.applies(model) for model in entry.cases().values())
    assert not entry.module.applies(entry.broken())


@pytest.mark.parametrize("name", ZOO)
def test_the_order_of_the_classes_does_not_matter(name):
    for model in ZOO[name].cases().values():
        order = np.random.default_rng(0).permutation(model.n_classes)
        turned = model.replace(class_sizes=tuple(np.asarray(model.class_sizes)[order].tolist()))
        one, other = (ZOO[name].module.predict(each) for each in (model, turned))
        assert one["value"] == pytest.approx(other["value"], rel=1e-12)
        np.testing.assert_allclose(np.asarray(one["weight_squares"])[order], other["weight_squares"], rtol=1e-9)
        assert ufm.minimize(turned).value == pytest.approx(ufm.minimize(model).value, abs=1e-10)


def test_unknown_theorems():
    with pytest.raises(ValueError, match="did you mean 'ce-balanced'"):
        zoo.find("ce-balance")


@pytest.mark.parametrize("loss", ["ce", "mse", "bce", "squared-hinge"])
@pytest.mark.parametrize("bias", ["none", "free", 0.2])
@pytest.mark.parametrize("sizes", [(5,), (1, 1), (7, 7, 7), (30, 4, 4, 1)])
def test_what_theorems_say_of_a_model_holds(sizes, bias, loss):
    """A single class, classes of one sample, and sizes that no theorem is written for, too."""
    report = ufm.certify(ufm.minimize(ufm.FeatureModel(sizes, lam_w=2e-2, lam_h=3e-3, loss=loss, bias=bias)))
    assert report.holds, str(report)
