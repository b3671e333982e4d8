"""The benchmarks of geometry: rows are made, ratios say what was reached, and what is missing is named."""

import subprocess
import sys

import numpy as np
import pytest

import ufm
from benchmarks import geometry, goals

pytestmark = pytest.mark.slow


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(geometry.NEEDS, "cvxpy", "no_such_package")
    said = geometry.measure("few", "cvxpy", geometry.Target())
    assert said == {"ended": "not installed: pip install no_such_package"}
    line = geometry.row("cvxpy", said, {"bound": 1.0, "seconds": 1.0, "processor": 1.0})
    assert line[1:6] == [""] * 5
    assert line[6] == said["ended"]


def test_a_ratio_says_whether_the_gap_was_reached():
    ours = {"bound": 1.0, "seconds": 2.0, "processor": 2.0}
    said = {"seconds": 30.0, "processor": 20.0, "mib": 99.6, "ended": "somehow"}
    assert geometry.row("factors", {**said, "value": 1.0 + 1e-11}, ours)[1:6] == ["30", "20", "10", "100 MiB", "1e-11"]
    assert geometry.row("factors", {**said, "value": 1.1}, ours)[3] == "> 10"
    assert geometry.row("factors", {"seconds": 50.0, "ended": "killed"}, ours)[1:6] == ["50", "", "> 25", "", ""]


def test_a_toolkit_that_is_killed_has_a_row_without_a_ratio():
    killed = {"seconds": 140.0, "ended": "killed"}
    assert geometry.row("toolkit", killed, killed)[1:] == ["140", "", "", "", "", "killed"]


def test_a_loop_ends_at_the_gap_at_its_budget_or_by_itself():
    def falls():
        for value in (3.0, 2.0, 1.0):
            loop.see(value)

    loop = geometry.Loop(geometry.Target(bound=2.0))
    assert loop.run(falls) == {"value": 2.0, "ended": "at the gap"}
    loop = geometry.Loop(geometry.Target(budget=-1.0))
    assert loop.run(falls) == {"value": 3.0, "ended": "budget spent"}
    loop = geometry.Loop(geometry.Target())
    assert loop.run(falls) == {"value": 1.0, "ended": "own tolerance"}


def test_the_toolkit_runs_in_a_process_of_its_own():
    said = geometry.measure("few", "toolkit", geometry.Target())
    # weak duality, of two sums of a few numbers below 1, each rounded as this processor does it
    assert -64 * np.finfo(float).eps <= said["value"] - said["bound"] < geometry.GAP
    assert said["rank"] == 2
    assert said["seconds"] > 0.0 < said["processor"]
    assert 10.0 < said["mib"] < 4000.0


def test_a_row_that_overruns_its_budget_is_killed(monkeypatch):
    monkeypatch.setattr(geometry, "START", 0.0)
    said = geometry.measure("few", "toolkit", geometry.Target(budget=0.01))
    assert "without a value" in said["ended"]
    assert said["seconds"] < 5.0


def test_the_program_of_the_rivals_is_that_of_the_toolkit():
    model = geometry.few()
    solution = ufm.minimize(model)
    inverse = np.sqrt(np.asarray(model.class_sizes))
    assert geometry.objective(model, solution.class_logits.T * inverse) == pytest.approx(solution.value, abs=1e-13)


@pytest.mark.filterwarnings("ignore:PyTorch does not support numpy arrays with negative strides")
@pytest.mark.parametrize("rival", geometry.RIVALS)
def test_rivals_come_near_the_bound(rival):
    pytest.importorskip(geometry.NEEDS[rival])
    model = geometry.few()
    solution = ufm.minimize(model)
    said = geometry.CONTESTANTS[rival](model, geometry.Target(solution.bound, solution.rank, budget=20.0))
    assert -1e-12 < said["value"] - solution.bound < 1e-4


def test_the_command_passes_on_to_it():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "geometry", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "python -m benchmarks geometry" in done.stdout


def test_sizes_are_those_that_the_titles_say():
    for name, (title, _) in geometry.CASES.items():
        model = geometry.MODELS[name]()
        assert f"N={sum(model.class_sizes):,}" in title
    assert len(set(geometry.distinct().class_sizes)) == 1000
    assert len(set(geometry.million().class_sizes)) == 20


def test_a_goal_is_met_in_time_and_in_memory():
    def row(seconds, mib):
        return goals.Goal("a work", "an hour", 2, lambda: goals.Took(seconds, mib), 100).row()

    assert row(1.0, 50.0) == ["a work", "an hour", "2 s, 100 MiB", "1 s, 50 MiB", "yes"]
    assert row(3.0, 50.0)[-1] == row(1.0, 101.0)[-1] == "no"
    assert goals.Goal("a work", "an hour", 2, lambda: goals.Took(1.5)).row()[2:] == ["2 s", "1.5 s", "yes"]


def test_commands_are_timed_from_outside_and_must_succeed():
    assert 0.0 < goals.command("--version")().seconds < 60.0
    with pytest.raises(subprocess.CalledProcessError):
        goals.command("design", "--class-sizes", "0")()
