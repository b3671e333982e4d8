"""Learned frames held against theory: single problems, phase diagrams, and the command that draws them."""

import itertools
import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ufm
from ufm.certify import certify
from ufm.certify.predict import predict
from ufm.commands import phase
from ufm.commands.main import main
from ufm.files import store
from ufm.files.store import config_key
from ufm.minimize.phase import Axis, model_diagram, model_grid, phase_diagram

pytestmark = pytest.mark.slow

EXAMPLE = ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")


@pytest.mark.parametrize("method", ["full", "means", "projected"])
def test_one_class_dies_alone(method):
    solution = ufm.minimize(EXAMPLE, method=method)
    assert solution.living.tolist() == [True, True, False]
    assert solution.value == pytest.approx(0.26031314570697067, abs=1e-12)
    report = certify(solution)
    assert report.holds, str(report)


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.data(),
    st.floats(0.05, 1.5),
    st.floats(0.2, 5.0),
    st.floats(0.01, 100.0),
)
def test_predictions_hold_on_both_sides_of_every_threshold(sizes, data, theta, factor, tilt):
    centers = data.draw(st.lists(st.integers(1, 4), min_size=len(sizes), max_size=len(sizes)))
    unit = ufm.Problem(sizes, centers, theta, loss="mse", lam_h=1.0, lam_w=1.0, frame="learned")
    # weights around the threshold of one of the classes
    weight = factor * float(np.median(predict(unit).clearance))
    problem = ufm.Problem(sizes, centers, theta, loss="mse", lam_h=weight * tilt, lam_w=weight / tilt, frame="learned")
    report = certify(ufm.minimize(problem, method="means"))
    assert report.holds, str(report)


@pytest.mark.parametrize("method", ["full", "projected"])
def test_thresholds_are_sharp(method):
    """A thousandth below the critical weight the class lives, a thousandth above it is dead."""
    for below, living in ((1 - 1e-3, [True, True]), (1 + 1e-3, [True, False])):
        unit = ufm.Problem((30, 6), 2, 0.3, loss="mse", lam_h=1.0, lam_w=1.0, frame="learned")
        weight = below * float(predict(unit).clearance[1])
        problem = ufm.Problem((30, 6), 2, 0.3, loss="mse", lam_h=weight, lam_w=weight, frame="learned")
        assert ufm.minimize(problem, method=method).living.tolist() == living


def test_a_minimiser_of_another_problem_is_not_certified():
    from dataclasses import replace

    solution = ufm.minimize(EXAMPLE)
    other = replace(solution, problem=replace(EXAMPLE, lam_w=4e-2))
    assert not certify(other).holds


@pytest.mark.parametrize("centers", [(2, 4), (1, 4)], ids=["exponential", "one class quartic"])
def test_cosine_loss_with_a_learned_frame(centers):
    problem = ufm.Problem((5, 3), centers, 0.4, 16, lam=0.3, frame="learned")
    report = certify(ufm.minimize(problem))
    assert report.holds, str(report)


@pytest.mark.parametrize(("loss", "end"), [({"lam": 0.3}, 60.0), ({"loss": "mse", "lam_h": 3e-2, "lam_w": 2e-2}, 4e3)])
@pytest.mark.parametrize("features", ["means", "full"])
def test_training_together_is_certified(loss, end, features):
    problem = ufm.Problem((5, 3), (2, 3), 0.4, frame="learned", **loss)  # one center would collapse too slowly
    flow = ufm.gradient_flow(problem, t_eval=np.linspace(0.0, end, 9), method=features, frame_rate=1.0)
    report = certify(flow)
    assert report.holds, str(report)
    assert not report.notes
    early = certify(ufm.gradient_flow(problem, t_eval=[0.0, 0.1], method=features))
    assert early.holds
    assert "above the minimum" in early.notes[0]


def test_phase_diagram():
    def problem_at(lam_w, lam_h):
        return ufm.Problem((40, 10, 2), 1, 0.4, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")

    weights = np.geomspace(5e-3, 0.3, 4)
    diagram = phase_diagram(problem_at, Axis("lam_w", "w", "w", weights), Axis("lam_h", "h", "h", weights[:3]))
    assert certify(diagram).holds
    data = diagram.dataset()
    assert dict(data.sizes) == {"lam_w": 4, "lam_h": 3, "class": 3}
    for i, j in np.ndindex(4, 3):
        expected = predict(problem_at(weights[i], weights[j])).square_norm
        np.testing.assert_allclose(data["square_norm"][i, j], expected, atol=1e-6 * max(1.0, expected.max()))
    assert len({tuple(row) for row in diagram.living.reshape(-1, 3)}) > 2


MODELS = {
    "minorities merge": ({}, "lam,tau", (100, 100, 10, 10)),
    "with a free bias": ({"bias": "free"}, "lam,tau", (100, 100, 10, 10)),
    "weights": ({"weights": (1.0, 1.0, 3.0, 3.0)}, "lam", (100, 100, 10, 10)),
    "smoothed labels": ({"smoothing": 0.2}, "lam,ratio", (100, 100, 10, 10)),
    "squared loss": ({"loss": "mse"}, "lam,ratio", (100, 30, 9, 3)),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_merge_die_and_lose_rank_where_theory_says(name):
    fields, axes, sizes = MODELS[name]

    def model_of(sizes, lam_w, lam_h):
        return ufm.FeatureModel(sizes, lam_w=lam_w, lam_h=lam_h, **fields)

    diagram = model_diagram(*model_grid(model_of, sizes, axes, 7))
    report = certify(diagram)
    assert report.holds, str(report)
    assert not report.notes
    assert len(report.checks) > 1
    assert diagram.rank.max() >= 3
    assert diagram.rank.min() == 0
    data = diagram.dataset()
    assert data["merged"].dims == (*[a.name for a in (diagram.vertical, diagram.horizontal)], "class")
    np.testing.assert_array_equal(data["rank"], diagram.rank)


def test_the_rank_of_unequal_minorities_falls_step_by_step():
    def model_of(sizes, lam_w, lam_h):
        return ufm.FeatureModel(sizes, lam_w=lam_w, lam_h=lam_h)

    diagram = model_diagram(*model_grid(model_of, (500, 200, 80, 30, 10), "lam", 40))
    rank = diagram.rank[0]
    assert sorted(set(rank.tolist())) == [0, 1, 2, 3, 4]
    assert (np.diff(rank) <= 0).all()
    # theory knows the last step alone
    said = [ufm.predict(model)["ce-imbalanced"] for model in diagram.problems[0]]
    assert all("rank" not in each and not each["merged"].any() for each in said)
    assert [bool(each["learns"]) for each in said] == (rank > 0).tolist()
    assert not diagram.merged[0, rank > 0].any()


def test_a_point_on_a_threshold_decides_nothing_and_one_beside_it_does():
    threshold = np.sqrt(10) / 220
    near = Axis("lam", "lam", "lam", threshold * np.array([1 - 1e-5, 1 + 1e-3]))

    def model_at(_, lam):
        return ufm.FeatureModel((100, 100, 10, 10), lam_w=lam, lam_h=lam)

    diagram = model_diagram(model_at, Axis("ratio", "r", "r", np.ones(1)), near)
    assert diagram.merged[0, 1].tolist() == [False, False, True, True]
    diagram.merged[0, 0, 2] ^= True
    assert certify(diagram).holds
    diagram.merged[0, 1, 2] = False
    assert not certify(diagram).holds


def test_losses_without_a_theorem_are_minimised_and_the_report_says_so():
    def model_of(sizes, lam_w, lam_h):
        return ufm.FeatureModel(sizes, loss="bce", lam_w=lam_w, lam_h=lam_h)

    report = certify(model_diagram(*model_grid(model_of, (40, 10, 10), "lam", 4)))
    assert report.holds
    assert "4 of 4 points: no theorem of the zoo" in report.notes[0]


@pytest.mark.slow
@pytest.mark.usefixtures("_empty_folder")
def test_phases_of_a_loss_from_the_command_line(capsys):
    words = ["phase", "--loss", "ce", "--class-sizes", "100,100,10,10", "--points", "4", "--json", "--out"]
    assert main([*words, "a"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["holds"], said["points"]) == (True, 16)
    assert said["thresholds"][0]["change"] == "classes 3 to 4 merge"
    assert said["thresholds"][0]["lam"] == pytest.approx(np.sqrt(10) / 220, rel=1e-6)
    data = store.load(said["out"]).to_dataset()
    assert {name: data.sizes[name] for name in data.gap.dims} == {"tau": 4, "lam": 4}
    assert {*np.unique(data.theory_merged)} == {0, 2, 4}
    assert main([*words, "b", "--axes", "lam", "--weights", "inverse"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == 4


@pytest.mark.usefixtures("_empty_folder")
def test_how_long_a_diagram_takes_is_said_before_it_is_made(capsys, monkeypatch):
    """Minima and certificates of the point in the middle, times the points: here a clock that ticks once a look."""
    ticks, made = itertools.count(), []

    def watched(model_at, vertical, horizontal, **options):
        made.append((len(vertical.values), len(horizontal.values)))
        if made[-1] == (1, 5):
            raise ValueError("enough is seen")
        return model_diagram(model_at, vertical, horizontal, **options)

    monkeypatch.setattr(phase, "model_diagram", watched)
    words = ["phase", "--loss", "ce", "--class-sizes", "50,5", "--axes", "lam"]
    monkeypatch.setattr(phase, "time", SimpleNamespace(perf_counter=lambda: 15.0 * next(ticks)))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main([*words, "--points", "5"]) == 2
    assert made == [(1, 1), (1, 5)]
    first, second = capsys.readouterr().err.splitlines()
    assert "5 minima, with their certificates, takes about 75 seconds: take fewer --points" in first
    assert "enough is seen" in second


@pytest.fixture(name="_empty_folder")
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("_empty_folder")
def test_phase_from_the_command_line(capsys):
    assert main(["phase", "--class-sizes", "50,5", "--centers", "2", "--points", "4", "--json", "--out", "a"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["holds"], said["points"]) == (True, 16)
    data = store.load(said["out"]).to_dataset()
    assert data["living"].sum(axis=-1).values.min() == 0
    assert data["living"].sum(axis=-1).values.max() == 2
    clearance = predict(ufm.Problem((50, 5), 2, 0.2, loss="mse", lam_h=1, lam_w=1, frame="learned")).clearance
    assert [(each["lam"], each["change"]) for each in said["thresholds"]] == [
        (pytest.approx(clearance[1], rel=1e-6), "class 2 dies"),
        (pytest.approx(clearance[0], rel=1e-6), "class 1 dies"),
    ]
    for flags in ([], ["--theta", "0.3"]):
        assert main(["phase", "--preset", "toy", "--axes", "tau", "--points", "3", *flags]) == 0
    said = capsys.readouterr().out
    assert "classes that live or die against theory" in said
    assert "passes\n0.0" in said
    folders = {*Path("runs/phase").iterdir()}
    assert {folder.name for folder in folders} == {
        config_key(json.loads(store.load(folder / "phase.nc").attrs["configuration"])) for folder in folders
    }
    assert len(folders) == 2


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lam-w", "0.1"], "--lam-w=0.1; a phase diagram is of P"),
        (["--points", "1"], "points=1 must be at least 2"),
        (["--low", "1", "--high", "0.1"], "--low=1 and --high=0.1 must satisfy"),
        (["--axes", "lam,tau"], "--axes=lam,tau needs --loss"),
        (["--axes", "weight"], "--axes='weight' is unknown for P: did you mean 'weights'?"),
        (["--bias", "free"], "--bias=free needs --loss"),
        (["--loss", "ce"], "--centers=2 has no meaning beside --loss"),
    ],
)
def test_wrong_phases(capsys, tmp_path, arguments, message):
    assert main(["phase", "--class-sizes", "50,5", "--centers", "2", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_empty_folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loss", "cee"], "--loss='cee' is unknown: did you mean 'ce'"),
        (["--loss", "ce", "--axes", "lam,taus"], "--axes='lam,taus' is unknown for a loss of logits"),
        (["--loss", "ce", "--lam-w", "0.1"], "--lam-w=0.1 has no meaning beside --loss"),
        (["--loss", "ce", "--class-sizes", "5,5"], "are all equal: an imbalance needs"),
        (["--loss", "ce", "--low", "1", "--high", "0.1"], "--low=1 and --high=0.1 must satisfy"),
    ],
)
def test_wrong_phases_of_a_loss(capsys, tmp_path, arguments, message):
    sizes = [] if "--class-sizes" in arguments else ["--class-sizes", "50,5"]
    assert main(["phase", *arguments, *sizes]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_empty_folder")
def test_verify_a_learned_frame(capsys):
    weights = ["--lam-h", "0.02", "--lam-w", "0.03"]
    assert (
        main(["verify", "--class-sizes", "100,10,1", "--centers", "1", "--frame", "learned", *weights, "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out)["holds"]
    assert main(["verify", "--class-sizes", "9,3", "--centers", "2", "--frame", "learned", "--lam-h", "0.1"]) == 2
    assert "--lam-w" in capsys.readouterr().err
    assert main(["verify", "--full", "--preset", "toy"]) == 2


def test_predictions_are_per_class():
    assert predict(EXAMPLE).square_norm.shape == predict(EXAMPLE).clearance.shape == (3,)
