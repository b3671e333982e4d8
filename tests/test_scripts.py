"""The script for a GPU, as far as a CPU can see: everything runs, and an interrupted training ends in the same bits."""

import os
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "scripts" / "gpu.sh"


def gpu(*arguments, **environment):
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_all_of_it_runs_on_a_cpu_with_synthetic_images():
    pytest.importorskip("torchvision")
    done = gpu("run", "--smoke", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr[-2000:]
    *trainings, last = done.stdout.splitlines()[-5:]
    assert last == "interrupted and resumed: the same bits"
    assert {line.split()[0] for line in trainings} == {"cnn-cal/seed0", "parts", "torchrun", "whole"}


def test_without_a_verb_it_says_what_it_is_for():
    done = gpu()
    assert done.returncode == 2
    assert "scripts/gpu.sh pack DATA" in done.stdout
