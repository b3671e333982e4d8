"""The benchmark of measuring: all rows say the same number, and the file is what its title says."""

import numpy as np
import pytest

from benchmarks import measure

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(measure, "SMALL", (2000, 16, 5))
    monkeypatch.setattr(measure, "LARGE", (3000, 16, 5))
    monkeypatch.setattr(measure, "BLOCK", 1000)


def test_all_rows_say_the_same():
    values = [measure.contest(name)["value"] for name in measure.CONTESTANTS]
    np.testing.assert_allclose(values, values[0], rtol=1e-10)


def test_the_file_is_measured_and_multiplied(tmp_path):
    path = tmp_path / "features.npy"
    measure.write(path, 3000)
    assert np.load(path, mmap_mode="r").shape == (3000, 16)
    assert measure.from_file(str(path))["value"] > 0.0
    assert np.isfinite(measure.product(str(path))["value"])
