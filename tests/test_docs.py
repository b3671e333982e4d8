"""The documentation: what it shows runs, what it names exists, and the site builds without a warning."""

import ast
import importlib.util
import pathlib
import re
import shlex
import sys
import textwrap

import numpy as np
import pytest

import ufm
from figures import gallery
from theory.derivations import derive
from theory.zoo.theorem import Theorem
from ufm.certify.ledger import ledger
from ufm.commands.parse import parse
from ufm.sweep import Sweep
from ufm.sweep.picture import Picture

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = ("_build", "_ext", "generated", "gallery")
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in MADE]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(path):
    return path.relative_to(DOCS).as_posix()


def blocks(path, language):
    return [code for lang, info, code in FENCE.findall(path.read_text()) if lang == language and "no-test" not in info]


def pages_with(language):
    return pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, language)], ids=name)


@pages_with("python")
def test_python_of_a_page_runs_from_top_to_bottom(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
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


def test_a_page_is_plain_markdown_whose_links_and_names_lead_somewhere(ext):
    """On a code host, which knows neither roles nor pages that are made."""
    plain = ext("plain")
    for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CLAIMS.md"):
        text = "".join(plain.FENCE.split(page.read_text())[::2])
        assert not re.findall(r"\{[\w:]+\}`", text), page
        assert not [name for name in plain.NAME.findall(text) if not plain.known(name)], page
        links = [target for _, target, _ in plain.LINK.findall(text)]
        assert not [target for target in links if target and not (page.parent / target).exists()], page
    claims = (ROOT / "CLAIMS.md").read_text()
    linked = re.findall(r"\[([^]]+)\]\(\S*CLAIMS\.md#", "".join(page.read_text() for page in PAGES))
    assert all(f"### {claim}\n" in claims for claim in linked)
    assert linked
    listed = re.findall(r"\(\.\./notebooks/(.+)\)", (DOCS / "tutorials.md").read_text())
    assert listed == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_what_the_site_has_a_page_for_becomes_a_link_to_it(ext):
    on_site = ext("plain").on_site
    text = (
        "[z](../../theory/zoo) [10](../../notebooks/10-x.ipynb) [a](../../CLAIMS.md#a) [b](b.md) `ufm.certify` `ufm.no`"
    )
    roles = "[z](/generated/zoo) [10](/generated/notebooks/10-x) {claim}`a` [b](b.md) {py:obj}`ufm.certify` `ufm.no`"
    assert on_site(text, "howto/x") == roles
    fenced = "```python\n`ufm.certify`\n```\n"
    assert on_site(fenced, "x") == fenced
    assert on_site("<!-- {toctree}\na\n-->\n", "index") == "```{toctree}\na\n```\n"


WORDS = {"center", "tau", "F", "frame", "P", "r", "variability", "NC", "RCR", "GCR", "CAL", "SETF", "NCMC"}


def test_the_glossary_explains_every_word_before_it_is_used():
    text = (DOCS / "glossary.md").read_text().partition("\n\n")[2]
    assert text in (ROOT / "README.md").read_text()
    assert "[Glossary](glossary.md)" in (DOCS / "index.md").read_text()
    entries = re.findall(r"^- \*\*(\w+)\*\*: ((?:.|\n  )*)", text, flags=re.MULTILINE)
    assert {word for word, _ in entries} == WORDS
    known = set()
    for word, meaning in entries:
        used = {each for each in WORDS if re.search(rf"\b{each}s?\b", meaning)}
        assert used - {word} <= known, word
        known.add(word)


def extension(module):
    if module in ("docstrings", "measures", "plain", "theory", "zoo"):
        pytest.importorskip("sphinx", reason="sphinx is not installed: pip install -e '.[docs]'")
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
    origin, target = tmp_path / "notebooks", tmp_path / "generated" / "notebooks"
    origin.mkdir()
    for file in ("01-a.ipynb", "02-b.ipynb", "02-b.py"):
        (origin / file).write_text("{}")
    ext("pages").copy_all(origin, "*.ipynb", target)
    assert {path.name for path in target.iterdir()} == {"01-a.ipynb", "02-b.ipynb"}
    assert (target / "01-a.ipynb").stat().st_mtime_ns == (origin / "01-a.ipynb").stat().st_mtime_ns
    (origin / "01-a.ipynb").unlink()
    ext("pages").copy_all(origin, "*.ipynb", target)
    assert {path.name for path in target.iterdir()} == {"02-b.ipynb"}


def test_every_command_says_what_it_does(ext):
    commands = ext("commands")
    assert {"simulate", "sweep", "train"} <= set(commands.names())
    page = commands.page()
    assert all(f"usage: ufm {command} " in page for command in commands.names())
    assert "\x1b" not in page
    assert max(map(len, page.splitlines())) <= 120


def public_modules(*folders):
    """Dotted names of modules below folders, private ones apart."""
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")
        if "._" not in name:
            yield name, path


def test_the_page_of_measures_has_all_of_them_and_what_others_compute(ext):
    from ufm.measure.metric import known

    page = ext("measures").page()
    assert all(name in page for name in (r"\mathrm{NRC3}", "centered_gram_NAME"))
    assert all(f"- ``{name}``\n" in page for name in known())
    elsewhere = ext("elsewhere")
    assert {each.measure for each in elsewhere.KNOWN} <= {*known()}
    for each in elsewhere.KNOWN:
        ours = elsewhere.ours()[each.measure]
        assert (abs(each.number - ours) > 1e-3 * abs(ours)) == bool(each.differs), (each.library, each.measure)
        assert each.said in page.replace("\n       ", "\n")


def test_where_others_differ_the_reason_is_the_one_that_is_given(ext):
    elsewhere = ext("elsewhere")
    ours = elsewhere.ours()
    theirs = {(each.measure, each.library): each.number for each in elsewhere.KNOWN}
    factor = elsewhere.DIM / len(elsewhere.SIZES)
    assert theirs["nc1", elsewhere.WU] == pytest.approx(factor * ours.nc1)
    assert theirs["nc1_trace_ratio", elsewhere.WU] == pytest.approx(factor * ours.nc1_trace_ratio)
    means = elsewhere.example().means
    equinorm = means - means.mean(axis=0)
    for _ in range(200):
        equinorm = equinorm / np.linalg.norm(equinorm, axis=1, keepdims=True)
        equinorm = equinorm - equinorm.mean(axis=0)
    cosines = (equinorm @ equinorm.T)[np.triu_indices(4, 1)]
    assert cosines.std() > 0.05  # no ETF
    assert np.mean(cosines + 1 / 3) == pytest.approx(0, abs=1e-12)


def on_theory_page(ext, role):
    return {*re.findall(rf":{role}:`([^`]+)`", ext("theory").page())}


THEOREMS = {
    path.stem: path for path in (ROOT / "theory" / "zoo").glob("*.py") if path.stem not in ("theorem", "__init__")
}


def test_the_zoo_page_has_all_that_a_theorem_states(ext):
    zoo = ext("zoo")
    page = zoo.page()
    assert {*re.findall(r":py:mod:`theory\.zoo\.(\w+)`", page)} == {*THEOREMS}
    for entry in zoo.entries():
        part = page.partition(f".. _zoo-{entry.name}:")[2].partition("\n.. _zoo-")[0]
        shown = re.sub(r"\\([\\*_|`])", r"\1", part)
        assert entry.statement in shown
        assert f":Source: {entry.theorem.source}\n" in shown
        assert f":Holds for: {entry.theorem.hypotheses}\n" in shown
        assert all(f"* {name}: ``" in shown for name in entry.module.CASES)
        assert ":Verdict: " in shown
        assert ":Certificate: " in shown
        assert ".. math:: " in shown


def test_the_zoo_page_shows_the_pictures_of_its_theorems(ext):
    page, shown = ext("zoo").page(), {name: each for name, each in gallery.found().items() if each.theorems}
    assert {*re.findall(r"figure:: /gallery/([\w-]+)\.png", page)} == {*shown} >= {"minority-collapse", "staircase"}
    labels = {*re.findall(r"\.\. _(zoo-[\w-]+):", page)}
    assert labels >= {f"zoo-{theorem}" for figure in shown.values() for theorem in figure.theorems}
    assert all((ROOT / "docs" / "gallery" / f"{name}.png").exists() for name in shown)


def test_formulas_of_the_zoo_are_set_line_by_line(ext):
    zoo = ext("zoo")
    assert Theorem("1", "here", "a = b, \\quad\n c = d ; \\quad e", "").formulas == ["a = b", "c = d", "e"]
    assert ".. math:: p = \\frac{2}{M + 1}\n\n.. math:: c" in zoo.page()
    assert zoo.plain("|h_k|  sqrt(n_k)") == r"\|h\_k\| sqrt(n\_k)"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bias": "free", "lam_w": 0.5}, "``bias = free``"),
        ({"lam_w": 0.25}, "``lam_w = 0.25``, without ``bias``"),
        ({"bias": None, "lam_w": (1, 2, 2)}, "``lam_w = (1, 2 x 2)``, without ``bias``"),
        ({"bias": "none", "lam_w": range(20)}, "``lam_w = (0, 1, 2, ..., 19)``"),
        ({"bias": "none", "lam_w": [[1, 2, 3]]}, "``lam_w = 1 x 3 numbers``"),
    ],
)
def test_cases_say_what_they_change(ext, values, said):
    assert ext("zoo").changed(values, {"bias": "none", "lam_w": 0.5}) == said


@pytest.mark.slow
def test_no_formula_is_left_out(ext):
    functions = set()
    for module, path in public_modules("theory"):
        if not module.startswith("theory.derivations"):
            nodes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
            theorem = module.rpartition(".")[2] in THEOREMS  # stands on the page of the zoo as a whole
            functions |= {f"{module}.{node.name}" for node in nodes if node.name[0] != "_" and not theorem}
    assert len(functions) > 40
    zoo = re.findall(r":py:func:`([^`]+)`", ext("zoo").page())
    assert functions <= on_theory_page(ext, "py:func") | {*zoo}


def test_the_theory_page_names_every_claim_and_tests_that_exist(ext):
    assert on_theory_page(ext, "claim") == {*ledger()}
    for target in on_theory_page(ext, "test"):
        path, _, function = target.partition("::")
        assert function in {node.name for node in ast.parse((ROOT / path).read_text()).body if hasattr(node, "name")}


@pytest.mark.parametrize("name", ["angles", "mse_learned"])
def test_derivations_are_found_by_what_they_prove(ext, name):
    proved = {result.name.partition("[")[0] for result in derive(name).results}
    assert {function for function, names in ext("theory").proofs().items() if name in names} == proved != set()


FORMULA = r'''r"""A law. It is made up.

.. math:: E = m c^2
"""


def energy(m):
    r"""Energy of a mass: :math:`m c^2`, with |c| the speed of light.

    Parameters
    ----------
    m : kilograms.
    """
    return m * 299792458**2


def _hidden(m):
    """Not public."""
'''


def test_a_module_in_the_folder_is_on_the_pages(ext, tmp_path, monkeypatch):
    import theory

    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "__init__.py").write_text('"""Made-up laws."""')
    (tmp_path / "made_up" / "law.py").write_text(FORMULA)
    monkeypatch.setattr(theory, "__path__", [*theory.__path__, str(tmp_path)])
    try:
        page = ext("theory").page()
        assert "A law\n-----\n" in page
        assert "It is made up.\n\n.. math:: E = m c^2\n" in page
        assert r"Energy of a mass: :math:`m c^2`, with \|c\| the speed of light." in page
        assert page.index("theory.made_up.law.energy`") > page.index(
            "theory.decision.hard.rcr_choice`"
        )  # it is not in order
        assert "kilograms" not in page
        assert "_hidden" not in page
        assert ".. automodule:: theory.made_up.law\n" in ext("reference").page("theory")
    finally:
        for name in ("theory.made_up", "theory.made_up.law"):
            sys.modules.pop(name, None)


def test_the_reference_has_every_module_once(ext):
    reference = ext("reference")
    text = "".join(map(reference.page, reference.rooms()))
    wanted = {name for name, _ in public_modules("ufm", "theory", "figures") if not name.startswith("ufm.commands")}
    assert sorted(re.findall(r"automodule:: (\S+)", text)) == sorted(wanted - {"ufm"})
    assert all(f"   {name}\n" in reference.face() for name in ufm.__all__)


def test_the_face_of_the_reference_leads_to_every_public_name():
    led = re.findall(r"`ufm\.(\w+)`", (DOCS / "reference" / "index.md").read_text())
    assert {*ufm.__all__} <= {*led}


def test_docstrings_become_fields(ext):
    text = """A norm |h| and :math:`|h|`.

    Parameters
    ----------
    f, g : counts,
        at least |1|.

    Returns
    -------
    (K,) float64,
    in order.

    Examples
    --------
    >>> 1 | 2
    3"""
    docstrings = ext("docstrings")
    text = textwrap.dedent("    " + text)
    said = docstrings.rewritten(text)
    assert docstrings.prose(text) == r"A norm \|h\| and :math:`|h|`."
    assert said.startswith(docstrings.prose(text))
    assert ":Parameters:\n    **f, g**\n        counts,\n        at least \\|1\\|.\n" in said
    assert ":Returns:\n    (K,) float64,\n    in order.\n" in said
    assert ".. rubric:: Examples\n\n>>> 1 | 2\n3" in said


def test_lists_in_two_columns_become_definitions(ext):
    prose = ext("docstrings").prose
    assert prose("Two.\n\none  the first\nthree   the last") == "Two.\n\none\n    the first\nthree\n    the last"
    table = "Two.\n\n====  ====\none   1\n====  ===="
    assert prose(table) == table


def test_names_lead_to_where_things_are_defined(ext):
    defined = ext("docstrings").defined
    assert defined("ufm.Problem.to_toml") == [f"{ufm.Problem.__module__}.Problem.to_toml"]
    assert defined("ufm.Problem") == [f"{ufm.Problem.__module__}.Problem", ufm.Problem.__module__]
    assert defined("theory.decision.normal.GRID") == ["theory.decision.normal.GRID", "theory.decision.normal"]
    assert defined("ufm.Problme") == defined("theory.nothing.GRID") == []
