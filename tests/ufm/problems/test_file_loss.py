"""Losses by name, FILE.py::NAME: on the command line, in model files and in sweeps; and never from a result."""

import json

import numpy as np
import pytest

import ufm
from ufm.files import store
from ufm.problems.build import read_model
from ufm.problems.file_loss import read_loss
from ufm.sweep.description import Sweep, read
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder
from ufm.sweep.kinds import KINDS

SOURCE = """
import numpy as np
import ufm

def halves(x, y):
    return 0.5 * ((x - y) ** 2).sum(axis=1)


squares = ufm.NumpyLogitLoss(halves)
bare = len
five = 5
wavy = ufm.NumpyLogitLoss(lambda x, y: 2 + np.cos(x).mean(1))


class Silent:
    def at(self, logits, targets, counts): ...
"""
MARKED = "from pathlib import Path\n\nPath(__file__).with_name('ran').touch()\nsquares = None\n"
"""Leaves a trace where it is run."""

MODEL = 'class_sizes = [30, 10, 4]\nlam_w = 5e-3\nlam_h = 4e-4\nloss = "losses/mine.py::{}"\n'
SWEEP = """
kind = "geometry"
record = ["value", "rank"]
[base]
class_sizes = [30, 10, 4]
[axes]
lam = [1e-3, 1e-2]
loss = ["losses/mine.py::{}", "mse"]
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with losses/mine.py, and another one to work in."""
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses/mine.py").write_text(SOURCE)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def test_a_model_file_names_a_loss_beside_it(home, command):
    (home / "m.toml").write_text(MODEL.format("squares"))
    model = read_model(home / "m.toml")
    assert model.loss == read_loss("../losses/mine.py::squares") == read_loss("losses/mine.py::squares", home)
    assert ufm.minimize(model).value == pytest.approx(ufm.minimize(model.replace(loss="mse")).value, abs=1e-12)
    (home / "copy.json").write_text(model.to_json())
    assert read_model(home / "copy.json") == model
    status, out, _ = command("geometry", "--model", home / "m.toml", "--json")
    assert status == 0
    certificate = ufm.Certificate.from_json(json.loads(out)["certificate"])
    assert json.loads(out)["value"] - ufm.verify(certificate, model) < 1e-12


def test_a_model_goes_by_the_text_of_the_file_and_not_by_its_place(home):
    model = ufm.FeatureModel((3, 2), 0.1, 0.1, loss=read_loss("losses/mine.py::squares", home))
    (home / "moved.py").write_text(SOURCE)
    assert model.replace(loss=read_loss("moved.py::squares", home)).key == model.key
    assert model.replace(loss=read_loss("moved.py::wavy", home)).key != model.key
    (home / "moved.py").write_text(f"{SOURCE}\n")
    assert model.replace(loss=read_loss("moved.py::squares", home)).key != model.key


def test_what_is_read_as_plain_values_runs_nothing(home):
    model = ufm.FeatureModel((3, 2), 0.1, 0.1, loss=read_loss("losses/mine.py::squares", home))
    (home / "losses/mine.py").write_text(MARKED)
    for again in (ufm.FeatureModel.from_toml, ufm.FeatureModel.from_json):
        with pytest.raises(ValueError, match=r"mine\.py::squares' is code: only a model file, --loss or read_loss"):
            again(model.to_toml() if again == ufm.FeatureModel.from_toml else model.to_json())
    assert not (home / "losses/ran").exists()


@pytest.mark.slow
def test_a_sweep_names_a_loss_beside_it_and_its_results_run_nothing(home, command):
    (home / "s.toml").write_text(SWEEP.format("squares"))
    assert command("sweep", home / "s.toml", "--out", "out", "--workers", 1)[0] == 0
    data = store.load("out/results.nc").to_dataset()
    assert data["loss"].values.tolist() == ["losses/mine.py::squares", "mse"]
    np.testing.assert_allclose(data["value"][:, 0], data["value"][:, 1], atol=1e-12)
    assert data["rank"].values.ravel().tolist() == [3] * 4
    (home / "losses/mine.py").write_text(MARKED)
    assert Folder(home / "elsewhere/out").sweep().axes[1].values == (("losses/mine.py::squares",), ("mse",))
    assert command("sweep", "--show", "out", "--quantity", "value")[0] == 0
    assert not (home / "losses/ran").exists()


def test_a_file_that_changes_makes_other_cells_and_is_not_run_in_place_of_the_first(home):
    (home / "s.toml").write_text(SWEEP.format("squares"))
    before = read(str(home / "s.toml")).cells
    (home / "losses/mine.py").write_text(f"{SOURCE}\n")
    sweep = read(str(home / "s.toml"))
    same = [a.key == b.key for a, b in zip(before, sweep.cells, strict=True)]
    assert same == [False, True] * 2
    with pytest.raises(ValueError, match="was changed since the sweep began"):
        KINDS["geometry"].answer(before[0].configuration, ["value"], home)
    outcome = run(sweep, home / "out", workers=1)
    assert (outcome.ran, outcome.failed) == (4, {})


def test_a_sweep_in_python_starts_where_it_is(home):
    described = {"kind": "geometry", "record": ["value"], "base": {"class_sizes": [5, 3], "lam": 0.1}}
    described["base"]["loss"] = "../losses/mine.py::squares"
    (cell,) = Sweep.from_mapping(described).cells
    assert cell.configuration["digest"] == read_loss("losses/mine.py::squares", home).digest


@pytest.mark.slow
def test_a_phase_diagram_of_a_loss_of_ones_own(home, command):
    words = ("phase", "--class-sizes", "50,50,5,5", "--points", 4, "--axes", "lam", "--json")
    status, out, _ = command(*words, "--loss", home / "losses/mine.py::squares", "--out", "a")
    assert status == 0
    assert json.loads(out)["title"].startswith("phase diagram of halves, 1 x 4 points")
    assert command(*words, "--loss", "mse", "--out", "b")[0] == 0
    own, known = (store.load(f"{name}/phase.nc").to_dataset() for name in "ab")
    np.testing.assert_allclose(own["value"], known["value"], atol=1e-12)
    for name in ("rank", "alive", "merged"):
        np.testing.assert_array_equal(own[name], known[name])


WRONG = {
    "squeres": "has no 'squeres': did you mean 'squares'",
    "five": "mine.py::five has no method at(logits, targets, counts)",
    "bare": "wrap it in ufm.TorchLogitLoss or ufm.NumpyLogitLoss, loss = ufm.TorchLogitLoss(len)",
    "wavy": "below its tangent: it is not convex",
    "Silent": "does not say whether it is exchangeable",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_loss_is_refused_wherever_it_is_named(home, refused, name):
    (home / "m.toml").write_text(MODEL.format(name))
    (home / "s.toml").write_text(SWEEP.format(name))
    refused(WRONG[name], "geometry", "--model", home / "m.toml")
    refused(WRONG[name], "sweep", home / "s.toml", "--out", "out")
    refused(WRONG[name], "phase", "--class-sizes", "9,3", "--loss", home / f"losses/mine.py::{name}", "--out", "out")
    assert not [*(home / "elsewhere").iterdir()]


def test_a_file_that_is_not_there_or_fails_is_refused_wherever_it_is_named(home, refused):
    (home / "m.toml").write_text(MODEL.format("squares"))
    (home / "s.toml").write_text(SWEEP.format("squares"))
    for text, message in (("1 / 0", "mine.py::squares: division by zero"), (None, "mine.py: no such file")):
        (home / "losses/mine.py").unlink() if text is None else (home / "losses/mine.py").write_text(text)
        refused(message, "geometry", "--model", home / "m.toml")
        refused(message, "sweep", home / "s.toml", "--out", "out")
        refused(message, "phase", "--class-sizes", "9,3", "--loss", home / "losses/mine.py::squares")


def test_bounded_norms_take_them_too(home):
    (home / "m.toml").write_text('class_sizes = [30, 10]\nenergy_w = 0.2\nloss = "losses/mine.py::squares"\n')
    model = read_model(home / "m.toml")
    own, known = (ufm.minimize(each) for each in (model, model.replace(loss="mse")))
    assert own.value == pytest.approx(known.value, abs=1e-12)
    assert own.value - ufm.verify(own.certificate, model) < 1e-12
    assert model.key != model.replace(loss="mse").key


def test_numbers_to_be_met_by_a_loss_of_ones_own_may_be_negative():
    loss, targets = ufm.NumpyLogitLoss(lambda x, y: 0.5 * ((x - y) ** 2).sum(axis=1)), ((1.0, -2.0), (-0.5, 0.3))
    model = ufm.FeatureModel((3, 2), 1e-2, 1e-2, loss=loss, targets=targets)
    assert ufm.minimize(model).value == pytest.approx(ufm.minimize(model.replace(loss="mse")).value, abs=1e-12)
