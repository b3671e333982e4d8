"""``ufm design``: what it recommends, explains and refuses."""

import json
import pathlib
import re

import numpy as np
import pytest

from theory.decision import accuracy
from ufm.certify import design as designs
from ufm.certify.design import Setting, evaluate
from ufm.certify.noise import estimated_noise
from ufm.commands.design import LEGEND, offsets_said
from ufm.tables import results, tables
from ufm.train import presets

SIZES = (200, 60, 20, 6)
TRAINING = tuple(n / 286 for n in SIZES)
EVEN = Setting(SIZES, (0.25,) * 4, 0.4)
UNEVEN = Setting(SIZES, TRAINING, 0.4)


def test_offsets_in_closed_form_cost_the_regular_rule_points_which_is_said(command, monkeypatch):
    exact = evaluate("class-aware", 6, 0.3, UNEVEN)[3]
    monkeypatch.setattr(designs, "SEARCHED", 3)
    first = evaluate("class-aware", 6, 0.3, UNEVEN)[3]
    assert (exact.rule, exact.offset, first.offset) == ("rcr", True, True)
    assert exact.accuracy - 0.03 < first.accuracy < exact.accuracy - 0.001
    assert designs.refined(first, UNEVEN) == exact
    sizes = ",".join(map(str, range(20, 400, 20)))
    few = ["--class-sizes", sizes, "--prior", "training", "--rules", "rcr", "--f", 6, "--theta", 0.3]
    assert "are the best of some closed forms)" in command("design", *few)[1]
    many = Setting(tuple(range(20, 400, 20)), tuple(n / 3800 for n in range(20, 400, 20)), 0.4)
    said = offsets_said(evaluate("class-aware", 6, 0.3, many)[3], "speed", many)
    assert "the best of some closed forms, as in all rows" in said


def test_deciding_for_the_commonest_class_always_is_never_better(command):
    """Also with more classes than offsets are searched for, under noise in which little is to be told."""
    sizes = tuple(int(5000 * 0.785**k) for k in range(20))
    for few in (sizes[:10], sizes):
        given = ["--class-sizes", ",".join(map(str, few)), "--prior", "training", "--theta", 0.05, "--f", 20]
        for sigma in (1, 2):
            more = ["--sigma", sigma, "--centers", "apportioned", "--rules", "rcr", "--json"]
            best = json.loads(command("design", *given, *more)[1])["designs"][0]
            assert best["accuracy"] > max(few) / sum(few) - 1e-4


def test_a_noise_whose_square_is_no_number(command):
    assert command("design", "--class-sizes", "500,120", "--sigma", "1e-170")[0] == 0


def test_what_decides_for_the_rarest_at_any_price_is_not_recommended(command):
    few = ["--class-sizes", "500,250,120,60,30,12,6", "--for", "rare", "--f", 10, "--theta", 0.2, 0.421, "--json"]
    unlimited = json.loads(command("design", *few, "--give-up", 100, "--rules", "gcr")[1])["designs"]
    assert (unlimited[0]["rule"], unlimited[0]["rare"] > 0.97, unlimited[0]["accuracy"] < 0.8) == ("gcr", True, True)
    found = json.loads(command("design", *few, "--give-up", 1)[1])["designs"]
    most = max(d["accuracy"] for d in found)
    assert found[0]["accuracy"] == pytest.approx(most - 0.01, abs=1e-6)
    assert (found[0]["rule"], found[0]["offset"]) == ("nearest", True)
    assert found[0]["rare"] > 0.95
    dear = [d["accuracy"] < most - 0.01005 for d in found]
    assert dear == sorted(dear)
    said = command("design", *few[:-1], "--top", 99, "--rules", "rcr", "gcr")[1]
    assert "too dear" in said
    assert "it takes other classes' samples for them" in said


def test_a_design_that_is_dominated_and_too_dear_is_said_to_be_both(command):
    given = ["--class-sizes", "500,250,120,60,30,12,6", "--for", "rare", "--rules", "gcr", "--give-up", 0]
    found = json.loads(command("design", *given, "--json")[1])["designs"]
    said = command("design", *given, "--top", 99)[1].splitlines()
    table = said[said.index("") + 2 : said.index(LEGEND[0]) - 1]
    least = max(d["accuracy"] for d in found) - 5e-5
    for row, each in zip(table, found, strict=True):
        assert ("dominated" in row) == (not each["pareto"])
        assert ("too dear" in row) == (each["accuracy"] < least)
        assert row.startswith("* ") == (each["pareto"] and each["accuracy"] >= least)
    assert any("too dear, dominated" in row for row in table)
    assert "too dear: " in "\n".join(LEGEND)


def test_where_trainings_contradict_the_advice_it_says_so(command):
    names = [name for name in presets.cells("cifar10") if "-0.01" in name]
    found = tables.overview(names, results.load(pathlib.Path(__file__).parents[3] / "results" / "cifar10.json"))
    mean = {(each.row, each.column): f"{100 * each.mean:.1f} %" for each in found}
    words = "contradict this: on CIFAR-10-LT, nearest on uniform centers decided {} right, rcr on class-aware ones {} "
    expected = words.format(mean["convnet AL", "nearest"], mean["convnet CAL", "rcr"])
    few = ["--class-sizes", "5000,500,50", "--f", 4, "--theta", 0.2]
    assert expected in " ".join(command("design", *few, "--centers", "uniform")[1].split())
    others = [["--rules", "rcr"], ["--centers", "class-aware"], ["--f", 1], ["--class-sizes", "50,50,50"]]
    for other in (*others, ["--for", "speed"], ["--for", "robustness"]):
        assert "contradict" not in command("design", *few, "--centers", "uniform", *other)[1]


def test_where_trainings_contradict_the_generalized_rule_it_says_so(command):
    names = [name for name in presets.cells("cifar10") if "-0.01" in name]
    found = tables.overview(names, results.load(pathlib.Path(__file__).parents[3] / "results" / "cifar10.json"))
    mean = {each.column: f"{100 * each.mean:.1f} %" for each in found if each.row == "convnet CAL"}
    given = ["--class-sizes", "5000,500,50", "--f", 5, "--theta", 0.2, "--centers", "class-aware"]
    said = " ".join(command("design", *given, "--rules", "rcr", "gcr")[1].split())
    assert said.startswith("For accuracy, with sigma = 0.333 r: gcr, class-aware")
    assert f"gcr on class-aware centers decided {mean['gcr']} right, rcr on the same ones {mean['rcr']}" in said


def test_that_designs_tie_is_said(command):
    given = ["--class-sizes", "50,5", "--theta", 0.2, "--rules", "nearest", "--centers", "uniform"]
    assert "2 of 2 designs have " in command("design", *given, "--f", 2, 3)[1]
    assert " designs have " not in command("design", *given, "--f", 2)[1]


def test_margins_that_no_frame_has_are_left_out(command):
    few = ["--class-sizes", "1000,100,10", "--centers", "margins", "--f", 20, "--json"]
    found = json.loads(command("design", *few, "--theta", 0.2, 0.7)[1])["designs"]
    assert {d["theta"] for d in found} == {0.2}
    assert command("design", *few, "--theta", 0.7)[0] == 2
    found = json.loads(command("design", *few[:2], "--f", 20, "--theta", 0.2, "--most", 30, "--json")[1])["designs"]
    assert max(max(d["centers"]) for d in found) <= 30


def test_with_one_center_a_class_only_the_regular_rule_depends_on_the_angle(command):
    nearest, rcr, gcr = evaluate("uniform", 1, 0.3, EVEN)
    assert gcr.accuracy == pytest.approx(nearest.accuracy, abs=1e-5)
    assert rcr.accuracy == pytest.approx(float(accuracy.rcr_accuracy(1, 0.3, 2.5, 4)), abs=1e-9)
    assert rcr.radius == pytest.approx(nearest.radius * np.sin(0.3))
    few = ["--class-sizes", "200,60,20,6", "--f", 1, "--json"]
    found = json.loads(command("design", *few)[1])["designs"]
    assert [(d["rule"], round(d["theta"], 2)) for d in found] == [
        *(("nearest", 0.2), ("rcr", 1.57), ("rcr", 0.8), ("rcr", 0.2))
    ]
    for rule in designs.RULES:
        only = json.loads(command("design", *few, "--rules", rule, "--theta", 0.2)[1])["designs"]
        assert {d["rule"] for d in only} == {rule}


def test_noise_beyond_all_measure_leaves_the_prior(command):
    given = ["--class-sizes", "5,3", "--prior", "training", "--json"]
    for sigma in (1e8, 1e16, 1e300):
        found = json.loads(command("design", *given, "--sigma", sigma)[1])
        assert found["recommended"]["accuracy"] == pytest.approx(0.625, abs=1e-5)
        assert found["sigma_by_class"] == [sigma, sigma]


def test_noise_of_other_features_than_those_of_the_class_sizes(command, tmp_path):
    rng, labels = np.random.default_rng(4), np.repeat(np.arange(3), 500)
    np.save(tmp_path / "h.npy", np.eye(3)[labels] + 0.3 * rng.standard_normal((1500, 3)))
    np.save(tmp_path / "y.npy", labels)
    given = ["--features", tmp_path / "h.npy", "--labels", tmp_path / "y.npy", "--prior", "training", "--json"]
    alone = json.loads(command("design", *given)[1])
    beside = json.loads(command("design", *given, "--class-sizes", "90,9,1")[1])
    assert beside["sigma_by_class"] == alone["sigma_by_class"]
    np.testing.assert_allclose(alone["prior"], 1 / 3)
    np.testing.assert_allclose(beside["prior"], [0.9, 0.09, 0.01])
    assert (
        "--features have 3 classes, and there are 2 class sizes" in command("design", *given, "--class-sizes", "9,1")[2]
    )


def test_noise_of_each_class_and_pooled_where_there_is_one_sample(command, tmp_path):
    rng, labels = np.random.default_rng(2), np.repeat(np.arange(4), [3000, 1000, 300, 1])
    sigma = np.array([0.1, 0.2, 0.4, 0.2])
    features = np.eye(30)[labels] + sigma[labels, None] * rng.standard_normal((labels.size, 30))
    noise = estimated_noise(features, labels)
    np.testing.assert_allclose(noise.by_class[:3], sigma[:3], rtol=0.2)  # the mean of one sample is in r
    np.testing.assert_allclose(noise.by_class[1:3] / noise.by_class[0], [2.0, 4.0], rtol=0.1)  # 4 / sqrt(2 * 299 * 3)
    assert noise.by_class[3] == noise.pooled
    assert noise.single.tolist() == [False, False, False, True]
    np.save(tmp_path / "h.npy", features)
    np.save(tmp_path / "y.npy", labels)
    given = ["--features", tmp_path / "h.npy", "--labels", tmp_path / "y.npy", "--f", 3, "--theta", 0.5]
    said = command("design", *given)[1]
    assert "r by class (pooled: " in said
    assert "; so for 3, with one sample)" in said
    found = json.loads(command("design", *given, "--json")[1])
    np.testing.assert_allclose(found["sigma_by_class"], noise.by_class)
    accuracy_of_each = found["recommended"]["by_class"]
    assert accuracy_of_each[0] > accuracy_of_each[1] > accuracy_of_each[2]


def test_the_best_of_each_rule_is_shown(command):
    few = ["--class-sizes", "200,60,20,6", "--f", 2, 5, "--theta", 0.2, 0.6]
    for top in (1, 2, 50):
        lines = command("design", *few, "--prior", "training", "--top", top)[1].splitlines()
        rows = [line.split()[1] for line in lines if line.startswith(("* ", "dominated "))]
        assert {*rows} >= {"nearest", "rcr", "gcr"}
        assert len(rows) <= top + 2


def test_the_command_recommends_explains_and_draws(command, tmp_path):
    picture = tmp_path / "design.png"
    few = ["--class-sizes", "200,60,20,6", "--f", "2", "5", "--theta", "0.2", "0.6"]
    status, out, _ = command("design", *few, "--for", "rare", "--top", 50, "--picture", picture)
    assert status == 0
    assert picture.stat().st_size > 5000
    assert out.startswith("For rare, with sigma = 0.333 r: ")
    rows = [line for line in out.splitlines() if line.startswith(("* ", "dominated"))]
    assert {row.split()[0] for row in rows} == {"*", "dominated"}
    heads = next(line for line in out.splitlines() if line.split()[:1] == ["rule"]).split()
    assert all(re.search(rf"\b{head}\b[^.;]*:\s", "\n".join(LEGEND)) for head in heads)
    _, out, _ = command("design", *few, "--dim", 12, "--prior", "training", "--json")
    found = json.loads(out)
    assert {d["dim"] for d in found["designs"]} == {12}
    assert sum(found["recommended"]["offsets"]) == pytest.approx(0.0, abs=1e-12)
    np.save(tmp_path / "h.npy", np.eye(3)[[0, 0, 1, 1, 2, 2]] + 0.1 * np.random.default_rng(0).normal(size=(6, 3)))
    np.save(tmp_path / "y.npy", [0, 0, 1, 1, 2, 2])
    status, out, _ = command("design", "--features", tmp_path / "h.npy", "--labels", tmp_path / "y.npy", "--json")
    assert status == 0
    assert 0.02 < json.loads(out)["sigma"] < 0.3


def test_sizes_of_hundreds_of_classes_may_be_given_as_a_list(command):
    sizes = ",".join(map(str, range(1000, 4000, 10)))
    status, out, _ = command("design", "--class-sizes", sizes, "--f", 2, "--theta", 0.5)
    assert status == 0
    assert out.startswith("For accuracy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of --preset, --class-sizes, --labels and --n-classes is needed"),
        (["--class-sizes", "3"], "nothing to decide"),
        (["--class-sizes", "3,2", "--centers", "fair"], "--centers='fair' is unknown"),
        (["--class-sizes", "3,2", "--rules", "best"], "--rules='best' is unknown"),
        (["--class-sizes", "3,2", "--theta", "2.0"], "2.0 is outside [0, pi/2]"),
        (["--class-sizes", "3,2", "--f", "0"], "must be integers >= 1"),
        (["--class-sizes", "3,2", "--dim", "3"], "the smallest takes 4"),
        (["--class-sizes", "3,0"], "class-sizes=(3, 0) must be integers >= 1\n"),
        (["--class-sizes", "3,2", "--top", "0"], "top=0"),
        (["--class-sizes", "3,2", "--give-up", "-1"], "give-up=-1 must be points of accuracy"),
        (["--class-sizes", "3,2", "--most", "0"], "most=0 is less than any"),
        (["--class-sizes", "900,9", "--theta", "1.0", "--f", "9", "--centers", "margins"], "take a smaller --theta"),
        (["--class-sizes", "3,2", "--sigma", "0"], "sigma=0.0 must be positive"),
        (["--class-sizes", "3,2", "--prior", "0.5,0.4"], "prior: the entries sum to 0.9, not to 1"),
        (["--class-sizes", "3,2", "--prior", "1,0"], "prior of class 1 is 0"),
        (["--class-sizes", "3,2", "--prior", "0.5,0.3,0.2"], "3 entries and there are 2 classes"),
        (["--class-sizes", "3,2", "--prior", "even"], "neither balanced, training nor a list"),
        (["--class-sizes", "3,2", "--features", "h.npy"], "needs --labels"),
        (["--class-sizes", "3,2", "--picture", "x.gif"], "must be a file that ends in .png, .pdf or .svg"),
    ],
)
def test_wrong_input(command, arguments, message):
    status, out, said = command("design", *arguments)
    assert (status, out) == (2, "")
    assert message in said
    assert said.count("\n") == 1
