"""The house: which room may use which, and the rules that walking the source can check."""

import ast
import functools
import importlib
import pathlib
import re
import subprocess
import sys

import pytest

import ufm

ROOT = pathlib.Path(__file__).parents[1]

DEFINITIONS = {"theory.multicenter.geometry", "theory.multicenter.centers", "theory.multicenter.clock"}
"""What of theory defines rather than predicts: simulation may use it. (The clock is a reduction; `certify` holds it
against simulations that do without.)"""

INEQUALITIES = {"theory.decision.cantelli"}
"""What of theory is true of any features, whoever made them: measurement may use it."""

THEORY = {"theory.multicenter", "theory.decision", "theory.derivations", "theory.zoo"}
BASE = {"ufm.problems", "ufm.files"}
ROOMS = {
    "theory.multicenter": set(),
    "theory.decision": {"theory.multicenter"},
    "theory.zoo": {"theory.multicenter"},
    "theory.derivations": {"theory.multicenter", "theory.decision", "theory.zoo"},
    "ufm.files": set(),
    "ufm.problems": {"ufm.files"},
    "ufm.simulate": BASE,
    "ufm.minimize": BASE,
    "ufm.measure": BASE,
    "ufm.train": BASE | {"ufm.measure"},
    "ufm.certify": BASE | THEORY | {"ufm.simulate", "ufm.minimize", "ufm.measure", "ufm.train"},
    "ufm.tables": BASE | {"ufm.certify", "ufm.train"},
    "ufm.sweep": BASE | {"ufm.simulate", "ufm.minimize", "ufm.measure", "ufm.certify", "ufm.train", "ufm.tables"},
}
ROOMS["figures"] = THEORY | {"ufm", *(room for room in ROOMS if room.startswith("ufm."))}
ROOMS["ufm.pages"] = ROOMS["figures"] | {"figures"}
ROOMS["ufm.commands"] = ROOMS["figures"] | {"figures", "ufm.pages"}
ROOMS["ufm"] = ROOMS["figures"] | {"ufm.commands"}
"""Which rooms each room may use, besides itself and the definitions of theory."""


WHEN_ASKED = {("ufm/files/face.py", "figures.faces")}
"""Arrows up that a method follows when it is called: `plot()` of results stands where notebooks look for it, and draws
what commands draw."""


def room(module):
    """The room that a dotted name is in: the first two parts of theory and ufm."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in ("theory", "ufm") else parts[0]


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


def imports(path):
    """Dotted names that a module imports, with names imported from packages spelled out."""
    return imports_in(tree(path))


def imports_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = (ROOT / node.module.replace(".", "/")).is_dir()
            yield from (f"{node.module}.{alias.name}" if package else node.module for alias in node.names)


def modules(*packages):
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name(path):
    return path.relative_to(ROOT).as_posix()


def dotted(path):
    return name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


OURS = modules("theory", "ufm", "figures")


def may_use(path, used):
    """Whether a module may import a dotted name."""
    if (
        (name(path), used) in WHEN_ASKED
        or used in DEFINITIONS
        or used.split(".")[0] not in ("theory", "ufm", "figures")
    ):
        return True
    own = room(dotted(path)) if dotted(path) != "ufm.__main__" else "ufm"
    there = room(used)
    if not any((ROOT / f"{there.replace('.', '/')}{ending}").exists() for ending in ("", ".py")):
        there = used.split(".")[0]
    return there == own or there in ROOMS[own] or (own == "ufm.measure" and used in INEQUALITIES)


def test_no_arrow_runs_the_wrong_way():
    ours = [path for path in OURS if dotted(path) != "theory"]  # which is a docstring
    assert not [f"{name(path)} uses {used}" for path in ours for used in imports(path) if not may_use(path, used)]


def test_nothing_lies_flat_and_every_room_says_what_it_is():
    assert {path.name for path in (ROOT / "ufm").glob("*.py")} == {"__init__.py", "__main__.py"}
    for each in ROOMS:
        source = ROOT / each.replace(".", "/")
        text = (source / "__init__.py" if source.is_dir() else source.with_suffix(".py")).read_text()
        assert ast.get_docstring(ast.parse(text)), each


AT_HOME = {"torch": {"ufm.train"}, "sympy": {"theory.derivations", "ufm.certify"}}
"""Rooms that load a large library when they are loaded; others do when they need it."""


def test_torch_and_sympy_stay_in_their_rooms():
    for path in OURS:
        at_import = ast.Module([node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        top = {used.split(".")[0] for used in imports_in(at_import)}
        assert all(room(dotted(path)) in AT_HOME[large] for large in top & AT_HOME.keys()), name(path)


def loaded(code):
    """Names of all modules that are there after running a line of code in a fresh process."""
    quiet = f"import contextlib, io, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    {code}\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{quiet}print(*sys.modules)"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(done.stdout.split())


SLOW = {"torch", "sympy", "matplotlib", "xarray", "pandas", "numpy", "scipy"}


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("import ufm", set()),
        ("import ufm; ufm.Problem", {"numpy"}),
        ("from ufm.commands.main import main\n    try: main(['--help'])\n    except SystemExit: pass", set()),
        ("from ufm.commands.main import main\n    main(['no-such-command'])", set()),
    ],
    ids=["import", "problem", "help", "no such command"],
)
def test_what_is_loaded_is_what_is_used(code, needed):
    assert SLOW & loaded(code) == needed


def test_the_public_names_are_those_that_type_checkers_see():
    source = (ROOT / "ufm/__init__.py").read_text()
    seen = source.partition("if TYPE_CHECKING:")[2].partition("\n\n")[0]
    said = [name for names in re.findall(r"import (.*)", seen) for name in names.split(", ")]
    assert sorted(said) == ufm.__all__
    assert {"Problem", "certify", "gradient_flow", "measure", "minimize"} < set(said) <= set(dir(ufm))
    for each, home in ufm._HOME.items():
        assert getattr(ufm, each) is getattr(importlib.import_module(home), each)


@pytest.mark.parametrize("verb", ["certify", "measure", "minimize"])
def test_a_verb_stays_a_verb_when_its_room_is_loaded(verb):
    assert callable(getattr(ufm, verb))
    code = f"import ufm.{verb}, ufm; assert callable(ufm.{verb}) and not hasattr(ufm, 'no_such_name')"
    assert f"ufm.{verb}" in loaded(code)


@pytest.mark.parametrize("room", ufm.ROOMS)
def test_a_room_that_is_no_verb_is_there_by_its_name(room):
    code = f"import ufm; assert ufm.{room}.__name__ == 'ufm.{room}'"
    assert f"ufm.{room}" in loaded(code)


@pytest.mark.parametrize(
    ("home", "registry"),
    [("ufm.minimize.solve", "solution_of"), ("ufm.minimize.certificate", "bound_of"), ("ufm.simulate.flow", "flow_of")],
)
def test_a_room_is_loaded_as_a_whole(home, registry):
    """Kinds register what they can do: it must not depend on what else was imported."""
    names = f"('kind:' + kind.__name__ for kind in m.{registry}.registry)"
    above, _, own = home.rpartition(".")
    code = f"from {above} import {own} as m; sys.modules.update(dict.fromkeys({names}))"
    alone = {each for each in loaded(code) if each.startswith("kind:")}
    for each in ufm.__all__:
        getattr(ufm, each)
    everything = getattr(importlib.import_module(home), registry).registry
    assert alone == {f"kind:{kind.__name__}" for kind in everything if kind.__module__.startswith(("ufm", "builtins"))}


BANNED = re.compile(
    r"weights_only=False|allow_pickle=True|yaml\.load\(|pickle\.load|(?<![\w.])eval\(|(?<![\w.])exec\(|shell=True"
)


def test_nothing_read_from_disk_can_run():
    assert not [name(path) for path in OURS if BANNED.search(path.read_text())]


def test_nothing_that_python_may_leave_out_is_relied_on():
    """`python -O` skips assertions: what must hold is raised, or typed."""
    walked = ((path, node) for path in OURS for node in ast.walk(tree(path)))
    assert not [f"{name(path)}:{node.lineno}" for path, node in walked if isinstance(node, ast.Assert)]
