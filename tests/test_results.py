"""The committed results, and the README's numbers that come from them."""

import importlib.util
import pathlib
import re
import tomllib

import numpy as np
import pytest

from ufm.files.store import DamagedFile
from ufm.tables import results, tables
from ufm.train import presets

ROOT = pathlib.Path(__file__).parents[1]
OTHERS = {*(ROOT / "results").glob("decisions*.json"), ROOT / "results" / "speed.json"}
FILES = sorted(set((ROOT / "results").glob("*.json")) - OTHERS)
"""Results of tables; the others are what ``ufm decide`` printed, and tables of benchmarks."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_results_are_of_todays_tables(path):
    known = results.load(path)
    assert results.current(known) == known
    assert {result["name"] for result in known} <= set(presets.cells(path.stem))
    for result in known:
        assert 0.0 <= result["accuracy"]["own"] <= 1.0
        sizes = np.asarray(result["class_sizes"])
        assert np.all(sizes[:-1] >= sizes[1:])
        np.testing.assert_allclose(result["accuracy"]["own"], np.mean(result["class_accuracy"]["own"]), atol=2e-5)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_results_tell_when_a_number_of_them_changes(path, tmp_path):
    text = path.read_text()
    for number in re.findall(r'"own": (0\.\d\d)', text)[:2]:
        changed = tmp_path / path.name
        changed.write_text(text.replace(f'"own": {number}', f'"own": {float(number) / 2:.2f}', 1))
        with pytest.raises(DamagedFile, match="digest does not match"):
            results.load(changed)


@pytest.mark.slow
def test_marked_tables_of_the_documentation_are_what_their_commands_print(monkeypatch):
    spec = importlib.util.spec_from_file_location("tables_of_docs", ROOT / "scripts" / "tables.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(ROOT)
    page = script.PAGE.read_text()
    assert script.filled(page) == page, "results have changed: make tables"
    tables = [command.split()[1] for _, command, _ in script.BLOCK.findall(page) if command.startswith("table")]
    assert set(tables) == {path.stem for path in FILES}
    (first, *_) = script.BLOCK.findall(page)
    changed = page.replace(first[0], f"{first[0]}| convnet CE | 99.9 |\n", 1)
    assert script.filled(changed) == page


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cells_that_share_a_training_went_the_same_way(path):
    """Many were trained twice, before one training answered for all: on the same machine it made no difference."""
    known = {(result["name"], result["configuration"]["seed"]): result for result in results.load(path)}
    trained_as = presets.sharing(path.stem)

    def machine(result):
        return {name: value for name, value in result["machine"].items() if name != "training_seconds"}

    for (name, seed), result in known.items():
        partner = known.get((trained_as[name], seed))
        if partner is not None and machine(partner) == machine(result):
            for key in ("epoch", "clock", "nc"):
                assert result["curves"][key] == partner["curves"][key]


def test_results_are_part_of_the_package():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "results" in setuptools["packages"]["find"]["include"]
    assert "*.json" in setuptools["package-data"]["*"]


def test_the_readmes_table_is_that_of_the_results():
    readme = (ROOT / "README.md").read_text()

    def cells(name, network, method):
        entries = tables.entries(presets.cells(name), results.load(ROOT / "results" / f"{name}.json"))
        return [entry for entry in entries if entry.row == f"{network} {method}"]

    for method in ("CE", "SETF", "AL", "CAL", "P"):
        photographs = (entry for name in ("cifar10", "cifar100") for entry in cells(name, "convnet", method)[:1])
        shown = [*cells("fashion", "cnn", method), *photographs]
        assert all(entry.status == "done" for entry in shown)
        assert f"| {method} | {' | '.join(map(str, shown))} |" in readme
