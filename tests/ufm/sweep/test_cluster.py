"""The same sweeps through dask, with schedulers and workers that are real processes."""

import os
import signal
import subprocess
import sys

import pytest

from tests.ufm.sweep.running import LONG, ROOT, SMALL, answered, child, wait_for_cells
from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path):
    """A scheduler file, and the processes of a scheduler and two workers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    file, log = tmp_path / "scheduler.json", (tmp_path / "cluster.log").open("w")
    processes = []

    def start(module, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--scheduler-file", str(file)]
        options = {"env": environment, "stdout": log, "stderr": log, "start_new_session": True}
        processes.append(subprocess.Popen([*command, "--no-dashboard"], **options))

    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    while not file.exists():
        with pytest.raises(subprocess.TimeoutExpired):
            processes[0].wait(timeout=0.1)
    for _ in range(2):
        start("dask_worker", "--nthreads", "1", "--death-timeout", "60")
    yield file, processes
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    log.close()


def test_a_cluster_gives_the_same_file_and_is_not_missed_when_it_dies(cluster, tmp_path):
    file, (scheduler, *workers) = cluster
    sweep = Sweep.from_toml(SMALL)
    run(sweep, tmp_path / "here", workers=1)
    assert run(sweep, tmp_path / "there", scheduler=str(file)).ran == 12
    assert (tmp_path / "there" / "results.nc").read_bytes() == (tmp_path / "here" / "results.nc").read_bytes()

    path, out = tmp_path / "long.toml", tmp_path / "long"
    longer = LONG.replace("seeds = 200", "seeds = 400")  # not done before the scheduler dies
    path.write_text(longer)
    process = child(path, out, "--scheduler", str(file))
    wait_for_cells(out, 20, process)
    os.killpg(workers[0].pid, signal.SIGKILL)  # the other one takes over
    wait_for_cells(out, 200, process)
    os.killpg(scheduler.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert "is not there, or went away" in errors.splitlines()[-1]
    done = answered(out)
    assert 200 <= done < 800
    assert run(Sweep.from_toml(longer), out, workers=1).ran == 800 - done
    run(Sweep.from_toml(longer), tmp_path / "alone", workers=1)
    assert (out / "results.nc").read_bytes() == (tmp_path / "alone" / "results.nc").read_bytes()


def test_a_scheduler_that_is_not_there(tmp_path, refused, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda timeout, **place: client(timeout=timeout / 10, **place))
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)
    for place in ("tcp://127.0.0.1:9", str(tmp_path / "no.json")):
        refused(place, "sweep", path, "--out", tmp_path / "out", "--scheduler", place)
    assert store.load(tmp_path / "out" / "results.nc").to_dataset().collapse_time.isnull().all()
