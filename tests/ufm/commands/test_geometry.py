import json

import numpy as np
import pytest

import ufm
from figures.commands.geometry import geometry_figure
from tests.readable import require_readable
from ufm.minimize.certificate import Certificate

SIZES = ("--class-sizes", "500,50,50,5")


def test_geometry_as_a_table_and_as_json(tmp_path, command):
    status, out, _ = command("geometry", *SIZES, "--picture", tmp_path / "g.png")
    assert status == 0
    assert "optimal, gap" in out
    assert "Hong and Ling 2023" in out
    assert "no theorem of the zoo speaks of this model" in command("geometry", *SIZES, "--loss", "bce")[1]
    assert (tmp_path / "g.png").stat().st_size > 10_000
    status, out, _ = command("geometry", *SIZES, "--json")
    found = json.loads(out)
    model = ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5)
    geometry = ufm.minimize(model)
    assert found["value"] == geometry.value
    assert [each["size"] for each in found["classes"]] == [500, 50, 5]
    assert [each["classes"] for each in found["classes"]] == [1, 2, 1]
    np.testing.assert_allclose([each["w_norm"] for each in found["classes"]], geometry.weight_norms)
    stranger = Certificate.from_json(found["certificate"])
    assert found["value"] - ufm.verify(stranger, model) < 1e-12


def test_theorems_that_speak_of_the_case_are_held_against_it(command):
    status, out, _ = command("geometry", "--class-sizes", "20,20,20", "--lam-w", 5e-3, "--lam-h", 2e-3)
    assert status == 0
    assert "Zhu et al. 2021" in out
    status, out, _ = command("geometry", *SIZES, "--loss", "mse", "--bias", "free")
    assert status == 0
    assert "cf. Liu 2024" in out


def test_many_sizes_are_cut_short(command):
    status, out, _ = command("geometry", "--n-classes", 60, "--n-max", 600, "--tau", 0.01)
    assert status == 0
    assert "\n..." in out
    assert len(out.splitlines()) < 45


def test_the_picture_is_readable():
    require_readable(geometry_figure(ufm.minimize(ufm.FeatureModel((500, 50, 50, 5), lam_w=5e-4, lam_h=1e-5))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one of --preset, --class-sizes, --labels and --n-classes is needed"),
        ((*SIZES, "--loss", "cee"), "loss='cee' is unknown: did you mean 'ce'"),
        ((*SIZES, "--lam-w", 0), "lam-w=0.0 must be positive"),
        ((*SIZES, "--bias", "some"), "bias='some' is unknown"),
        ((*SIZES, "--picture", "g.jpeg"), "picture=g.jpeg must be a file that ends in"),
    ],
)
def test_wrong_input(refused, arguments, message):
    refused(message, "geometry", *arguments)


def test_the_zoo_is_listed_shown_and_checked(command, refused):
    status, out, _ = command("zoo")
    assert status == 0
    assert "mse-imbalanced" in out
    status, out, _ = command("zoo", "mse-imbalanced")
    assert status == 0
    assert "reproduced, 4 cases" in out
    assert "NO  " in out.partition("breaks a hypothesis")[2]
    status, out, _ = command("zoo", "--check", "--json")
    theorems = json.loads(out)["theorems"]
    assert status == 0
    assert all(each["reproduced"] and not each["broken"] for each in theorems)
    assert all(each["gap"] is None or each["gap"] < 1e-9 for each in theorems)
    unproved = {each["id"] for each in theorems if each["gap"] is None}
    assert unproved == {"sphere-codes", "deep-ce", "mse-flow-modes", "ce-flow-time", "nc0"}
    refused("theorem 'mse' is unknown", "zoo", "mse")
