"""The methods that the paper compares with, and combinations, against loops over samples written from the formulas."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ufm
from theory.multicenter import geometry
from ufm.certify.training import predictions
from ufm.measure.rules import generalized
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.methods import build, n_features
from ufm.train.methods.contrast import KPositiveContrast
from ufm.train.methods.deferred import Deferred
from ufm.train.methods.linear import AttractionRepulsionBalanced, CrossEntropy, LogitAdjusted, SimplexCrossEntropy
from ufm.train.methods.multicenter import AdjustedCosine, Cosine, GeneralizedCosine
from ufm.train.methods.simplex import RotatedSimplex, simplex

SIZES = (90, 30, 5)
pytestmark = pytest.mark.usefixtures("double_precision")


def batch(seed=0, count=14, dim=6):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.standard_normal((count, dim))), torch.tensor(rng.integers(0, 3, count))


def scores_by_hand(method, h):
    a, b = method.classifier.weight.detach().numpy(), method.classifier.bias.detach().numpy()
    return [[float(a[k] @ row + b[k]) for k in range(len(b))] for row in h.numpy()]


def loss_by_hand(method, h, y, weights):
    """Mean of -ln(w_y e^{z_y} / sum_j w_j e^{z_j})."""
    shifted = [np.multiply(weights, np.exp(z)) for z in scores_by_hand(method, h)]
    return np.mean([-np.log(row[k] / row.sum()) for row, k in zip(shifted, y.tolist(), strict=True)])


def softmax_loss(scores, label):
    return np.log(sum(np.exp(s) for s in scores)) - scores[label]


@given(seed=st.integers(0, 999), strength=st.floats(0.0, 2.0))
def test_logit_adjustment_in_the_loss(seed, strength):
    method = LogitAdjusted(6, SIZES, strength)
    h, y = batch(seed)
    expected = loss_by_hand(method, h, y, (np.array(SIZES) / 125) ** strength)
    assert method.loss(h, y).item() == pytest.approx(expected, rel=1e-10)
    assert torch.equal(method.predict(h), torch.tensor(scores_by_hand(method, h)).argmax(1))


def test_balanced_softmax_is_logit_adjustment_of_strength_one():
    h, y = batch()
    torch.manual_seed(1)
    one = build(Config(method="BalancedSoftmax"), SIZES, 6)
    torch.manual_seed(1)
    other = build(Config(method="LA"), SIZES, 6)
    assert torch.equal(one.loss(h, y), other.loss(h, y))
    assert one.loss(h, y).item() == pytest.approx(loss_by_hand(one, h, y, SIZES), rel=1e-12)


def test_logit_adjustment_after_training():
    method = build(Config(method="CE+LA", hyper=("strength=1.5",)), SIZES, 6)
    h, y = batch(count=200)
    expected = [
        int(np.argmax([z[k] - 1.5 * np.log(SIZES[k] / 125) for k in range(3)])) for z in scores_by_hand(method, h)
    ]
    assert method.predict(h).tolist() == expected
    plain = CrossEntropy(6, SIZES)
    plain.load_state_dict(method.state_dict())
    assert torch.equal(plain.loss(h, y), method.loss(h, y))
    assert plain.predict(h).tolist() != expected


@given(seed=st.integers(0, 999), count=st.integers(1, 20))
def test_arb_against_its_formula(seed, count):
    method = AttractionRepulsionBalanced(6, SIZES)
    h, y = batch(seed, count)
    expected = loss_by_hand(method, h, y, np.bincount(y.numpy(), minlength=3))
    loss = method.loss(h.requires_grad_(), y)
    assert loss.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    loss.backward()
    assert torch.isfinite(h.grad).all()  # also with a class that is absent


def etf_ce_by_hand(a, b, h, y):
    """Value, and gradients of A, b and h, in loops over samples and classes."""
    n = np.array(SIZES, dtype=float)
    value, slope_a, slope_b, slope_h = 0.0, np.zeros_like(a), np.zeros_like(b), np.zeros_like(h)
    for i, (row, k) in enumerate(zip(h, y, strict=True)):
        weight, temperature = n.sum() / (3 * n[k]), np.sqrt(n[k] / (n.sum() / 3))
        z = np.array([temperature * float(a[j] @ row) + b[j] for j in range(3)])
        value += weight * softmax_loss(z, k) / len(y)
        slope = np.exp(z) / np.exp(z).sum() - np.eye(3)[k]
        slope_b += weight * slope / len(y)
        slope_a += weight * temperature * np.outer(slope, row) / len(y)
        slope_h[i] += weight * temperature * a.T @ slope / len(y)
    return value, slope_a, slope_b, slope_h


@given(seed=st.integers(0, 999), count=st.integers(1, 20))
def test_etf_ce_and_its_gradients_against_loops(seed, count):
    method = build(Config(method="ETF-CE"), SIZES, 6)
    h, y = batch(seed, count)
    loss = method.loss(h.requires_grad_(), y)
    loss.backward()
    layer = method.classifier
    a, b = (each.detach().numpy() for each in (layer.weight, layer.bias))
    value, *slopes = etf_ce_by_hand(a, b, h.detach().numpy(), y.numpy())
    assert loss.item() == pytest.approx(value, rel=1e-12)
    for ours, by_hand in zip((layer.weight.grad, layer.bias.grad, h.grad), slopes, strict=True):
        np.testing.assert_allclose(ours.numpy(), by_hand, rtol=0, atol=1e-13 * max(1.0, np.abs(by_hand).max()))
    assert torch.equal(method.predict(h), torch.tensor(scores_by_hand(method, h.detach())).argmax(1))


def test_a_simplex_is_stationary_for_etf_ce_under_imbalance_and_not_for_ce():
    """What the loss asks for: every class pulls the features and the rows of a simplex along themselves only."""
    vertices = torch.tensor(simplex(6, 3, 2))
    y = torch.repeat_interleave(torch.arange(3), torch.tensor(SIZES))
    lengths = torch.tensor([(sum(SIZES) / 3 / n) ** 0.5 for n in SIZES])
    off = {}
    for kind in (SimplexCrossEntropy, CrossEntropy):
        method = kind(6, SIZES)
        with torch.no_grad():
            method.classifier.weight.copy_(vertices)
            method.classifier.bias.zero_()
        loss = method.loss((lengths[:, None] * vertices)[y], y)
        loss.backward()
        slope = method.classifier.weight.grad
        along = float((slope * vertices).sum()) / 3
        off[kind] = float((slope - along * vertices).abs().max()), float(method.classifier.bias.grad.abs().max())
    assert max(off[SimplexCrossEntropy]) < 1e-14
    assert min(off[CrossEntropy]) > 1e-2


def test_on_balanced_data_the_adjustments_vanish():
    h, _ = batch()
    balanced = (7, 7, 7)
    even = torch.arange(12) % 3
    for kind in (LogitAdjusted, AttractionRepulsionBalanced, SimplexCrossEntropy, CrossEntropy):
        method = kind(6, balanced)
        plain = CrossEntropy(6, balanced)
        plain.load_state_dict(method.state_dict())
        torch.testing.assert_close(method.loss(h[:12], even), plain.loss(h[:12], even))
    for name in ("RBL+PLA", "CE+LA"):
        method = build(Config(method=name), balanced, 6)
        torch.testing.assert_close(method.predict(h), method.logits(h).argmax(1))
    method = build(Config(method="LDAM-DRW"), balanced, 6)
    torch.testing.assert_close(method.late_weights, torch.ones(3))
    torch.testing.assert_close(method.margins, torch.full((3,), 0.5))


@pytest.mark.parametrize("late", [False, True])
def test_ldam_drw_against_a_loop(late):
    method = build(Config(method="LDAM-DRW"), SIZES, 6)
    method.begin(0.8 if late else 0.79)
    h, y = batch(3)
    rows = method.rows.detach().numpy()
    beta = 0.9999
    weights = np.array([(1 - beta) / (1 - beta**n) for n in SIZES])
    weights *= 3 / weights.sum()
    total, divisor = 0.0, 0.0
    for row, k in zip(h.numpy(), y.tolist(), strict=True):
        z = [row @ a / np.sqrt((row @ row) * (a @ a)) for a in rows]
        z[k] -= 0.5 * (5 / SIZES[k]) ** 0.25
        weight = weights[k] if late else 1.0
        total += weight * softmax_loss([30 * each for each in z], k)
        divisor += weight
    assert method.loss(h, y).item() == pytest.approx(total / divisor, rel=1e-9)


def test_defaults_are_the_published_ones():
    assert dict(METHODS["LDAM-DRW"].hyper) == {"margin": 0.5, "scale": 30.0, "beta": 0.9999, "defer": 0.8}
    kcl = METHODS["KCL"].hyper
    assert (kcl["positives"], kcl["temperature"], kcl["momentum"], kcl["projection"]) == (6, 0.07, 0.999, 128)
    for name in METHODS:
        config = Config(method=name)
        assert config.hyperparameters == pytest.approx(dict(METHODS[name].hyper))
        method = build(config, SIZES, max(70, n_features(config, SIZES)))  # the names are those of the constructors
        assert method.views == (2 if name == "KCL" else 1)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("margn=1",), "did you mean 'margin'"),
        (("margin",), "write margin=VALUE"),
        (("margin=-1",), "at least 0"),
        (("scale=x",), "not a number"),
    ],
)
def test_hyperparameters_that_are_wrong(said, message):
    with pytest.raises(ValueError, match=message):
        Config(method="LDAM-DRW", hyper=said)
    with pytest.raises(ValueError, match="it has none"):
        Config(method="CE", hyper=("margin=1",))
    assert Config(method="LDAM-DRW", hyper=("scale=20",)).hyperparameters["scale"] == 20


def test_rbl_scores_by_a_rotated_simplex_and_learns_the_rotation():
    method = RotatedSimplex(6, SIZES, seed=2, strength=1.0)
    vertices = simplex(6, 3, 2)
    np.testing.assert_allclose(vertices @ vertices.T, 1.5 * np.eye(3) - 0.5, atol=1e-12)
    h, y = batch(4)
    rotation = method.rotation.weight.detach().numpy()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-12)
    total, decided = 0.0, []
    for row, k in zip(h.numpy(), y.tolist(), strict=True):
        z = [float((vertices[j] @ rotation) @ row) for j in range(3)]
        total += softmax_loss(z, k)
        decided.append(int(np.argmax([z[j] - np.log(SIZES[j] / 125) for j in range(3)])))
    loss = method.loss(h, y)
    assert loss.item() == pytest.approx(total / len(y), rel=1e-12)
    assert method.predict(h).tolist() == decided
    optimizer = torch.optim.SGD(method.parameters(), 0.5)
    for _ in range(20):
        optimizer.zero_grad()
        method.loss(h, y).backward()
        optimizer.step()
    assert method.loss(h, y) < loss
    moved = method.rotation.weight.detach()
    torch.testing.assert_close(moved @ moved.T, torch.eye(6))
    frame = method.frame(np.empty(0))
    np.testing.assert_allclose(frame.centers @ frame.centers.T, 1.5 * np.eye(3) - 0.5, atol=1e-10)


def test_kcl_contrast_against_a_loop():
    method = KPositiveContrast(6, SIZES, positives=2, queue=9, projection=4, temperature=0.5)
    rng = np.random.default_rng(5)
    unit = lambda *shape: torch.nn.functional.normalize(torch.tensor(rng.standard_normal(shape)), dim=-1)  # noqa: E731
    q, k = unit(5, 4), unit(5, 4)
    method.queue, method.queue_labels = unit(9, 4), torch.tensor([0, 0, 1, -1, 2, 0, 0, 1, -1])
    y = torch.tensor([0, 1, 2, 0, 1])  # class 0 has four in the queue, of which two are drawn; class 2 has one
    torch.manual_seed(7)
    loss = method.contrast(q, k, y)
    torch.manual_seed(7)
    draws = torch.rand(5, 9)
    total = 0.0
    for i in range(5):
        candidates = [j for j in range(9) if method.queue_labels[j] == y[i]]
        chosen = sorted(candidates, key=lambda j: -draws[i, j])[:2]
        logits = [float(q[i] @ k[i]) / 0.5] + [float(q[i] @ method.queue[j]) / 0.5 for j in range(9)]
        total += np.mean([softmax_loss(logits, place) for place in (0, *(j + 1 for j in chosen))])
    assert loss.item() == pytest.approx(total / 5, rel=1e-12)


def test_kcl_follows_queues_and_then_freezes():
    method = KPositiveContrast(6, SIZES, queue=8, projection=4, momentum=0.9)
    network = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.BatchNorm1d(6))
    method.attach(network)
    assert not any(name.startswith("_fast") for name, _ in method.named_parameters())
    x, second = torch.randn(5, 3), torch.randn(5, 3)
    y = torch.tensor([0, 1, 2, 0, 0])
    with torch.no_grad():
        network[0].weight += 1.0
    before = method.slow[0][0].weight.clone()
    method.loss_of_views(network, x, second, y).backward()
    torch.testing.assert_close(method.slow[0][0].weight, before + 0.1)
    assert method.queue_labels.tolist() == [0, 1, 2, 0, 0, -1, -1, -1]
    method.loss_of_views(network, x, second, y)
    assert method.queue_labels.tolist() == [0, 0, 2, 0, 0, 0, 1, 2]  # around the end
    assert network[0].weight.grad.abs().sum() > 0
    assert method.classifier.weight.grad is None
    network.zero_grad()
    method.zero_grad()
    method.begin(0.8)
    statistics = network[1].running_mean.clone()
    loss = method.loss_of_views(network, x, second, y)
    loss.backward()
    assert network[0].weight.grad is None
    assert method.classifier.weight.grad.abs().sum() > 0
    assert torch.equal(network[1].running_mean, statistics)
    weights = 1 / np.array(SIZES)
    scores = method.classifier(network(x)).detach().numpy()
    by_hand = [weights[k] * softmax_loss(list(s), k) for s, k in zip(scores, y.tolist(), strict=True)]
    assert loss.item() == pytest.approx(sum(by_hand) / weights[y.numpy()].sum(), rel=1e-10)


def test_cal_with_the_generalized_rule():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4, 16)
    for basis in ("coordinate", "random"):
        method = GeneralizedCosine(problem, basis, 1).eval()  # fresh statistics: mean 0 and variance 1
        h = np.random.default_rng(0).standard_normal((200, 16))
        np.testing.assert_array_equal(method.predict(torch.tensor(h)).numpy(), generalized(h, method.reference))


def test_cal_with_logit_adjustment():
    problem = ufm.Problem(SIZES, (2, 3, 5), 0.4, 16)
    method = AdjustedCosine(problem, strength=2.0, scale=10.0).eval()
    h = np.random.default_rng(0).standard_normal((200, 16))
    rows = method.reference.classifier.toarray()
    scores = 10 * (h / np.linalg.norm(h, axis=1, keepdims=True)) @ rows.T - 2 * np.log(np.array(SIZES) / 125)
    np.testing.assert_array_equal(method.predict(torch.tensor(h)).numpy(), scores.argmax(1))


def test_an_angle_per_class():
    config = Config(method="CAL-theta", f=5, theta=0.3)
    method = build(config, SIZES, 20)
    angles = config.angles(SIZES)
    f = method.reference.counts
    np.testing.assert_allclose(geometry.classifier_cosine(f, angles), geometry.classifier_cosine(5, 0.3))
    measured = method.reference.geometry
    np.testing.assert_allclose(measured.alignment, geometry.classifier_cosine(f, angles))
    np.testing.assert_allclose(measured.mean, geometry.center_cosine(f, angles))
    h, y = batch(1, 30, 20)
    total = 0.0
    for row, k in zip(h.numpy(), y.tolist(), strict=True):
        r = np.sqrt(row @ row)
        centers = method.reference.class_centers(k).toarray()
        total += geometry.center_cosine(f[k], angles[k]) * np.sum((centers @ row / r - 1) ** 2) + 0.0768 * (r - 1) ** 2
    assert method.loss(h, y).item() == pytest.approx(total / 30, rel=1e-12)
    assert Config(method="CAL").angles(SIZES) is None


def test_al_with_the_weight_that_cal_gives_each_class():
    """On AL's frame each class weighs what it does in CAL: over its own centers the weights add up to f_k c_k."""
    config = Config(method="AL-weighted", f=5, theta=0.3)
    others = [replace(config, method=name, centers=None) for name in ("AL", "CAL")]
    method, al, cal = (build(each, SIZES, 20) for each in (config, *others))
    assert (method.reference.centers != al.reference.centers).nnz == 0
    h, y = batch(1, 30, 20)
    total = 0.0
    for row, k in zip(h.numpy(), y.tolist(), strict=True):
        r = np.sqrt(row @ row)
        theirs = cal.reference.class_centers(k).toarray()
        weight = np.linalg.norm(theirs.sum(axis=0)) / 5  # f_k times the length of the mean of unit vectors, c_k
        centers = method.reference.class_centers(k).toarray()
        total += sum(weight * (center @ row / r - 1) ** 2 for center in centers) + 0.0768 * (r - 1) ** 2
    assert method.loss(h, y).item() == pytest.approx(total / 30, rel=1e-12)
    rates, alone = (predictions(each, SIZES)["rates"] for each in (config, others[0]))
    np.testing.assert_allclose(np.divide(rates, alone), (method.beta / al.beta).numpy(), rtol=1e-12)
    assert len(set(rates)) == 3


def test_cross_entropy_with_the_weight_that_cal_gives_each_class():
    config = Config(method="CE-weighted", hyper=("centers=5", "angle=0.3"))
    method, cal = build(config, SIZES, 6), build(Config(method="CAL", f=5, theta=0.3), SIZES, 20)
    h, y = batch(1, 30, 6)
    length = [np.linalg.norm(cal.reference.class_centers(k).toarray().sum(axis=0)) for k in range(3)]  # f_k c_k
    mean = sum(n * each for n, each in zip(SIZES, length, strict=True)) / sum(SIZES)
    total = 0.0
    for z, k in zip(method.logits(h).tolist(), y.tolist(), strict=True):
        total += length[k] / mean * (math.log(sum(math.exp(each) for each in z)) - z[k])
    assert method.loss(h, y).item() == pytest.approx(total / 30, rel=1e-12)


@pytest.mark.parametrize("name", ["CE-CAL", "AL-CAL"])
def test_deferred_methods_change_over(name):
    config = Config(method=name, f=4, seed=3)
    method = build(config, SIZES, 15)
    assert isinstance(method, Deferred)
    h, y = batch(2, 30, 15)
    method.begin(0.49)
    assert torch.equal(method.loss(h, y), method.first.loss(h, y))
    method.begin(0.5)
    cal = Cosine(Config(method="CAL", f=4).problem(SIZES, 15), seed=3)
    assert torch.equal(method.loss(h, y), cal.loss(h, y))
    assert method.frame(np.empty(0)).counts == cal.reference.counts
    first, second = config.stages()
    assert (first.method, second.method) == tuple(name.split("-"))
    with pytest.raises(ValueError, match="from beginning to end"):
        Config(method="CE").stages()
