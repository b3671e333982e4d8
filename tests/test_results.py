"""The committed results, and the README's numbers that come from them."""

import pathlib

import numpy as np
import pytest

from ufm.train import results, tables

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted((ROOT / "results").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_results_are_of_todays_tables(path):
    known = results.load(path)
    assert results.current(known) == known
    assert {result["name"] for result in known} <= set(tables.cells(path.stem))
    for result in known:
        assert 0.0 <= result["accuracy"]["own"] <= 1.0
        sizes = np.asarray(result["class_sizes"])
        assert np.all(sizes[:-1] >= sizes[1:])
        np.testing.assert_allclose(result["accuracy"]["own"], np.mean(result["class_accuracy"]["own"]), atol=2e-5)


def test_the_readmes_table_is_that_of_the_results():
    readme = (ROOT / "README.md").read_text()
    known = results.load(ROOT / "results" / "fashion.json")
    found = tables.entries(tables.cells("fashion"), known)
    assert all(entry.status == "done" for entry in found)
    for method in ("CE", "SETF", "AL", "CAL", "P"):
        texts = [str(entry) for entry in found if entry.row == f"cnn {method}"]
        assert f"| {method} | {' | '.join(texts)} |" in readme
    for name, *texts in tables.verdicts(tables.cells("fashion"), known)[1:]:
        assert f"| {name} | {' | '.join(texts)} |" in readme
