"""``ufm measure``: the numbers of ufm.measure from files of every kind, pictures of them, and what is refused."""

import json
import re
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from tqdm import tqdm

import ufm
from figures.commands.measure import measures_figure
from tests.readable import require_readable
from ufm.files import store
from ufm.measure.metric import known

RNG = np.random.default_rng(0)
K, D = 4, 6
LABELS = np.tile(np.arange(K), 15)
MEANS = RNG.normal(size=(K, D))
FEATURES = MEANS[LABELS] + 0.1 * RNG.normal(size=(len(LABELS), D))
WEIGHTS, BIAS, OUTSIDE = MEANS - MEANS.mean(axis=0), RNG.normal(size=K), RNG.normal(size=(20, D))
ALL = ("--features", "h.npy", "--labels", "y.npy", "--weights", "w.npy", "--bias", "b.npy", "--ood", "o.npy")
ONE = ALL[:4]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = {"h": FEATURES, "y": LABELS, "w": WEIGHTS, "b": BIAS, "o": OUTSIDE}
    for name, values in held.items():
        np.save(f"{name}.npy", values)
    np.savez("all.npz", **held)
    return tmp_path


def number(command, *arguments):
    status, out, err = command("measure", *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_all_numbers_of_ufm_measure(command):
    found = number(command, *ALL)
    expected = ufm.measure(FEATURES, LABELS, WEIGHTS, BIAS, ood=OUTSIDE)
    assert found["metrics"] == pytest.approx(dict(expected.metrics), rel=1e-12, abs=1e-15)
    assert [row["class"] for row in found["classes"]] == list(range(K))
    assert [row["nc5_of_class"] for row in found["classes"]] == pytest.approx(expected.nc5_of_class.tolist(), rel=1e-12)
    assert found["conventions"] == asdict(ufm.Conventions())
    assert found == number(command, *(f"all.npz::{each[0]}" if each.endswith(".npy") else each for each in ALL))


def test_as_a_table(command):
    status, out, _ = command("measure", *ONE)
    assert status == 0
    assert "60 samples of 4 classes" in out
    assert f"{ufm.measure(FEATURES, LABELS).nc1:.6g}" in out
    assert "it needs the weights of a classifier" in out
    assert re.search(r"\n\nNC1: how little .*\nnc1 .*\n(.*\n)*\nNC2: .*\nnc2_", out)
    assert "with one sample" not in out
    assert "it needs data of no class (--ood)" in out


def test_every_framework_says_the_same(command):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    h, y = torch.tensor(FEATURES), torch.tensor(LABELS)
    torch.save({"h": h, "net": {"fc.weight": torch.nn.Parameter(torch.tensor(WEIGHTS))}}, "h.pt")
    safetensors.save_file({"h": h, "y": y}, "h.safetensors")
    table = pd.DataFrame(FEATURES, columns=[f"h{i}" for i in range(D)]).assign(label=[f"c{k}" for k in LABELS])
    table.to_csv("t.csv", index=False)
    (pd.Series(LABELS)).to_csv("y.txt", index=False, header=False)
    expected = number(command, *ONE, "--weights", "w.npy")["metrics"]
    flags = ("--features", "h.pt::h", "--labels", "y.txt", "--weights", "h.pt::net.fc.weight")
    assert number(command, *flags)["metrics"] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    flags = ("--features", "h.safetensors::h", "--labels", "h.safetensors::y", "--weights", "w.npy")
    assert number(command, *flags)["metrics"] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    found = number(command, "--features", "t.csv", "--labels", "t.csv::label")
    assert found["metrics"]["nc1"] == pytest.approx(expected["nc1"], rel=1e-12)
    assert [row["class"] for row in found["classes"]] == ["c0", "c1", "c2", "c3"]


def test_names_of_classes_and_absent_ones(command, files):
    (files / "names.txt").write_text("cat\ndog\nowl\nbee\nant\n")
    found = number(command, *ONE, "--classes", "names.txt")
    assert [(row["class"], row["samples"]) for row in found["classes"]][3:] == [("bee", 15), ("ant", 0)]
    assert found["classes"][4]["variance"] is None  # NaN is no JSON
    assert found["metrics"] == number(command, *ONE, "--classes", 5)["metrics"]
    (files / "y.txt").write_text("\n".join(["cat", "dog", "owl", "bee"] * 15))
    named = number(command, "--features", "h.npy", "--labels", "y.txt", "--classes", "names.txt")
    assert named == found


def test_conventions(command):
    np.save("y.npy", np.sort(LABELS)[np.r_[:60]] * (np.arange(60) > 5))  # class 0 has more
    expected = ufm.measure(FEATURES, np.load("y.npy"), conventions=ufm.Conventions(within="classes", cdnv="quartic"))
    found = number(command, *ONE, "--convention", "within=classes", "cdnv=quartic")
    assert found["metrics"]["nc1_trace_ratio"] == pytest.approx(expected.nc1_trace_ratio, rel=1e-12)
    assert found["metrics"]["cdnv"] == pytest.approx(expected.cdnv, rel=1e-12)
    assert found["conventions"]["within"] == "classes"


def test_against_the_centers_of_a_frame(command, files):
    problem = ufm.Problem((15,) * K, 1, 0.2, dim=8)
    (files / "p.toml").write_text(problem.to_toml())
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    np.save("h.npy", ufm.minimize(problem, frame=frame).features)
    np.save("y.npy", problem.labels)
    found = number(command, *ONE, "--frame", "p.toml", "--basis", "coordinate")
    assert found["metrics"]["nearest_mean_center_accuracy"] == 1.0
    assert max(row["nc_max"] for row in found["classes"]) < 1e-12
    assert number(command, *ONE, "--frame", "p.toml", "--seed", 5)["classes"][0]["nc_max"] > 0.1


def run_of(folder, epochs=(1, 10, 100)):
    folder.mkdir()
    for epoch in epochs:
        features = MEANS[LABELS] + RNG.normal(size=FEATURES.shape) / epoch
        np.savez(folder / f"epoch-{epoch:04d}.npz", features=features, labels=LABELS, weights=WEIGHTS)
    return folder


def test_a_folder_of_epochs_gives_curves(command, files):
    run_of(files / "run")
    status, out, _ = command("measure", "--features", "run", "--bias", "b.npy", "--out", "out")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["epoch", "1", "10", "100"]
    assert {path.name for path in (files / "out").iterdir()} == {
        *("measures.json", "measures.csv", "classes.csv", "measures.nc", "measures.png")
    }
    data, table = store.load("out/measures.nc").to_dataset(), pd.read_csv("out/measures.csv", index_col="epoch")
    found = json.loads((files / "out" / "measures.json").read_text())
    assert found["epoch"] == 100
    for each in found["epochs"]:
        assert table.loc[each["epoch"], "nc1"] == pytest.approx(each["metrics"]["nc1"], rel=1e-12)
        assert float(data.nc1.sel(epoch=each["epoch"])) == each["metrics"]["nc1"]
        assert "bias_collapse" in each["metrics"]
    assert np.all(np.diff(data.nc1) < 0)
    assert data.variance.dims == ("epoch", "class")
    assert len(pd.read_csv("out/classes.csv")) == 3 * K
    assert data.spectrum.shape == (3, K - 1)


def test_what_pairs_of_classes_have_is_written(command, files):
    there = LABELS != 1
    np.save("some.npy", FEATURES[there])
    np.save("labels.npy", LABELS[there])
    np.save("ood.npy", FEATURES[:7] + 3.0)
    given = ("--features", "some.npy", "--labels", "labels.npy", "--weights", "w.npy", "--ood", "ood.npy")
    assert command("measure", *given, "--out", "out")[0] == 0
    data = store.load("out/measures.nc").to_dataset()
    found = ufm.measure(FEATURES[there], LABELS[there], WEIGHTS, ood=FEATURES[:7] + 3.0)
    np.testing.assert_array_equal(data.neco_scores, found.neco_scores)
    for name in ("mean_cosines", "weight_cosines", "cdnv_pairs"):
        assert np.isnan(data[name].sel({"class": "1"})).all()
        left = data[name].drop_sel({"class": "1", "other": "1"})
        np.testing.assert_array_equal(left, getattr(found, name))


def test_one_array_a_file_and_labels_for_all(command, files):
    (files / "run").mkdir()
    for epoch in (1, 2):
        np.save(f"run/features-{epoch}.npy", FEATURES * epoch)
    found = number(command, "--features", "run", "--labels", "y.npy")
    assert [each["epoch"] for each in found["epochs"]] == [1, 2]
    assert found["metrics"]["nc1"] == pytest.approx(ufm.measure(FEATURES, LABELS).nc1, rel=1e-10)


def test_pictures_are_readable(files, command):
    single = ufm.measure(FEATURES, LABELS, WEIGHTS, BIAS, ood=OUTSIDE)
    require_readable(single.plot())
    collapsed = ufm.measure(MEANS[LABELS], LABELS, WEIGHTS)
    require_readable(measures_figure({1: single, 20: collapsed}))
    require_readable(measures_figure({0: collapsed, 1: single}))
    require_readable(ufm.measure(FEATURES, LABELS % 2).plot())  # a single direction
    status, out, _ = command("measure", *ONE, "--picture", "p.png", "--out", "numbers")
    assert (status, out.splitlines()[-3:]) == (0, ["written to p.png", "", "written to numbers"])
    assert (files / "p.png").stat().st_size > 10_000


def test_a_table_in_notebooks():
    text = ufm.measure(FEATURES, np.array(["<b>", "c"])[LABELS % 2], classes=["<b>", "c", "<i>"])._repr_html_()
    assert "&lt;i&gt;" in text
    assert text.count("<tr>") == 1 + len(ufm.measure(FEATURES, LABELS % 2).metrics)
    assert text.count("<th>") == text.count("</th>") == 3


def test_a_bar_for_those_who_watch(monkeypatch, capsys):
    shown = {"delay": 0.0, "mininterval": 0.0}
    monkeypatch.setattr(sys.modules["ufm.measure.arrays"], "tqdm", lambda **given: tqdm(**{**given, **shown}))
    ufm.measure(FEATURES, LABELS, progress=True)
    assert "60/60" in capsys.readouterr().err


def test_held_against_predicted_geometry(command, refused, files):
    sizes = np.bincount(LABELS).tolist()
    (files / "ce.toml").write_text(ufm.FeatureModel(sizes, lam_w=1e-3, lam_h=1e-3).to_toml())
    found = number(command, *ALL, "--against", "seli", "ce.toml", "--scatter")["metrics"]
    expected = ufm.measure(
        FEATURES,
        LABELS,
        WEIGHTS,
        scatter=True,
        grams={
            "seli": ufm.predicted_grams(sizes),
            "ce": ufm.predicted_grams(ufm.FeatureModel(sizes, lam_w=1e-3, lam_h=1e-3)),
        },
    )
    for name in ("gram_seli", "weight_gram_ce", "effective_rank_of_features"):
        assert found[name] == pytest.approx(expected[name], rel=1e-9)
    refused("no-such.toml", "measure", *ALL, "--against", "no-such.toml")
    (files / "other.toml").write_text(ufm.FeatureModel((5, 5), lam_w=1e-3, lam_h=1e-3).to_toml())
    refused("2", "measure", *ALL, "--against", "other.toml")


def test_real_targets(command, refused, files):
    targets = RNG.normal(size=(60, 2))
    np.save("t.npy", targets)
    np.save("v.npy", WEIGHTS[:2])
    ours = ("measure", "--features", "h.npy", "--targets", "t.npy", "--weights", "v.npy")
    found = json.loads(command(*ours, "--json")[1])["metrics"]
    expected = ufm.measure_regression(FEATURES, targets, WEIGHTS[:2]).to_dict()
    assert found == pytest.approx({name: expected[name] for name in found})
    assert "nrc1" in command(*ours)[1]
    refused("--labels goes with --labels, not with --targets", *ours, "--labels", "y.npy")
    refused("--picture goes with --labels", *ours, "--picture", "p.png")
    np.save("t.npy", targets[:5])
    refused("do not match", *ours)


def test_the_list_of_measures(command):
    status, out, _ = command("measure", "--list")
    assert status == 0
    assert all(f"\n{name} " in out for name in known())
    rows = json.loads(command("measure", "--list", "--json")[1])["measures"]
    assert [row["name"] for row in rows] == list(known())
    assert all(row["formula"] and row["range"] and row["collapse"] and "\n" not in row["formula"] for row in rows)
    assert not any(":math:" in row["formula"] or ".. math" in row["formula"] for row in rows)


def test_labels_in_a_column(command):
    expected = number(command, *ONE)
    np.save("y.npy", LABELS[:, None])
    assert number(command, *ONE) == expected


def broken_features(row):
    values = FEATURES.copy()
    values[row, 1] = np.inf
    return values


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("y", LABELS[:-1], "features (60, 6) and 59 labels do not match"),
        ("h", broken_features(7), "features[7] contains NaN or infinity"),
        ("h", FEATURES[:, :, None], "features has shape (60, 6, 1): (N, d) is needed"),
        ("w", WEIGHTS[:, :-1], "weights of shape (4, 5) do not fit 4 classes of features (N, 6)"),
        ("w", WEIGHTS.T, "weights of shape (6, 4) do not fit 6 classes of features (N, 6): transposed?"),
        ("b", BIAS[:-1], "bias of shape (3,) does not fit 4 classes"),
        ("w", np.float64(1.0), "weights has shape ()"),
        ("o", OUTSIDE[:, :-1], "ood of dimension 5 beside features of dimension 6"),
        ("o", np.where(np.arange(20) == 3, np.nan, OUTSIDE.T).T, "ood[3] contains NaN or infinity"),
        ("o", OUTSIDE > 0, "ood has dtype bool: real numbers are needed"),
        ("y", LABELS[:0], "labels of shape (0,) name no class"),
        ("y", np.int64(3), "labels of shape (): (N,) is needed"),
        ("y", np.zeros(60, dtype=int), "all labels are 0: collapse is between classes, two are needed"),
        ("y", LABELS + 1, "labels[3]=4 is no class: the 4 are 0, 1, 2, ..."),
        ("y", LABELS + 0.5, "labels[0]=0.5 is no integer"),
        ("y", np.array(["a", "b"])[LABELS % 2], "labels are names: classes are needed"),
        ("h", np.zeros((0, D)), "features (0, 6) and 60 labels do not match"),
        ("h", np.zeros((60, 0)), "features has shape (60, 0): (N, d) is needed"),
        ("h", np.array([object()]), "h.npy: pickled Python objects, which could run code, are not read"),
    ],
)
def test_wrong_arrays(refused, name, values, message):
    np.save(f"{name}.npy", values)
    refused(message, "measure", *ALL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--features is needed"),
        (("--features", "h.npy"), "--labels"),
        (("--features", "all.npz", "--labels", "y.npy"), "all.npz: 5 arrays, say which one: FILE::NAME"),
        (("--features", "all.npz::x", "--labels", "y.npy"), "no array 'x'; there are h, y, w, b, o"),
        (("--features", "h.mat", "--labels", "y.npy"), "h.mat: a file of arrays ends in"),
        (("--features", "g.npy", "--labels", "y.npy"), "ufm: --features=g.npy: no such file\n"),
        (("--features", "h.npy", "--labels", "g.csv::y"), "ufm: --labels=g.csv: no such file\n"),
        ((*ONE, "--against", "seli", "./g.toml"), "ufm: --against=g.toml: no such file\n"),
        (("--features", ".", "--labels", "y.npy"), ".: no epochs in it"),
        ((*ONE, "--bias", "b.npy"), "a bias goes with weights"),
        ((*ONE, "--convention", "withn=classes"), "--convention='withn' is unknown: did you mean 'within'?"),
        ((*ONE, "--convention", "within=class"), "within='class' is unknown: did you mean 'classes'?"),
        ((*ONE, "--classes", "3"), "labels[3]=3 is no class"),
        ((*ONE, "--frame", "p.txt"), "p.txt: a problem file ends in"),
        ((*ONE, "--picture", "p.gif"), "--picture=p.gif must be a file that ends in"),
        ((*ONE, "--out", "h.npy"), "--out=h.npy exists and is not a folder"),
    ],
)
def test_wrong_flags(refused, arguments, message):
    refused(message, "measure", *arguments)


def test_epochs_of_other_classes(refused, files):
    folder = run_of(files / "run", epochs=(1, 2))
    np.savez(folder / "epoch-0003.npz", features=FEATURES[LABELS < 3], labels=LABELS[LABELS < 3])
    refused("epochs 1 and 3 have 4 and 3 classes", "measure", "--features", "run")


def test_features_without_labels(refused, files):
    np.save("h.npy", FEATURES)
    refused("--labels is needed beside --features=h.npy: the class of each row", "measure", "--features", "h.npy")


def test_an_epoch_without_labels(refused, files):
    (files / "run").mkdir()
    np.save("run/features-7.npy", FEATURES)
    refused("there are no labels of epoch 7: --labels, or a file in the folder", "measure", "--features", "run")


def test_the_picture_names_classes_as_the_table_does():
    def ticks(figure):
        return [each.get_text() for each in figure.axes[1].get_xticklabels()]

    assert ticks(ufm.measure(FEATURES, LABELS, classes=5).plot()) == ["0", "1", "2", "3"]
    named = ufm.measure(FEATURES, np.array(["cat", "dog", "hippopotamus", "owl"])[LABELS]).plot()
    assert ticks(named) == ["cat", "dog", "hippopo…", "owl"]
    require_readable(named)
    rng = np.random.default_rng(0)
    assert ticks(ufm.measure(rng.normal(size=(80, 9)), np.arange(80) % 40).plot()) == ["0", "8", "16", "24", "32"]
