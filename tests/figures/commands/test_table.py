"""The picture of a table shows its results: means over seeds and the range between them."""

import numpy as np
import pytest

from figures.commands.table import comparison_figure

SIZES = [60, 50, 40, 30, 20, 10]


def result(name, seed):
    rng = np.random.default_rng(seed)
    curves = {"epoch": [0, 5, 10], "nc": np.exp(-rng.uniform(1, 5, (3, 6))).tolist(), "test_accuracy": [0.1, 0.5, 0.9]}
    method = name.partition("/")[2].partition("-")[0].upper()
    return {"name": name, "class_sizes": SIZES, "curves": curves, "configuration": {"method": method}}


def test_comparison_figure():
    runs = [result("fashion/cal-0.1", seed) for seed in range(3)] + [result("fashion/ce-0.01", 3)]
    upper_cal, upper_ce, lower_cal, lower_ce = comparison_figure(runs).axes
    assert [axis.get_title(loc="left") for axis in (upper_cal, upper_ce)] == [
        f"fashion-mnist, tau {t}" for t in (0.1, 0.01)
    ]
    rare = np.array([[np.log(run["curves"]["nc"])[t, 4:].mean() for t in range(3)] for run in runs[:3]])
    (line,) = upper_cal.lines
    assert line.get_label() == "cnn CAL"
    np.testing.assert_allclose(np.log(line.get_ydata()), rare.mean(axis=0))
    band = upper_cal.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose([band[:, 1].min(), band[:, 1].max()], np.exp([rare.min(), rare.max()]))
    np.testing.assert_allclose(lower_ce.lines[0].get_ydata(), [10, 50, 90])
    assert lower_cal.get_ylim() == (75, 91)
    assert upper_ce.get_ylabel() == "NC to the mean center"
    assert upper_ce.lines[0].get_label() == "cnn CE (NC to the own class mean)"


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="no results to draw"):
        comparison_figure([])
