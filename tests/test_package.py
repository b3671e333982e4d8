"""What is handed out: bounds that pip can read, and an archive with everything that its README speaks of."""

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest

import ufm

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def metadata():
    """scripts/metadata.py, as a module."""
    pytest.importorskip("yaml")
    spec = importlib.util.spec_from_file_location("metadata", ROOT / "scripts" / "metadata.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_for_who_cites_say_the_version_and_date_of_this_release(metadata):
    for name, text in metadata.made().items():
        assert (ROOT / name).read_text() == text, f"{name} is not what `make metadata` writes"
    held = json.loads((ROOT / "codemeta.json").read_text())
    assert held["version"] == ufm.__version__


def test_a_version_without_a_date_is_no_release(metadata):
    changes = "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-01-02)\n\n## 0.1.0 (2025-01-02)\n"
    assert metadata.released(changes, "0.1.0") == "2025-01-02"
    for unknown in ("0.3.0", "0.2", "0x2.0"):
        with pytest.raises(ValueError, match="no heading"):
            metadata.released(changes, unknown)


def test_a_citation_has_one_version_and_one_date(metadata):
    text = "version: 1\ndate-released: 2\nreferences:\n  - version: 3\n"
    said = metadata.citation(text, "4.0", "2026-01-02")
    assert said == "version: 4.0\ndate-released: 2026-01-02\nreferences:\n  - version: 3\n"
    with pytest.raises(ValueError, match="0 lines that begin with 'date-released: '"):
        metadata.citation("version: 1\n", "4.0", "2026-01-02")


def test_the_lowest_versions_are_those_of_the_project_file():
    script = ROOT / "scripts" / "lowest.py"
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.splitlines()
    bounds = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert said[: len(bounds)] == [bound.replace(">=", "==") for bound in bounds]
    assert all(line.count("==") == 1 for line in said)


@pytest.mark.slow
def test_an_archive_of_the_sources_has_all_that_is_kept(tmp_path, monkeypatch):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git")
    build_meta = pytest.importorskip("setuptools.build_meta")
    copy = tmp_path / "ncmc"
    subprocess.run(["git", "clone", "-q", ROOT, copy], check=True)
    monkeypatch.chdir(copy)
    archive = build_meta.build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    kept = subprocess.run(["git", "ls-files"], cwd=copy, capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(kept) - held <= {".gitignore"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder with what a wheel of these sources installs."""
    build_meta = pytest.importorskip("setuptools.build_meta")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("ufm", "theory", "figures", "results", "docs", "examples", "notebooks"):
        shutil.copytree(ROOT / name, folder / "ncmc" / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
    for path in (*ROOT.glob("*.md"), *(ROOT / name for name in ("pyproject.toml", "CITATION.cff", "LICENSE"))):
        shutil.copy(path, folder / "ncmc")
    with contextlib.chdir(folder / "ncmc"):
        built = build_meta.build_wheel(str(folder))
    with zipfile.ZipFile(folder / built) as file:  # what pip does with a wheel of Python alone
        file.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_a_wheel_has_what_its_packages_read(wheel):
    """Styles, sweeps and pages lie beside the code that opens them; without them it imports and then fails."""
    held = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*")}
    read = {path for place in ("ufm", "theory", "figures") for path in (ROOT / place).rglob("*") if path.is_file()}
    names = {path.relative_to(ROOT).as_posix() for path in read if "__pycache__" not in path.parts}
    assert "ufm/pages/templates/page.js" in names
    assert names - held == set()


@pytest.mark.slow
def test_a_wheel_has_the_pages_and_links_between_them_work(wheel):
    (shared,) = wheel.glob("ncmc-*.data/data/share/doc/ncmc")
    for pattern in ("*.md", "docs/*.md", "docs/howto/*.md"):
        for page in (path.relative_to(ROOT) for path in ROOT.glob(pattern)):
            text = (shared / page).read_text()
            for link in re.findall(r"\]\((?!https?:)([^)#\s]+\.(?:md|png|ipynb))", text):
                if link != "reference/index.md":  # made from the packages where the site is built
                    assert (shared / page.parent / link).exists(), f"{page} links to {link}"


def smoke(site, *names):
    """scripts/smoke.py with the packages of a folder."""
    command = [sys.executable, ROOT / "scripts" / "smoke.py", *names]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, check=False)


SMOKED = ("table", "sweep")
"""Commands that need what lies beside the code: results, descriptions. `make release` runs all."""


@pytest.mark.slow
def test_a_wheel_works_outside_of_the_sources(wheel):
    done = smoke(wheel, *SMOKED)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said == [f"ncmc {ufm.__version__} in {wheel / 'ufm'}", *(f"ok  {name}" for name in SMOKED)]


@pytest.mark.slow
def test_a_command_that_fails_is_named(wheel):
    done = smoke(wheel, "report")  # of a folder that no `ufm verify` has written
    assert done.returncode == 1
    assert "NO  ufm report verified --out page.html: status 2\n" in done.stdout


def test_the_sources_themselves_are_no_wheel():
    done = smoke(ROOT)
    assert done.returncode == 1
    assert "is the source tree: install the wheel" in done.stderr
