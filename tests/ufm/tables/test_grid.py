"""The trainings of tables: which are run, resumed, shared, or fail."""

import json
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from tests.ufm.tables.made import result
from ufm.files import store
from ufm.tables import grid, results, tables
from ufm.tables.grid import Cell
from ufm.train import presets
from ufm.train.config import Config
from ufm.train.presets import PRESETS, preset
from ufm.train.record import Record
from ufm.train.run import Run


def test_every_cell_of_every_table_has_a_place_of_its_own():
    for table in tables.TABLES:
        places = [(entry.row, entry.column) for entry in tables.entries(presets.cells(table), [])]
        assert len(set(places)) == len(places) == len(presets.cells(table))


class Process:
    """In place of a training: fails, is killed, or does well, by its name."""

    commands: ClassVar = []
    statuses: ClassVar = {"fashion/al-0.1": 1, "fashion/ce-0.1": -9, "fashion/p-0.1": 130}

    def __init__(self, command, stdout, stderr, env):
        self.commands.append(command[5:])
        self.words = " ".join(command)
        stdout.write(b"epoch 0\nufm: the loss is nan in epoch 1\n")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def wait(self):
        return next((status for name, status in self.statuses.items() if name in self.words), 0)


def test_missing_cells_run_resume_or_fail_on_their_own(tmp_path, monkeypatch, command):
    monkeypatch.setattr(grid.subprocess, "Popen", Process)
    monkeypatch.setattr(Process, "commands", [])
    begun = Cell("fashion/cal-0.1", 0).folder(tmp_path)
    begun.mkdir(parents=True)
    (begun / "config.json").write_text(json.dumps({"configuration": preset("fashion/cal-0.1").to_dict()}))
    options = ["--runs", tmp_path, "--run", "--where", "-0.1", "--seeds", 1, "--jobs", 2, "--results"]
    options.append(results.save(tmp_path / "r", []))
    status, out, err = command("table", "fashion", *options)
    assert status == 1
    assert "| cnn AL | failed |" in out
    assert "failed: fashion/al-0.1, seed0: the loss is nan in epoch 1" in err
    assert "failed: fashion/ce-0.1, seed0: killed by signal 9" in err
    counted = Counter(command[0] for command in Process.commands)
    assert counted == {
        "--resume": 1,
        "fashion/al-0.1": 1,
        "fashion/setf-0.1": 1,
        "fashion/p-0.1": 1,
        "fashion/ce-0.1": 3,
    }
    assert all(command[-4:] == ["--device", "auto", "--threads", "1"] for command in Process.commands)
    _, out, _ = command("table", "fashion", *options[:2], *options[3:], "--json")
    statuses = {cell["row"]: cell["status"] for cell in json.loads(out)["cells"]}
    assert statuses["cnn AL"] == "failed: seed0: the loss is nan in epoch 1"
    assert statuses["cnn P"] == "not run"
    Process.commands.clear()
    other = {**result("fashion/p-0.1", 0, 0.8), "configuration": preset("fashion/p-0.1", epochs=3).to_dict()}
    results.save(tmp_path / "r", [result("fashion/setf-0.1", 0, 0.9), other])  # what is known is not run again
    command("table", "fashion", *options)
    assert sorted(command[0] for command in Process.commands if command[0] != "fashion/ce-0.1") == [
        "--resume",
        "fashion/al-0.1",
        "fashion/p-0.1",
    ]


def test_cells_that_share_a_training_are_trained_once(tmp_path, monkeypatch, command):
    monkeypatch.setattr(grid.subprocess, "Popen", Process)
    monkeypatch.setattr(Process, "commands", [])
    monkeypatch.setattr(Process, "statuses", {"rbl-0.005": 1})
    options = ["--runs", tmp_path, "--seeds", 1, "--results", results.save(tmp_path / "r", []), "--where", "cifar10-"]
    status, _, err = command("table", 7, *options, "--run")
    assert status == 1
    trained = sorted(command[0].removeprefix("table7/cifar10-resnet50-") for command in Process.commands)
    assert trained == [f"{method}-{tau}" for method in ("cal", "rbl") for tau in ("0.005", "0.01", "0.02")]
    for name in ("rbl", "rbl+pla"):  # both go without
        assert f"failed: table7/cifar10-resnet50-{name}-0.005, seed0: the loss is nan in epoch 1" in err
    known = [result("table7/cifar10-resnet50-rbl+pla-0.005", 0, 0.5)]  # from elsewhere: what failed here is no matter
    _, _, err = command("table", 7, "--runs", tmp_path, "--results", results.save(tmp_path / "r", known))
    assert "failed: table7/cifar10-resnet50-rbl-0.005" in err
    assert "rbl+pla-0.005" not in err


def test_a_training_that_does_not_answer_for_a_cell_is_not_waited_for(tmp_path):
    """As when a version began or finished it that did not ask for the variant."""
    base, cell = (Cell(f"offline/mnist5k-cnn-{method}-0.1", 0) for method in ("ce", "ce+la"))
    run, config = Run(base.folder(tmp_path)), preset(base.name)
    record = Record.start(config, (3, 2), {})
    numbers = dict.fromkeys(("loss", "step", "rate", "clock", "training_seconds", "measuring_seconds"), 0.0)
    hits = {rule: np.array([1, 1]) for rule in ("own", "CE+LA")}
    seen = {"hits": hits, "counts": np.array([2, 2]), "without_direction": 0}

    def wanted(*cells):
        return grid.trainings("offline", cells, tmp_path)

    def measured(epoch, variants):
        record.data.attrs["variants"] = store.to_json([variant.to_dict() for variant in variants])
        record.add(epoch, numbers, {"train": seen, "test": seen})
        record.save(run.folder / "metrics.nc")

    assert wanted(base, cell) == [base]
    run.begin(config, {}, smoke=False)
    assert wanted(base, cell) == [base]
    measured(0, config.variants())
    assert wanted(base, cell) == [base]
    measured(1, ())
    assert wanted(base, cell) == [base, cell]
    measured(config.epochs, config.variants())
    assert wanted(cell) == [base]
    (run.folder / "report.json").touch()  # finished, and so what it says is known already
    assert wanted(cell) == [cell]
    (run.folder / "report.json").unlink()
    Run(cell.folder(tmp_path)).begin(preset(cell.name), {}, smoke=False)
    assert wanted(base, cell) == [base, cell]  # which goes on with its own


@pytest.mark.slow
def test_a_training_fills_the_cells_that_share_it(tmp_path, command, monkeypatch):
    tiny = {"dataset": "mnist5k", "network": "mlp", "epochs": 1, "n_max": 40, "method": "CE"}
    monkeypatch.setitem(PRESETS, "fashion/ce-0.1", tiny)
    monkeypatch.setitem(PRESETS, "fashion/al-0.1", {**tiny, "method": "CE+LA"})  # which sorts before it
    folders = {name: tmp_path / "fashion" / name / "seed0" for name in ("ce-0.1", "al-0.1")}
    command("train", "fashion/ce-0.1", "--threads", 1, "--out", folders["ce-0.1"])
    options = ["--results", tmp_path / "r.json", "--runs", tmp_path, "--where", "al-0.1", "--seeds", 1]
    status, out, _ = command("table", "fashion", *options, "--save", "--json")
    assert status == 0
    assert json.loads(out)["cells"][0]["status"] == "done"
    adjusted, plain = results.load(tmp_path / "r.json")
    assert Config.from_dict(adjusted["configuration"]) == preset("fashion/al-0.1")
    assert adjusted.pop("trained_as") == "fashion/ce-0.1"
    assert adjusted["accuracy"] != plain["accuracy"]
    assert adjusted["curves"]["nc"] == plain["curves"]["nc"]
    assert set(plain["accuracy"]) == set(adjusted["accuracy"]) == {"own"}
    _, out, _ = command("train", "fashion/al-0.1", "--threads", 1, "--out", folders["al-0.1"])
    assert f"test accuracy: own {100 * adjusted['accuracy']['own']:.1f} %" in out
    known = {result["name"]: result for result in results.collect(tmp_path, "fashion")[0]}
    timed = {"machine": known["fashion/al-0.1"]["machine"]}  # now of the training of its own
    assert json.loads(store.to_json(known["fashion/al-0.1"])) == json.loads(store.to_json({**adjusted, **timed}))


def test_a_summary_is_what_the_record_says(tmp_path, command, monkeypatch):
    quick = {**PRESETS["fashion/cal-0.1"], "dataset": "mnist5k", "epochs": 1, "network": "mlp", "f": 3}
    monkeypatch.setitem(PRESETS, "fashion/cal-0.1", quick)
    folder = tmp_path / "fashion" / "cal-0.1" / "seed0"
    assert command("train", "fashion/cal-0.1", "--threads", 1, "--out", folder)[0] == 0
    (summary,), left_out = results.collect(tmp_path, "fashion")
    assert not left_out
    assert summary["name"] == "fashion/cal-0.1"
    assert set(summary["accuracy"]) == {"own", "rcr", "gcr", "nearest"}
    assert np.shape(summary["curves"]["nc"]) == (2, 10)
    assert summary["machine"]["arithmetic"] in ("torch.float32", "torch.bfloat16")
    path = tmp_path / "r.json"
    assert command("table", "fashion", "--runs", tmp_path, "--results", path, "--save")[0] == 0
    assert results.load(path) == [json.loads(store.to_json(summary))]
    monkeypatch.setitem(PRESETS, "fashion/cal-0.1", {**quick, "tau": 0.2})
    found, left_out = results.collect(tmp_path, "fashion")
    assert not found
    assert "tau is 0.2, not 0.1" in left_out[folder]
    status, _, err = command("table", "fashion", "--runs", tmp_path, "--results", results.save(tmp_path / "none", []))
    assert status == 0
    assert "left out: " in err
    (folder / "metrics.nc").write_bytes(b"damaged")
    assert "damaged" in results.collect(tmp_path, "fashion")[1][folder]
