"""Small sweeps, and how to run one and to see how far it is."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from ufm.files.journal import lines

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

LONG = TIMES.replace("seeds = 40", "seeds = 200").replace("[40, 4]", "[400, 40]")


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


def answered(out):
    """How many cells of the folder of a sweep have an answer."""
    return sum(len(json.loads(content)["keys"]) for _, content in lines(out / "cells.jsonl") if content is not None)


def contents(out):
    """What stands in the lines of a folder, none of which is damaged."""
    return [content for _, content in lines(out / "cells.jsonl")]


def wait_for_cells(out, count, process):
    """Until so many are on disk. Fails if the process ends before that."""
    while answered(out) < count:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
            pytest.fail(f"ended too early: {process.communicate()}")
