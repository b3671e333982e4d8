import contextlib
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray

import ufm
from ufm.files import store
from ufm.files.journal import lines
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[3]

SMALL = """
kind = "flow"
record = ["collapse_time", "nc_curve", "time", "value"]
seeds = 2
[base]
class_sizes = [12, 3]
f = 2
[axes]
theta = [0.2, 0.4]
scale = [0.5, 1.0, 2.0]
"""

ROOM = 20_000
"""Bytes that hold the answers of SMALL, but not its results."""

TIMES = """
kind = "flow"
record = ["collapse_time"]
seeds = 40
[base]
class_sizes = [40, 4]
f = 3
[axes]
theta = [0.2, 0.4]
"""


@pytest.fixture
def described(tmp_path):
    """A description on disk, its sweep, and the bytes of what an undisturbed run of it gives."""

    def describe(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        sweep = Sweep.from_toml(text)
        run(sweep, tmp_path / "undisturbed", workers=1)
        return path, sweep, (tmp_path / "undisturbed" / "results.nc").read_bytes()

    return describe


def child(path, out, *flags, hook=None, limit=None, **options):
    """`ufm sweep` as a process (and group) of its own; ``hook`` is Python that every process of it runs first."""
    paths = [str(ROOT)]
    if hook is not None:
        (path.parent / "hook").mkdir(exist_ok=True)
        (path.parent / "hook" / "sitecustomize.py").write_text(hook)
        paths.insert(0, str(path.parent / "hook"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    arguments = [sys.executable, "-m", "ufm", "sweep", str(path), "--out", str(out), *flags]
    return subprocess.Popen(
        arguments,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=limit,
        **options,
    )


def test_results_have_the_axes_as_dimensions_and_every_cell_is_its_own_flow(described, tmp_path):
    _, sweep, _ = described(SMALL)
    data = store.load(tmp_path / "undisturbed" / "results.nc").to_dataset()
    assert dict(data.sizes) == {"theta": 2, "scale": 3, "seed": 2, "class": 2, "time": 33}
    assert Sweep.from_dict(json.loads(data.attrs["sweep"])) == sweep
    assert json.loads(data.attrs["missing"]) == {}
    assert data.collapse_time.attrs["units"] == "flow time"
    problem = ufm.Problem((12, 3), ufm.class_aware((12, 3), 2), 0.4)
    flow = ufm.gradient_flow(problem, start=ufm.Start("gaussian", 2.0), seed=1, n_times=33)
    own = data.sel(theta=0.4, scale=2.0, seed=1)
    np.testing.assert_array_equal(own.nc_curve, flow.class_values("nc_mean"))
    np.testing.assert_array_equal(own.time, flow.times)
    assert float(own.value) == flow.value[-1]
    assert float(own.collapse_time.max()) == pytest.approx(flow.times[-1] / 1.01, rel=1e-6)


def answered(out):
    """How many cells of the folder of a sweep have an answer."""
    return sum(len(json.loads(content)["keys"]) for _, content in lines(out / "cells.jsonl") if content is not None)


def contents(out):
    """What stands in the lines of a folder, none of which is damaged."""
    return [content for _, content in lines(out / "cells.jsonl")]


def rewritten(out, kept):
    """Write these lines in place of those that are there."""
    (out / "cells.jsonl").write_bytes(b"".join(kept))


def one_by_one(sweep, out):
    """The answers of a folder with a line for each cell, in the order of the sweep, and these lines."""
    folder = Folder(out)
    answers, _ = folder.answers(sweep)
    folder.answered.unlink()
    with folder.journal(sweep) as journal:
        for cell in sweep.cells:
            folder.put(journal, [cell], [answers[cell.key]])
    return folder.answered.read_bytes().splitlines(keepends=True)


def test_an_answer_is_found_by_the_hash_of_its_configuration_and_says_what_that_is(described, tmp_path):
    _, sweep, _ = described(SMALL)
    blocks = [json.loads(content) for content in contents(tmp_path / "undisturbed")]
    found = {
        key: block["shared"] | own for block in blocks for key, own in zip(block["keys"], block["own"], strict=True)
    }
    assert found == {cell.key: cell.configuration for cell in sweep.cells}
    assert len(blocks) < len(sweep.cells)
    assert "flow" not in blocks[0]["shared"] or "flow" not in blocks[0]["own"][0]


def test_a_folder_from_before_there_were_blocks_is_read(described, tmp_path):
    _, sweep, expected = described(SMALL)
    out, folder = tmp_path / "undisturbed", Folder(tmp_path / "undisturbed")
    answers, _ = folder.answers(sweep)
    folder.answered.unlink()
    for cell in sweep.cells:  # as these files were written
        quantities = sweep.does.quantities
        variables = {n: (quantities[n].dims, v, None, {"_FillValue": None}) for n, v in answers[cell.key].items()}
        about = {"configuration": store.to_json(cell.configuration)}
        store.save_classic(xarray.Dataset(variables, attrs=about), out / "cells" / f"{cell.key}.nc")
    assert run(sweep, out, workers=1).ran == 0
    assert folder.results.read_bytes() == expected
    victim = out / "cells" / f"{sweep.cells[3].key}.nc"
    victim.write_bytes(victim.read_bytes()[:100])
    outcome = run(sweep, out, workers=1)
    assert (outcome.ran, outcome.damaged) == (1, [str(victim)])
    assert folder.results.read_bytes() == expected
    assert run(sweep, out, workers=1).damaged == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_file(described, tmp_path, workers):
    _, sweep, expected = described(SMALL)
    outcome = run(sweep, tmp_path / "many", workers=workers)
    assert (outcome.ran, outcome.failed) == (12, {})
    assert (tmp_path / "many" / "results.nc").read_bytes() == expected


def test_what_is_done_is_not_done_again_and_watchers_are_told(described, tmp_path):
    _, sweep, expected = described(SMALL)
    out = tmp_path / "undisturbed"
    kept = one_by_one(sweep, out)[4:]
    rewritten(out, kept)
    seen = []
    assert run(sweep, out, workers=1, watch=lambda *pair: seen.append(pair)).ran == 4
    assert seen == [(8, 12), *((n, 12) for n in range(9, 13))]
    assert (out / "cells.jsonl").read_bytes().startswith(b"".join(kept))
    assert answered(out) == 12
    assert (out / "results.nc").read_bytes() == expected


def test_damaged_lines_are_computed_again(described, tmp_path, command):
    path, sweep, expected = described(SMALL)
    out = tmp_path / "undisturbed"
    flipped, cut, _, *whole, torn = one_by_one(sweep, out)
    middle = len(flipped) // 2
    flipped = flipped[:middle] + bytes([flipped[middle] ^ 1]) + flipped[middle + 1 :]
    rewritten(out, [whole[0], flipped, cut[:100] + b"\n", b"\n", *whole[1:], torn[:-1]])
    status, out_text, said = command("sweep", path, "--out", out, "--workers", 1)
    assert status == 0
    assert said.count("was damaged: computed again") == 3  # what a kill leaves of a last line is no damage
    assert f"line 2 of {out / 'cells.jsonl'} was damaged" in said
    assert "4 of them new" in out_text
    assert (out / "results.nc").read_bytes() == expected
    assert None not in contents(out)
    assert command("sweep", path, "--out", out, "--workers", 1)[2] == ""


def test_left_overs_of_a_kill_are_swept_away(described, tmp_path):
    _, sweep, _ = described(SMALL)
    left = tmp_path / "undisturbed" / ".cells.jsonl.0123456789abcdef.jsonl"
    left.write_bytes(b"half a file")
    run(sweep, tmp_path / "undisturbed", workers=1)
    assert not left.exists()


KILL = """
import os, signal, sys
import ufm.sweep.kinds.flow as flow
own = flow.Flow.run
def run(self, cells, record, folder):
    for cell in cells:
        if cell["seed"] == 5 and cell["problem"]["theta"] == 0.4 {condition}:
            open({log!r}, "a").write("x")
            os.kill(os.getpid(), signal.SIGKILL)
    return own(self, cells, record, folder)
flow.Flow.run = run
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_once_costs_nothing(described, tmp_path):
    path, _, expected = described(TIMES)
    log = tmp_path / "deaths"
    hook = KILL.format(log=str(log), condition=f"and not os.path.exists({str(log)!r})")
    process = child(path, tmp_path / "out", "--workers", "2", hook=hook)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "80 of 80 cells have an answer" in said
    assert log.read_text() == "x"
    assert (tmp_path / "out" / "results.nc").read_bytes() == expected


@pytest.mark.slow
def test_a_cell_that_always_kills_its_worker_is_set_aside_and_named(described, tmp_path):
    path, sweep, expected = described(TIMES)
    log, out = tmp_path / "deaths", tmp_path / "out"
    process = child(path, out, "--workers", "2", "--json", hook=KILL.format(log=str(log), condition=""))
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    (name,) = json.loads(said)["failed"]
    assert name == "theta=0.4, seed=5"
    assert "no answer for theta=0.4, seed=5: its worker died each of 3 times" in errors
    assert len(log.read_text()) == 4  # once in company, three times alone
    data = store.load(out / "results.nc").to_dataset()
    assert list(json.loads(data.attrs["missing"])) == [name]
    assert int(np.isnan(data.collapse_time).sum()) == 2
    assert bool(np.isnan(data.collapse_time.sel(theta=0.4, seed=5)).all())
    run(sweep, out, workers=1)  # and once the reason is gone
    assert (out / "results.nc").read_bytes() == expected


def test_a_cell_that_raises_takes_nobody_along(described, tmp_path, monkeypatch):
    _, sweep, expected = described(SMALL)
    from ufm.sweep.kinds.flow import Flow

    own = Flow.run

    def sour(self, cells, record, folder):
        if any(cell["flow"]["scale"] == 0.5 and cell["seed"] == 1 for cell in cells):
            raise MemoryError("too large\nby far")
        return own(self, cells, record, folder)

    monkeypatch.setattr(Flow, "run", sour)
    outcome = run(sweep, tmp_path / "out", workers=1)
    assert outcome.failed == {
        f"theta={theta}, scale=0.5, seed=1": "MemoryError: too large by far" for theta in (0.2, 0.4)
    }
    assert outcome.ran == 10
    monkeypatch.undo()
    assert run(sweep, tmp_path / "out", workers=1).ran == 2
    assert (tmp_path / "out" / "results.nc").read_bytes() == expected


@pytest.mark.slow
def test_a_full_disk_stops_it_with_status_2_and_keeps_what_is_done(described, tmp_path):
    path, sweep, expected = described(SMALL)
    assert (tmp_path / "undisturbed" / "cells.jsonl").stat().st_size < ROOM < len(expected)
    out = tmp_path / "out"
    full = child(path, out, "--workers", "1", limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM)))
    _, errors = full.communicate(timeout=60)
    assert full.returncode == 2, errors
    assert "File too large" in errors
    assert errors.count("\n") == 1
    assert answered(out) == 12
    assert not (out / "results.nc").exists()
    assert run(sweep, out, workers=1).ran == 0
    assert (out / "results.nc").read_bytes() == expected


def test_a_folder_has_room_for_one_process(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    with Folder(tmp_path / "undisturbed").alone():
        refused("another process is sweeping in", "sweep", path, "--out", tmp_path / "undisturbed")


def wait_for_cells(out, count, process):
    """Until so many are on disk. Fails if the process ends before that."""
    while answered(out) < count:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
            pytest.fail(f"ended too early: {process.communicate()}")


LONG = TIMES.replace("seeds = 40", "seeds = 200").replace("[40, 4]", "[400, 40]")


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "workers"), [(signal.SIGINT, "1"), (signal.SIGTERM, "2")])
def test_ctrl_c_keeps_what_is_done_and_says_so(tmp_path, sign, workers):
    path, out = tmp_path / "long.toml", tmp_path / "out"
    path.write_text(LONG.replace("seeds = 200", "seeds = 4000"))  # not done before the signal, however busy the machine
    process = child(path, out, "--workers", workers)
    wait_for_cells(out, 40, process)
    os.kill(process.pid, sign)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in errors.splitlines()[-1]
    data = store.load(out / "results.nc").to_dataset()
    done = answered(out)
    missing = json.loads(data.attrs["missing"])
    assert 40 <= done < 8000
    assert len(missing) == 8000 - done
    assert set(missing.values()) == {"not run"}


def forked(sweep, out):
    """The same sweep in a fork of this process, without workers: starting ten interpreters would take a minute."""
    child = os.fork()
    if child == 0:
        run(sweep, out, workers=1)
        os._exit(0)
    return child


@pytest.mark.slow
def test_killed_ten_times_at_random_it_ends_like_one_left_alone(tmp_path):
    """The first time it is the whole command with its workers."""
    path, out, sweep = tmp_path / "long.toml", tmp_path / "out", Sweep.from_toml(LONG)
    path.write_text(LONG)
    dice = random.Random(7)
    done, kills = 0, 0
    while kills < 10:
        wanted = min(done + 1 + dice.randrange(30), 390)
        if kills == 0:
            process = child(path, out, "--workers", "2")
            wait_for_cells(out, wanted, process)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        else:
            pid = forked(sweep, out)
            while answered(out) < wanted:
                assert os.waitpid(pid, os.WNOHANG) == (0, 0), "ended too early"
                time.sleep(0.002)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        kills += 1
        done = answered(out)
    assert done < 400
    assert run(sweep, out, workers=1).ran == 400 - done
    alone = tmp_path / "alone"
    run(sweep, alone, workers=1)
    assert (out / "results.nc").read_bytes() == (alone / "results.nc").read_bytes()
    assert answered(out) == answered(alone) == 400  # none twice


def test_wrong_input_touches_nothing(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("0.4", "0.5"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for arguments, message in (
        ([other, "--out", tmp_path / "undisturbed"], "belongs to another sweep: axes differ"),
        ([path, "--out", foreign], "holds other files and no sweep"),
        ([path, "--out", foreign / "letter.txt"], "exists and is not a folder"),
        ([path, "--out", tmp_path / "new", "--max-cells", "11"], "has 12 cells, more than --max-cells=11"),
        ([path, "--out", tmp_path / "new", "--workers", "0"], "must be at least 1"),
        ([path, "--out", tmp_path / "undisturbed", "--no-resume"], "has cells already"),
        (["nowhere.toml"], "nowhere.toml"),
        ([path, "--quantity", "value"], "go with --show"),
        ([path, "--show", tmp_path / "undisturbed"], "one thing at a time"),
        (["--show", foreign], "is not the folder of a sweep"),
        (["--show", tmp_path / "undisturbed", "--select", "scale"], "is not NAME=VALUE"),
        (["--show", tmp_path / "undisturbed", "--quantity", "rate"], "is not recorded"),
        (["--fields", "flows"], "did you mean 'flow'"),
        (["--dry-run"], "go with FILE"),
        ([path, "--picture", "x.gif"], "must be a file that ends in .png, .pdf or .svg"),
        (["--show", tmp_path / "undisturbed", "--select", "f=2", "f=3"], "names an axis more than once"),
        (["--show", tmp_path / "undisturbed", "--select", "theta=99"], "there are 0.2 to 0.4"),
        (["--show", tmp_path / "undisturbed", "--select", "theta=abc"], "is not a number"),
        (["--show", tmp_path / "undisturbed", "--select", "class=abc"], "is not a number of a class"),
        (["--show", tmp_path / "undisturbed", "--quantity", "value", "--x", "seed"], "has no axis 'seed'"),
    ):
        refused(message, "sweep", *arguments)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_damaged_description_is_named(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    (tmp_path / "undisturbed" / "sweep.json").write_text('{"kind": "flow"}')
    refused("sweep.json is damaged", "sweep", path, "--out", tmp_path / "undisturbed")


def test_a_dry_run_counts_estimates_and_writes_nothing(described, tmp_path, command):
    path, sweep, _ = described(SMALL)
    status, out, _ = command("sweep", path, "--out", tmp_path / "new", "--dry-run")
    assert status == 0
    assert "12 cells (2 x 3 x 2: theta, scale, seed), 0 done; about" in out
    assert not (tmp_path / "new").exists()
    _, out, _ = command("sweep", path, "--out", tmp_path / "undisturbed", "--dry-run", "--json")
    assert json.loads(out) == {"cells": 12, "done": 12, "seconds": None, "bytes": None}
    (tmp_path / "undisturbed" / "results.nc").unlink()
    rewritten(tmp_path / "undisturbed", one_by_one(sweep, tmp_path / "undisturbed")[1:])
    _, out, _ = command("sweep", path, "--out", tmp_path / "undisturbed", "--dry-run", "--json")
    said = json.loads(out)
    assert said["done"] == 11
    assert 0 < said["seconds"] < 60
    assert said["bytes"] > 1e7


def test_lists_teach(command):
    _, out, _ = command("sweep")
    assert out.splitlines()[0].startswith("collapse-time")
    _, out, _ = command("sweep", "--json")
    assert set(json.loads(out)["sweeps"]) >= {"collapse-time", "gcr-gain", "null-space", "phase"}
    _, out, _ = command("sweep", "--fields", "training")
    assert "weight_decay" in out
    assert "accuracy_gcr" in out
