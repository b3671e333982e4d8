"""What is handed out: bounds that pip can read, and an archive with everything that its README speaks of."""

import pathlib
import subprocess
import sys
import tarfile
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]


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
