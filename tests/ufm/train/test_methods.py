import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ufm
from ufm.measure.rules import regular
from ufm.problems.frames import dense
from ufm.problems.losses import loss_of
from ufm.train import methods
from ufm.train.config import Config
from ufm.train.methods import mixup
from ufm.train.methods.linear import CrossEntropy
from ufm.train.methods.multicenter import Cosine, MeanSquared
from ufm.train.methods.simplex import SETF

SIZES = (9, 4, 2)
pytestmark = pytest.mark.usefixtures("double_precision")


def batch(problem, seed, count=17):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, problem.dim)) * rng.uniform(0.3, 3.0), rng.integers(0, problem.n_classes, count)


def reference(problem, frame, h, y, scale):
    """Mean loss and gradient by the numpy losses of the solver, sample by sample."""
    loss = loss_of(problem, frame)
    rows = [loss.value_and_gradient(h[i : i + 1], int(y[i])) for i in range(len(y))]
    values, gradients = (np.concatenate([row[n] for row in rows]) for n in (0, 1))
    return scale * values.mean(), scale * gradients / len(y)


def by_autograd(method, h, y, dtype=torch.float64):
    features = torch.tensor(h, dtype=dtype, requires_grad=True)
    loss = method.loss(features, torch.tensor(y))
    loss.backward()
    return loss.item(), features.grad.double().numpy()


@given(
    centers=st.lists(st.integers(1, 6), min_size=3, max_size=3),
    theta=st.floats(0.0, np.pi / 2),
    kind=st.sampled_from(["cosine", "mse"]),
    basis=st.sampled_from(["coordinate", "random"]),
    room=st.integers(0, 4),
    seed=st.integers(0, 2**20),
)
def test_loss_and_gradient_are_those_of_the_solver(centers, theta, kind, basis, room, seed):
    weights = {"lam": 0.3} if kind == "cosine" else {"lam_h": 0.02}
    problem = ufm.Problem(SIZES, tuple(centers), theta, sum(centers) + 3 + room, kind, **weights)
    method = (Cosine if kind == "cosine" else MeanSquared)(problem, basis, seed)
    frame = ufm.multi_center_frame(problem, basis=basis, seed=seed)
    h, y = batch(problem, seed)
    value, gradient = reference(problem, frame, h, y, 1.0 if kind == "cosine" else problem.n_samples)
    ours, slope = by_autograd(method, h, y)
    assert ours == pytest.approx(value, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=0, atol=1e-12 * max(1.0, np.abs(gradient).max()))
    torch.set_default_dtype(torch.float32)
    single = (Cosine if kind == "cosine" else MeanSquared)(problem, basis, seed)
    torch.set_default_dtype(torch.float64)
    ours, slope = by_autograd(single, h, y, torch.float32)
    assert ours == pytest.approx(value, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(slope, gradient, rtol=0, atol=1e-6 * max(1.0, np.abs(gradient).max()))


def test_the_frame_that_collapse_is_held_against_is_the_frame_of_the_loss():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4, 15)
    for basis in ("coordinate", "random"):
        method = Cosine(problem, basis, seed=3)
        frame = method.frame(np.empty(0))
        features = torch.eye(15)
        everything = torch.cat(
            [method.own_products(method.coordinates(features), torch.full((15,), k)) for k in range(3)], 1
        )
        columns = [k * 5 + j for k, f in enumerate(problem.centers) for j in range(f)]
        np.testing.assert_allclose(everything[:, columns].numpy(), dense(frame.centers).T, atol=1e-14)


def test_a_feature_of_zero_has_a_finite_loss_and_a_finite_gradient_towards_its_centers():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4)
    value, gradient = by_autograd(Cosine(problem), np.zeros((2, problem.dim)), np.array([0, 2]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    towards = ufm.multi_center_frame(problem, basis="coordinate").mean_centers.toarray()[[0, 2]]
    assert np.all(np.sum(towards * -gradient, axis=1) > 0)


def test_predictions_are_the_regular_rule_of_the_solver():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4, 16, "mse")
    h, _ = batch(problem, 5, 200)
    for basis in ("coordinate", "random"):
        method = MeanSquared(problem, basis, 1)
        expected = regular(h, method.frame(np.empty(0)))
        np.testing.assert_array_equal(method.predict(torch.tensor(h)).numpy(), expected)


def test_the_own_rule_of_cosine_methods_standardises_features_first():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4, 16)
    method = Cosine(problem)
    h, y = batch(problem, 6, 64)
    shifted = h + 5.0 * np.eye(16)[11]  # an offset along w_1, which the statistics take away
    method.normalisation.momentum = 1.0
    method.loss(torch.tensor(shifted), torch.tensor(y))
    method.eval()
    standardised = (shifted - shifted.mean(0)) / np.sqrt(shifted.var(0, ddof=1) + 1e-5)
    expected = np.argmax(standardised[:, 10:13], axis=1)
    np.testing.assert_array_equal(method.predict(torch.tensor(shifted)).numpy(), expected)
    before = method.normalisation.running_mean.clone()
    method.loss(torch.tensor(h), torch.tensor(y))  # evaluation changes nothing
    assert torch.equal(before, method.normalisation.running_mean)


def test_setf_against_a_loop_over_samples():
    torch.manual_seed(0)
    method = SETF(8, SIZES, seed=2)
    vertices = method.vertices.numpy()
    np.testing.assert_allclose(vertices @ vertices.T, 1.5 * (np.eye(3) - 1 / 3), atol=1e-14)
    h = np.random.default_rng(1).standard_normal((10, 8)) * 3 + 1
    y = np.array([0, 0, 0, 0, 0, 0, 2, 2, 2, 0])  # class 1 is absent from the batch
    loss = method.loss(torch.tensor(h), torch.tensor(y)).item()
    normal = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
    total = 0.0
    for row, label in zip(normal, y, strict=True):
        unit = row / np.sqrt(row @ row)
        length = np.sqrt((10 / 2) / np.sum(y == label))
        target = length * vertices[label]
        total += 0.5 * (target @ unit - np.sqrt(target @ target)) ** 2
    assert loss == pytest.approx(total / 10, rel=1e-12)
    method.eval()
    unit = method.geometry(torch.tensor(h)).detach().numpy()
    np.testing.assert_array_equal(method.predict(torch.tensor(h)).numpy(), np.argmax(unit @ vertices.T, axis=1))


def test_cross_entropy_learns_its_classifier():
    method = CrossEntropy(5, SIZES)
    h, y = np.random.default_rng(0).standard_normal((7, 5)), np.array([0, 1, 2, 2, 1, 0, 0])
    scores = h @ method.classifier.weight.detach().numpy().T + method.classifier.bias.detach().numpy()
    expected = np.mean([np.log(np.exp(s).sum()) - s[k] for s, k in zip(scores, y, strict=True)])
    loss = method.loss(torch.tensor(h), torch.tensor(y))
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    loss.backward()
    assert all(p.requires_grad and torch.any(p.grad != 0) for p in method.parameters())


@pytest.mark.parametrize("name", ["SETF", "P", "AL", "CAL"])
def test_fixed_frames_have_no_gradient(name):
    config = Config(method=name)
    dim = methods.n_features(config, SIZES)
    method = methods.build(config, SIZES, dim + 2)
    fixed = {"normalisation"} if name == "SETF" else set()  # the batch normalisation of SETF has scale and shift
    assert {parameter.split(".")[0] for parameter, _ in method.named_parameters()} == fixed


@pytest.mark.parametrize("name", ["SETF", "P", "AL", "CAL"])
def test_a_dimension_that_is_too_small_is_refused(name):
    config = Config(method=name)
    dim = methods.n_features(config, SIZES)
    methods.build(config, SIZES, dim)
    with pytest.raises(ValueError, match="dim"):
        methods.build(config, SIZES, dim - 1)


def test_al_and_cal_differ_in_their_centers_only():
    al, cal = (methods.build(Config(method=name, f=5), SIZES, 30) for name in ("AL", "CAL"))
    assert al.reference.counts == (5, 5, 5)
    assert cal.reference.counts == ufm.class_aware(SIZES, 5)
    same = methods.build(Config(method="AL", f=5, centers="class-aware"), SIZES, 30)
    h, y = torch.randn(6, 30), torch.tensor([0, 1, 2, 2, 1, 0])
    assert torch.equal(same.loss(h, y), cal.loss(h, y))


@given(alpha=st.floats(0.05, 5.0), seed=st.integers(0, 2**31))
def test_mixup_against_a_loop_over_images(alpha, seed):
    images, labels = torch.randn(6, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    mixed, others, share = mixup(images, labels, alpha, seed)
    assert 0.0 <= share <= 1.0
    again = mixup(images, labels, alpha, seed)
    assert torch.equal(mixed, again[0])
    assert share == again[2]
    rng = np.random.default_rng(seed)
    assert share == rng.beta(alpha, alpha)
    partner = rng.permutation(6)
    for i in range(6):
        np.testing.assert_allclose(mixed[i], share * images[i] + (1 - share) * images[partner[i]], atol=1e-12)
        assert others[i] == labels[partner[i]]
    method = MeanSquared(ufm.Problem(SIZES, 2, 0.4, loss="mse"))
    h = torch.randn(6, method.dim)
    both = share * method.loss(h, labels) + (1 - share) * method.loss(h, others)
    assert method.loss(h, labels, others, share).item() == pytest.approx(both.item(), rel=1e-12)


def test_mixup_of_zero_mixes_nothing():
    images, labels = torch.randn(4, 1, 2, 2), torch.arange(4)
    mixed, others, share = mixup(images, labels, 0.0, 1)
    assert mixed is images
    assert torch.equal(others, labels)
    assert share == 1.0


def test_losses_of_bf16_features_are_computed_in_float32():
    torch.set_default_dtype(torch.float32)
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4)
    for method in (Cosine(problem), MeanSquared(problem.replace(loss="mse", beta=None, lam=None))):
        assert method.loss(torch.randn(4, 13).bfloat16(), torch.tensor([0, 1, 2, 2])).dtype == torch.float32
