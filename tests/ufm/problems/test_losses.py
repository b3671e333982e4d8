import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from theory.multicenter import minimum
from ufm.problems.losses import cosine, loss_of


@given(strategies.problems(), strategies.seeds, st.floats(0.1, 10))
def test_value_and_gradient_against_the_complex_step(problem, seed, scale):
    frame = ufm.multi_center_frame(problem, seed=seed)
    loss, features = loss_of(problem, frame), strategies.features_of(problem, seed, scale)
    for k in range(problem.n_classes):
        rows = features[problem.samples(k)]
        values, gradients = loss.value_and_gradient(rows, k)
        expected = np.array([oracles.gradient(problem, frame, h, k) for h in rows])
        np.testing.assert_allclose(values, [oracles.sample_loss(problem, frame, h, k) for h in rows], rtol=1e-11)
        np.testing.assert_allclose(gradients, expected, atol=1e-11 * (1 + np.abs(expected).max()))


@given(strategies.problems(), strategies.seeds)
def test_no_value_below_the_proven_minimum(problem, seed):
    frame, features = ufm.multi_center_frame(problem, seed=seed), strategies.features_of(problem, seed, 0.7)
    loss = loss_of(problem, frame)
    for k, f in enumerate(problem.centers):
        values, _ = loss.value_and_gradient(features[problem.samples(k)], k)
        if problem.loss == "cosine":
            bound = minimum.cosine_minimum(f, problem.theta, problem.weights[k])
        else:
            bound = minimum.mse_minimum(f, problem.theta, problem.total, problem.lam_h)
        assert values.min() >= bound - 1e-12


@given(strategies.problems(), strategies.seeds)
def test_rotation_equivariance(problem, seed):
    frame, q = ufm.multi_center_frame(problem, seed=seed), strategies.rotation(problem.dim, seed + 1)
    turned = ufm.Frame(frame.counts, frame.centers @ q.T, frame.classifier @ q.T)
    features = strategies.features_of(problem, seed)[problem.samples(0)]
    values, gradients = loss_of(problem, frame).value_and_gradient(features, 0)
    values_turned, gradients_turned = loss_of(problem, turned).value_and_gradient(features @ q.T, 0)
    np.testing.assert_allclose(values_turned, values, atol=1e-10)
    np.testing.assert_allclose(gradients_turned, gradients @ q.T, atol=1e-10)


def test_sparse_and_dense_frames_agree():
    problem = ufm.Problem((4, 3), (2, 3), 0.3, 12)
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    plain = ufm.Frame(frame.counts, oracles.dense(frame.centers), oracles.dense(frame.classifier))
    features = strategies.features_of(problem, 0)[problem.samples(1)]
    for one in (problem, ufm.Problem((4, 3), (2, 3), 0.3, 12, loss="mse", lam_h=0.1)):
        for a, b in zip(
            loss_of(one, frame).value_and_gradient(features, 1), loss_of(one, plain).value_and_gradient(features, 1)
        , strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, atol=1e-14)


def test_the_derivatives_printed_in_the_paper_are_wrong_off_the_sphere():
    rng = np.random.default_rng(0)
    w, h = rng.standard_normal(5), 2.0 * rng.standard_normal(5)
    w /= np.linalg.norm(w)
    r = np.linalg.norm(h)
    u, a = h / r, w @ h / r
    _, (true,) = cosine(h[None], w[None], 1.0, 0.0)
    np.testing.assert_allclose(true, -2 * (1 - a) * (w - a * u) / r)
    printed_text, printed_appendix = -2 * (1 - a) * (w - a * u) / r**2, -2 * (1 - a) * (w - a * h) / r**2
    assert np.abs(true - printed_text).max() > 0.01
    assert np.abs(true - printed_appendix).max() > 0.01
    assert true @ h == pytest.approx(0, abs=1e-14)  # the norm does not change to first order


@pytest.mark.parametrize(("row", "message"), [([0.0, 0.0], "0:"), ([np.nan, 1.0], "not a number")])
def test_no_direction(row, message):
    with pytest.raises(ValueError, match=rf"features\[1\] is {message}"):
        cosine(np.array([[1.0, 2.0], row]), np.eye(2), 1.0, 0.1)


def cross_entropy(problem):
    weights = torch.tensor(oracles.dense(ufm.multi_center_frame(problem).classifier))
    return lambda h, y: torch.nn.functional.cross_entropy(h @ weights.T, y, reduction="none")


def test_torch_adapter_gives_value_and_gradient():
    problem = ufm.Problem((4, 3), 2, 0.2, 8)
    features = strategies.features_of(problem, 0)[problem.samples(1)]
    values, gradients = ufm.TorchLoss(cross_entropy(problem)).value_and_gradient(features, 1)
    weights = oracles.dense(ufm.multi_center_frame(problem).classifier)
    scores = np.exp(features @ weights.T)
    shares = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(values, -np.log(shares[:, 1]), rtol=1e-12)
    np.testing.assert_allclose(gradients, (shares - [0, 1]) @ weights, rtol=1e-10)


def test_torch_adapter_reproduces_the_cosine_loss():
    problem = ufm.Problem((4, 3), 2, 0.2, 8)
    frame, features = ufm.multi_center_frame(problem), strategies.features_of(problem, 0)
    w, weights = torch.tensor(frame.centers), torch.tensor(problem.weights)

    def function(h, y):
        r = h.norm(dim=1)
        own = w.reshape(2, 2, 8)[y]
        miss = torch.einsum("nfd,nd->nf", own, h / r[:, None]) - 1
        return (weights[y] * (miss**2).sum(dim=1) + problem.lam * (r - 1) ** 2).sum()

    custom = ufm.gradient_flow(
        problem, frame=frame, features=features, loss=ufm.TorchLoss(function), t_eval=[0, 3], keep="final"
    )
    own = ufm.gradient_flow(problem, frame=frame, features=features, t_eval=[0, 3], keep="final")
    np.testing.assert_allclose(custom.final, own.final, atol=1e-8)
    np.testing.assert_allclose(custom.value, own.value, rtol=1e-9)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda h, y: h, r"returned shape \(3, 8\)"),
        (lambda h, y: 3.0, "returned shape"),
        (lambda h, y: torch.ones(3), "does not depend on the features"),
    ],
)
def test_torch_functions_refused(function, message):
    with pytest.raises(ValueError, match=message):
        ufm.TorchLoss(function).value_and_gradient(np.ones((3, 8)), 0)
