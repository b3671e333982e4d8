"""`ufm explore`: the values, against theory one by one, and what is refused."""

import json

import numpy as np
import pytest

from theory.decision import radius
from theory.decision.accuracy import class_accuracies
from theory.multicenter.flows import clock_to_nc, nc_rate
from theory.multicenter.geometry import center_cosine, classifier_cosine
from ufm.certify.design import Setting, evaluate
from ufm.certify.explored import explored
from ufm.files import store
from ufm.pages import explore
from ufm.pages.draw import SHOWN
from ufm.problems.presets import CENTERS, spend

SIZES = (60, 20, 5)

ACCURACY = 1e-5
"""What :func:`theory.decision.together.gcr_accuracies` promises."""


@pytest.fixture(scope="module")
def values():
    return explored(SIZES, tuple(CENTERS), (1, 4), (0.0, 0.3, np.pi / 2), (1.0, 3.0))


@pytest.mark.parametrize("way", CENTERS)
@pytest.mark.parametrize("f", [1, 4])
@pytest.mark.parametrize("theta", [0.0, 0.3, np.pi / 2])
def test_values_are_those_of_theory(values, way, f, theta):
    there, counts = values.sel(allocation=way, f=f, theta=theta), spend(way, SIZES, f, theta)
    np.testing.assert_array_equal(there.centers, counts)
    weights = center_cosine(counts, theta)
    np.testing.assert_allclose(there.rate, nc_rate(counts, theta, weights), rtol=1e-12)
    (design, *_) = evaluate(way, f, theta, Setting(SIZES, (1 / 3,) * 3, 1 / 3))
    assert float(there.speed) == pytest.approx(design.speed, rel=1e-12)  # what `ufm design` calls speed
    np.testing.assert_allclose(np.cos(np.radians(there.angle)), classifier_cosine(counts, theta), atol=1e-12)
    assert float(there.radius.sel(rule="gcr")) == pytest.approx(radius.gcr_radius(counts, theta).min())
    for k, (count, beta) in enumerate(zip(counts, weights, strict=True)):
        last = clock_to_nc(1e-10, 2.0, count, theta, float(beta))
        assert float(there.clock[k, -1]) == pytest.approx(last, rel=1e-12)
        assert float(there.clock[k, 0]) == 0.0
    for ratio in (1.0, 3.0):
        for rule, wanted in zip(("nearest", "rcr", "gcr"), class_accuracies(counts, theta, ratio), strict=True):
            np.testing.assert_allclose(there.accuracy.sel(ratio=ratio, rule=rule), wanted, rtol=0, atol=ACCURACY)


def test_a_page_and_its_values(command, tmp_path):
    flags = ("--class-sizes", "60,20,5", "--f", "2", "4", "--theta", "0.3", "--ratio", "2", "5")
    files = ("--out", tmp_path / "page.html", "--data", tmp_path / "page.nc")
    status, out, _ = command("explore", *flags, *files, "--json")
    said = json.loads(out)
    assert status == 0
    assert said["bytes"] == (tmp_path / "page.html").stat().st_size < 6_000_000
    data = store.load(tmp_path / "page.nc").to_dataset()
    assert data.accuracy.dims == ("allocation", "f", "theta", "ratio", "rule", "class")


def test_of_many_classes_some_are_on_the_page():
    data = explored(tuple(range(80, 0, -2)), ("class-aware",), (2,), (0.2,), (2.0, 4.0))
    (section,) = explore.sections(data)
    plots = {each.title: each for each in section.parts[0].plots}
    for title, values in (
        ("Accuracy of each class", 100 * data.accuracy.isel(ratio=1).sel(rule="nearest")),
        ("Centers of each class", data.centers),
    ):
        trace = plots[title].figure["data"][0]
        classes = trace["x"].astype(int)
        assert (classes[0], classes[-1], len(classes)) == (1, 40, SHOWN)
        np.testing.assert_allclose(trace["y"], values.values[0, 0, 0, classes - 1])
        assert f"{SHOWN} of 40 classes." in plots[title].caption


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:a page of 216 designs takes about")
def test_the_page_of_a_hundred_classes_can_be_sent(command, tmp_path):
    status, out, _ = command("explore", "--preset", "cifar100-lt", "--out", tmp_path / "page.html", "--json")
    assert status == 0
    assert json.loads(out)["bytes"] < 6_000_000


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--f", "0"), "f=0"),
        (("--f", "2", "2"), "f says a value twice: 2 2"),
        (("--theta", "2"), "theta=2.0 is outside [0, pi/2]"),
        (("--ratio", "0"), "ratio=0.0 must be positive and finite"),
        (("--ratio", "nan"), "ratio=nan must be positive and finite"),
        (("--centers", "even"), "centers 'even' is unknown: allowed are class-aware"),
        (("--class-sizes", "3,0"), "contains 0"),
        (("--class-sizes", "30"), "--class-sizes has one class of 30 samples: two are needed"),
        (("--out", "page.pdf"), "--out=page.pdf must be a file that ends in .html or .htm"),
        (("--data", "page.csv"), "--data=page.csv must be a file that ends in .nc"),
        (("--out", "nowhere.html/page.html"), "nowhere.html exists and is not a folder"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_wrong_input(refused, tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere.html").touch()
    refused(message, "explore", *flags)
    assert [path.name for path in tmp_path.rglob("*")] == ["nowhere.html"]
