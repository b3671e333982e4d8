"""Notebooks say what their scripts say, were executed without a fault, and run."""

import base64
import os
import re
import socket
import subprocess
import sys

import jupytext
import nbformat
import pytest

from notebooks.__main__ import HERE, scripts

each_script = pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)

SECONDS = 120
"""What a reader waits for at most."""

FOREIGN_PATH = re.compile(r"(?<![\w./~])(/(home|root|tmp|usr|opt|work|Users|var|mnt)/|[A-Z]:\\)")


def executed(script):
    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def outputs(script):
    return [output for cell in executed(script).cells for output in cell.get("outputs", ())]


def texts(script):
    """Everything in the outputs that people read."""
    for output in outputs(script):
        yield output.get("text", "")
        yield output.get("data", {}).get("text/plain", "")


def cells(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_every_notebook_has_a_script():
    names = [script.stem for script in scripts()]
    assert names
    assert names == sorted(path.stem for path in HERE.glob("*.ipynb"))


@each_script
def test_the_notebook_is_that_of_the_script(script):
    assert cells(executed(script)) == cells(jupytext.read(script, fmt="py:percent"))


@each_script
def test_it_was_executed_from_top_to_bottom_without_a_fault(script):
    code = [cell for cell in executed(script).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {output.output_type for output in outputs(script) if "text/html" not in output.get("data", {})}
    assert kinds == {"stream", "display_data"}, "no errors, and values are printed or have a face"
    assert {output.name for output in outputs(script) if output.output_type == "stream"} == {"stdout"}


@each_script
def test_it_is_small(script):
    pictures = [base64.b64decode(o.data["image/png"]) for o in outputs(script) if o.output_type == "display_data"]
    assert pictures
    assert max(map(len, pictures)) < 60_000
    assert script.with_suffix(".ipynb").stat().st_size < 400_000


@each_script
def test_it_names_no_machine(script):
    shown = "\n".join(texts(script))
    assert not FOREIGN_PATH.search(shown)
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", shown)
    assert not re.search(r"0x[0-9a-f]{8,}", shown), "the address of an object differs from run to run"


@pytest.mark.parametrize("text", ["/tmp/x", "in /home/me/a", "C:\\Users"])
def test_paths_of_machines_are_recognised(text):
    assert FOREIGN_PATH.search(text)
    assert not FOREIGN_PATH.search("h/|h| and theory/claims, runs/train/*")


@each_script
def test_it_begins_with_a_promise_asserts_and_says_where_to_go(script):
    first, *_, last = executed(script).cells
    assert re.match(r"# \S", first.source)
    assert "Where to go next" in last.source
    headings = re.findall(
        r"^# ", "\n".join(c.source for c in executed(script).cells if c.cell_type == "markdown"), re.M
    )
    assert len(headings) == 1
    assert "assert " in script.read_text()


WITHOUT_TORCH = """
import importlib.abc, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
runpy.run_path(sys.argv[1])
"""


def run(script, folder, *command):
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path}
    full = [sys.executable, *command, str(script)]
    return subprocess.run(full, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)


def needs_torch(script):
    return "This notebook needs PyTorch" in executed(script).cells[0].source


@pytest.mark.slow
@each_script
def test_it_runs(script, tmp_path):
    """As plain Python, in a process of its own: its assertions are the test. Without torch, unless it says so."""
    if needs_torch(script):
        pytest.importorskip("torch")
        done = run(script, tmp_path)
    else:
        done = run(script, tmp_path, "-c", WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir()), "a notebook leaves files behind"


@pytest.mark.slow
@pytest.mark.parametrize("script", list(filter(needs_torch, scripts())), ids=lambda path: path.stem)
def test_it_needs_torch_as_it_says(script, tmp_path):
    done = run(script, tmp_path, "-c", WITHOUT_TORCH)
    assert done.returncode != 0
    assert "torch" in done.stderr
