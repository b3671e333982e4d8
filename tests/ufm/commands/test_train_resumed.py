"""Trainings that end too soon and go on."""

import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray
from PIL import Image

from ufm.files import store
from ufm.train import checkpoint, loop
from ufm.train.record import TIMING, Record

ROOT = pathlib.Path(__file__).parents[3]
QUICK = ("--smoke", "--network", "mlp", "--threads", "1")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_resumed_training_is_told_where_its_images_are(tmp_path, command, refused, monkeypatch):
    def stops(*arguments, **options):
        raise loop.Stopped("stopped in epoch 1")

    monkeypatch.setattr(loop, "train", stops)
    monkeypatch.delenv("NCMC_DATA", raising=False)
    monkeypatch.chdir(tmp_path)  # there is no ./data
    images, run = tmp_path / "images", tmp_path / "run"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    for number, each in enumerate(pixels):
        place = images / "own" / "dots" / ("train", "test")[number // 4] / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(each).save(place)
    flags = ("--dataset", "own/dots", "--tau", 1, "--network", "mlp", "--threads", 1, "--out", run)
    status, _, err = command("train", *flags, "--data", images)
    assert status == 130
    assert err.endswith(f"go on with: ufm train --resume {run} --data {images}\n")
    config = (run / "config.json").read_text()
    refused("--data FOLDER, or $NCMC_DATA, says where else to look", "train", "--resume", run)
    assert command("train", "--resume", run, "--data", images)[0] == 130
    assert (run / "config.json").read_text() == config
    assert str(images) not in config


@pytest.mark.slow
def test_resuming(tmp_path, command, refused):
    refused("is not the folder of a training", "train", "--resume", tmp_path / "nothing")
    command("train", *QUICK, "--out", tmp_path / "run")
    refused("is finished", "train", "--resume", tmp_path / "run")
    refused("is another training: lr is 0.3, not 0.1", "train", "--resume", tmp_path / "run", "--lr", 0.3)
    refused("goes on as it began", "train", "--resume", tmp_path / "run", "--smoke")


@pytest.mark.slow
def test_what_was_changed_after_a_training_began_is_not_trained_with(tmp_path, command, refused):
    run = tmp_path / "run"
    assert command("train", *QUICK, "--out", run)[0] == 0
    path = run / "config.json"
    good = path.read_text()
    path.write_text(good.replace('"lr": 0.1', '"lr": 0.3'))
    assert path.read_text() != good
    refused("config.json was changed after it was written", "train", "--resume", run)
    changed = json.loads(good)
    changed["configuration"]["lr"] = 0.3
    del changed["digest"]  # as somebody would who means it
    path.write_text(json.dumps(changed))
    (run / "report.json").unlink()
    refused("another configuration than config.json", "train", "--resume", run)


@pytest.mark.filterwarnings("default")
def test_a_damaged_record_does_not_keep_a_training_from_going_on(tmp_path, command):
    run = tmp_path / "run"
    assert command("train", *QUICK, "--out", run)[0] == 0
    (run / "report.json").unlink()
    (run / "metrics.nc").write_bytes(b"rubbish")
    status, _, err = command("train", "--resume", run)
    assert status == 0
    assert "the record begins anew at epoch 1\n" in err
    assert Record.load(run / "metrics.nc").epochs == [1]


@pytest.mark.slow
def test_a_run_that_died_before_its_report_is_resumed_to_the_end(tmp_path, command):
    run = tmp_path / "run"
    command("train", *QUICK, "--out", run)
    report = (run / "report.json").read_bytes()
    for name in ("report.json", "collapse.png"):
        (run / name).unlink()
    newest = max((run / "checkpoints").iterdir())
    newest.unlink()  # killed after the last measurement, before the checkpoint
    assert "train --resume" in command("confirm", run)[2]
    assert command("train", "--resume", run)[0] == 0
    assert (run / "report.json").read_bytes() == report
    assert (run / "collapse.png").exists()
    assert newest.exists()


def test_a_run_that_died_while_it_was_begun_can_be_begun_again(tmp_path, command, monkeypatch):

    def nothing(path, value, ordinary=store.save_json):
        if path.name == "config.json":
            raise OSError("no space left")
        return ordinary(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(store, "save_json", nothing)
        assert command("train", *QUICK, "--out", tmp_path / "run")[0] == 2
    assert command("train", *QUICK, "--out", tmp_path / "run")[0] == 0


REAL = ("--epochs", 3, "--checkpoint-every", 1, "--network", "mlp", "--f", 3, "--mixup", 1)


def train_process(*arguments, stop=None, number=None):
    """`ufm train` in a process of its own, sent a signal when it says ``stop``; exit status and what it said since."""
    command = [sys.executable, "-m", "ufm", "train", "--threads", "1", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if stop is not None and line.startswith(stop):
                process.send_signal(number)
                break
        said = process.stderr.read()
    return process.returncode, said


OWN = ("--dataset", "own/tints", "--tau", 1, "--augmentation", "crop-flip", "--network", "convnet", "--f", 3)
"""As CIFAR is trained: colour images of 32 x 32 in memory, cropped and flipped."""


@pytest.fixture
def tints(tmp_path, monkeypatch):
    """Noise with a colour for each of three classes."""
    monkeypatch.setenv("NCMC_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    for part, counts in (("train", (90, 40, 20)), ("test", (10, 10, 10))):
        for k, count in enumerate(counts):
            folder = tmp_path / "own" / "tints" / part / str(k)
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 128, (32, 32, 3), dtype=np.uint8)
                pixels[..., k] += 64
                Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.mark.slow
@pytest.mark.usefixtures("tints")
def test_real_images_killed_and_resumed_change_no_bit(tmp_path, command):
    """The whole command: SIGKILL, then SIGTERM, and a run left alone."""
    images = (*REAL[:4], *OWN)
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert command("train", "--threads", 1, *images, "--out", alone)[0] == 0
    assert train_process(*images, "--out", killed, stop="epoch 1 of 3", number=signal.SIGKILL)[0] == -signal.SIGKILL
    status, said = train_process("--resume", killed, stop="epoch 2 of 3", number=signal.SIGTERM)
    assert status == 130, said
    assert "go on with: ufm train --resume" in said
    assert command("train", "--threads", 1, "--resume", killed)[0] == 0
    ours, theirs = (checkpoint.latest(run / "checkpoints") for run in (alone, killed))
    assert ours.tensors.keys() == theirs.tensors.keys()
    assert all(torch.equal(tensor, theirs.tensors[name]) for name, tensor in ours.tensors.items())
    records = [Record.load(run / "metrics.nc").data.drop_vars(TIMING) for run in (alone, killed)]
    xarray.testing.assert_identical(*records)
    assert command("confirm", killed)[0] in (0, 1)
    assert float(records[0].accuracy.sel(split="test", rule="own")[-1]) > 0.2
