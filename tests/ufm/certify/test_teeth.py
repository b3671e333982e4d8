"""Every check has teeth: three of its tolerances off, it fails and it alone; with a third of one, everything holds.

What is certified and the tolerances: :mod:`tests.ufm.certify.teeth`.
"""

import copy
import functools
from types import SimpleNamespace

import numpy as np
import pytest

import ufm
from tests.ufm.certify.damage import put, wrapped
from tests.ufm.certify.teeth import CLASS_COSINE, COINCIDING, LENGTHY, LIVING, SUBJECTS, VARIABILITY
from ufm.certify import cosine, mse, slow
from ufm.measure import metrics


@pytest.fixture(scope="module")
def made():
    """Subjects, and what slow means find of them, each once."""
    return functools.cache(lambda name: SUBJECTS[name][0]()), {}


def names(checks):
    return {check.name.split(",")[0] for check in checks}


def marked(name, *rest):
    return pytest.param(name, *rest, marks=[pytest.mark.slow] if name in LENGTHY else [])


@pytest.mark.parametrize("name", [marked(name) for name in SUBJECTS])
def test_a_third_of_every_tolerance_is_allowed(name, made, monkeypatch):
    subject, teeth = copy.deepcopy(made[0](name)), SUBJECTS[name][1]
    for tooth in teeth.values():
        if tooth.tolerance and not tooth.also:
            tooth.damage(subject, tooth.tolerance / 3.0, monkeypatch)
    report = ufm.certify(subject)
    assert report.holds, str(report)
    assert names(report.checks) == set(teeth)


SLOW_MEANS = {
    "_reduction_check": (cosine, {"reduced = full"}),
    "_time_checks": (cosine, {"time to NC = 1e-10", "NC at that time"}),
    "_exact_check": (mse, {"exact = full"}),
}
"""Checks that simulate again from the first features alone, by function: the same ones, whatever happens to records."""


@pytest.mark.parametrize(
    ("name", "check"), [marked(name, check) for name, (_, teeth) in SUBJECTS.items() for check in teeth]
)
def test_three_tolerances_fail_a_check_and_no_other(name, check, made, monkeypatch):
    subject, tooth = copy.deepcopy(made[0](name)), SUBJECTS[name][1][check]
    for function, (module, own) in SLOW_MEANS.items():
        if check not in own:
            monkeypatch.setattr(module, function, once(made[1], (name, function), getattr(module, function)))
    tooth.damage(subject, 3.0 * tooth.tolerance or 1.0, monkeypatch)
    report = ufm.certify(subject)
    assert names(each for each in report.checks if not each.holds) == {check, *tooth.also}, str(report)


def once(known, key, function):
    """The checks that were made the first time."""

    def checks(*given):
        if key not in known:
            known[key] = tuple(function(*given))
        return iter(known[key])

    return checks


def failing(report):
    return names(check for check in report.checks if not check.holds)


def test_a_class_that_dies_for_another_is_two_mistakes():
    solution = ufm.minimize(ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned"))
    assert solution.living.tolist() == [True, True, False]
    solution.__dict__["living"] = np.array([True, False, True])
    assert LIVING in failing(ufm.certify(solution))


@pytest.mark.parametrize(("name", "check"), [("gram", CLASS_COSINE), ("variability", VARIABILITY)])
def test_a_class_whose_centers_coincide_lends_its_tolerance_to_no_other(name, check, monkeypatch):
    """The first class has one center, and its loss is quartic; the others are held to what theirs is."""
    solution = ufm.minimize(ufm.Problem((3, 2, 2), (1, 3, 4), 0.3, 12))
    assert ufm.certify(solution).holds
    put_off = np.array([0.0, 3e-5, 3e-5])
    wrapped(metrics, name, lambda said, x: said + (put_off if said.ndim == 1 else np.outer(put_off, put_off > 0)))(
        solution, 1.0, monkeypatch
    )
    assert failing(ufm.certify(solution)) == {check}


@pytest.mark.parametrize(("off", "fails"), [(3e-14, set()), (3e-13, {"loss = its definition"})])
def test_a_loss_of_nothing_is_known_to_its_rounding(off, fails, monkeypatch):
    def wrong(right, x):
        def value_and_gradient(features, labels):
            values, gradients = right.value_and_gradient(features, labels)
            return values + x, gradients

        return SimpleNamespace(constant=right.constant, value_and_gradient=value_and_gradient)

    solution = ufm.minimize(COINCIDING)
    wrapped(slow, "loss_of", wrong)(solution, off, monkeypatch)
    assert failing(ufm.certify(solution)) == fails


@pytest.mark.parametrize(("off", "fails"), [(3e-10, set()), (3e-9, {"logits"})])
def test_numbers_of_a_model_that_is_dead_are_nearly_0(off, fails, monkeypatch):
    solution = ufm.minimize(ufm.FeatureModel((7, 7, 7), lam_w=5.0, lam_h=5.0))
    assert not solution.alive.any()
    put("class_logits")(solution, off, monkeypatch)
    assert failing(ufm.certify(solution)) == fails
