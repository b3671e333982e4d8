import json

import numpy as np
import pytest

import ufm
from figures.commands.geometry import geometry_figure
from tests.readable import require_readable
from ufm.certify import zoo
from ufm.minimize.certificate import Certificate
from ufm.problems.build import read_model
from ufm.problems.file_loss import read_loss

SIZES = ("--class-sizes", "500,50,50,5")


def test_geometry_as_a_table_and_as_json(tmp_path, command):
    status, out, _ = command("geometry", *SIZES, "--picture", tmp_path / "g.png")
    assert status == 0
    assert "optimal, gap" in out
    assert out.endswith(f"\n\nwritten to {tmp_path / 'g.png'}\n")
    assert "Hong and Ling 2023" in out
    assert "no theorem of the zoo speaks of this model" in command("geometry", *SIZES, "--loss", "bce")[1]
    assert (tmp_path / "g.png").stat().st_size > 10_000
    status, out, _ = command("geometry", *SIZES, "--json")
    found = json.loads(out)
    model = ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5)
    geometry = ufm.minimize(model)
    assert found["value"] == geometry.value
    assert found["model"] == "ce, K=4, N=605, lam_w=0.0005, lam_h=1e-05, bias=none, dim=4, smoothing=0"
    assert [each["size"] for each in found["classes"]] == [500, 50, 5]
    assert [each["classes"] for each in found["classes"]] == [1, 2, 1]
    np.testing.assert_allclose([each["w_norm"] for each in found["classes"]], geometry.weight_norms)
    stranger = Certificate.from_json(found["certificate"])
    assert found["value"] - ufm.verify(stranger, model) < 1e-12


def test_rows_say_whether_their_classes_have_merged_or_are_dead(command):
    sizes = ("--class-sizes", "500,500,5,5", "--lam-w", 5e-2)
    out = command("geometry", *sizes, "--lam-h", 5e-4)[1]
    assert [line.endswith("merged") for line in out.splitlines()[3:5]] == [False, True]
    found = json.loads(command("geometry", *sizes, "--lam-h", 5e-4, "--json")[1])
    assert [each["merged"] for each in found["classes"]] == [False, True]
    out = command("geometry", *sizes, "--lam-h", 1)[1]
    assert all(line.endswith("dead") for line in out.splitlines()[3:5])


def test_theorems_that_speak_of_the_case_are_held_against_it(command):
    status, out, _ = command("geometry", "--class-sizes", "20,20,20", "--lam-w", 5e-3, "--lam-h", 2e-3)
    assert status == 0
    assert "Zhu et al. 2021" in out
    status, out, _ = command("geometry", *SIZES, "--loss", "mse", "--bias", "free")
    assert status == 0
    assert "cf. Liu 2024" in out


def test_many_sizes_are_cut_short(command):
    status, out, _ = command("geometry", "--n-classes", 60, "--n-max", 600, "--tau", 0.01)
    assert status == 0
    assert "\n..." in out
    assert len(out.splitlines()) < 45


@pytest.mark.parametrize(
    ("flags", "fields"),
    [
        (("--weights", "inverse"), {"weights": (605 / 2000, 605 / 200, 605 / 200, 605 / 20)}),
        (("--weights", "1,2,2,4"), {"weights": (1.0, 2.0, 2.0, 4.0)}),
        (("--temperatures", "1,1,1,0.5"), {"temperatures": (1.0, 1.0, 1.0, 0.5)}),
        (("--sample-temperatures", "2"), {"sample_temperatures": (2.0,) * 4}),
        (("--shifts=-1,0,0,2",), {"shifts": (-1.0, 0.0, 0.0, 2.0)}),
        (("--bias", "0.1"), {"bias": 0.1}),
    ],
)
def test_changes_of_the_loss(command, flags, fields):
    status, out, _ = command("geometry", *SIZES, *flags, "--json")
    assert status == 0
    model = ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5, **fields)
    assert json.loads(out)["value"] == ufm.minimize(model).value


SMALL = {"class_sizes": (20, 20, 5), "lam_w": 1e-3, "lam_h": 1e-3}
MODELS = {
    "sphere": ufm.SphereModel((10, 10, 10, 5), dim=3, temperature=5.0),
    "peeled": ufm.PeeledModel((100, 10, 10)),
    "dot-regression": ufm.DotRegressionModel((100, 10, 10), energy_h=2.0),
    "deep": ufm.DeepModel(**SMALL, layers=2, loss="mse"),
    "nonnegative": ufm.NonnegativeModel(**SMALL),
    "shifted": ufm.FeatureModel(**SMALL, shifts=(0.0, 0.0, 1.0)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_file_says_which_kind_of_model_it_holds(tmp_path, command, name):
    model, picture = MODELS[name], tmp_path / "m.png"
    (tmp_path / "m.toml").write_text(model.to_toml())
    (tmp_path / "m.json").write_text(model.to_json())
    assert read_model(tmp_path / "m.toml") == read_model(tmp_path / "m.json") == model
    _, out, _ = command("geometry", "--model", tmp_path / "m.toml", "--picture", picture, "--json")
    found, expected = json.loads(out), ufm.minimize(model)
    assert found["value"] == pytest.approx(expected.value, rel=1e-12)
    np.testing.assert_allclose([each["margin"] for each in found["classes"]], expected.margins, rtol=1e-6)
    assert found["rank"] == expected.rank > 0
    assert picture.stat().st_size > 10_000


def test_layers_make_a_deep_model(command):
    status, out, _ = command("geometry", "--class-sizes", "20,20,5", "--lam-w", 1e-3, "--lam-h", 1e-3, "--layers", 2)
    assert "best of" in out
    assert f"value {ufm.minimize(ufm.DeepModel(**SMALL, layers=2)).value:.8g}" in out
    assert status == 1  # nothing is proved


def test_targets_in_place_of_classes(tmp_path, command, refused):
    file = tmp_path / "m.toml"
    targets = ((1.0, 2.0), (0.0, -1.0), (0.5, 0.5))
    file.write_text(ufm.FeatureModel(**SMALL, loss="mse", targets=targets).to_toml())
    status, out, _ = command("geometry", "--model", file, "--json")
    found = json.loads(out)
    assert status == 0
    assert (len(found["classes"]), len(found["outputs"])) == (3, 2)
    assert "cosines of h" in command("geometry", "--model", file)[1]
    refused("m.png is of classes", "geometry", "--model", file, "--picture", tmp_path / "m.png")


def test_cosines_of_classes_that_stand_by_themselves():
    geometry = ufm.minimize(MODELS["deep"])
    gram, norms = geometry.weight_gram, geometry.weight_norms
    np.testing.assert_allclose(norms, np.linalg.norm(geometry.layers[-1], axis=1))
    np.testing.assert_allclose(geometry.weight_cosines[0, 2], gram[0, 2] / norms[0] / norms[2])
    assert np.isnan(np.diag(geometry.feature_cosines)).all()


OWN = """
import numpy as np
import ufm

def misses(x, y):
    return 0.5 * ((x - y) ** 2).sum(axis=1)

mine = ufm.NumpyLogitLoss(misses)
wavy = ufm.NumpyLogitLoss(lambda x, y: 2 + np.cos(x).mean(1))

class Quarters:
    exchangeable = True

    def at(self, logits, targets, counts):
        return ufm.FeatureModel((1,), lam_w=1, lam_h=1, loss="mse").loss_object().at(logits, targets, counts)
"""


@pytest.mark.parametrize("name", ["mine", "Quarters"])
def test_a_loss_that_no_file_of_ours_knows(tmp_path, command, name):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    status, out, _ = command("geometry", *SIZES, "--loss", f"{file}::{name}")
    assert status == 0
    assert ("misses" if name == "mine" else name) + ", K=4, N=605, lam_w=0.0005" in out
    found = json.loads(command("geometry", *SIZES, "--loss", f"{file}::{name}", "--json")[1])
    model = ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5, loss=read_loss(f"{file}::{name}"))
    assert found["value"] == pytest.approx(ufm.minimize(model.replace(loss="mse")).value, abs=1e-12)
    assert found["value"] - ufm.verify(Certificate.from_json(found["certificate"]), model) < 1e-12


def test_own_losses_that_will_not_do(tmp_path, refused):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    refused("has no 'mien': did you mean 'mine'", "geometry", *SIZES, "--loss", f"{file}::mien")
    refused("wrap it in ufm.TorchLogitLoss", "geometry", *SIZES, "--loss", f"{file}::misses")
    refused("below its tangent", "geometry", *SIZES, "--loss", f"{file}::wavy")
    refused("other.py: no such file", "geometry", *SIZES, "--loss", f"{tmp_path / 'other.py'}::mine")
    file.write_text("1 / 0")
    refused("mine.py::mine: division by zero", "geometry", *SIZES, "--loss", f"{file}::mine")


def test_wrong_model_files(tmp_path, refused):
    file = tmp_path / "m.toml"
    file.write_text("class_sizes = [5, 3]\ndim = 3\ntemprature = 2.0\n")
    refused("unknown key 'temprature'", "geometry", "--model", file)
    refused("--lam-w=1.0: --model says all of the model", "geometry", "--model", file, "--lam-w", 1)
    file.write_text("class_sizes = [5, 3]\ncenters = [1, 1]\ntheta = 0.2\n")
    refused("a problem with multiple centers, for ufm verify", "geometry", "--model", file)
    refused("a model file ends in .toml or .json", "geometry", "--model", tmp_path / "m.yaml")
    refused(f"ufm: --model={tmp_path / 'n.toml'}: no such file\n", "geometry", "--model", tmp_path / "n.toml")


def test_the_picture_is_readable():
    require_readable(geometry_figure(ufm.minimize(ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of --preset, --class-sizes, --labels and --n-classes is needed"),
        (("--class-sizes", "500"), "--class-sizes has one class of 500 samples: two are needed"),
        ((*SIZES, "--loss", "cee"), "loss='cee' is unknown: did you mean 'ce'"),
        ((*SIZES, "--lam-w", 0), "lam-w=0.0 must be positive"),
        ((*SIZES, "--bias", "some"), "bias='some' is unknown"),
        ((*SIZES, "--weights", "1,2"), "weights=(1.0, 2.0) must be 4 finite numbers > 0"),
        ((*SIZES, "--shifts", "a"), "shifts='a' is neither a number nor a list"),
        ((*SIZES, "--layers", 2, "--bias", "free"), "a deep model has no bias"),
        ((*SIZES, "--layers", 2, "--features", "nonnegative"), "--layers=2 go with --features free"),
        (("--class-sizes", "500", "50", "5"), "Unrecognized options: 50, 5: numbers of one flag are joined by commas"),
        ((*SIZES, "--loss", "mine.py"), "--loss=mine.py: which object of the file? mine.py::NAME"),
        ((*SIZES, "--picture", "g.jpeg"), "picture=g.jpeg must be a file that ends in"),
    ],
)
def test_wrong_input(refused, arguments, message):
    refused(message, "geometry", *arguments)


def test_the_zoo_is_listed_shown_and_checked(command, refused, monkeypatch):
    status, out, _ = command("zoo")
    assert status == 0
    assert "mse-imbalanced" in out
    assert all(entry.theorem.source in out for entry in zoo.zoo().values())
    status, out, _ = command("zoo", "mse-imbalanced")
    assert status == 0
    assert "reproduced, 4 cases" in out
    assert "mse-imbalanced, alive: class_sizes = 40,20,8,3, lam_w = 0.01, lam_h = 0.002, loss = mse\n" in out
    assert "NO  " in out.partition("breaks a hypothesis")[2]
    refused("theorem 'mse' is unknown", "zoo", "mse")
    few = {name: zoo.find(name) for name in ("ce-balanced", "nc0")}  # test_zoo examines all of them
    monkeypatch.setattr(zoo, "zoo", lambda: few)
    status, out, _ = command("zoo", "--check", "--json")
    theorems = json.loads(out)["theorems"]
    assert status == 0
    assert all(each["reproduced"] and not each["broken"] for each in theorems)
    assert [each["id"] for each in theorems] == [*few]
    assert theorems[0]["gap"] < 1e-9
    assert theorems[1]["gap"] is None


def test_a_million_equal_classes(command):
    status, out, _ = command("geometry", "--n-classes", 1_000_000, "--n-max", 10, "--tau", 1, "--lam-w", 1e-9)
    assert status == 0
    assert "1000000 classes are more than 3000" in out
