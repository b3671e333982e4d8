import os
import pathlib
import subprocess
import sys
import time

import pytest

from ufm.files import process
from ufm.files.folder import ours

ROOT = pathlib.Path(__file__).parents[3]
SLEEPER = """
import sys, time
from ufm.files import process
process.end_with_parent()
print("here", flush=True)
time.sleep(60)
"""
STARTER = """
import subprocess, sys, os, time
from ufm.files.process import PARENT
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env={**os.environ, PARENT: str(os.getpid())})
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_a_child_ends_with_its_parent_however_that_ends():
    command = [sys.executable, "-c", STARTER, SLEEPER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "here\n"
        parent.kill()
    assert gone(child, 10.0)


@pytest.mark.slow
def test_packages_of_a_users_own_are_not_taken_for_ours(tmp_path):
    for name in ("theory", "figures", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not ours')")
    (tmp_path / "json.py").unlink()  # what the standard library has is python's business
    for command in (["presets"], ["figures", "--list"]):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "ufm", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')")
    with process.start(["presets"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as started:
        assert started.wait() == 0, started.stderr.read()


def test_a_package_of_another_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "figures", pytest)
    with pytest.raises(ImportError, match="ufm needs its own package 'figures'"):
        ours("figures")


def test_processors_are_those_one_may_use(monkeypatch):
    all_ = process.processors()
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert process.processors() == 1
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert process.processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert process.processors() == all_ <= len(allowed)
