"""The documentation: what it shows runs, what it names exists, and the site builds without a warning."""

import ast
import html
import importlib
import importlib.util
import pathlib
import re
import shlex
import subprocess
import sys
import urllib.parse

import pytest

from ufm.certify.ledger import ledger
from ufm.commands.main import parse
from ufm.sweep import Sweep
from ufm.sweep.picture import Picture

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = ("_build", "_ext", "generated", "gallery", "tutorials")
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in MADE]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(path):
    return path.relative_to(DOCS).as_posix()


def blocks(path, language):
    return [code for lang, info, code in FENCE.findall(path.read_text()) if lang == language and "no-test" not in info]


def pages_with(language):
    return pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, language)], ids=name)


@pages_with("python")
def test_python_of_a_page_runs_from_top_to_bottom(page, monkeypatch):
    if "torch" in page.read_text():
        pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[train]'")
    if page.stem == "own-network":
        from ufm.train import networks

        monkeypatch.setattr(networks, "NETWORKS", dict(networks.NETWORKS))  # the page adds one
    namespace = {"__name__": "page"}
    for number, code in enumerate(blocks(page, "python")):
        exec(compile(code, f"{name(page)}, block {number}", "exec"), namespace)


@pages_with("toml")
def test_descriptions_of_sweeps_are_valid(page):
    for text in blocks(page, "toml"):
        sweep = Sweep.from_toml(text)
        assert len(sweep.cells) == sweep.n_cells > 1
        Picture.of(sweep.picture).complete(sweep)


@pages_with("sh")
def test_commands_are_commands(page):
    for line in "".join(blocks(page, "sh")).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["ufm"]:
            parse(words[1:])
        elif words[:1] == ["make"]:
            assert f"\n{words[1]}: " in (ROOT / "Makefile").read_text()
        else:
            assert words[0] in ("dask", "torchrun")


def theory_page(role):
    return sorted(set(re.findall(rf"\{{{role}\}}`([^`]+)`", (DOCS / "theory.md").read_text())))


@pytest.mark.parametrize("target", theory_page("py:[a-z]+"))
def test_code_that_the_theory_page_names_exists(target):
    module, _, attribute = target.rpartition(".")
    try:
        found = importlib.import_module(target)
    except ModuleNotFoundError:
        found = getattr(importlib.import_module(module), attribute)
    assert found.__doc__


FORMULAS = [*sorted((ROOT / "theory" / "multicenter").glob("[a-z]*.py")), ROOT / "theory" / "decision.py"]


@pytest.mark.parametrize("path", FORMULAS, ids=lambda path: path.stem)
def test_no_formula_is_left_out(path):
    module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    body = ast.parse(path.read_text()).body
    functions = [f"{module}.{node.name}" for node in body if isinstance(node, ast.FunctionDef)]
    public = {function for function in functions if "._" not in function}
    assert public
    helpers = {"theory.multicenter.geometry.squares", "theory.multicenter.geometry.squared_cosine"}
    assert public - helpers <= {*theory_page("py:[a-z]+")}


@pytest.mark.parametrize("target", theory_page("test"))
def test_tests_that_the_theory_page_names_exist(target):
    path, _, function = target.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_claims_that_the_theory_page_names_exist_and_none_is_left_out():
    assert {*theory_page("claim")} == {*ledger()}


def extension(module):
    spec = importlib.util.spec_from_file_location(f"_ext.{module}", DOCS / "_ext" / f"{module}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def ext(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return extension


def test_gallery_is_what_lies_in_the_folder(ext, tmp_path):
    gallery = ext("gallery")
    assert "no pictures" in gallery.page(tmp_path)
    for picture in ("sweep-phase", "zeta", "alpha"):
        (tmp_path / f"{picture}.png").touch()
    (tmp_path / "zeta.gif").touch()
    (tmp_path / "alpha.md").write_text("# First of all\n\nA caption with $x^2$.\n")
    page = gallery.page(tmp_path)
    places = [page.index(text) for text in ("## First of all", "A caption", "## `zeta`", "## Sweeps", "### `phase`")]
    assert places == sorted(places)
    assert all(f"(/gallery/{picture}.png)" in page for picture in ("sweep-phase", "zeta", "alpha"))
    assert page.count(".gif") == 1


def test_notebooks_are_copied_and_those_that_are_gone_removed(ext, tmp_path):
    notebooks = ext("notebooks")
    origin, target = tmp_path / "notebooks", tmp_path / "tutorials"
    assert notebooks.copy(origin, target / "none") == []
    assert "toctree" not in (target / "none" / "index.md").read_text()
    origin.mkdir()
    (origin / "01-a.ipynb").write_text("{}")
    (origin / "02-b.ipynb").write_text("{}")
    assert [path.name for path in notebooks.copy(origin, target / "some")] == ["01-a.ipynb", "02-b.ipynb"]
    (origin / "01-a.ipynb").unlink()
    assert [path.name for path in notebooks.copy(origin, target / "some")] == ["02-b.ipynb"]
    assert {path.name for path in (target / "some").iterdir()} == {"02-b.ipynb", "index.md"}
    assert "\n02-b\n" in (target / "some" / "index.md").read_text()


def test_every_command_says_what_it_does(ext):
    commands = ext("commands")
    assert {"simulate", "sweep", "train"} <= set(commands.names())
    page = commands.page()
    assert all(f"usage: ufm {command} " in page for command in commands.names())
    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) <= 120


def test_docstrings_become_fields(ext):
    pytest.importorskip("sphinx", reason="sphinx is not installed: pip install -e '.[docs]'")
    text = """A norm |h| and :math:`|h|`.

    Parameters
    ----------
    f, g : counts,
        at least |1|.

    Returns
    -------
    (K,) float64.

    Examples
    --------
    >>> 1 | 2
    3"""
    lines = [line.removeprefix("    ") for line in text.splitlines()]
    said = "\n".join(ext("docstrings").rewritten(lines))
    assert r"A norm \|h\| and :math:`|h|`." in said
    assert ":Parameters:\n    * **f, g** -- counts, at least \\|1\\|." in said
    assert ":Returns:\n    (K,) float64." in said
    assert ".. rubric:: Examples\n\n>>> 1 | 2\n3" in said


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    for package in ("sphinx", "furo", "myst_nb", "torch"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[train,docs]'")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E", "-d", str(tmp_path / "cache")]
    done = subprocess.run([*command, "docs", str(tmp_path / "html")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    pages = {path: path.read_text() for path in (tmp_path / "html").rglob("*.html")}
    made = {path.relative_to(tmp_path / "html").as_posix() for path in pages}
    assert {"index.html", "theory.html", "generated/claims.html", "reference/ufm.html"} <= made
    assert "<math" in pages[tmp_path / "html" / "theory.html"]
    assert not [path for path, text in pages.items() if LOADED.search(text)]
    assert not [link for path, text in pages.items() for link in dead_links(path, text, pages)]


LOADED = re.compile(r'<(?:script|link|img)\b[^>]*\s(?:src|href)="(?:https?:)?//')
"""What a page would fetch from the network."""


def dead_links(path, text, pages):
    """Links of a page to files or anchors of the site that are not there."""
    for link in map(html.unescape, re.findall(r'\s(?:href|src)="([^"]+)"', text)):
        place, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:|data:", link):
            continue
        target = (path.parent / urllib.parse.unquote(place.partition("?")[0])).resolve() if place else path
        if not target.exists() or (anchor and f'id="{urllib.parse.unquote(anchor)}"' not in pages.get(target, "")):
            yield f"{path.name}: {link}"
