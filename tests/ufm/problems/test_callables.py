"""Losses of logits that are made of a callable."""

import numpy as np
import pytest
import torch

import ufm
from ufm.problems import logits

SIZES, DECAYS = (30, 30, 4, 1), {"lam_w": 5e-3, "lam_h": 4e-4}


def cross_entropy(x, y):
    """Of torch, softened or not."""
    return torch.nn.functional.cross_entropy(x, y, reduction="none")


def squares(x, y):
    """Of numpy."""
    return 0.5 * ((x - y) ** 2).sum(axis=1)


def squares_with_slopes(x, y):
    """The same, with what a complex step finds."""
    return squares(x, y), x - y


def hinge(x, y):
    """Of linear pieces."""
    return (torch.relu(1 - (x * y).sum(1, keepdim=True) + x) * (1 - y)).sum(1)


@pytest.mark.parametrize("bias", ["none", "free", 0.3])
@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (ufm.TorchLogitLoss(cross_entropy), "ce"),
        (ufm.NumpyLogitLoss(squares), "mse"),
        (ufm.NumpyLogitLoss(squares_with_slopes), "mse"),
    ],
)
def test_a_callable_ends_where_the_same_loss_by_name_does(loss, name, bias):
    """Without its conjugate, and class by class; with weights, temperatures and shifts."""
    changed = {"weights": (1, 1, 2, 3), "temperatures": (1, 2, 1, 1), "shifts": (0, 0, 1, 0), "smoothing": 0.1}
    for more in ({}, changed):
        model = ufm.FeatureModel(SIZES, **DECAYS, loss=loss, bias=bias, **more)
        own, known = (ufm.minimize(each) for each in (model, model.replace(loss=name)))
        assert own.status == "optimal"
        assert own.gap < 1e-12
        assert own.value == pytest.approx(known.value, abs=1e-12)
        np.testing.assert_allclose(own.weight_gram, known.weight_gram, atol=1e-6)
        stranger = ufm.Certificate.from_json(own.certificate.to_json())
        assert own.value - ufm.verify(stranger, model) < 1e-12


@pytest.mark.parametrize("loss", [ufm.TorchLogitLoss(cross_entropy), ufm.NumpyLogitLoss(squares)])
def test_slopes_and_curvature_are_those_of_the_named_loss(loss):
    rng = np.random.default_rng(0)
    x, v, y = 3 * rng.standard_normal((5, 4)), rng.standard_normal((5, 4)), np.eye(4)[[0, 1, 1, 2, 3]]
    named = logits.named("ce" if "cross" in loss.name else "mse")
    own, known = (each.at(x, y, np.ones((5, 4))) for each in (loss, named))
    np.testing.assert_allclose(own.values, known.values, rtol=1e-13)
    np.testing.assert_allclose(own.slopes, known.slopes, atol=1e-13)
    np.testing.assert_allclose(own.bend(v), known.bend(v), atol=1e-8)


def test_linear_pieces_do_not_bend():
    x, y = np.array([[2.0, 0.5, -1.0]]), np.eye(3)[:1]
    local = ufm.TorchLogitLoss(hinge).at(x, y, np.ones((1, 3)))
    assert local.values == 0.0
    assert not local.bend(np.ones((1, 3))).any()


def test_other_kinds_and_flows_take_callables():
    loss = ufm.TorchLogitLoss(cross_entropy)
    behind = ufm.minimize(ufm.NonnegativeModel((5, 3), **DECAYS, loss=loss))
    assert behind.value == pytest.approx(ufm.minimize(ufm.NonnegativeModel((5, 3), **DECAYS)).value, abs=1e-9)
    model = ufm.FeatureModel((5, 3), **DECAYS, loss=loss)
    flows = [ufm.gradient_flow(each, t_final=5.0, seed=0) for each in (model, model.replace(loss="ce"))]
    np.testing.assert_allclose(flows[0].value, flows[1].value, rtol=1e-10)


def test_certificates_know_the_callable_by_name():
    model = ufm.FeatureModel((5, 3), **DECAYS, loss=ufm.TorchLogitLoss(cross_entropy))
    other = model.replace(loss=ufm.TorchLogitLoss(hinge))
    with pytest.raises(ValueError, match="the certificate is about problem"):
        ufm.verify(ufm.minimize(model).certificate, other)
    assert "cross_entropy, K=2" in str(ufm.certify(ufm.minimize(model)))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (ufm.TorchLogitLoss(lambda x, y: torch.nn.functional.cross_entropy(x, y)), r"shape \(\): \(2,\), one number a"),
        (ufm.TorchLogitLoss(lambda x, y: torch.ones(len(x))), "does not depend on the logits"),
        (ufm.NumpyLogitLoss(lambda x, y: (x - y) ** 2), r"shape \(2, 2\)"),
        (ufm.NumpyLogitLoss(lambda x, y: np.logaddexp(0, x).sum(1)), "takes no complex numbers"),
        (ufm.NumpyLogitLoss(lambda x, y: np.abs(x - y).sum(1)), "takes no complex numbers"),
        (ufm.NumpyLogitLoss(lambda x, y: (squares(x, y), x[0])), r"slopes of shape \(2,\)"),
        (ufm.NumpyLogitLoss(lambda x, y: (squares(x, y), 2 * (x - y))), "below its tangent"),
        (ufm.TorchLogitLoss(lambda x, y: 2 + torch.cos(x).mean(1)), "below its tangent"),
    ],
)
def test_callables_that_will_not_do_are_named(loss, message):
    with pytest.raises(ValueError, match=message):
        ufm.minimize(ufm.FeatureModel((5, 3), **DECAYS, loss=loss))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ufm.FeatureModel, {"method": "full"}),
        (ufm.NonnegativeModel, {}),
        (ufm.PeeledModel, {}),
        (ufm.DeepModel, {}),
    ],
)
def test_what_is_not_convex_proves_nothing_whatever_the_solver(kind, options):
    decays = {} if kind is ufm.PeeledModel else DECAYS
    loss = ufm.NumpyLogitLoss(lambda x, y: 2 + np.cos(x - y).mean(1))
    with pytest.raises(ValueError, match="below its tangent"):
        ufm.minimize(kind((5, 3), **decays, loss=loss), **options)


def test_a_bare_callable_is_told_what_to_be_wrapped_in():
    with pytest.raises(ValueError, match=r"wrap it in ufm\.TorchLogitLoss or ufm\.NumpyLogitLoss"):
        ufm.FeatureModel((5, 3), **DECAYS, loss=squares)
