"""``ufm figures`` as a command: files, cache, trainings, failures, wrong input."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from figures import gallery, new, turning
from figures.paper import centers, class_features, class_means, collapse, null_space
from tests.readable import require_readable
from ufm.commands import main as cli
from ufm.files import store
from ufm.train.presets import PRESETS
from ufm.train.run import Run


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "cal"
    flags = ("train", "--smoke", "--network", "mlp", "--threads", "1", "--method", "CAL", "--out", str(folder))
    assert cli.main(flags) == 0
    return folder


@pytest.mark.slow
def test_trainings_are_drawn_from_their_records(training, tmp_path, command):
    status, out, _ = command("figures", "--run", training, "--run", training, "--out", tmp_path, "--json")
    assert status == 0
    made = json.loads(out)["figures"]
    showing = ["collapse", "null-space", "architectures", "class-means", "class-features"]
    assert [each["name"] for each in made] == showing
    assert (tmp_path / "architectures-run.png").stat().st_size > 10_000
    record, said = Run(training).evidence()
    found = collapse.trained([training])
    axes = np.array(collapse.plot(found).axes).reshape(3, 1)
    curve = record.data.nc_mean.sel(split="train").isel({"class": 0})
    np.testing.assert_array_equal(axes[0, 0].lines[0].get_ydata(), curve)
    assert axes[2, 0].get_xlabel() == "epoch"
    limits = next(each["predicted"] for each in said["predictions"] if each["quantity"] == "variability")
    np.testing.assert_allclose(found.limit[0], limits)
    gram = class_means.trained([training]).gram.isel(panel=-1)
    np.testing.assert_allclose(gram, record.data.gram.isel(epoch=-1).sel(split="train")[:10, :10])
    for module in (collapse, null_space, class_means, class_features):
        require_readable(module.plot(module.trained([training])))
        assert "from trainings" in module.caption(module.trained([training]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Short trainings on the embedded digits in place of those on CIFAR: figure 5 has two of four, figure 1 none."""
    found = tmp_path_factory.mktemp("trained") / "runs"
    tiny = {"dataset": "mnist5k", "network": "mlp", "epochs": 2, "n_max": 40, "tau": 0.1, "f": 3}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("cifar10-resnet8-cal-0.1", "cifar10-lenet-cal-0.1", "cifar10-convnet-p-0.1-free-norms"):
            method = {"method": "P", "penalty": 0.0} if "-p-" in name else {"method": "CAL"}
            patch.setitem(PRESETS, f"collapse/{name}", {**tiny, **method})
            folder = found / "collapse" / name / "seed0"
            assert cli.main(("train", f"collapse/{name}", "--threads", "1", "--out", str(folder))) == 0
    folder = found / "collapse" / "cifar10-convnet-p-0.1" / "seed0"
    flags = ("--dataset", "mnist5k", "--network", "mlp", "--epochs", "1", "--n-max", "40", "--f", "3", "--method", "P")
    assert cli.main(("train", *flags, "--threads", "1", "--out", str(folder))) == 0
    return found


@pytest.mark.slow
def test_figures_find_their_trainings_among_those_of_the_tables(runs, tmp_path, command, refused):
    status, out, err = command("figures", "--runs", runs, "--out", tmp_path, "--json")
    assert status == 0
    assert [each["name"] for each in json.loads(out)["figures"]] == ["null-space", "architectures"]
    said = (tmp_path / "architectures-run.md").read_text()
    shown, lacking = said.partition("Shown:")[2].split("Not trained yet, and so not shown:")
    for network, part in (("resnet8", shown), ("lenet", shown), ("vgg11", lacking), ("densenet40", lacking)):
        assert f"ufm train collapse/cifar10-{network}-cal-0.1 --seed 0 --out {runs}/collapse/cifar10-{network}" in part
    sizes = Run(runs / "collapse" / "cifar10-lenet-cal-0.1" / "seed0").record().data.class_size.values
    assert f"2 epochs of {sizes.sum()} images, seed 0, training accuracy" in said
    for name in ("collapse", "class-means", "class-features"):
        assert f"ufm: left out: figure {name} has no finished training in {runs}: ufm train plain/cifar10-" in err
    assert not (tmp_path / "collapse-run.png").exists()
    refused("has no finished training", "figures", "collapse", "--runs", runs, "--out", tmp_path / "out")
    refused("has no finished training", "figures", "--runs", runs, "--seed", 1, "--out", tmp_path / "out")
    refused("--runs has no use", "figures", "rates", "--runs", runs)
    refused("one of them", "figures", "--runs", runs, "--run", runs, "--out", tmp_path / "out")


@pytest.mark.slow
def test_p_is_drawn_by_the_weight_of_its_norms(runs):
    folders = [
        runs / "collapse" / "cifar10-convnet-p-0.1" / "seed0",
        runs / "collapse" / "cifar10-convnet-p-0.1-free-norms" / "seed0",
    ]
    found = null_space.trained(folders)
    assert found.penalty.values.tolist() == [5e-4, 0.0]
    figure = null_space.plot(found)
    require_readable(figure)
    free, weighted = figure.axes
    assert (free.get_title(loc="left"), weighted.get_title(loc="left")) == (
        "weight of the norms 0",
        "weight of the norms 0.0005",
    )
    for axis, folder in ((weighted, folders[0]), (free, folders[1])):
        own = Run(folder).record().data.nc_mean.sel(split="train").mean("class")
        np.testing.assert_array_equal(axis.lines[0].get_xdata(), own.epoch)  # of different lengths
        np.testing.assert_allclose(axis.lines[0].get_ydata(), own)
    assert "weight 0** (2 epochs of" in null_space.caption(found)


@pytest.mark.slow
def test_a_folder_that_lacks_something_is_refused_before_anything_is_drawn(training, tmp_path, refused):
    broken = tmp_path / "broken"
    shutil.copytree(training, broken)
    record = Run(broken).record().data.drop_vars("class_gram")
    store.save(record, broken / "metrics.nc")
    out = tmp_path / "out"
    refused("has no class_gram in its record", "figures", "class-features", "--run", broken, "--out", out)
    refused("is not the folder of a training", "figures", "--run", tmp_path, "--out", out)
    store.save(record.isel(epoch=slice(1)), broken / "metrics.nc")
    refused("needs at least 2", "figures", "collapse", "--run", broken, "--out", out)
    assert not list(out.glob("*.png"))


@pytest.mark.slow
def test_files_cache_and_damage(tmp_path, command, monkeypatch):
    calls = []
    original = centers.data
    monkeypatch.setattr(centers, "data", lambda quick: calls.append(quick) or original(quick))

    def make():
        formats = ("--format", "png,svg,pdf")
        status, out, _ = command("figures", "centers", "--quick", *formats, "--out", tmp_path, "--json")
        assert status == 0
        return json.loads(out)["figures"][0]

    first = make()
    assert not first["cached"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "data",
        *(f"centers.{e}" for e in ("png", "svg", "pdf", "md")),
    }
    assert (tmp_path / "centers.md").read_text().startswith("**Figure 3")
    assert make()["cached"]
    assert calls == [True]
    (stored,) = (tmp_path / "data").iterdir()
    good = stored.read_bytes()
    stored.write_bytes(good[: len(good) // 2])
    assert not make()["cached"]
    assert stored.read_bytes()[-71:] == good[-71:]  # the same bytes again
    assert calls == [True, True]


def test_other_settings_are_other_data(tmp_path, monkeypatch):
    entry = gallery.found()["centers"]
    assert gallery.data_of(entry, True, tmp_path)[1] is False
    monkeypatch.setattr(centers, "settings", lambda quick: {"centers": [2, 5], "theta": 0.4})
    found, cached = gallery.data_of(entry, True, tmp_path)
    assert not cached
    assert found.sizes["number"] == 5


def test_a_failing_figure_is_reported_and_the_others_are_made(tmp_path, command, monkeypatch):
    def broken(quick):
        raise RuntimeError("no luck\ntoday")

    monkeypatch.setattr(centers, "data", broken)
    status, out, err = command("figures", "centers", "class-means", "--quick", "--out", tmp_path, "--json")
    assert status == 1
    failed, made = json.loads(out)["figures"]
    assert (failed["name"], failed["status"], failed["reason"]) == ("centers", "failed", "RuntimeError: no luck today")
    assert made["status"] == "made"
    assert err.strip() == "ufm: no figure centers: RuntimeError: no luck today"
    assert (tmp_path / "class-means.png").exists()
    assert not (tmp_path / "centers.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("colapse",), "did you mean 'collapse'?"),
        (("architectures",), "needs --run"),
        (("rates", "--run", "here"), "shows trainings: --run has no use"),
        (("centers", "--format", "png,jpeg"), "format 'jpeg' is unknown"),
        (("centers", "--out", "/dev/null/here"), "out=/dev/null exists and is not a folder"),
        (("centers", "--out", "/dev/null"), "is not a folder"),
        (("centers", "--out", "taken"), "out=taken/data exists and is not a folder"),
        (("rates", "gcr", "--animate"), "none of rates, gcr turns: --animate has no use"),
        (("--list", "colapse"), "did you mean 'collapse'?"),
    ],
)
def test_wrong_input(refused, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "data").touch()
    refused(said, "figures", *arguments)


def test_list(command):
    status, out, _ = command("figures", "--list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(gallery.found())
    assert "needs --run" in out
    assert json.loads(command("figures", "--list", "--json")[1])["figures"].keys() == gallery.found().keys()
    _, out, _ = command("figures", "--list", "rates", "gcr")
    assert [line.split()[0] for line in out.splitlines()] == ["rates", "gcr"]


MADE_UP = """\
import xarray

from figures import style

ABOUT = "nothing much"


def settings(quick):
    return {"height": 2}


def data(quick):
    return xarray.Dataset({"height": settings(quick)["height"]})


def plot(data):
    figure = style.canvas(style.ONE_COLUMN, 2.0)
    figure.subplots().plot([0, float(data.height)])
    return figure


def caption(data):
    return f"**Made up.** It rises to {int(data.height)}."
"""


def test_a_module_in_the_folder_is_a_figure(tmp_path, command, monkeypatch):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "made_up.py").write_text(MADE_UP)
    monkeypatch.setattr(new, "__path__", [*new.__path__, str(folder)])
    names = [line.split()[0] for line in command("figures", "--list")[1].splitlines()]
    assert names[:5] == ["collapse", "hard-to-predict", "centers", "null-space", "architectures"]  # as in the paper
    assert "made-up" in names[7:]
    assert names[7:] == sorted(names[7:])
    assert command("figures", "--list", "made-up")[1] == "made-up  nothing much\n"
    status, _, _ = command("figures", "made-up", "--out", tmp_path / "out")
    assert status == 0
    assert (tmp_path / "out" / "made-up.png").stat().st_size > 1000
    assert (tmp_path / "out" / "made-up.md").read_text() == "**Made up.** It rises to 2.\n"


@pytest.mark.slow
def test_animation_turns(tmp_path, command, monkeypatch):
    monkeypatch.setattr(turning, "FRAMES", 3)
    status, _, _ = command("figures", "centers", "--quick", "--animate", "--out", tmp_path)
    assert status == 0
    with Image.open(tmp_path / "centers.gif") as picture:
        assert picture.n_frames == 3
        frames = []
        for number in range(3):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB"), dtype=int))
    assert np.abs(frames[0] - frames[1]).max() > 100
