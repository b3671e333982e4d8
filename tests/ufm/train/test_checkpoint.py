import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ufm.train import checkpoint
from ufm.train.checkpoint import Checkpoint, latest, save

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
)


def example(step=1):
    return Checkpoint(step, {"w": torch.full((3, 2), float(step)), "n": torch.tensor(step)}, {"epoch": step})


def is_example(found, step):
    return found.step == found.state["epoch"] == int(found.tensors["n"]) == step and bool(
        (found.tensors["w"] == step).all()
    )


def bits(tensor):
    return tensor.dtype, tuple(tensor.shape), tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def name(step):
    return f"checkpoint-{step:08d}.safetensors"


@st.composite
def tensors(draw):
    """Any dtype and shape, with any bits (NaN payloads too), contiguous or not."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    count = int(np.prod(shape)) * dtype.itemsize
    raw = draw(st.binary(min_size=count, max_size=count))
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    tensor = (flat % 2).bool() if dtype == torch.bool else flat.view(dtype)
    tensor = tensor.reshape(shape)
    return tensor.permute(draw(st.permutations(range(tensor.ndim)))) if tensor.ndim else tensor


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(
    step=st.integers(0, 10**12),
    content=st.dictionaries(st.text(), tensors(), max_size=4),
    state=st.dictionaries(st.text(), values, max_size=4),
)
def test_round_trip_bit_for_bit(tmp_path_factory, step, content, state):
    folder = tmp_path_factory.mktemp("round")
    path = save(folder, Checkpoint(step, content, state))
    found = latest(folder)
    assert path == folder / name(step)
    assert found.step == step
    assert repr(found.state) == repr(state)  # unlike ==, tells -0.0 from 0.0, True from 1 and the order of keys
    assert {name: bits(t) for name, t in found.tensors.items()} == {name: bits(t) for name, t in content.items()}


def test_every_kind_of_tensor_comes_back_as_one_of_its_own(tmp_path):
    base = torch.arange(24.0).reshape(2, 3, 4)
    content = {
        "whole": base,
        "tied": base,
        "view": base[:, 1],
        "transposed": base.transpose(0, 2),
        "expanded": base[:1, :1].expand(5, 3, 4),
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "parameter": nn.Parameter(base),
        "negated": torch.tensor([1 + 2j]).conj().imag,  # lazily: a bit says that what is in memory has to be negated
        "conjugated": torch.tensor([1 + 2j]).conj(),
    }
    save(tmp_path, Checkpoint(0, content, {}))
    found = latest(tmp_path).tensors
    for name, tensor in content.items():
        assert torch.equal(found[name], tensor)
        assert not found[name].requires_grad
    found["whole"].zero_()
    assert torch.equal(found["tied"], base)


def test_a_module_and_its_optimiser_go_on_bit_for_bit(tmp_path):
    def make():
        torch.manual_seed(0)
        module = nn.Linear(3, 2)
        return module, torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)

    def train(module, optimiser):
        optimiser.zero_grad()
        module(torch.ones(4, 3)).square().sum().backward()
        optimiser.step()

    module, optimiser = make()
    train(module, optimiser)
    momenta = {f"momentum.{i}": s["momentum_buffer"] for i, s in optimiser.state_dict()["state"].items()}
    save(tmp_path, Checkpoint(1, {**module.state_dict(), **momenta}, {}))
    train(module, optimiser)

    resumed, other = make()
    found = latest(tmp_path).tensors
    resumed.load_state_dict({name: found[name] for name in resumed.state_dict()})
    state = other.state_dict()
    state["state"] = {i: {"momentum_buffer": found[f"momentum.{i}"]} for i in range(2)}
    other.load_state_dict(state)
    train(resumed, other)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), resumed.parameters(), strict=True))


def test_none_where_nothing_was_saved(tmp_path):
    assert latest(tmp_path / "nowhere") is None
    assert latest(tmp_path) is None


def test_older_ones_beyond_keep_go_and_later_ones_stay(tmp_path):
    for step in (9, 10, 100_000_000, 99):
        save(tmp_path, example(step), keep=4)
    save(tmp_path, example(100), keep=2)
    assert names(tmp_path) == sorted(map(name, (99, 100, 100_000_000)))
    assert is_example(latest(tmp_path), 100_000_000)  # by number, not by letter
    save(tmp_path, example(5), keep=1)
    assert names(tmp_path) == sorted(map(name, (5, 99, 100, 100_000_000)))


def test_foreign_files_are_left_alone_and_leftovers_are_not(tmp_path):
    foreign = (
        *("notes.json", "checkpoint-1.safetensors", "checkpoint-0000000003.safetensors", "checkpoint-00000002.bak"),
        *(
            "checkpoint-abcdefgh.safetensors",
            ".checkpoint-notes",
            "model.safetensors",
            "checkpoint-00000001-b.safetensors",
        ),
    )
    leftover = f".{name(7)}.k2j_x9qz.safetensors"
    for each in (*foreign, leftover):
        (tmp_path / each).write_bytes(b"?")
    (tmp_path / name(8)).mkdir()
    assert latest(tmp_path) is None
    save(tmp_path, example(1))
    assert is_example(latest(tmp_path), 1)
    assert names(tmp_path) == sorted([*foreign, name(1), name(8)])
    save(tmp_path, example(2), keep=1)
    assert names(tmp_path) == sorted([*foreign, name(2), name(8)])


def test_the_same_step_is_replaced_without_a_moment_in_which_it_is_not_there(tmp_path, monkeypatch):
    save(tmp_path, example(1))
    write, moments = checkpoint.write_atomically, []

    def watch(path, fill):
        def filled(temporary):
            fill(temporary)
            assert is_example(latest(tmp_path), 1)

        moments.append(path.name)
        return write(path, filled)

    monkeypatch.setattr(checkpoint, "write_atomically", watch)
    save(tmp_path, Checkpoint(1, {"w": torch.zeros(2)}, {"other": True}))
    assert moments == names(tmp_path) == [name(1)]  # one file, put in place in one step
    assert latest(tmp_path).state == {"other": True}


def itself():
    state = {}
    state["a"] = [state]
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": -1}, "step=-1"),
        ({"step": True}, "step=True"),
        ({"step": 1.0}, r"step=1\.0"),
        ({"state": [1]}, "state is a list"),
        ({"state": {"loss": [0.0, float("nan")]}}, r"state\['loss'\]\[1\]=nan must be finite"),
        ({"state": {"loss": float("inf")}}, r"state\['loss'\]=inf must be finite"),
        ({"state": {"a": {1: 2}}}, r"state\['a'\] has the key 1"),
        ({"state": {"a": (1, 2)}}, r"state\['a'\] is a tuple"),
        ({"state": {"a": np.int64(1)}}, r"state\['a'\] is a int64"),
        ({"state": {"a": torch.tensor(1)}}, r"state\['a'\] is a Tensor"),
        ({"state": {"a": b"1"}}, r"state\['a'\] is a bytes"),
        ({"state": itself()}, "contains itself"),
        ({"tensors": {"w": [1.0]}}, r"tensors\['w'\]"),
        ({"tensors": {"w": torch.empty(2, device="meta")}}, r"tensors\['w'\]"),
        ({"tensors": {"w": torch.eye(2).to_sparse()}}, r"tensors\['w'\]"),
        ({"tensors": {"w": torch.ones(2, dtype=torch.complex128)}}, "complex128"),
        ({"tensors": {"__metadata__": torch.ones(2)}}, "__metadata__"),
        ({"tensors": {1: torch.ones(2)}}, "key 1"),
    ],
)
def test_what_would_not_come_back_is_refused_and_nothing_is_written(tmp_path, change, message):
    arguments = {"step": 1, "tensors": {}, "state": {}} | change
    with pytest.raises(ValueError, match=message) as caught:
        save(tmp_path / "folder", Checkpoint(**arguments))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("keep", [0, -1, True, 1.5])
def test_keep_is_at_least_1(tmp_path, keep):
    with pytest.raises(ValueError, match=f"keep={keep}"):
        save(tmp_path, example(), keep)
