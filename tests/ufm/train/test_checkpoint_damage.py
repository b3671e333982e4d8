"""Checkpoints that are damaged, forged, cut short by a kill, or met by a full disk."""

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
from safetensors import safe_open
from safetensors.torch import save as to_bytes

from tests.ufm.train.test_checkpoint import example, is_example, name, names
from ufm.files.store import DamagedFile
from ufm.train import checkpoint
from ufm.train.checkpoint import Checkpoint, latest, save


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
