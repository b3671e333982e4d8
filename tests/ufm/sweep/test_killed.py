"""Sweeps whose processes are killed, interrupted, or find the disk full."""

import json
import os
import random
import resource
import signal
import time

import numpy as np
import pytest

from tests.ufm.sweep.running import LONG, SMALL, TIMES, answered, child, wait_for_cells
from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run

pytestmark = pytest.mark.slow

ROOM = 20_000
"""Bytes that hold the answers of SMALL, but not its results."""

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
