"""The pictures of minima next to the theorems of the zoo: what is drawn, and that theory can be wrong in them."""

import re

import numpy as np
import pytest

from figures import gallery
from figures.new import geometries, inverse_weights, minority_collapse, staircase
from figures.recorded import settings_of
from ufm.certify import zoo

GALLERY = gallery.found()


def numbers(text, pattern):
    return [float(each) for each in re.search(pattern, text).groups()]


def test_figures_name_theorems_of_the_zoo():
    named = {theorem for entry in GALLERY.values() for theorem in entry.theorems}
    assert named <= set(zoo.zoo())
    assert {"ce-imbalanced", "rebalanced-ce", "seli"} <= named


def test_minorities_merge_where_theory_says(data):
    found = data("minority-collapse")
    phases = minority_collapse.phase(found)
    assert {*np.unique(phases)} == {0, 1, 2, 3}
    assert not np.any(np.diff(phases.transpose("bias", "tau", "lam"), axis=-1) < 0)  # more decay never parts them
    assert minority_collapse.agreement(found) == (phases.size, phases.size)
    merge, die = minority_collapse.boundaries(settings_of(found), "none", np.array([0.1]))[:, 0]
    n = 200
    assert merge == pytest.approx(np.sqrt(n) / (3 * 2000 + 7 * n))
    assert merge < die


def test_a_wrong_threshold_is_seen_in_the_caption(data, monkeypatch):
    found = data("minority-collapse")
    right = minority_collapse.boundaries
    monkeypatch.setattr(minority_collapse, "boundaries", lambda *a: 2.0 * right(*a))
    agree, points = numbers(minority_collapse.caption(found), r"as theory says at (\d+) of (\d+)")
    assert agree < points


def test_every_minimum_has_one_mark(data):
    found = data("minority-collapse")
    for axis, bias in zip(minority_collapse.plot(found).axes, found.bias.values, strict=True):
        drawn = [len(line.get_xdata()) for line in axis.lines if line.get_linestyle() == "None"]
        assert drawn == [int((minority_collapse.phase(found.sel(bias=bias)) == place).sum()) for place in range(4)]


@pytest.mark.slow
def test_inverse_weights_merge_the_majority_first(data):
    found = data("inverse-weights")
    said = settings_of(found)
    plain, inverse, rebalanced = (found.merger.sel(loss=loss).values for loss in inverse_weights.LOSSES)
    assert plain[1] < plain[0]
    assert inverse[0] < inverse[1]
    assert rebalanced[0] == rebalanced[1]
    for loss in inverse_weights.LOSSES:
        np.testing.assert_allclose(found.merger.sel(loss=loss), inverse_weights.theory(said, loss), rtol=1e-3)
    n = np.array([200, 10])
    np.testing.assert_allclose(inverse_weights.theory(said, "inverse"), 1.0 / (10.0 * np.sqrt(n)))
    left = inverse_weights.plot(found).axes[0]
    np.testing.assert_array_equal(left.lines[0].get_ydata(), found.cosine.isel(loss=0, group=0))


@pytest.mark.slow
def test_the_staircase_falls_by_one_and_classes_do_not_merge(data):
    found = data("staircase")
    said = settings_of(found)
    assert found["rank"].isel(lam=0).values.tolist() == [[7, 6], [6, 6]]
    assert not found["rank"].isel(lam=-1).any()
    for bias in staircase.BIASES:
        np.testing.assert_array_equal(
            found["rank"].sel(loss="mse", bias=bias), staircase.ranks(said, bias, found.lam.values)
        )
    cross = found.sel(loss="ce")
    alive = cross["rank"].values > 0
    assert np.all(cross.living.values[alive] == 7)
    assert float(cross.distance.min()) > 1e-3
    upper, _, lower, _ = staircase.plot(found).axes
    np.testing.assert_array_equal(upper.lines[0].get_ydata(), found["rank"].isel(loss=0, bias=0))
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), found["rank"].isel(loss=1, bias=0))


def test_gram_matrices_are_those_of_the_theorems(data):
    found = data("geometries")
    spoken = geometries.departures(found)
    assert {loss: theorem for loss, (theorem, _) in spoken.items()} == {
        "squared": "mse-imbalanced",
        "hinge": "seli",
        "hinge, LDT": "adjusted-svm",
    }
    assert all(off < 1e-6 for _, off in spoken.values())
    np.testing.assert_allclose(found.cosine.sel(loss="hinge, LDT")[:, 0, 1:], -1.0 / 3.0, atol=1e-9)
    assert float(abs(found.cosine.sel(loss="cross-entropy", side="weights")[0, 1] + 1.0 / 3.0)) > 0.01
    images = [axis.images[0].get_array() for axis in geometries.plot(found).axes if axis.images]
    np.testing.assert_array_equal(np.stack(images), found.cosine.transpose("side", ...).values.reshape(14, 4, 4))
