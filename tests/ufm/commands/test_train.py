import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from ufm.files import store
from ufm.train import checkpoint, loop
from ufm.train.presets import PRESETS
from ufm.train.record import Record
from ufm.train.run import Run

ROOT = pathlib.Path(__file__).parents[3]
QUICK = ("--smoke", "--network", "mlp", "--threads", "1")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_train_and_confirm(tmp_path, command):
    run = tmp_path / "run"
    status, out, err = command("train", *QUICK, "--out", run)
    assert status == 0
    assert "CAL on mnist5k, tau 0.1, mlp, seed 0" in out
    assert "epoch 0 of 1: NC to the mean center (mean over classes, training images) " in err  # and no loss yet
    assert "epoch 1 of 1: loss " in err
    assert "nan" not in err
    assert re.search(r"seed 0: loss \S+, NC to the mean center \(mean over classes, training images\) \d", out)
    assert "predictions hold so far: training has not converged" in out
    files = {path.name for path in run.iterdir()}
    assert files == {"config.json", "predictions.json", "metrics.nc", "checkpoints", "report.json", "collapse.png"}
    status, out, _ = command("confirm", run)
    assert status == 1  # an epoch of noise does not collapse
    assert "predictions hold so far: training has not converged" in out
    assert "--  NC to the mean center, worst class" in out
    assert "NO " not in out  # an epoch refutes nothing
    assert "--  not converged, which refutes nothing: training accuracy is" in out
    status, out, _ = command("confirm", run, "--json")
    report = json.loads(out)
    assert status == 1
    assert report["holds"] is False
    assert "training accuracy is" in report["not_converged"]
    assert set(report["checks"][0]) == {
        *("name", "source", "predicted", "measured", "tolerance", "holds", "not_converged")
    }
    assert json.loads((run / "report.json").read_text()) == report


def test_json(tmp_path, command):
    status, out, _ = command("train", "fashion/setf-0.1", *QUICK, "--out", tmp_path / "run", "--json")
    assert status == 0
    said = json.loads(out)
    assert set(said["accuracy"]) == {"own"}
    assert command("confirm", tmp_path / "run")[1].count("NC to the vertices of the simplex, worst class") == 1
    assert 0 <= said["test_accuracy"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("figure5/")])
def test_large_networks_run_end_to_end_on_synthetic_images(tmp_path, command, name):
    status, out, _ = command("train", name, "--smoke", "--threads", "1", "--out", tmp_path / "run")
    assert status == 0
    assert name.split("-")[1] in out


def test_predictions_are_there_before_the_first_step(tmp_path, command, monkeypatch):
    def nothing(config, data, folder, *more, **also):
        assert (folder / "predictions.json").exists()
        raise loop.Stopped("stopped in epoch 1")

    monkeypatch.setattr(loop, "train", nothing)
    status, _, err = command("train", *QUICK, "--out", tmp_path / "run")
    assert status == 130
    assert f"go on with: ufm train --resume {tmp_path / 'run'}" in err


def test_predictions_that_were_changed_later_are_found_out(tmp_path, command, refused):
    command("train", *QUICK, "--out", tmp_path / "run")
    path = tmp_path / "run" / "predictions.json"
    path.write_text(path.read_text().replace('"tolerance": 0.05', '"tolerance": 9.05'))
    refused("was changed after the training began", "confirm", tmp_path / "run")


def test_what_cannot_be_confirmed(tmp_path, command, refused):
    refused("is not the folder of a training: config.json is missing", "confirm", tmp_path)
    assert command("confirm")[0] == 2
    command("train", *QUICK, "--out", tmp_path / "run")
    metrics = tmp_path / "run" / "metrics.nc"
    data, good = Record.load(metrics).data, metrics.read_bytes()
    metrics.write_bytes(good[:-100])
    refused(f"{metrics} is damaged", "confirm", tmp_path / "run")
    for name in ("split", "clock", "nc_mean", "class_accuracy"):  # whole, and yet no record
        store.save_classic(data.drop_vars(name), metrics)
        refused(f"{metrics} is whole, but has no {name}", "confirm", tmp_path / "run")
    metrics.write_bytes(good)
    assert command("confirm", tmp_path / "run")[0] == 1


def test_a_folder_belongs_to_one_training(tmp_path, command, refused):
    run = tmp_path / "run"
    command("train", *QUICK, "--out", run)
    before = (run / "metrics.nc").read_bytes()
    refused(f"holds this training already: ufm confirm {run}", "train", *QUICK, "--out", run)
    refused("tau is 0.5, not 0.1", "train", *QUICK, "--out", run, "--seed", 3, "--tau", 0.5)
    refused("seed is 3, not 0", "train", *QUICK, "--out", run, "--seed", 3, "--tau", 0.5)
    assert (run / "metrics.nc").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fashion/call-0.1"], "did you mean 'fashion/cal-0.1'"),
        (["--method", "SETFF"], "did you mean 'SETF'"),
        (["--method", "CE", "--theta", 0.3], "theta=0.3 has no meaning for --method=CE"),
        (["--network", "cnn9"], "did you mean 'cnn'"),
        (["--dataset", "mnist6k"], "did you mean 'mnist5k'"),
        (["--tau", 1.5], "tau=1.5"),
        (["--batch-size", 1], "--batch-size=1"),
        (["--device", "mps"], "device=mps is not available"),
        (["--threads", 0], "threads=0"),
        (["--checkpoint-every", 0], "--checkpoint-every=0"),
        (["--network", "cnn", "--expand", False], "128 features < 210"),
        (["--dataset", "cifar10", "--data", "{tmp}"], "cifar"),
        (["--n-max", 4000], "400"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing_behind(tmp_path, refused, arguments, message):
    if "mps" in arguments and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    filled = [str(each).format(tmp=tmp_path) for each in arguments]
    refused(message, "train", *filled, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_image_worker_that_is_killed_is_said(tmp_path):
    rng = np.random.default_rng(0)
    for part, label, number in itertools.product(("train", "test"), "ab", range(24)):
        folder = tmp_path / "own" / "pictures" / part / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (120, 130, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    flags = ["--dataset", "own/pictures", "--tau", "1", "--epochs", "999", "--batch-size", "8", "--workers", "2"]
    command = [
        sys.executable,
        "-m",
        "ufm",
        "train",
        *flags,
        "--threads",
        "1",
        "--data",
        tmp_path,
        "--out",
        tmp_path / "run",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        for line in process.stderr:
            if line.startswith("epoch 2 of") or line.startswith("epoch   2 of"):
                break
        killed, end = False, time.monotonic() + 20
        while not killed and time.monotonic() < end:
            for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
                killed = True
                break
        said = process.stderr.read()
        status = process.wait()
    assert status == 2, said
    assert "a process that reads images was ended" in said.splitlines()[-1]
    assert "--resume" in said.splitlines()[-1]


def test_a_training_that_diverges_says_where(tmp_path, command):
    values = ("--method", "CE", "--network", "lenet", "--lr", 1e18, "--warmup", 0, "--threads", 1)
    status, _, err = command("train", *values, "--epochs", 3, "--out", tmp_path / "run")
    assert status == 1
    assert "the loss is" in err
    assert "step" in err
    assert checkpoint.latest(tmp_path / "run" / "checkpoints").step == 0


def test_tensorboard_that_is_missing_leaves_no_run_behind(tmp_path, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    refused("pip install tensorboard", "train", *QUICK, "--tensorboard", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_trainings_never_share_a_folder(tmp_path, command, refused):
    with Run(tmp_path / "run").alone():
        refused("another process is training in", "train", *QUICK, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert command("train", *QUICK, "--out", tmp_path / "run")[0] == 0


def test_methods_are_listed(command):
    status, out, _ = command("presets", "--methods")
    assert status == 0
    assert "--hyper margin=0.5 scale=30 beta=0.9999 defer=0.8" in out
    assert "LDAM-DRW" in json.loads(command("presets", "--methods", "--json")[1])["methods"]
    assert command("presets", "--methods", "--train")[0] == 2


def test_presets_are_listed(command):
    status, out, _ = command("presets", "--train")
    assert status == 0
    assert "table2/cifar100-resnet50-cal-0.01" in out
    assert "fashion/setf-0.1" in json.loads(command("presets", "--train", "--json")[1])["trainings"]
    assert command("presets", "--train", "--tau", 0.1)[0] == 2


@pytest.mark.slow
def test_the_command_line_starts_without_what_takes_long_to_import():
    names = {"torch", "xarray", "matplotlib", "sympy", "scipy.stats"}
    code = f"import sys; from ufm.commands.overview import found; found(); print(sorted({names} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_two_processes_average_their_gradients(tmp_path, command):
    """Two processes, begun as torchrun does it, train as one does up to rounding, without batch normalisation.

    More steps than the bar waits before it shows numbers, which only one of the processes has.
    """
    values = ["--network", "lenet", "--method", "P", "--f", "3", "--epochs", "1", "--threads", "1", "--lr", "0.01"]
    values += ["--precision", "float32", "--device", "cpu", "--n-max", "60", "--tau", "0.5", "--batch-size", "32"]
    assert command("train", *values, "--out", tmp_path / "one")[0] == 0
    two = [sys.executable, "-m", "ufm", "train", *values, "--out", str(tmp_path / "two")]
    meeting = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    with socket.socket() as free:
        free.bind(("localhost", 0))
        meeting["MASTER_PORT"] = str(free.getsockname()[1])
    pipes = {"cwd": ROOT, "text": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    begun = [subprocess.Popen(two, env=meeting | {"RANK": rank, "LOCAL_RANK": rank}, **pipes) for rank in "01"]
    said = [process.communicate(timeout=300)[1] for process in begun]
    assert [process.returncode for process in begun] == [0, 0], said
    ours, theirs = (checkpoint.latest(tmp_path / name / "checkpoints").tensors for name in ("one", "two"))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=1e-5)
    record = Run(tmp_path / "two").record()
    assert record.data.attrs["processes"] == 2
    assert int(record.data.step[-1]) > loop.SHOW_EVERY


def test_tensorboard_writes_curves(tmp_path, command):
    pytest.importorskip("tensorboard")
    assert command("train", *QUICK, "--tensorboard", "--out", tmp_path / "run")[0] == 0
    assert list((tmp_path / "run" / "tensorboard").iterdir())
