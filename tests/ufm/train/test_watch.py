import copy
import json
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import ufm
from ufm.files.store import DamagedFile
from ufm.pages.found import sections
from ufm.train import lightning_callback, read, trainer_callback, watch
from ufm.train.batches import pooled

pytestmark = pytest.mark.usefixtures("one_thread")

N, K = 90, 3


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(N) % K
    return torch.randn(N, 4, generator=generator) + 3 * nn.functional.one_hot(labels, 4), labels


@pytest.fixture
def loader(data):
    return DataLoader(TensorDataset(*data), batch_size=32, shuffle=True)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, K))


def trained(model, loader, epochs, after=lambda epoch: None):
    torch.manual_seed(5)
    steps = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        model.train()
        for inputs, labels in loader:
            steps.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            steps.step()
        after(epoch)
    return [*model.state_dict().values(), torch.get_rng_state()]


def test_it_says_what_measure_says(data, loader):
    model = network()
    seen = watch(model, loader, layers=["0", "2"])
    found = seen.epoch()
    model.eval()
    with torch.no_grad():
        features = model[:4](data[0])
    wanted = ufm.measure(features, data[1], model[4].weight, model[4].bias)
    assert set(found.metrics) == set(wanted.metrics)
    for name, value in wanted.metrics.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    first = seen.data.sel(layer="0", epoch=1)
    of_first = ufm.measure(model[0](data[0]), data[1])
    for name in ("nc1", "nearest_mean_accuracy", "cdnv"):
        assert float(first[name]) == pytest.approx(of_first[name], rel=1e-9)
    assert np.isnan(first.nc3_duality)
    means = np.stack([features[data[1] == k].double().mean(0) for k in range(K)])
    assert np.allclose(seen.data.mean_gram[0], means @ means.T, rtol=1e-10)
    weights = model[4].weight.detach().double().numpy()
    assert np.allclose(seen.data.weight_gram[0], weights @ weights.T, rtol=1e-12)
    assert seen.data.samples.values.tolist() == [[N / K] * K]


def test_no_bit_of_the_training_changes(loader):
    model = network()
    seen = watch(model, loader, layers=["0"])
    with_it = trained(model, loader, 3, lambda epoch: seen.epoch())
    without = trained(network(), loader, 3)
    assert seen.data.epoch.values.tolist() == [1, 2, 3]
    assert all(torch.equal(a, b) for a, b in zip(with_it, without, strict=True))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


class Noisy(torch.utils.data.Dataset):
    """Augmented by the random numbers of all three."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return N

    def __getitem__(self, i):
        shift = random.random() + np.random.rand() + torch.rand(1)  # noqa: NPY002
        return self.data[0][i] + shift, self.data[1][i]


def test_random_states_and_modes_are_given_back(data):
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(Noisy(data), batch_size=32, shuffle=True, generator=generator)
    model = network()
    model[1].eval()  # frozen, while the rest trains
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state(), generator.get_state()  # noqa: NPY002
    seen = watch(model, loader)
    seen.measure(0)  # both passes have the same augmentation, or the second one would say so
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.equal(generator.get_state(), before[3])
    assert [module.training for module in model] == [True, False, True, True, True]


def test_modes_and_hooks_are_given_back_after_a_fault(data):
    model = network()
    with pytest.raises(ValueError, match="is no class"):
        watch(model, [(data[0], data[1] + 1)], layers=["0"]).epoch()
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_every_counts_calls(loader):
    seen = watch(network(), loader, every=4)
    assert [seen.epoch() is not None for _ in range(9)] == [False, False, False, True] * 2 + [False]
    assert seen.data.epoch.values.tolist() == [4, 8]
    seen.measure(0)
    assert seen.data.epoch.values.tolist() == [0, 4, 8]


def test_one_pass(loader, data):
    model = network()
    both, one = watch(model, loader).epoch(), watch(model, iter(list(loader)), passes=1).epoch()
    for name in one.metrics:
        if name in both.metrics:
            assert one[name] == pytest.approx(both[name], rel=1e-9, abs=1e-12), name
    assert "nc1" in one
    assert "nearest_mean_accuracy" in one.left_out


class Odd(nn.Module):
    """Maps, a sequence, a pair, a layer that is never called, arguments by name."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv1d(1, 2, 1)
        self.idle = nn.Linear(2, 2)
        self.pair = nn.LSTM(4, 5, batch_first=True)
        self.out = nn.Linear(10, K)
        self.last = nn.Embedding(3, 4)

    def forward(self, image, *, scale=1.0):
        sequence, _ = self.pair(self.maps(image[:, None]) * scale)
        return self.out(input=sequence.flatten(1))


def test_networks_of_other_kinds(data):
    model = Odd()
    seen = watch(model, [{"image": data[0], "labels": data[1]}], layers=["maps", "pair"])
    assert seen.layer == "out"
    seen.epoch()
    assert seen.data.sizes["layer"] == 3
    asked = watch(model, [(0, data[0], data[1])], unpack=lambda batch: ((batch[1],), batch[2]), layers=["idle"])
    with pytest.raises(ValueError, match="'idle': the network does not call this layer"):
        asked.epoch()
    with pytest.raises(ValueError, match=r"'input of idle': .* name the classifier, layer=NAME"):
        watch(model, asked.loader, unpack=asked.unpack, layer="idle").epoch()


def test_pooling():
    maps = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert torch.equal(pooled(maps), maps.mean((2, 3)))
    sequence = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(pooled(sequence), sequence.mean(1))
    assert torch.equal(pooled(sequence[0]), sequence[0])


def test_wrapped_networks(loader):
    model = network()
    plain = watch(model, loader).epoch()
    for wrapped in (nn.DataParallel(model), torch.compile(model), torch.compile(nn.DataParallel(model))):
        assert watch(wrapped, loader, layer="4").epoch()["nc1"] == plain["nc1"]


def test_a_network_compiled_in_place_is_hooked_all_the_same(loader):
    model = network()
    plain = watch(model, loader, layers=["0"]).epoch()
    model.compile(backend="eager")
    model.eval()
    with torch.no_grad():
        for inputs, _ in loader:  # compiled for all that comes, without hooks
            model(inputs)
    assert watch(model, loader, layers=["0"]).epoch()["nc1"] == pytest.approx(plain["nc1"], rel=1e-12)


def test_record(loader, tmp_path):
    seen = watch(network(), loader, layers=["0"])
    assert str(seen) == "nothing measured yet"
    for _ in range(2):
        seen.epoch()
    path = seen.save(tmp_path / "record.nc")
    (section,) = sections(path)  # of a page of `ufm report`
    assert section.title == "Watched: record"
    (nc1, *_) = section.to_dict()["plots"]
    assert nc1 == "nc1"
    np.testing.assert_array_equal(section.parts[0].plots[0].figure["data"][0]["y"], seen.data.nc1[:, 0])
    again = read(path)
    assert again.equals(seen.data)
    assert again.attrs == seen.data.attrs
    assert again.nc1.dims == ("epoch", "layer")
    assert again.nc1_of_class.dims == ("epoch", "layer", "class")
    text = str(seen)
    assert "input of 4" in text
    assert "nearest_mean_accuracy" in text
    assert "nc3_duality" in text
    ufm.files.store.save_classic(seen.data[["nc1"]], tmp_path / "other.nc")
    with pytest.raises(DamagedFile, match="has no samples, bias"):
        read(tmp_path / "other.nc")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "head"}, "layer='head' is no module of the model: allowed are"),
        ({"layer": "1"}, "layer='1' is a BatchNorm1d: a linear layer with weights"),
        ({"layers": ["5"]}, "layers: '5' is no module of the model: allowed are 0, 1"),
        ({"every": 0}, "every=0 must be at least 1"),
        ({"passes": 3}, "passes=3 must be 1 or 2"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        watch(network(), [], **options)


def test_names_of_layers_are_guessed():
    model = nn.ModuleDict({"classifier": nn.Linear(2, 3), "backbone": nn.Linear(2, 2)})
    with pytest.raises(ValueError, match="did you mean 'classifier'"):
        watch(model, layer="clasifier")


def test_a_network_without_linear_layers():
    with pytest.raises(ValueError, match=r"the model has no linear layer: name the classifier, layer=NAME"):
        watch(nn.Conv2d(3, 2, 1))


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (None, r"which samples\? watch\(model, loader\)"),
        (iter([]), "can be gone through only once"),
        ([], "no features so far"),
        ([torch.zeros(3, 4)], "batches have no labels, each is a Tensor"),
        ([{"x": 1, "y": 2}], "batches are dicts of x, y, without 'labels'"),
        ([(torch.zeros(3, 4), torch.zeros(2))], "2 labels do not match"),
        ([(torch.full((3, 4), torch.nan), torch.zeros(3))], "contains NaN or infinity"),
    ],
)
def test_wrong_batches(batches, message):
    with pytest.raises(ValueError, match=message):
        watch(network(), batches).epoch()


def test_several_vectors_a_sample_are_refused():
    with pytest.raises(ValueError, match=r"has shape \(3, 2, 4\), several vectors a sample"):
        watch(nn.Linear(4, 3), [(torch.zeros(3, 2, 4), torch.zeros(3))]).epoch()


PROCESS = """
import json, sys
import torch
from torch import distributed, nn
from ufm.train import watch

torch.set_num_threads(1)
rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method=sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
inputs, labels = torch.randn(60, 4), torch.arange(60) % 3
mine = slice(None, 20) if rank == 0 else slice(20, None)
seen = watch(model, [(inputs[mine], labels[mine])], layers=["0"])
seen.epoch()
alone = watch(model, [(inputs, labels)], layers=["0"])
distributed.destroy_process_group()
alone.epoch()
print(json.dumps([[each.data.nc1.values.tolist(), each.data.nc4_agreement.values[:, -1].tolist(),
                   each.data.samples.values.tolist()] for each in (seen, alone)]))
"""


@pytest.mark.slow
def test_two_processes_measure_together(tmp_path):
    where = f"file://{tmp_path / 'meeting'}"
    begun = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(rank), where], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    said = [json.loads(process.communicate(timeout=100)[0].splitlines()[-1]) for process in begun]
    assert said[0][0] == said[1][0]  # the same bits in both
    together, alone = said[0]
    assert np.allclose(together[0], alone[0], rtol=1e-10)
    assert together[1:] == alone[1:]


class FakeLightning:
    """What the callback uses of lightning.pytorch: a base class, a trainer with a loader, a module that logs."""

    class Callback:
        def on_fit_start(self, trainer, pl_module):
            """Nothing."""


def test_callbacks_need_their_libraries(monkeypatch):
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match="lightning is not installed: pip install lightning"):
        lightning_callback()
    with pytest.raises(ValueError, match="transformers is not installed: pip install transformers"):
        trainer_callback()


def test_lightning_callback(loader, monkeypatch):
    """With a stand-in of the documented hooks: on_train_start, on_train_epoch_end, trainer.train_dataloader."""
    monkeypatch.setitem(sys.modules, "lightning.pytorch", FakeLightning)
    callback = lightning_callback(layers=["0"], every=2)
    assert isinstance(callback, FakeLightning.Callback)
    callback.on_fit_start(None, None)
    model, logged = network(), []
    model.log_dict = logged.append
    trainer = type("Trainer", (), {"train_dataloader": loader})
    callback.on_train_start(trainer, model)
    for _ in range(4):
        callback.on_train_epoch_end(trainer, model)
    assert callback.watch.data.epoch.values.tolist() == [2, 4]
    assert [bool(each) for each in logged] == [False, True, False, True]
    assert logged[1]["collapse/nc1"] == callback.watch.data.nc1.values[0, -1]


def test_a_callback_that_was_not_told_of_the_beginning_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning.pytorch", FakeLightning)
    with pytest.raises(RuntimeError, match="before this callback was told that the training begins"):
        lightning_callback().on_train_epoch_end(None, type("Module", (), {"log_dict": None}))


def test_trainer_callback(data, monkeypatch):
    """With a stand-in of the documented hooks, whose arguments come by name."""
    fake = type("transformers", (), {"TrainerCallback": type("TrainerCallback", (), {})})
    monkeypatch.setitem(sys.modules, "transformers", fake)
    callback = trainer_callback()
    assert isinstance(callback, fake.TrainerCallback)
    state = type("State", (), {"log_history": [], "epoch": 1.0, "global_step": 7})()
    given = {"model": network(), "train_dataloader": [{"input": data[0], "labels": data[1]}]}
    callback.on_train_begin(None, state, None, **given)
    callback.on_epoch_end(None, state, None, **given)
    assert state.log_history[0]["step"] == 7
    assert state.log_history[0]["collapse/nc1"] > 0


def test_a_copy_of_a_network_is_watched_on_its_own(loader):
    model = network()
    seen = watch(copy.deepcopy(model), loader)
    trained(model, loader, 1)
    assert seen.epoch()["nc1"] == pytest.approx(watch(network(), loader).epoch()["nc1"], rel=1e-12)
