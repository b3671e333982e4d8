"""The house rules that can be checked by walking the source."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DEFINITIONS = {"theory.geometry", "theory.centers", "theory.clock", "theory.text"}
MAY_PREDICT = ("ufm/certify/", "ufm/cli.py")


def imports(path):
    """Dotted names that a module imports, with names imported from packages spelled out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in ("theory", "ufm", "figures"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules("ufm"), ids=name)
def test_simulation_never_sees_predictions(path):
    seen = {i for i in imports(path) if i.split(".")[0] == "theory"}
    if not name(path).startswith(MAY_PREDICT):
        assert seen <= DEFINITIONS
    if not name(path).startswith("ufm/train/"):
        top = {i.split(".")[0] for node in ast.parse(path.read_text()).body for i in imports_of(node)}
        assert not top & {"torch", "sympy"}


def imports_of(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


@pytest.mark.parametrize("path", modules("theory"), ids=name)
def test_theory_stands_alone(path):
    assert not {i.split(".")[0] for i in imports(path)} & {"ufm", "figures", "torch"}


def test_import_ufm_loads_neither_torch_nor_sympy_nor_plotting():
    code = "import sys, ufm; print(sorted({'torch', 'sympy', 'matplotlib', 'xarray', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


BANNED = re.compile(
    r"weights_only=False|allow_pickle=True|yaml\.load\(|pickle\.load|(?<![\w.])eval\(|(?<![\w.])exec\(|shell=True"
)


@pytest.mark.parametrize("path", [*modules("ufm"), *modules("theory"), *modules("figures")], ids=name)
def test_nothing_read_from_disk_can_run(path):
    assert not BANNED.search(path.read_text())
