"""Each kind of cell against the call it stands for, and its predictions against its measurements."""

import json

import numpy as np
import pytest

import ufm
from theory.decision import hard
from theory.multicenter import flows
from ufm.files import process, store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.kinds.base import problem_of
from ufm.sweep.kinds.training import Training
from ufm.tables import grid


def swept(tmp_path, **description):
    sweep = Sweep.from_mapping(description)
    outcome = run(sweep, tmp_path / "out", workers=1)
    assert outcome.failed == {}
    return store.load(tmp_path / "out" / "results.nc").to_dataset()


def test_problems_are_those_of_the_command_line():
    assert problem_of({"preset": "toy", "theta": 0.4}) == ufm.Problem(
        (100, 46, 21, 10), problem_of({"preset": "toy"}).centers, 0.4, 32, lam=128 * 6e-4
    )
    tail = problem_of({"n_classes": 3, "n_max": 50, "tau": 0.04, "f": 4.0, "centers": "uniform", "beta": [1, 2, 0.5]})
    assert tail == ufm.Problem((50, 10, 2), 4, 0.2, beta=(1.0, 2.0, 0.5))
    assert problem_of({"class_sizes": [5, 3], "centers": [1, 2], "loss": "mse"}).centers == (1, 2)
    assert problem_of({"class_sizes": [7], "centers": 3}).centers == (3,)


@pytest.mark.parametrize("start", ["gaussian", "sphere", "antipode"])
def test_the_predicted_time_is_that_of_the_median_sample(tmp_path, start):
    """In many dimensions isotropic starts are all alike, and the typical one stands for them."""
    data = swept(
        tmp_path,
        kind="flow",
        record=["collapse_time", "collapse_time_median", "predicted_time"],
        base={"class_sizes": [300, 100], "centers": [2, 6], "dim": 3000, "start": start},
        axes={"theta": [0.1, 0.4], "lam": [0.0, 0.1]},
    )
    np.testing.assert_allclose(data.collapse_time_median, data.predicted_time, rtol=0.02)
    assert bool(np.all(data.collapse_time >= data.collapse_time_median))


def test_the_rate_is_the_predicted_one_where_norms_are_one_and_collapse_is_deep(tmp_path):
    data = swept(
        tmp_path,
        kind="flow",
        record=["rate", "predicted_rate"],
        base={"class_sizes": [20, 5], "centers": [3, 4], "start": "sphere", "until_nc": 1e-60},
        axes={"theta": [0.2, 0.6], "scale": [1.0], "lam": [0.0, 0.1]},
    )
    np.testing.assert_allclose(data.rate, data.predicted_rate, rtol=1e-3)
    slower = swept(
        tmp_path / "slower",
        kind="flow",
        record=["rate", "predicted_rate"],
        base={"class_sizes": [20, 5], "centers": [3, 4], "start": "sphere", "until_nc": 1e-60, "lam": 0.0},
        axes={"theta": [0.2], "scale": [2.0]},
    )
    np.testing.assert_allclose(slower.rate, slower.predicted_rate, rtol=1e-3)
    np.testing.assert_allclose(4.0 * slower.rate.squeeze(), data.rate.sel(theta=0.2, lam=0.0).squeeze(), rtol=1e-3)


def test_a_single_center_has_no_rate(tmp_path):
    data = swept(
        tmp_path,
        kind="flow",
        record=["predicted_rate", "collapse_time"],
        base={"class_sizes": [5, 3], "centers": [1, 4], "until_nc": 1e-6},
    )
    rate = data.predicted_rate.squeeze().values
    assert rate[0] == 0.0
    assert rate[1] == pytest.approx(float(flows.nc_rate(4, 0.2, np.sqrt(np.cos(0.2) ** 2 / 4 + np.sin(0.2) ** 2))))
    assert float(data.collapse_time[0, 0]) > 100 * float(data.collapse_time[0, 1])


def test_ends_and_curves_are_those_of_gradient_flow(tmp_path):
    record = [
        "nc_mean",
        "nc_max",
        "norm_mean",
        "variability",
        "value",
        "collapsed",
        "time",
        "norm_curve",
        "value_curve",
    ]
    data = swept(
        tmp_path,
        kind="flow",
        record=record,
        base={"class_sizes": [6, 4], "f": 3, "loss": "mse", "n_times": 5},
        axes={"lam_h": [0.0, 0.1], "t_final": [1.0, 1e3]},
        seeds=[4],
    )
    problem = ufm.Problem((6, 4), ufm.class_aware((6, 4), 3), 0.2, loss="mse", lam_h=0.1)
    flow = ufm.gradient_flow(problem, seed=4, t_final=1e3, n_times=5)
    own = data.sel(lam_h=0.1, t_final=1e3, seed=4)
    for name in ("nc_mean", "nc_max", "norm_mean", "variability"):
        np.testing.assert_array_equal(own[name], flow.class_values(name)[-1])
    np.testing.assert_array_equal(own.norm_curve, flow.class_values("norm_mean"))
    np.testing.assert_array_equal(own.value_curve, flow.value)
    np.testing.assert_array_equal(own.time, np.linspace(0, 1e3, 5))
    assert (float(own.value), float(own.collapsed)) == (flow.value[-1], 1.0)
    assert float(data.sel(lam_h=0.0, t_final=1e3).collapsed.squeeze()) == 0.0


def test_minima_live_and_die_where_theory_says(tmp_path):
    data = swept(
        tmp_path,
        kind="minimum",
        record=[
            "living",
            "predicted_living",
            "square_norm",
            "predicted_square_norm",
            "certified",
            "gap",
            "nc",
            "value",
        ],
        base={
            "class_sizes": [100, 10, 1],
            "centers": 1,
            "theta": 0.3,
            "loss": "mse",
            "frame": "learned",
            "lam_w": 0.03,
        },
        axes={"lam_h": [0.0005, 0.02, 0.1, 3.0]},
    ).squeeze()
    np.testing.assert_array_equal(data.living, data.predicted_living)
    np.testing.assert_array_equal(data.living.sum("class"), [3, 2, 1, 0])
    np.testing.assert_allclose(data.square_norm, data.predicted_square_norm, rtol=1e-5, atol=1e-8)
    assert bool(np.all(data.certified == 1.0))
    np.testing.assert_array_equal(np.isnan(data.nc), data.living == 0.0)
    assert float(data.nc.max()) < 1e-9
    problem = ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=0.02, lam_w=0.03, frame="learned")
    assert float(data.sel(lam_h=0.02).value) == ufm.minimize(problem).value


def test_a_fixed_frame_can_be_minimised_too(tmp_path):
    data = swept(
        tmp_path,
        kind="minimum",
        record=["value", "feature_norm", "nc"],
        base={"class_sizes": [9, 3]},
        axes={"centers": [[1, 2], [2, 4]], "loss": ["cosine", "mse"]},
    )
    assert data.centers.values.tolist() == ["[1, 2]", "[2, 4]"]
    assert float(data.nc.max()) < 1e-9
    np.testing.assert_allclose(data.feature_norm.sel(loss="cosine"), 1.0, rtol=1e-6)


def test_gain_of_gcr_is_that_of_the_frame_and_the_printed_one_at_theta_0(tmp_path):
    data = swept(
        tmp_path,
        kind="decision",
        record=["gain", "gain_error", "predicted_gain", "predicted_gain_frame", "accuracy_rcr", "accuracy_gcr"],
        base={"class_sizes": [100, 20, 4], "n": 40_000},
        axes={"centers": [[1, 2, 6], [3, 3, 3]], "theta": [0.0, 0.6], "shares": ["inverse", "frequency"]},
        seeds=2,
    )
    off = np.abs(data.gain - data.predicted_gain_frame) / data.gain_error
    assert float(off.max()) < 4.0
    np.testing.assert_allclose(data.predicted_gain_frame.sel(theta=0.0), data.predicted_gain.sel(theta=0.0), atol=1e-9)
    np.testing.assert_allclose(data.gain, data.accuracy_gcr - data.accuracy_rcr, atol=1e-12)
    shares = np.array([1 / 100, 1 / 20, 1 / 4])
    one = data.sel(centers="[1, 2, 6]", theta=0.6, shares="inverse", seed=0)
    expected = hard.gcr_accuracy((1, 2, 6), shares / shares.sum()) - 1 / 3
    assert float(one.predicted_gain) == pytest.approx(expected)
    assert bool(np.all(data.gain.sel(centers="[1, 2, 6]", shares="inverse") > 0))
    assert bool(np.all(data.gain.sel(centers="[1, 2, 6]", shares="frequency") < 0))


TRAININGS = """
kind = "training"
record = ["accuracy_own", "accuracy_gcr", "class_accuracy", "nc", "nc_curve", "time"]
[base]
network = "mlp"
n_max = 20
tau = 0.5
method = "CAL"
epochs = 2
f = 3
[axes]
dataset = ["mnist5k", "cifar10"]
"""


@pytest.mark.slow
def test_trainings_are_cells_and_one_that_fails_says_why_and_does_not_hide_the_rest(tmp_path, command, monkeypatch):
    pytest.importorskip("mlxtend")
    monkeypatch.setenv("NCMC_DATA", str(tmp_path / "empty"))
    path, out_folder = tmp_path / "trainings.toml", tmp_path / "out"
    path.write_text(TRAININGS)
    status, out, said = command("sweep", path, "--out", out_folder, "--workers", "2", "--json")
    assert status == 1
    assert list(json.loads(out)["failed"]) == ["dataset=cifar10, seed=0"]
    assert "cifar10" in said
    data = store.load(out_folder / "results.nc").to_dataset()
    assert dict(data.sizes) == {"dataset": 2, "seed": 1, "class": 10, "time": 3}
    assert bool(data.sel(dataset="cifar10").accuracy_own.isnull().all())
    data = data.sel(dataset="mnist5k", seed=0)
    assert 0 <= float(data.accuracy_own) <= 1
    assert data.time.values.tolist() == [0, 1, 2]
    assert bool(np.isfinite(data.accuracy_gcr))
    assert float(data.class_accuracy.mean("class")) == pytest.approx(float(data.accuracy_own), abs=1e-4)
    (out_folder / "cells.jsonl").unlink()  # the training is still there
    before = {report: report.stat().st_mtime_ns for report in (out_folder / "runs").glob("*/report.json")}
    _, out, _ = command("sweep", path, "--out", out_folder, "--json")
    assert json.loads(out)["ran"] == 1
    assert len(before) == 1
    assert all(report.stat().st_mtime_ns == written for report, written in before.items())
    _, out, _ = command("sweep", path, "--out", tmp_path / "new", "--dry-run")
    assert "trainings are not tried out" in out


def test_a_named_training_can_be_changed():
    kind = Training()
    said = kind.configuration({"preset": "fashion/cal-0.1", "theta": 0.5, "hyper": [], "seed": 2}, ["nc"])["training"]
    assert (said["dataset"], said["tau"], said["theta"], said["seed"]) == ("fashion-mnist", 0.1, 0.5, 2)


def test_every_training_at_a_time_has_a_device_of_its_own(tmp_path, monkeypatch):
    """No GPU is needed to see which one a training would be given."""
    pytest.importorskip("torch")  # it looks at the processor with Popen while it is imported
    given = []

    class Process:
        def __init__(self, command, stdout, stderr, env):
            given.append(env["CUDA_VISIBLE_DEVICES"])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def wait(self):
            return 0

    monkeypatch.setattr(process.subprocess, "Popen", Process)
    jobs = [grid.Job(str(i), tmp_path / str(i), ()) for i in range(6)]
    assert {reason for _, reason in grid.run_all(jobs, 1, [], ["2"])} == {None}
    assert given == ["2"] * 6
    given.clear()
    list(grid.run_all(jobs, 3, [], ["0", "1", "5"]))
    assert set(given) <= {"0", "1", "5"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert grid.cuda_devices() == []


def test_minima_of_losses_of_logits(tmp_path):
    data = swept(
        tmp_path,
        kind="geometry",
        record=["value", "gap", "rank", "merged", "predicted_merged", "predicted_rank", "alive", "weight_norm"],
        base={"class_sizes": [100, 100, 10, 10], "bias": "free"},
        axes={"loss": ["ce", "mse", "bce"], "lam": [1e-3, 1.6e-2, 0.1]},
    ).squeeze()
    model = ufm.FeatureModel((100, 100, 10, 10), lam_w=1.6e-2, lam_h=1.6e-2, bias="free")
    found = ufm.minimize(model)
    here = data.sel(loss="ce", lam=1.6e-2)
    assert float(here.value) == found.value
    np.testing.assert_array_equal(here.weight_norm, found.weight_norms[found.group])
    np.testing.assert_array_equal(data.merged.sel(loss="ce"), data.predicted_merged.sel(loss="ce"))
    np.testing.assert_array_equal(data["rank"].sel(loss="mse"), data.predicted_rank.sel(loss="mse"))
    assert bool(np.isnan(data.predicted_merged.sel(loss="bce")).all())
    assert here.merged.values.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert float(abs(data.gap).max()) < 1e-9


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_sizes": [5, 3], "lam_w": 0.1}, "lam_h is missing"),
        ({"class_sizes": [5, 3], "lam": 0.1, "lam_h": 0.1}, "lam is lam_w = lam_h"),
        ({"class_sizes": [5, 3], "lam": 0.0}, "must be positive"),
        ({"class_sizes": [5, 3], "lam": 0.1, "loss": "cee"}, "loss='cee' is unknown"),
        ({"class_sizes": [5, 3], "lam": 0.1, "weights": "invers"}, "weights='invers' is unknown"),
        ({"class_sizes": [5, 3], "lam": 0.1, "shifts": [1.0]}, "must be 2 finite numbers"),
        ({"lam": 0.1}, "one of --preset"),
    ],
)
def test_wrong_cells_of_losses_of_logits(fields, message):
    with pytest.raises(ValueError, match=message):
        _ = Sweep.from_mapping({"kind": "geometry", "record": ["value"], "base": fields}).cells


def test_fields_of_models():
    base = {"n_classes": 3, "n_max": 50, "tau": 0.04, "lam_w": 1e-3, "lam_h": 2e-3, "bias": 0.5, "dim": 3}
    sweep = Sweep.from_mapping(
        {"kind": "geometry", "record": ["value"], "base": {**base, "weights": "inverse", "temperatures": 2.0}}
    )
    (cell,) = sweep.cells
    assert ufm.FeatureModel.from_dict(cell.configuration["model"]) == ufm.FeatureModel(
        *((50, 10, 2), 1e-3, 2e-3),
        **{"bias": 0.5, "weights": (62 / 150, 62 / 30, 62 / 6), "temperatures": (2.0,) * 3},
    )
