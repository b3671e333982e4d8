"""Disks, streams and memory that fail a command: found before the work where that is possible, and said in one line."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

import ufm
from ufm.certify import job
from ufm.commands.main import main

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(pathlib.Path(ufm.__file__).parents[1])}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


WRITERS = {
    "simulate --preset toy --out": "trajectory.nc",
    "verify --preset toy --out": "report.json",
    "phase --class-sizes 5,3 --centers 1 --points 2 --out": "phase.nc",
    "sweep phase --out": "results.nc",
    "figures sphere --quick --out": "sphere.png",
    "train --smoke --out": "config.json",
    "geometry --class-sizes 5,3 --picture": "p.png",
    "design --class-sizes 5,3 --picture": "p.png",
    "table fashion --picture": "p.png",
    "table fashion --save --results": "r.json",
    "table fashion --run --runs": "fashion/x",
    "data cifar10 --sizes": "s.csv",
    "data cifar10 --export": "own",
}
FILES = ("--picture", "--results", "--sizes")
"""Flags of files, not of folders."""


def target(words, folder):
    return os.path.join(folder, WRITERS[words]) if words.endswith(FILES) else folder


@pytest.fixture
def _no_work(monkeypatch):
    """Fails where something is computed."""

    def never(*_, **__):
        raise AssertionError("begun")

    monkeypatch.setattr(ufm, "gradient_flow", never)
    monkeypatch.setattr(job, "run", never)
    for name in ("phase.phase_diagram", "sweep.run", "geometry.minimize", "design.evaluate", "table.run_all"):
        monkeypatch.setattr(f"ufm.commands.{name}", never)
    for name in ("figures.gallery.data_of", "ufm.train.run.Run.begin", "ufm.commands.data.require_packages"):
        monkeypatch.setattr(name, never)


@pytest.mark.parametrize("words", WRITERS)
@pytest.mark.usefixtures("_no_work")
def test_where_results_go_is_tried_before_the_work(refused, words, monkeypatch, tmp_path):
    pathlib.Path("taken").touch()
    for folder, said in (("taken", "is not a folder"), ("taken/below", "is not a folder"), ("/proc/here", "cannot be")):
        refused(said, *words.split(), target(words, folder))
    monkeypatch.setattr("tempfile.TemporaryFile", raising(OSError(errno.EROFS, "Read-only file system")))
    refused("Read-only file system", *words.split(), target(words, "here"))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


WRITES_FILES = [
    words for words in WRITERS if not words.startswith("sweep") and not words.endswith(("--runs", "--export"))
]


@pytest.mark.parametrize("words", WRITES_FILES)
@pytest.mark.usefixtures("_no_work")
def test_a_folder_in_the_place_of_a_file_is_found_before_the_work(refused, words):
    os.makedirs(f"here/{WRITERS[words]}")
    refused(WRITERS[words], *words.split(), target(words, "here"))


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.slow
@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("words", "status"), [("simulate --preset toy --lam -1", 2), ("nosuch", 2), ("presets", 0)])
def test_a_stderr_that_takes_nothing(stderr, words, status):
    command = f"exec {sys.executable} -m ufm {words} {stderr}"
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=False, env=ENVIRONMENT)
    assert done.returncode == status
    assert bool(done.stdout) == (status == 0)


@pytest.mark.slow
def test_a_stdout_that_takes_nothing():
    for words, stdout, said in (("presets", ">/dev/full", "stdout: "), ("nosuch", ">&-", "no command")):
        command = f"exec {sys.executable} -m ufm {words} {stdout}"
        done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False, env=ENVIRONMENT)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_full_disk_names_the_file(refused, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("pathlib.Path.write_bytes", raising(full))
    refused("here/trajectory.nc", "simulate", "--preset", "toy", "--out", "here")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", raising(full))
    refused("'p.png'", "geometry", "--class-sizes", "5,3", "--picture", "p.png")


@pytest.mark.parametrize(
    "error", [MemoryError("std::bad_alloc"), MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_that_runs_out_says_what_to_reduce(refused, monkeypatch, error):
    monkeypatch.setattr("ufm.gradient_flow", raising(error))
    for said in ("memory ran out", "--class-sizes", str(error)):
        refused(said, "simulate", "--preset", "toy")


def test_other_errors_of_the_runtime_are_not_hidden(monkeypatch):
    monkeypatch.setattr("ufm.gradient_flow", raising(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        main(["simulate", "--preset", "toy"])


def test_a_folder_in_the_place_of_a_figures_data(capsys, monkeypatch, tmp_path):
    assert main(["figures", "centers", "--quick", "--out", "f"]) == 0
    (data,) = (tmp_path / "f" / "data").iterdir()
    data.unlink()
    data.mkdir()
    capsys.readouterr()
    assert main(["figures", "centers", "--quick", "--out", "f"]) == 1
    said = capsys.readouterr().err
    assert f"{data.name} is not a file" in said
    assert len(said.splitlines()) == 1
