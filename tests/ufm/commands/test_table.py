import csv
import io
import json

import numpy as np
import pytest
from scipy import stats

import ufm
from tests.ufm.tables.made import result
from theory.decision.generalisation import margin_bound
from theory.multicenter import geometry
from ufm.certify import nc0
from ufm.certify.training import TRAINED
from ufm.files import store
from ufm.tables import compare, results, tables
from ufm.train.presets import PRESETS, preset


def test_a_cell_is_mean_and_sample_deviation_over_seeds(tmp_path, command):
    values = [0.80, 0.82, 0.87]
    known = [result("fashion/cal-0.01", seed, own) for seed, own in enumerate(values)]
    known.append(result("fashion/ce-0.1", 0, 0.9))
    path = results.save(tmp_path / "fashion.json", known)
    status, out, _ = command("table", "fashion", "--results", path, "--runs", tmp_path, "--json")
    assert status == 0
    cells = {(cell["row"], cell["column"]): cell for cell in json.loads(out)["cells"]}
    assert len(cells) == 10
    cal = cells["cnn CAL", "fashion-mnist, tau 0.01"]
    assert cal["mean"] == pytest.approx(np.mean(values))
    assert cal["std"] == pytest.approx(np.std(values, ddof=1))
    assert (cal["seeds"], cal["status"]) == (3, "done")
    ce = cells["cnn CE", "fashion-mnist, tau 0.1"]
    assert (ce["mean"], ce["std"], ce["seeds"], ce["wanted"], ce["status"]) == (0.9, None, 1, 3, "partly")
    assert cells["cnn P", "fashion-mnist, tau 0.1"]["status"] == "not run"
    _, out, _ = command("table", "fashion", "--results", path, "--runs", tmp_path)
    assert "| 83.0 ± 3.6 |" in out
    assert "90.0 (1/3)" in out
    assert "not run" in out
    for quantity, expected in (("gcr", "73.0"), ("best", "84.0"), ("rare", "50.0 ± 0.0"), ("few", "40.0 ± 0.0")):
        _, out, _ = command("table", "fashion", "--results", path, "--runs", tmp_path, "--quantity", quantity)
        assert expected in out


def test_each_training_of_a_table_has_a_place_of_its_own():
    assert len({(name.partition("/")[0], tables.labels(name)) for name in PRESETS}) == len(PRESETS)


def test_a_table_says_what_was_not_trained_to_the_end(tmp_path, command):
    cells = [("fashion/ce-0.1", 0.995), ("fashion/cal-0.1", 0.98), ("fashion/cal-0.01", 1.0), ("fashion/al-0.1", 0.7)]
    known = [{**result(name, 0, 0.8), "training_accuracy": right} for name, right in cells]
    del known[3]["training_accuracy"]  # as in earlier results
    known[3]["checks"].append({"name": TRAINED, "holds": False, "measured": 0.7})
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path)
    _, out, _ = command(*arguments)
    said = "Not trained to the end, own-rule training accuracy below 99 % in a seed: cnn AL, cnn CAL (1 of 2 columns)."
    assert out.splitlines()[-1] == said
    assert said not in command(*arguments, "--format", "latex")[1]
    _, out, _ = command(*arguments, "--quantity", "training", "--where", "al-0.1")
    assert out.splitlines()[0] == "| training accuracy, %, own | fashion-mnist, tau 0.1 |"
    assert "| cnn AL | 70.0 (1/3) |" in out
    _, out, _ = command(*arguments, "--where", "ce-", "--against", "cnn CE")
    assert "Not trained" not in out


def test_an_overview_has_all_accuracies_next_to_each_other(tmp_path, command, refused):
    known = [{**result("fashion/cal-0.1", 0, 0.8), "training_accuracy": 0.98}, result("fashion/ce-0.01", 0, 0.7)]
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path, "--overview")
    _, out, _ = command(*arguments, "--where", "cal-0.1")
    cells = ["80.0 (1/3)", *["70.0 (1/3)"] * 3, "n/a", "60.0 (1/3)", "40.0 (1/3)", "50.0 (1/3)", "98.0 (1/3)"]
    head, _, row, *_, last = out.splitlines()
    assert head == f"| accuracy, % | {' | '.join(tables.SHOWN)} |"
    assert row == f"| cnn CAL | {' | '.join(cells)} |"
    assert last.endswith("below 99 % in a seed: cnn CAL.")
    _, out, _ = command(*arguments)
    assert out.splitlines()[0].startswith(
        "| accuracy, % | fashion-mnist, tau 0.01: own | fashion-mnist, tau 0.01: rcr |"
    )
    assert "fashion-mnist, tau 0.1: training |" in out.splitlines()[0]
    refused("tables of their own", *arguments, "--json")


def test_tables_know_the_results_wherever_one_stands(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = command("table", "fashion")
    assert (status, err) == (0, "")
    assert "not run" not in out
    own = [result for result in results.load(results.place("fashion")) if result["name"] == "fashion/ce-0.1"]
    results.save(tmp_path / "results" / "fashion.json", own)  # what is here comes before what came along
    assert command("table", "fashion")[1].count("not run") == 9
    status, out, err = command("table", "2", "--where", "cifar10-")
    assert "not run" in out
    assert "nothing is known of it in results/table2.json or below runs; --run trains it" in err


def test_new_results_are_saved_here_and_not_among_those_that_came_along(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = results.load(results.place("cifar10"))
    command("table", "cifar10", "--save")
    assert results.load(tmp_path / "results" / "cifar10.json") == known


def test_differences_are_paired_by_seed_and_corrected(tmp_path, command, refused):
    rng = np.random.default_rng(0)
    scores = {name: rng.uniform(0.7, 0.9, 4) for name in ("ce", "al", "cal", "p")}
    known = [result(f"fashion/{name}-0.1", seed, own) for name, each in scores.items() for seed, own in enumerate(each)]
    known = [r for r in known if (r["name"], r["configuration"]["seed"]) != ("fashion/p-0.1", 0)]  # one seed less
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path, "--against", "cnn CE", "--where", "0.1")
    status, out, _ = command(*arguments, "--json")
    assert status == 0
    cells = {cell["row"]: cell for cell in json.loads(out)["cells"]}
    raw = {"AL": stats.ttest_rel(scores["al"], scores["ce"]).pvalue}
    raw["CAL"] = stats.ttest_rel(scores["cal"], scores["ce"]).pvalue
    raw["P"] = stats.ttest_rel(scores["p"][1:], scores["ce"][1:]).pvalue
    order = sorted(raw, key=raw.get)
    expected = np.maximum.accumulate([min(1.0, (3 - rank) * raw[name]) for rank, name in enumerate(order)])
    for name, p in zip(order, expected, strict=True):
        assert cells[f"cnn {name}"]["p"] == pytest.approx(p)
    assert cells["cnn P"]["seeds"] == 3
    assert cells["cnn P"]["mean"] == pytest.approx(np.mean(scores["p"][1:] - scores["ce"][1:]))
    assert cells["cnn SETF"]["seeds"] == 0
    _, out, _ = command(*arguments)
    assert "minus cnn CE" in out
    assert "two-sided paired t-test over common seeds, Holm's correction" in out
    some = results.save(tmp_path / "some.json", [r for r in known if r["configuration"]["seed"] == 1])
    _, out, _ = command(*arguments[:3], some, *arguments[4:])
    assert f"| {100 * (scores['al'][1] - scores['ce'][1]):+.1f} (1/3) |" in out
    _, out, _ = command(*arguments)
    assert f"{100 * np.mean(scores['al'] - scores['ce']):+.1f} (p = " in out
    refused("did you mean 'cnn CE'", *arguments[:-4], "--against", "cnn CEE")


def test_rows_are_ranked_over_the_columns_that_all_have(tmp_path, command, refused):
    accuracy = {"ce": (0.80, 0.60), "setf": (0.80, 0.90), "cal": (0.70, 0.50), "p": (0.90,)}  # no P at tau 0.1
    taus = ("0.01", "0.1")
    known = [
        result(f"fashion/{method}-{tau}", 0, value)
        for method, values in accuracy.items()
        for tau, value in zip(taus, values, strict=False)
    ]
    arguments = ("table", "fashion", "--runs", tmp_path, "--ranks", "--results")
    message = "ranks need three different rows in two columns with results: 3 in 1"
    refused(message, *arguments, results.save(tmp_path / "r.json", known))
    known.append(result("fashion/p-0.1", 0, 0.95))
    accuracy["p"] = (0.90, 0.95)
    status, out, _ = command(*arguments, results.save(tmp_path / "r.json", known))
    assert status == 0

    def rank(method, column):
        ours = accuracy[method][column]
        better = sum(values[column] > ours for values in accuracy.values())
        return better + (sum(values[column] == ours for values in accuracy.values()) + 1) / 2

    ranks = {method: [rank(method, column) for column in (0, 1)] for method in accuracy}
    lines = out.splitlines()[2:6]
    for line, method in zip(lines, sorted(ranks, key=lambda name: np.mean(ranks[name])), strict=True):
        numbers = (np.mean(ranks[method]), min(ranks[method]), max(ranks[method]), 100 * np.mean(accuracy[method]))
        assert line == f"| cnn {method.upper()} | {' | '.join(f'{number:.1f}' for number in numbers)} |"
    p = stats.friedmanchisquare(*accuracy.values()).pvalue
    said = out.splitlines()[-1]
    assert f"p = {p:.2g}, too small where columns share images" in said
    assert "Test accuracy, own. Seeds 0 of 2 columns: fashion-mnist, tau 0.01; fashion-mnist, tau 0.1." in said
    other = result("fashion/p-0.1", 1, 0.1)
    more = [result("fashion/al-0.1", 0, 0.95), result("fashion/al-0.01", 0, 0.90), other]
    _, out, _ = command(*arguments, results.save(tmp_path / "r.json", [*known, *more]))
    assert out.splitlines()[2].startswith("| cnn AL, cnn P | 1.0 |")  # the same everywhere; seed 1 is not compared
    refused("a seed that all cells have", *arguments, results.save(tmp_path / "r.json", [*known[:-1], other]))
    for more in (["--json"], ["--format", "csv"], ["--verdicts"]):
        refused("--ranks are tables of their own", *arguments, tmp_path / "r.json", *more)


def test_verdicts_are_counted_by_row(tmp_path, command):
    known = [result("fashion/cal-0.1", 0, 0.8), result("fashion/cal-0.01", 0, 0.9), result("fashion/ce-0.1", 0, 0.7)]
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path, "--verdicts")
    _, out, _ = command(*arguments)
    head, _, *lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in out.splitlines()]
    place = {row: number for number, row in enumerate(head)}
    by_name = {line[0]: line for line in lines}
    assert by_name["NC"][place["cnn CAL"]] == "1 of 2"
    assert by_name["NC"][place["cnn CE"]] == "0 of 1"
    assert by_name["rate"][place["cnn CAL"]] == "2 of 2"
    assert command(*arguments, "--json")[0] == 2


def test_what_does_not_hold_before_the_end_of_training_is_not_refuted(tmp_path, command):
    trained, early = result("fashion/cal-0.1", 0, 0.8), result("fashion/cal-0.1", 1, 0.8)
    for each, right in ((trained, True), (early, False)):
        each["checks"] += [{"name": TRAINED, "holds": right}, {"name": f"{nc0.NAME} <=", "holds": False}]
    path = results.save(tmp_path / "r.json", [trained, early])
    _, out, _ = command("table", "fashion", "--results", path, "--runs", tmp_path, "--verdicts", "--where", "cal-0.1")
    lines = out.splitlines()
    assert "| NC | 0 of 2, 1 not converged |" in lines
    assert "| rate | 2 of 2 |" in lines
    assert f"| {TRAINED} | 1 of 2, 1 not converged |" in lines
    assert f"| {nc0.NAME} <= | 0 of 2 |" in lines  # which speaks of every step


def framed(name, seed, accuracy, nc, *, right=True, **given):
    found = result(name, seed, accuracy["own"])
    return {
        **found,
        "accuracy": accuracy,
        "checks": [{"name": TRAINED, "holds": right}],
        "curves": {"nc": [[2.0, 2.0, 2.0], nc]},
        **given,
    }


def test_orders_that_theory_foretells(tmp_path, command):
    rules = {"rcr": 0.8, "gcr": 0.7, "nearest": 0.75}
    known = [
        framed("cifar10/cifar10-convnet-cal-0.01", 0, {"own": 0.8, **rules}, [0.3, 0.2, 0.1]),
        framed("cifar10/cifar10-convnet-cal-0.01-theta0.7", 0, {"own": 0.7, **rules}, [0.1, 0.1, 0.1]),
        framed("cifar10/cifar10-convnet-al-0.01", 0, {"own": 0.6, **dict.fromkeys(rules, 0.5)}, [0.3, 0.2, 0.05]),
        framed("cifar10/cifar10-convnet-cal-0.01", 1, {"own": 0.8, **rules}, [0.3, 0.2, 0.1], right=False),
        framed("cifar10/cifar10-convnet-p-0.01", 0, {"own": 0.8, **rules}, [0.3, 0.2, 0.1]),
        framed("cifar10/cifar10-convnet-cal+gcr-0.01", 0, {"own": 0.8, **rules}, [0.3] * 3, trained_as="CAL"),
    ]
    path = results.save(tmp_path / "r.json", known)
    _, out, _ = command("table", "cifar10", "--results", path, "--runs", tmp_path, "--verdicts", "--where", "-0.01")
    lines = out.partition("| order, held")[2].splitlines()[2:]
    assert dict(line.strip("| ").split(" | ") for line in lines) == {
        "convnet CAL: nearest mean center before RCR, by their radii": "0 of 2, 1 not converged",
        "convnet CAL: nearest mean center before GCR, by their radii": "2 of 2",
        "convnet CAL: RCR before GCR, by their radii": "2 of 2",
        "convnet CAL, theta 0.7: nearest mean center before RCR, by their radii": "0 of 1",
        "convnet CAL, theta 0.7: nearest mean center before GCR, by their radii": "1 of 1",
        "convnet CAL, theta 0.7: RCR before GCR, by their radii": "1 of 1",
        "accuracy: convnet CAL, theta 0.7 before convnet CAL, by rate and radii": "0 of 1",
        "accuracy: convnet CAL, theta 0.7 before convnet AL, by rate and radii": "1 of 1",
        "collapse of rare classes: convnet CAL before convnet AL, by rate": "0 of 1",
        "accuracy by RCR: convnet AL before convnet CAL, by the bound of margins": "0 of 1",
        "accuracy by RCR: convnet CAL, theta 0.7 before convnet AL, by the bound of margins": "1 of 1",
        "accuracy by RCR: convnet CAL, theta 0.7 before convnet CAL, by the bound of margins": "1 of 1",
        "collapse of frequent classes: convnet AL before convnet CAL, by shared rate": "1 of 1",
        "collapse of frequent classes: convnet AL before convnet CAL, theta 0.7, by shared rate": "0 of 1",
        "collapse of frequent classes: convnet CAL before convnet CAL, theta 0.7, by shared rate": "0 of 1",
    }


def test_very_many_orders_are_counted_by_kind(tmp_path, command, monkeypatch):
    monkeypatch.setattr(compare, "LISTED", 2)
    rules = {"rcr": 0.8, "gcr": 0.7, "nearest": 0.75}
    names = ("cifar10/cifar10-convnet-cal-0.01", "cifar10/cifar10-convnet-cal-0.01-theta0.7")
    known = [framed(name, 0, {"own": 0.8, **rules}, [0.3, 0.2, 0.1]) for name in names]
    path = results.save(tmp_path / "r.json", known)
    _, out, _ = command("table", "cifar10", "--results", path, "--runs", tmp_path, "--verdicts", "--where", "-0.01")
    told = out.partition("| order, held")[2]
    assert "| RCR before GCR, by their radii | 2 of 2 |" in told
    assert "| accuracy, by rate and radii | 1 of 1 |" in told
    assert "convnet" not in told


def test_the_bound_of_margins_orders_as_the_bound_itself_does():
    ends = [ufm.predict(ufm.Problem((900, 50, 9), (4, 4, 4), theta)) for theta in (0.1, 0.4, 1.2)]
    bounds = [np.mean(margin_bound(0.0, end.classifier_cosine, 1.0, 1.0, 3, end.sizes)) for end in ends]
    sums = [end.margin_sum for end in ends]
    np.testing.assert_allclose(np.diff(bounds), 4.0 * np.sqrt(3.0) * np.diff(sums), rtol=1e-12)


def test_correlations_find_the_number_that_accuracy_follows(tmp_path, command, refused):
    names = [name for name in PRESETS if name.startswith("angles/")]
    known = []
    for name in names:
        cell = result(name, 0, 0.0)
        problem = preset(name).problem((100, 50, 10))
        skew = float(geometry.classifier_cosine(problem.centers, problem.theta)[2])
        cell["accuracy"] = {"own": skew, "rcr": -skew, "gcr": 0.5}
        known.append(cell)
    path = results.save(tmp_path / "r.json", known)
    status, out, _ = command("table", "angles", "--results", path, "--runs", tmp_path, "--correlate")
    assert status == 0
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in out.splitlines()]
    by_name = {line[0]: line[1:] for line in lines}
    assert by_name["cos rho, rare classes"][:2] == ["+1.00 [+1.00, +1.00]", "-1.00 [-1.00, -1.00]"]
    assert by_name["cos rho, rare classes"][2] == "n/a"
    f = [preset(name).f for name in names]
    expected = stats.spearmanr(f, [cell["accuracy"]["own"] for cell in known]).statistic
    assert by_name["f, mean number of centers"][0].startswith(f"{expected:+.2f} [")
    refused("needs three", "table", "fashion", "--results", path, "--runs", tmp_path, "--correlate")


def test_what_has_no_meaning_is_not_called_missing(tmp_path, command):
    known = [{**result("fashion/ce-0.1", 0, 0.7), "accuracy": {"own": 0.7}}]
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path, "--quantity", "gcr", "--where", "e-0.1")
    _, out, _ = command(*arguments)
    assert "| cnn CE | n/a |" in out


def test_formats(tmp_path, command):
    known = [result("fashion/cal-0.1", seed, own) for seed, own in enumerate((0.8, 0.9))]
    path = results.save(tmp_path / "r.json", known)
    arguments = ("table", "fashion", "--results", path, "--runs", tmp_path, "--where", "cal-0.1")
    _, out, _ = command(*arguments, "--format", "latex")
    assert r"cnn CAL & 85.0 $\pm$ 7.1 (2/3) \\" in out
    assert r"test accuracy, \%, own & fashion-mnist, tau 0.1 \\" in out
    _, out, _ = command(*arguments, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert float(row["mean"]) == pytest.approx(0.85)
    assert (row["row"], row["seeds"], row["wanted"]) == ("cnn CAL", "2", "3")


def test_tables_of_the_paper_go_by_their_numbers(tmp_path, command):
    for number in range(1, 8):
        status, out, _ = command("table", number, "--runs", tmp_path, "--results", results.save(tmp_path / "none", []))
        assert status == 0
        assert "not run" in out
    assert command("table", 8, "--runs", tmp_path)[0] == 2


def test_results_survive_the_disk_and_merge(tmp_path):
    old = [result("fashion/ce-0.1", 0, 0.5), result("fashion/al-0.1", 1, 0.6)]
    path = results.save(tmp_path / "r.json", old)
    assert results.load(path) == old
    new = [result("fashion/ce-0.1", 0, 0.7)]
    assert [r["accuracy"]["own"] for r in results.merge(old, new)] == [0.6, 0.7]
    assert results.load(tmp_path / "none.json") == []
    for text in ("{", '{"results": [{"name": 1}]}', "[]"):
        path.write_text(text)
        with pytest.raises(store.DamagedFile, match=r"r\.json"):
            results.load(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fashon"], "did you mean 'fashion'"),
        (["fashion", "--seeds", 0], "seeds=0"),
        (["fashion", "--where", "cifar"], "where='cifar'"),
    ],
)
def test_wrong_input(tmp_path, refused, arguments, message):
    refused(message, "table", *arguments, "--runs", tmp_path)
