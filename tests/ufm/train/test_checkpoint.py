import hashlib
import json
import os
import resource
import select
import signal
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from torch import nn

from ufm.files.store import DamagedFile
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


def damages(good):
    for cut in np.linspace(0, len(good) - 1, 20).astype(int):
        yield good[:cut]
    for position in range(0, len(good), max(1, len(good) // 50)):
        flipped = bytearray(good)
        flipped[position] ^= 1 << position % 8
        yield bytes(flipped)
    yield good + b"\n"
    yield b"cos\nsystem\n(S'touch pwned'\ntR."


def test_damage_of_any_kind_is_named_and_the_previous_one_is_used(tmp_path, monkeypatch):
    save(tmp_path, example(1))
    path = save(tmp_path, example(2))
    good = path.read_bytes()
    parse, parsed = checkpoint.from_bytes, set()
    monkeypatch.setattr(checkpoint, "from_bytes", lambda content: parsed.add(content) or parse(content))
    for bad in damages(good):
        path.write_bytes(bad)
        with pytest.warns(RuntimeWarning, match=rf"{path.name} is damaged.*going back to step 1"):
            assert is_example(latest(tmp_path), 1)
    assert parsed == {(tmp_path / name(1)).read_bytes()}  # verified bytes only
    path.unlink()
    assert is_example(latest(tmp_path), 1)
    save(tmp_path, example(2))
    assert is_example(latest(tmp_path), 2)


def test_no_bit_of_what_a_checkpoint_says_of_itself_can_change(tmp_path):
    """Format, step, state and digest stand in the header in front of the tensors."""
    path = save(tmp_path, example(1))
    good = path.read_bytes()
    length = 8 + int.from_bytes(good[:8], "little")
    assert json.loads(good[8:length])["__metadata__"].keys() == {"format", "step", "state", "sha256"}
    for position in range(length):
        for bit in range(8):
            path.write_bytes(good[:position] + bytes([good[position] ^ 1 << bit]) + good[position + 1 :])
            with pytest.raises(DamagedFile, match="its digest does not match"):
                latest(tmp_path)


def test_any_reader_of_safetensors_can_open_and_verify_one(tmp_path):
    path = save(tmp_path, Checkpoint(3, {'"sha256":"': torch.ones(2)}, {"sha256": "0" * 64}))
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
        assert torch.equal(file.get_tensor('"sha256":"'), torch.ones(2))
    assert (told["format"], told["step"], json.loads(told["state"])) == (checkpoint.FORMAT, "3", {"sha256": "0" * 64})
    blank = path.read_bytes().replace(told["sha256"].encode(), b"0" * 64)
    assert hashlib.sha256(blank).hexdigest() == told["sha256"]
    assert latest(tmp_path).state == {"sha256": "0" * 64}


def test_none_intact(tmp_path):
    for step in (1, 2):
        save(tmp_path, example(step)).write_bytes(b"{}")
    with pytest.raises(DamagedFile, match=rf"{name(2)} is damaged.*none of the 2 checkpoints"):
        latest(tmp_path)


GOOD = {"format": checkpoint.FORMAT, "step": "2", "state": "{}", "sha256": "0" * 64}
TENSORS = to_bytes({"w": torch.zeros(2)}, GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"state": None},
        {"step": None},
        {"format": "ncmc checkpoint 3"},
        {"step": "3"},
        {"step": "02"},
        {"state": "[]"},
        {"state": '{"a": NaN}'},
        {"state": '{"a": 1e999}'},
        {"state": "[" * 100_000},
        {"state": "9" * 5000},
        {"state": "{"},
        {"state": ""},
    ],
    ids=lambda change: str(change)[:30],
)
def test_hostile_metadata_with_a_digest_that_matches(tmp_path, change):
    save(tmp_path, example(1))
    header = {key: value for key, value in (GOOD | change).items() if value is not None}
    (tmp_path / name(2)).write_bytes(checkpoint._sealed(to_bytes({"w": torch.zeros(2)}, header)))
    with pytest.warns(RuntimeWarning, match=rf"{name(2)} is damaged: "):
        assert is_example(latest(tmp_path), 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        b"\x02" + bytes(7) + b"{}x",
        b"\x04" + bytes(7) + b"null",
        TENSORS[:-1],
        TENSORS + b"x",
        b"\xff" * 8 + TENSORS[8:],
        TENSORS.replace(b"[0,8]", b"[0,9]"),
        TENSORS.replace(b'"F32"', b'"\xff32"'),
        TENSORS.replace(b'"state":"{}"', b'"state":12345'),
    ],
    ids=range(10),  # the library orders a header as it likes
)
def test_hostile_tensors_with_a_digest_that_matches(tmp_path, content):
    save(tmp_path, example(1))
    (tmp_path / name(2)).write_bytes(checkpoint._sealed(content))
    with pytest.warns(RuntimeWarning, match=rf"{name(2)} is damaged: "):
        assert is_example(latest(tmp_path), 1)


def save_in_two_files(folder, step, ending=""):
    """As versions before format 2 did."""
    content = to_bytes(example(step).tensors)
    tensors = folder / f"step-{step:08d}{ending}.safetensors"
    tensors.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    values = {"format": "ncmc checkpoint 1", "step": step, "tensors": tensors.name, "digest": digest}
    record = json.dumps(values | {"state": example(step).state}).encode()[:-1]
    path = folder / f"step-{step:08d}.json"
    path.write_bytes(record + f', "sha256": "{hashlib.sha256(record).hexdigest()}"}}\n'.encode())
    return path, tensors


def test_checkpoints_of_format_1_are_read_and_replaced(tmp_path):
    save_in_two_files(tmp_path, 1)
    path, tensors = save_in_two_files(tmp_path, 2, "-b")
    assert is_example(latest(tmp_path), 2)
    good = path.read_bytes(), tensors.read_bytes()
    for file, content in zip((path, tensors), good, strict=True):
        for bad in damages(content):
            file.write_bytes(bad)
            with pytest.warns(RuntimeWarning, match=r"step-00000002\.json is damaged.*going back to step 1"):
                assert is_example(latest(tmp_path), 1)
        file.write_bytes(content)
    save(tmp_path, Checkpoint(2, {}, {"newer": True}))
    assert latest(tmp_path).state == {"newer": True}
    assert names(tmp_path) == [name(2), tensors.name, path.name]
    save(tmp_path, example(3))
    assert names(tmp_path) == [name(2), name(3)]


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


def in_a_child(work):
    """Fork, and wait till the child, which ends with ``work``, calls the function that ``work`` is given."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # forked: starting an interpreter with torch for every kill would take minutes
        try:
            work(lambda: os.write(write, b"."))
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"."
    os.close(read)
    return child


@pytest.mark.slow
def test_killed_while_saving_leaves_an_intact_newest_checkpoint(tmp_path):
    reached = 1

    def save_on(ready):
        for step in range(reached + 1, reached + 100_000):
            save(tmp_path, example(step))
            if step == reached + 1:
                ready()
            save(tmp_path, example(step))  # so that the kill also meets replacements

    save(tmp_path, example(reached))
    for delay in np.random.default_rng(0).uniform(0.0, 0.03, size=50):
        child = in_a_child(save_on)
        select.select([], [], [], delay)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL  # it was at work till then
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the newest one itself is intact
            found = latest(tmp_path)
        assert is_example(found, found.step)
        assert found.step > reached
        reached = found.step
    save(tmp_path, example(reached + 1))
    save(tmp_path, example(reached + 2))
    assert names(tmp_path) == [name(reached + 1), name(reached + 2)]


@pytest.mark.parametrize(
    "large",
    [Checkpoint(2, {"w": torch.zeros(5000)}, {}), Checkpoint(2, {}, {"text": "x" * 5000})],
    ids=["tensors", "state"],
)
def test_full_disk_keeps_the_previous_one(tmp_path, large):
    def save_on_a_full_disk(ready):
        ready()
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            save(tmp_path, large, keep=1)
        except OSError:
            os._exit(2)

    save(tmp_path, example(1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    _, status = os.waitpid(in_a_child(save_on_a_full_disk), 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert before.items() <= {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items()
    assert is_example(latest(tmp_path), 1)
    save(tmp_path, example(3), keep=2)
    assert names(tmp_path) == [name(1), name(3)]
