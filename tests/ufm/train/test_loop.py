import dataclasses
import os
import signal
import threading

import numpy as np
import pytest
import torch
import xarray
from hypothesis import given
from hypothesis import strategies as st

from ufm.files import store
from ufm.train import checkpoint, loop
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.data import synthetic
from ufm.train.device import Device
from ufm.train.learner import Learner
from ufm.train.loop import Options, Stopped, train
from ufm.train.progress import Diverged, Progress
from ufm.train.record import TIMING, Record

SIZES = (40, 20, 10)
pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = Config(network="mlp", f=3, epochs=4, batch_size=16, measure_every=2, lr=0.02)


def images(**more):
    return synthetic("mnist5k", class_sizes=SIZES, n_test_per_class=5, size=16, **more)


def run(folder, config=SMALL, *, resume=False, **options):
    return train(config, images(), folder, Device.choose("cpu"), Options(**options), resume=resume)


def timeless(record):
    return record.data.drop_vars(TIMING)


def weights(folder):
    return checkpoint.latest(folder / "checkpoints").tensors


def same(a, b):
    ours, theirs = weights(a), weights(b)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())
    xarray.testing.assert_identical(timeless(Record.load(a / "metrics.nc")), timeless(Record.load(b / "metrics.nc")))


def run_till(step, act, *arguments, **options):
    """As :func:`run`, but ``act`` is called after a step."""

    def advance(self, loss, ordinary=Progress.advance):
        ordinary(self, loss)
        if self.step == step:
            act()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "advance", advance)
        run(*arguments, **options)


def stop_and_resume(folder, config, step, match="stopped in", number=signal.SIGTERM):
    """By a signal that arrives in a step; nothing differs from the run in "straight"."""
    with pytest.raises(Stopped, match=match):
        run_till(step, lambda: os.kill(os.getpid(), number), folder / "stopped", config)
    run(folder / "stopped", config, resume=True)
    same(folder / "straight", folder / "stopped")


def test_training_learns_and_records(tmp_path):
    record = run(tmp_path)
    assert record.epochs == [0, 2, 4]
    assert Record.load(tmp_path / "metrics.nc").data.identical(record.data)
    assert float(record.data.loss[-1]) < float(record.data.loss[1])
    steps = 5  # 70 images in batches of at most 16
    np.testing.assert_array_equal(record.data.step, [0, 2 * steps, 4 * steps])
    clock = sum(SMALL.rate((step + 0.5) / steps) for step in range(4 * steps))
    assert float(record.data.clock[-1]) == pytest.approx(clock, rel=1e-12)
    assert not np.isnan(record.data.nc_mean).any()


STOPS = [(1, signal.SIGTERM), (5, signal.SIGINT), (7, signal.SIGINT), (10, signal.SIGTERM), (19, signal.SIGINT)]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "number"), STOPS)
def test_a_stopped_and_resumed_run_is_the_run_that_was_not(tmp_path, step, number):
    config = dataclasses.replace(SMALL, mixup=1.0, augmentation="crop", network="cnn", accumulate=2)
    run(tmp_path / "straight", config)
    stop_and_resume(tmp_path, config, step, f"step {step} of 20", number)


def test_looking_at_the_loss_less_often_changes_no_number(tmp_path, monkeypatch):
    """As on a GPU, where every look waits for the device: a signal is then heard later, but in the same epoch."""
    run(tmp_path / "straight")
    monkeypatch.setattr(Device, "check_every", 3)
    run(tmp_path / "seldom")
    same(tmp_path / "straight", tmp_path / "seldom")
    stop_and_resume(tmp_path, SMALL, 7, "epoch 2 of 4, step 9 of 20")


def test_a_run_that_died_goes_on_from_its_last_checkpoint(tmp_path):
    run(tmp_path / "straight", checkpoint_every=1)

    class PowerCut(Exception):
        pass

    def cut():
        raise PowerCut

    with pytest.raises(PowerCut):
        run_till(13, cut, tmp_path / "died", checkpoint_every=3)
    record = Record.load(tmp_path / "died" / "metrics.nc")
    record.data = record.data.isel(epoch=[0, 0]).assign_coords(epoch=[0, 2])  # as if it had been further than that
    record.save(tmp_path / "died" / "metrics.nc")
    run(tmp_path / "died", resume=True)
    same(tmp_path / "straight", tmp_path / "died")


def test_resuming_falls_back_to_the_previous_checkpoint(tmp_path):
    run(tmp_path / "straight", checkpoint_every=1)
    run(tmp_path / "damaged", checkpoint_every=1)
    newest = sorted((tmp_path / "damaged" / "checkpoints").glob("*.safetensors"))[-1]
    newest.write_bytes(newest.read_bytes()[:-7])
    with pytest.warns(RuntimeWarning, match=newest.name):
        run(tmp_path / "damaged", resume=True)
    same(tmp_path / "straight", tmp_path / "damaged")


def test_nothing_intact_to_go_on_from(tmp_path):
    run(tmp_path, dataclasses.replace(SMALL, epochs=1))
    for path in (tmp_path / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(store.DamagedFile):
        run(tmp_path, resume=True)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    run(tmp_path, dataclasses.replace(SMALL, epochs=1))
    with pytest.raises(ValueError, match="is of another configuration"):
        run(tmp_path, dataclasses.replace(SMALL, network="lenet"), resume=True)


def test_a_loss_that_is_not_a_number_stops_the_run_and_the_good_checkpoint_stays(tmp_path):
    with pytest.raises(Diverged, match=r"the loss is (nan|inf) in epoch \d+, step \d+, at learning rate"):
        run(tmp_path, Config(method="CE", network="lenet", lr=1e18, epochs=50, batch_size=16, warmup=0.0))
    found = checkpoint.latest(tmp_path / "checkpoints")
    assert all(torch.isfinite(tensor).all() for tensor in found.tensors.values() if tensor.is_floating_point())


@pytest.mark.parametrize("method", ["CE", "CAL"])
def test_features_that_are_not_finite_are_never_recorded(tmp_path, method):
    """The last step of all leads nowhere: no loss is computed after it, but it must not count as a finished run."""
    f = 3 if method == "CAL" else None
    with pytest.raises(Diverged, match="features are not finite after step 1 of 1, at learning rate 1e"):
        run(tmp_path, Config(method=method, network="lenet", lr=1e30, f=f, epochs=1, warmup=0.0, schedule="constant"))
    assert Record.load(tmp_path / "metrics.nc").epochs == [0]


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    training = loop.Training(SMALL, images(), tmp_path, Device.choose("cpu"), Options(), {})
    with torch.no_grad():
        next(training.learner.parameters()).fill_(torch.inf)
    with pytest.raises(Diverged, match=r"learner\.network.* is not finite"):
        training.save()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stage", [0.0, 0.99])
@pytest.mark.parametrize("method", METHODS)
def test_a_batch_in_parts_has_the_gradient_of_the_whole(method, stage):
    """With a network without batch normalisation, whose statistics are of the part; or it is refused."""
    config = Config(method=method, network="lenet")
    data = synthetic("mnist5k", class_sizes=SIZES)
    torch.manual_seed(0)
    learner = Learner(config, data.class_sizes, 1, 28)
    if not learner.method.divisible:
        with pytest.raises(ValueError, match=f"accumulate=4 is not for method={method}"):
            loop.check(dataclasses.replace(config, accumulate=4), data, Device.choose("cpu"))
        return
    x, y = next(data.train.stream([torch.randperm(70)[:23]]))
    learner.method.begin(stage)
    learner.method.whole = y
    gradients = []
    for parts in (1, 4):
        learner.zero_grad()
        loss = loop._backward(learner, (x, y, y.flip(0)), 0.3, parts, len(y))
        gradients.append((loss, [p.grad.clone() for p in learner.parameters() if p.grad is not None]))
    assert gradients[0][0].item() == pytest.approx(gradients[1][0].item(), rel=1e-5)
    for whole, summed in zip(gradients[0][1], gradients[1][1], strict=True):
        torch.testing.assert_close(whole, summed, rtol=1e-4, atol=1e-5 * float(whole.abs().max()))


@given(n=st.integers(2, 400), batch=st.integers(2, 64), seed=st.integers(0, 99), epoch=st.integers(0, 5))
def test_batches_cut_a_permutation_as_evenly_as_possible(n, batch, seed, epoch):
    progress = Progress(Config(batch_size=batch, seed=seed, epochs=9), n)
    progress.step = epoch * progress.steps_per_epoch
    batches = progress.batches()
    lengths = [len(b) for b in batches]
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert max(lengths) <= batch
    assert max(lengths) - min(lengths) <= 1
    progress.step += len(batches) // 2
    if not progress.at_boundary:
        assert all(map(torch.equal, progress.batches(), batches[len(batches) // 2 :]))
    seeds = progress.seeds(len(batches), rank=0)
    assert len(set(seeds)) == len(seeds)
    assert set(seeds).isdisjoint(progress.seeds(len(batches), rank=1))


def test_batches_that_are_too_small_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"70 images .* make one of 3: at least 4"):
        run(tmp_path, dataclasses.replace(SMALL, batch_size=4, accumulate=2, epochs=1))


@pytest.mark.parametrize("normalise", ["unit", "unit-batch"])
def test_features_can_be_normalised_first(tmp_path, normalise):
    config = Config(method="CAL", f=3, network="mlp", batch_size=16, epochs=1, normalise=normalise)
    assert np.isfinite(run(tmp_path, config).data.loss[-1])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_stops_and_goes_on(tmp_path, method):
    """Across the change of its stages, if it has any."""
    f = 3 if METHODS[method].loss else None
    hyper = ("queue=32", "stage=0.5") if method == "KCL" else None
    config = Config(method=method, f=f, network="mlp", batch_size=16, epochs=2, measure_every=2, hyper=hyper)
    record = run(tmp_path / "straight", config)
    stop_and_resume(tmp_path, config, 4)
    assert np.isfinite(record.data.loss[-1])
    assert np.isfinite(record.data.nc_mean).all()
    of_frames = [] if f is None else ["rcr", "gcr", "nearest"]
    assert ("row_sum" in record.data) == (not METHODS[method].exempt)
    assert list(record.data.rule.values) == ["own", *of_frames, *(v.method for v in config.variants())]


@pytest.mark.parametrize("method", [name for name, spec in METHODS.items() if spec.trained_as])
def test_a_training_says_what_that_of_its_variant_would(tmp_path, method):
    config = Config(method=method, f=3 if METHODS[method].loss else None, network="mlp", batch_size=16, epochs=2)
    alone, shared = run(tmp_path / "alone", config), run(tmp_path / "shared", config.trained_as())
    seen = shared.of(config).data
    xarray.testing.assert_identical(seen.drop_vars(TIMING), timeless(alone).assign_attrs(seen.attrs))
    assert seen.attrs["title"] == config.title
    own = shared.of(shared.config).data
    assert set(own.rule.values) == set(alone.data.rule.values)
    xarray.testing.assert_identical(own, shared.data.sel(rule=own.rule))
    with pytest.raises(ValueError, match="says nothing of"):
        alone.of(config.trained_as())


def test_bf16_trains_and_is_said(tmp_path):
    records = {
        precision: run(tmp_path / precision, dataclasses.replace(SMALL, precision=precision, epochs=1))
        for precision in ("bf16", "float32")
    }
    for precision, name in (("bf16", "torch.bfloat16"), ("float32", "torch.float32")):
        assert records[precision].data.attrs["arithmetic"] == name
    losses = [float(record.data.loss[-1]) for record in records.values()]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_the_loop_works_outside_the_main_thread(tmp_path):
    results = []
    thread = threading.Thread(target=lambda: results.append(run(tmp_path, dataclasses.replace(SMALL, epochs=1))))
    thread.start()
    thread.join()
    assert results[0].epochs == [0, 1]


def test_handlers_of_signals_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    run(tmp_path, dataclasses.replace(SMALL, epochs=1))
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("kind", "message"), [("tpu", "unknown"), ("cuda", "not available"), ("mps", "not available")])
def test_devices_that_are_not_there(kind, message):
    if kind == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    if kind == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    with pytest.raises(ValueError, match=message):
        Device.choose(kind)
