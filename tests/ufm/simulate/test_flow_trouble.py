"""Flows that cannot go on, or not as they were asked: labels, losses, antipodes, budgets, interrupts."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given

import ufm
from tests import strategies
from tests.ufm.simulate.test_flow import flow


def test_features_in_any_order_with_their_labels():
    problem = ufm.Problem((3, 2, 4), 3, 0.3, 20)
    features, order = strategies.features_of(problem, 5), np.random.default_rng(0).permutation(9)
    sorted_ = flow(problem, features=features, t_eval=[0.0, 1.0])
    shuffled = np.argsort(problem.labels[order], kind="stable")
    mixed = flow(problem, features=features[order], labels=problem.labels[order], t_eval=[0.0, 1.0])
    np.testing.assert_allclose(mixed.features[0], features[order][shuffled], rtol=1e-12)
    np.testing.assert_allclose(mixed.value, sorted_.value, rtol=1e-12)
    steps = ufm.gradient_descent(
        problem, step_size=0.01, n_steps=3, features=features[order], labels=problem.labels[order], keep="final"
    )
    again = ufm.gradient_descent(problem, step_size=0.01, n_steps=3, features=features[order][shuffled], keep="final")
    np.testing.assert_array_equal(steps.final, again.final)
    for labels, message in (
        (np.zeros(9, int), "label 0 is there 9 times"),
        (problem.labels + 1, "there is a label 3"),
        (problem.labels[:5], "labels must be 9 integers"),
        (problem.labels + 0.5, "labels must be 9 integers"),
    ):
        with pytest.raises(ValueError, match=message):
            flow(problem, features=features, labels=labels, t_final=1.0)
    with pytest.raises(ValueError, match="no features that they could be of"):
        flow(problem, labels=problem.labels, t_final=1.0)


COUPLED = {
    "mean": lambda h, y: (h**2).sum(1).mean(),
    "norm of the batch": lambda h, y: (h @ h.T).logsumexp(dim=1),
    "batch statistics": lambda h, y: ((h - h.mean(0)) ** 2).sum(1),
}


@pytest.mark.parametrize("function", COUPLED.values(), ids=COUPLED)
def test_a_loss_that_couples_samples_is_refused(function):
    problem = ufm.Problem((1, 2), 2, 0.3, 8)
    for verb, how in ((ufm.gradient_flow, {"t_final": 1.0}), (ufm.gradient_descent, {"step_size": 0.1, "n_steps": 2})):
        with pytest.raises(ValueError, match="is not the sum of theirs"):
            verb(problem, loss=ufm.TorchLoss(function), **how)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["reduced", "span", "full"])
@given(strategies.problems(loss="cosine", max_classes=2, max_size=2), strategies.seeds)
def test_features_on_the_antipode_stay_there_however_they_are_rounded(method, problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    features = strategies.features_of(problem, seed)
    size = np.random.default_rng(seed).uniform(0.1, 10.0)
    features[0] = -size * frame.direction(0)
    run = ufm.gradient_flow(problem, frame=frame, features=features, method=method, t_final=20.0, keep="features")
    unit = run.features[:, 0] / np.linalg.norm(run.features[:, 0], axis=1, keepdims=True)
    np.testing.assert_allclose(unit, np.broadcast_to(-frame.direction(0), unit.shape), atol=1e-7)


@pytest.mark.parametrize("method", ["reduced", "span", "full"])
def test_the_antipode_is_said(method):
    problem = ufm.Problem((2, 3), 3, 0.3, 16)
    frame = ufm.multi_center_frame(problem, seed=3)
    features = strategies.features_of(problem, 1)
    features[3] = -2.0 * frame.direction(1) + 1e-15
    run = ufm.gradient_flow(problem, frame=frame, features=features, method=method)
    assert run.status == "stalled"
    assert "sample 3 (class 1) starts at the antipode" in run.stats["reason"]
    features[3] += 1e-6 * features[2]
    assert ufm.gradient_flow(problem, frame=frame, features=features, method=method).status == "collapsed"


NOT_FINITE = {
    "at once": lambda h, y: (h * np.nan).sum(1),
    "for one sample": lambda h, y: (h.sum(1) - 1e30).where(y > 0, (h * np.inf).sum(1)),
    "later": lambda h, y: -(4.0 + h[:, 0]).sqrt() * -1.0,
}


@pytest.mark.parametrize("how", [{"t_final": 50.0}, {}], ids=["times", "search"])
@pytest.mark.parametrize("function", NOT_FINITE.values(), ids=NOT_FINITE)
def test_a_loss_that_is_not_finite_ends_the_flow(function, how):
    run = ufm.gradient_flow(ufm.Problem((2, 3), 2, 0.3, 8), loss=ufm.TorchLoss(function), **how)
    assert run.status == "diverged"
    assert "sample" in run.stats["reason"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "options"),
    [
        (ufm.Problem((2, 1), (2, 3), 0.3, 16), {"rtol": 1e-3}),
        (ufm.Problem((2, 1), 1, 0.3, 16), {}),
        (ufm.Problem((2, 1), (3, 2), np.pi / 2 - 1e-5, 16), {}),
    ],
)
def test_what_the_budget_will_not_reach_ends_early(problem, options):
    run = ufm.gradient_flow(problem, method="span", until_nc=1e-10, **options)
    assert run.status == "stopped"
    assert "will not be at 1e-10" in run.stats["reason"]
    assert run.stats["steps"] <= 5000


def test_entries_beyond_any_square_are_refused():
    with pytest.raises(ValueError, match=r"features\[4\] contains -1e\+200: entries are at most"):
        flow(ufm.Problem((2, 3), 2, 0.3, 8), features=np.diag([1.0, 1, 1, 1, -1e200])[:, [*range(5), 0, 1, 2]])


LONG = """
import ufm

class Slow:
    constant, calls = 0.0, 0

    def value_and_gradient(self, features, labels):
        self.calls += 1
        if self.calls == 100:
            print("moving", flush=True)
        return 0.5 * (features**2).sum(axis=1), features

ufm.gradient_flow(ufm.Problem((200, 200, 200), 3, 0.3, 60), loss=Slow(), t_final=1e6)
"""


@pytest.mark.slow
def test_one_interrupt_ends_all_threads():
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", LONG], text=True, **pipes) as process:
        assert process.stdout.readline() == "moving\n"
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=10.0)[1]


def test_a_loss_that_couples_the_samples_of_one_class_is_refused():
    import torch

    problem = ufm.Problem((2, 3), 2, 0.3, 8)
    spread = ufm.TorchLoss(lambda h, y: torch.where(y == 1, ((h - h.mean(0)) ** 2).sum(1), (h**2).sum(1)))
    for verb, how in ((ufm.gradient_flow, {"t_final": 1.0}), (ufm.gradient_descent, {"step_size": 0.1, "n_steps": 2})):
        with pytest.raises(ValueError, match=r"samples of class 1 is not the sum of theirs"):
            verb(problem, loss=spread, **how)
