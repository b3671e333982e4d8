"""Whatever theory and simulation share, a certificate must notice when it is wrong: each is off by a percent here."""

import numpy as np
import pytest

import ufm
from theory.multicenter import clock, flows
from ufm.problems.kinds import CosineProblem
from ufm.problems.losses import MSELoss
from ufm.problems.problem import MultiCenterProblem
from ufm.simulate import reduced

COSINE = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)
P = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse", lam_h=0.01, lam_w=0.02)
OFF = 1.01


def failing(report):
    return {check.name.split(",")[0] for check in report.checks if not check.holds}


def off(function):
    return lambda *arguments: OFF * function(*arguments)


@pytest.mark.parametrize("keep", ["metrics", "final"])
@pytest.mark.parametrize("name", ["clock", "radius", "flow_time"])
def test_the_time_of_a_sample(name, keep, monkeypatch):
    wrong = off(getattr(clock, name))
    for module in (clock, reduced, flows):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, wrong)
    report = ufm.certify(ufm.gradient_flow(COSINE, t_final=40.0, keep=keep))
    assert failing(report) & {"reduced = full", "mean norm at all times", "NC at that time"}, str(report)


@pytest.mark.parametrize("keep", ["metrics", "final"])
def test_the_weights_of_the_classes(keep, monkeypatch):
    right = COSINE.weights.copy()
    monkeypatch.setattr(CosineProblem, "weights", property(lambda self: OFF * right))
    report = ufm.certify(ufm.gradient_flow(COSINE, keep=keep))
    assert "loss = its definition" in failing(report)
    assert "loss = its definition" in failing(ufm.certify(ufm.minimize(COSINE)))


@pytest.mark.parametrize("keep", ["metrics", "final"])
def test_the_normalisation_of_p(keep, monkeypatch):
    right = MultiCenterProblem.total.fget
    monkeypatch.setattr(MultiCenterProblem, "total", property(lambda self: OFF * right(self)))
    assert "loss = its definition" in failing(ufm.certify(ufm.gradient_flow(P, keep=keep)))
    assert "loss = its definition" in failing(ufm.certify(ufm.minimize(P)))
    learned = P.replace(frame="learned")
    assert "loss = its definition" in failing(ufm.certify(ufm.minimize(learned)))
    assert "loss = its definition" in failing(ufm.certify(ufm.gradient_flow(learned, t_final=5.0)))


def test_the_constant_of_the_objective(monkeypatch):
    built = MSELoss.__init__

    def wrong(self, problem, frame):
        built(self, problem, frame)
        self.constant *= OFF

    monkeypatch.setattr(MSELoss, "__init__", wrong)
    assert "constant part of the objective" in failing(ufm.certify(ufm.gradient_flow(P)))


def test_the_exact_flow_of_p(monkeypatch):
    at = ufm.simulate.modes.Modes.at
    monkeypatch.setattr(ufm.simulate.modes.Modes, "at", lambda self, time: at(self, OFF * time))
    assert "exact = full" in failing(ufm.certify(ufm.gradient_flow(P, t_final=100.0)))


def test_without_a_mutation_everything_holds():
    for problem in (COSINE, P):
        for keep in ("metrics", "final"):
            report = ufm.certify(ufm.gradient_flow(problem, keep=keep))
            assert report.holds, str(report)
            assert any("= full" in check.name for check in report.checks)
    assert np.all([ufm.certify(ufm.minimize(problem)).holds for problem in (COSINE, P)])
