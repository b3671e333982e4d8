"""The script for a GPU, as far as a CPU can see: everything runs, and an interrupted training ends in the same bits."""

import os
import pathlib
import re
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
    stopped = re.search(r"stopped in epoch 1 of 1, step (\d+) of (\d+)", done.stderr)
    assert int(stopped[1]) < int(stopped[2])  # steps were left for the one that went on
    assert {line.split()[0] for line in trainings} == {"cnn-cal/seed0", "parts", "torchrun", "whole"}


TRAINING = """#!/usr/bin/env bash
# Stands for python: a training is over at once, with the files that one has then.
case "$*" in *scripts.gpu*) echo "interrupted and resumed: the same bits"; exit 0 ;; esac
while [ "$1" != --out ] && [ "$1" != --resume ]; do shift; done
mkdir -p "$2/checkpoints"
touch "$2/config.json" "$2/checkpoints/checkpoint-00000000.safetensors"
case "$2:$LEAVES" in
    */parts:nothing) rm -r "$2/checkpoints" ;;
    */parts:early) [ "$1" = --out ] || touch "$2/checkpoints/checkpoint-00000020.safetensors" "$2/report.json" ;;
    */parts:late) touch "$2/checkpoints/checkpoint-00000020.safetensors" ;;
    *) touch "$2/checkpoints/checkpoint-00000020.safetensors" "$2/report.json" ;;
esac
"""


@pytest.mark.parametrize("leaves", ["early", "late", "report", "nothing"])
def test_an_interrupt_that_leaves_nothing_to_resume_is_a_failure(leaves, tmp_path):
    python = tmp_path / "python"
    python.write_text(TRAINING)
    python.chmod(0o755)
    done = gpu("run", "--smoke", PYTHON=str(python), LEAVES=leaves)
    if leaves == "early":
        assert (done.returncode, done.stdout) == (0, "interrupted and resumed: the same bits\n")
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing to resume" in done.stderr


def test_without_a_verb_it_says_what_it_is_for():
    done = gpu()
    assert done.returncode == 2
    assert "scripts/gpu.sh pack DATA" in done.stdout
