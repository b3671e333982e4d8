"""NC0, the exact law of the sum of a classifier's rows: in trainings, and with optimisers that break it."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import torch

from ufm.certify import nc0
from ufm.certify.training import confirm, predictions
from ufm.train import loop, methods
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.data import synthetic
from ufm.train.descent import SGD
from ufm.train.device import Device
from ufm.train.loop import Options, train
from ufm.train.record import Record

SIZES = (40, 20, 10)
SUMMED = [name for name, spec in METHODS.items() if not spec.exempt]
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]
BASE = Config(
    method="CE",
    network="mlp",
    epochs=6,
    batch_size=16,
    measure_every=2,
    lr=0.1,
    weight_decay=2e-2,
    mixup=1.0,
    augmentation="crop-flip",
    precision="float32",
)


def run(folder, config=BASE, **more):
    """Augmented images: crops and flips; with what theory said before, and what it says after."""
    data = synthetic("cifar10", class_sizes=SIZES, n_test_per_class=5, size=16)
    assert data.train.augmentation == "crop-flip"
    record = train(config, data, folder, Device.choose("cpu"), Options(), **more)
    return record, predictions(config, data.class_sizes)


def by_hand(config, start):
    """s after every epoch, by the recursion for vectors."""
    per_epoch = -(-sum(SIZES) // config.batch_size)
    s, v, seen = start, 0 * start, [start]
    for step in range(config.epochs * per_epoch):
        v = config.momentum * v + config.weight_decay * s
        s = s - config.rate((step + 0.5) / per_epoch) * v
        if (step + 1) % per_epoch == 0:
            seen.append(s)
    return np.array(seen)


def check_of(record, said):
    (check,) = [each for each in confirm(record.data, said).checks if each.name.startswith(nc0.NAME)]
    return check


@pytest.mark.parametrize(
    "change",
    [
        *({"method": method} for method in ("CE", "LA", "ARB", "ETF-CE", "CE-weighted")),
        {"accumulate": 2, "schedule": "cosine", "warmup": 0.3},
        {"momentum": 0.0, "lr": 0.5, "normalise": "unit"},
    ],
    ids=str,
)
def test_it_holds_to_twelve_digits_in_float64(tmp_path, double_precision, change):
    config = dataclasses.replace(BASE, **change)
    record, said = run(tmp_path, config)
    assert record.data.attrs["weights"] == "torch.float64"
    measured = record.data.row_sum.values
    expected = by_hand(config, measured[0])[record.epochs]
    assert np.linalg.norm(expected[-1]) < 0.9 * np.linalg.norm(expected[0])  # there is something to be seen
    assert np.linalg.norm(measured - expected, axis=1) == pytest.approx(0, abs=1e-12 * np.linalg.norm(expected[-1]))
    check = check_of(record, said)
    assert check.holds
    assert 0 < check.measured < 1 == check.predicted


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_it_holds_to_rounding_of_the_weights_and_goes_on_after_a_stop(tmp_path, precision):
    """Arithmetic of the network in bf16 is not that of the classifier."""
    config = dataclasses.replace(BASE, epochs=20, measure_every=10, precision=precision)
    record, said = run(tmp_path, config)
    assert check_of(record, said).holds
    other = dataclasses.replace(config, weight_decay=1.01 * config.weight_decay).to_dict()
    assert check_of(Record(record.data.assign_attrs(configuration=json.dumps(other))), said).measured > 10
    forgotten = sorted((tmp_path / "checkpoints").glob("*.safetensors"))[-1]
    forgotten.unlink()
    again, _ = run(tmp_path, config, resume=True)
    assert again.data.row_sum.equals(record.data.row_sum)


class DecoupledSGD(SGD):
    def __init__(self, named_parameters, momentum, weight_decay):
        super().__init__(named_parameters, momentum, 0.0)
        self.decay = weight_decay

    def move(self, moving, rate):
        for parameter in moving.values():
            parameter.mul_(1 - rate * self.decay)
        super().move(moving, rate)


class NesterovSGD(SGD):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.constants["nesterov"] = True


class DampenedSGD(SGD):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.constants["dampening"] = 0.5


class AdamW(SGD):
    def __init__(self, named_parameters, momentum, weight_decay):
        super().__init__(named_parameters, momentum, weight_decay)
        self.steps = torch.optim.AdamW(self.parameters.values(), weight_decay=weight_decay)

    def move(self, moving, rate):
        self.steps.param_groups[0]["lr"] = rate
        self.steps.step()


class ClippedSGD(SGD):
    def move(self, moving, rate):
        torch.nn.utils.clip_grad_norm_(moving.values(), 0.1)
        super().move(moving, rate)


@pytest.mark.parametrize("optimiser", [DecoupledSGD, NesterovSGD, DampenedSGD, AdamW])
def test_an_optimiser_that_breaks_it_is_named(tmp_path, monkeypatch, double_precision, optimiser):
    monkeypatch.setattr(loop, "SGD", optimiser)
    pair = run(tmp_path)
    report = confirm(pair[0].data, pair[1])
    (line,) = [line for line in str(report).splitlines() if "NC0" in line]
    assert line.split()[0] == "NO"
    assert f"trained by {optimiser.__name__}" in line
    assert report.early  # and it is refuted all the same
    assert check_of(*pair).measured > 1e6


def test_decoupled_decay_is_seen_in_float32_too(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SGD", DecoupledSGD)
    assert check_of(*run(tmp_path)).measured > 10


def test_clipping_by_the_norm_keeps_it(tmp_path, monkeypatch, double_precision):
    monkeypatch.setattr(loop, "SGD", ClippedSGD)
    assert check_of(*run(tmp_path)).holds


@pytest.mark.parametrize("name", SUMMED)
def test_the_gradients_of_the_rows_add_up_to_zero(double_precision, name):
    method = methods.build(Config(method=name), SIZES, 6)
    labels = torch.tensor([0, 1, 1, 0, 2, 0, 0])
    method.loss(3 * torch.randn(7, 6), labels, labels.flip(0), 0.3).backward()
    for parameter in method.parameters():
        assert parameter.grad.abs().max() > 1e-3
        assert parameter.grad.sum(0).abs().max() < 1e-14
    assert method.classifier_rows().shape == (3, 7)


def test_margins_keep_the_sum_for_cosines_and_lengths_lose_it_for_rows(double_precision):
    method = methods.build(Config(method="LDAM-DRW"), SIZES, 6)
    seen = {}

    def cosines(vectors, ordinary=method.cosines):
        seen["cosines"] = ordinary(vectors)
        seen["cosines"].retain_grad()
        return seen["cosines"]

    method.cosines = cosines
    method.loss(torch.randn(7, 6), torch.tensor([0, 1, 1, 0, 2, 0, 0])).backward()
    assert seen["cosines"].grad.sum(1).abs().max() < 1e-14
    assert method.rows.grad.sum(0).abs().max() > 1e-2


def test_what_it_does_not_speak_of_says_why():
    assert set(METHODS) - set(SUMMED) == {
        *("LDAM-DRW", "KCL", "SETF", "RBL", "RBL+PLA", "P", "AL", "AL-weighted"),
        *("CAL", "CAL-apportioned", "CAL-theta", "CAL+LA", "CAL+GCR", "CE-CAL", "AL-CAL"),
    }
    for name, reason in {
        "P": "its classifier is fixed",
        "LDAM-DRW": "divides rows",
        "KCL": "second stage only",
    }.items():
        said = predictions(Config(method=name), SIZES)
        assert not any(each["quantity"] == nc0.QUANTITY for each in said["predictions"])
        (note,) = nc0.notes(said)
        assert note.startswith(f"NC0: not applicable to {name}: ")
        assert reason in note


def test_a_training_that_began_without_goes_on_and_is_confirmed_without(tmp_path):
    record, said = run(tmp_path, dataclasses.replace(BASE, epochs=4))
    old = Record(record.data.drop_vars(["row_sum", "row_size"]))
    del old.data.attrs["optimizer"], old.data.attrs["weights"]
    old.data = old.data.isel(epoch=[0, 1])
    old.save(tmp_path / "metrics.nc")
    sorted((tmp_path / "checkpoints").glob("*.safetensors"))[-1].unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again, _ = run(tmp_path, dataclasses.replace(BASE, epochs=4), resume=True)
    assert again.epochs == [0, 2, 4]
    assert "row_sum" not in again.data
    earlier = {**said, "predictions": [each for each in said["predictions"] if each["quantity"] != nc0.QUANTITY]}
    assert "NC0: this training began before it was predicted" in confirm(again.data, earlier).notes
    assert f"{nc0.NAME}: the record does not show it" in confirm(again.data, said).notes
    late = record.data.isel(epoch=[1, 2])  # a record that was damaged, and began anew
    assert f"{nc0.NAME}: the record does not show it" in confirm(late, said).notes


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_factors_are_those_of_powers_of_a_matrix(momentum):
    config = Config(
        method="CE", epochs=5, batch_size=16, schedule="constant", warmup=0.0, momentum=momentum, weight_decay=0.02
    )
    found = nc0.factors(config, 70)
    assert found.shape == (26,)
    step = np.array([[momentum, 0.02], [-0.1 * momentum, 1 - 0.1 * 0.02]])  # of (v, s), at rate 0.1
    expected = [np.linalg.matrix_power(step, t)[1, 1] for t in range(26)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
