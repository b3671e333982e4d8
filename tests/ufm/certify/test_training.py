import json

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

import ufm
from theory.multicenter import flows, geometry
from ufm.certify.training import QUANTITIES, compare, confirm, predictions
from ufm.train.config import Config

SIZES = (400, 40, 4)
EPOCHS = np.arange(0, 41, 2)


def record(config, said, *, nc=None, **changes):
    """The record of a training that did exactly what was predicted, except for what is changed."""
    predicted = {each["quantity"]: each["predicted"] for each in said["predictions"]}
    clock = 0.1 * EPOCHS
    rates = np.asarray(said["rates"] or np.ones(3))
    nc = np.exp(-rates * clock[:, None]) + 0 * rates if nc is None else nc(clock)
    rules = ["own", "rcr", "gcr", "nearest"]

    def both(values):
        return np.stack([np.broadcast_to(values, (len(EPOCHS), *np.shape(values)[1:])) for _ in range(2)], axis=1)

    ones = np.ones((len(EPOCHS), 1))
    data = {
        "rate": ("epoch", np.where(EPOCHS > 32, 0.01, np.where(EPOCHS > 0, 0.1, np.nan))),
        "clock": ("epoch", clock),
        "nc_mean": (("epoch", "split", "class"), both(nc)),
        "variability": (("epoch", "split", "class"), both(ones * predicted.get("variability", np.zeros(3)))),
        "norm_mean": (("epoch", "split", "class"), both(ones * predicted.get("norm", np.ones(3)))),
        "equiangularity": (("epoch", "split"), both(ones[:, 0] * predicted.get("cosines", 0.0))),
        "gram": (("epoch", "split", "mean", "other_mean"), np.zeros((len(EPOCHS), 2, 50, 50))),
        "accuracy": (("epoch", "split", "rule"), np.ones((len(EPOCHS), 2, 4))),
        "class_accuracy": (("epoch", "split", "rule", "class"), np.ones((len(EPOCHS), 2, 4, 3))),
    }
    coordinates = {"epoch": EPOCHS, "split": ["train", "test"], "rule": rules, "class_size": ("class", list(SIZES))}
    attributes = {"title": config.title, "configuration": json.dumps(config.to_dict())}
    return xarray.Dataset({**data, **changes}, coords=coordinates, attrs=attributes)


def said_of(config):
    return predictions(config, SIZES)


@pytest.mark.parametrize("method", ["CE", "P", "AL", "AL-weighted", "CAL"])
def test_a_training_that_does_what_theory_says_is_confirmed(method):
    config = Config(method=method)
    said = said_of(config)
    assert json.loads(json.dumps(said)) == said
    report = confirm(record(config, said, nc=lambda t: np.exp(-np.outer(5 * t, np.array([1.0, 1.5, 2.0])))), said)
    assert report.holds, str(report)
    assert {p["quantity"] for p in said["predictions"]} <= set(QUANTITIES)


def test_predictions_are_the_theorys():
    config = Config(method="CAL", f=7, theta=0.5)
    f = ufm.class_aware(SIZES, 7)
    said = said_of(config)
    by_quantity = {each["quantity"]: each for each in said["predictions"]}
    np.testing.assert_allclose(by_quantity["variability"]["predicted"], 1 - geometry.classifier_cosine(f, 0.5))
    np.testing.assert_allclose(said["rates"], flows.nc_rate(f, 0.5, geometry.center_cosine(f, 0.5)))
    assert by_quantity["norm"]["predicted"] == [1, 1, 1]
    setf = {each["quantity"]: each for each in said_of(Config(method="SETF"))["predictions"]}
    assert "cosines" not in setf  # its class means form a simplex, and are not orthogonal
    unit = {each["quantity"] for each in said_of(Config(method="P", normalise="unit"))["predictions"]}
    assert "norm" not in unit
    assert setf["exponential_misfit"]["relation"] == "at least"


LAST, TEST = {"epoch": EPOCHS[-1], "split": "train"}, {"epoch": EPOCHS[-1], "split": "test"}


def changed(name, change, where=LAST, **more):
    """A number of the record at the last epoch: ``change(old, x)``."""

    def damage(data, x):
        data[name].loc[where | more] = change(data[name].loc[where | more], x)

    return damage


SPEED = np.array([1.0, 1.5, 2.0])
"""Of the classes, in the order of their predicted rates."""


def exponential(t, order=slice(None)):
    return np.exp(-5.0 * np.outer(t, SPEED[order]))


def algebraic(t):
    return 1e-3 / (1e-3 + np.outer(t, SPEED))


def collapsing(law, **options):
    """Collapse by another law, before the last epoch."""

    def damage(data, x):
        early = {"epoch": EPOCHS[:-1], "split": "train"}
        data["nc_mean"].loc[early] = law(data.clock.loc[{"epoch": EPOCHS[:-1]}].values, **options)

    return damage


def plus(old, x):
    return old + x


def minus(old, x):
    return old - x


def simplex(data, x):
    data["gram"].loc[LAST | {"mean": 0, "other_mean": 1}] += x


COMMON = {"training accuracy": (0.02, changed("accuracy", minus, rule="own"))}
FRAMED = {
    "NC to the mean center": (0.05, changed("nc_mean", plus)),
    "variability = 1 - cos rho": (0.05, changed("variability", plus)),
    "cosine between class means": (0.1, changed("equiangularity", plus)),
    "RCR = GCR": (0.02, changed("accuracy", minus, rule="gcr")),
    "GCR minus RCR": (0.0, changed("class_accuracy", lambda old, x: old - 1e-6, TEST, rule="gcr")),
    "feature norm": (0.1, changed("norm_mean", lambda old, x: old * (1.0 + x))),
}
LAW = {"collapse is exponential": (0.0, collapsing(algebraic))}
TEETH = {
    "CE": COMMON | {"NC to the own class mean": (0.05, changed("nc_mean", plus))},
    "P": COMMON | FRAMED,
    "AL": COMMON | FRAMED | LAW,
    "CAL": COMMON
    | FRAMED
    | LAW
    | {"rank correlation of predicted rate and collapse": (0.5, collapsing(exponential, order=[2, 0, 1]))},
    "SETF": COMMON
    | {
        "NC to the vertices of the simplex": (0.05, changed("nc_mean", plus)),
        "Gram matrix of class means minus the simplex's": (0.1, simplex),
        "collapse is algebraic": (0.0, collapsing(exponential)),
    },
}


def perfect(method):
    """The record of a training that does what theory says, and that."""
    config = Config(method=method)
    said = said_of(config)
    gram = np.broadcast_to(np.where(np.eye(50) > 0, 1.0, -0.5), (len(EPOCHS), 2, 50, 50)).copy()
    law = algebraic if method == "SETF" else exponential
    data = record(config, said, nc=law, gram=(("epoch", "split", "mean", "other_mean"), gram))
    return data.assign_coords(mean=np.arange(50), other_mean=np.arange(50)), said


def names(report, holding):
    return {check.name.split(",")[0] for check in report.checks if check.holds == holding}


@pytest.mark.parametrize(("method", "name"), [(method, name) for method, teeth in TEETH.items() for name in teeth])
def test_three_tolerances_fail_a_statement_and_no_other(method, name):
    """What has no tolerance, or takes few values only, is put off by something that is surely wrong."""
    tolerance, damage = TEETH[method][name]
    data, said = perfect(method)
    assert names(confirm(data, said), True) == set(TEETH[method])
    damage(data, 3.0 * tolerance)
    assert names(confirm(data, said), False) == {name}


@pytest.mark.parametrize("method", TEETH)
def test_a_third_of_every_tolerance_is_allowed(method):
    data, said = perfect(method)
    for name, (tolerance, damage) in TEETH[method].items():
        if not name.startswith(("collapse is", "rank correlation", "GCR minus RCR")):
            damage(data, tolerance / 3.0)
    assert confirm(data, said).holds


@pytest.mark.parametrize(("cosine", "holds"), [(-0.5, True), (-0.45, True), (0.0, False)])
def test_class_means_of_setf_form_a_simplex(cosine, holds):
    config = Config(method="SETF")
    said = said_of(config)
    gram = np.full((len(EPOCHS), 2, 50, 50), np.nan)
    gram[..., :3, :3] = np.where(np.eye(3) > 0, 1.0, cosine)
    data = record(config, said, gram=(("epoch", "split", "mean", "other_mean"), gram))
    (check,) = [check for check in confirm(data, said).checks if check.source == "simplex ETF"]
    assert check.holds == holds


def test_rules_that_lose_fail():
    config = Config(method="CAL")
    said = said_of(config)
    data = record(config, said)
    data.class_accuracy.loc[{"split": "test", "rule": "gcr", "epoch": 40}] = [1.0, 1.0, 0.9]
    checks = {check.name: check for check in confirm(data, said).checks}
    check = checks["GCR minus RCR, rare classes, test >="]
    assert not check.holds
    assert check.measured == pytest.approx(-0.1)


@pytest.mark.parametrize(("method", "f", "theta"), [("AL", 1, None), ("CAL", None, np.pi / 2), ("P", 1, 0.3)])
def test_rules_that_are_one_are_not_held_against_each_other(method, f, theta):
    said = said_of(Config(method=method, **{"f": f or 20, "theta": 0.2 if theta is None else theta}))
    quantities = {each["quantity"] for each in said["predictions"]}
    assert "nc" in quantities
    assert not quantities & {"rule_gap", "gain_of_rare"}


def test_the_only_image_of_a_class_is_its_mean_whatever_was_trained():
    assert [each["quantity"] for each in predictions(Config(method="CE"), (1, 1, 1))["predictions"]] == [
        "train_accuracy",
        "row_sum",
    ]
    assert [each["quantity"] for each in predictions(Config(method="LDAM-DRW"), (1, 1, 1))["predictions"]] == [
        "train_accuracy"
    ]


@pytest.mark.parametrize(("right", "vacuous"), [(0.0, True), (0.01, False), (1.0, False)])
def test_a_gain_that_could_not_have_been_a_loss_is_no_evidence(right, vacuous):
    config = Config(method="CAL")
    said = said_of(config)
    data = record(config, said)
    data.class_accuracy.loc[{"split": "test", "class": 2}] = right
    report = confirm(data, said)
    assert ("GCR minus RCR, rare classes, test >=" in {check.name for check in report.checks}) != vacuous
    assert any("GCR minus RCR, rare classes, test: vacuous" in note for note in report.notes) == vacuous


def test_equal_rules_that_are_both_wrong_are_no_evidence():
    config = Config(method="CAL")
    said = said_of(config)
    data = record(config, said)
    data.accuracy.loc[{"rule": ["rcr", "gcr"], "split": "train"}] = [0.01, 0.02]
    assert any("RCR = GCR, training images: vacuous" in note for note in confirm(data, said).notes)
    data.accuracy.loc[{"rule": "gcr", "split": "train"}] = 0.1
    assert "NO  RCR = GCR" in str(confirm(data, said))


def test_what_a_training_that_has_not_converged_misses_is_not_refuted():
    config = Config(method="CAL")
    said = said_of(config)
    data = record(config, said, nc=lambda t: np.ones((len(t), 3)))
    assert "NO  NC to the mean center, worst class" in str(confirm(data, said))
    assert "so far" not in confirm(data, said).tally
    data.accuracy.loc[{"rule": "own", "split": "train", "epoch": 40}] = 0.9
    report = confirm(data, said)
    assert not report.holds
    assert "--  NC to the mean center, worst class" in str(report)
    assert "NO" not in str(report)
    assert "training accuracy is 0.9, not 1 within 0.02" in report.to_dict()["not_converged"]
    assert report.tally.endswith("hold so far: training has not converged")


@pytest.mark.parametrize(
    ("method", "target"),
    [("CE", "the own class mean"), ("SETF", "the vertices of the simplex"), ("CE-CAL", "the mean center")],
)
def test_nc_is_named_by_what_it_is_the_distance_to(method, target):
    (nc,) = [each["name"] for each in said_of(Config(method=method))["predictions"] if each["quantity"] == "nc"]
    assert nc == f"NC to {target}"


@given(rate=st.floats(0.5, 20.0), scale=st.floats(0.1, 3.0))
def test_exponential_and_algebraic_collapse_are_told_apart(rate, scale):
    config = Config(method="AL")
    said = said_of(config)
    misfit = QUANTITIES["exponential_misfit"]
    columns = np.ones(3)
    exponential = record(config, said, nc=lambda t: scale * np.exp(-np.outer(rate * t, columns)))
    algebraic = record(config, said, nc=lambda t: scale / np.outer(1e-3 + rate * t, columns))
    assert misfit(exponential, said) < 1e-6
    assert misfit(algebraic, said) > 0.9
    short = exponential.isel(epoch=slice(0, 4))
    assert np.isnan(misfit(short, said))
    assert any("record does not show it" in note for note in confirm(short, said).notes)


def test_order_of_collapse():
    config = Config(method="CAL")
    said = said_of(config)
    order = np.argsort(np.argsort(said["rates"])) + 1.0
    assert QUANTITIES["rate_order"](record(config, said, nc=lambda t: np.exp(-np.outer(t, order))), said) == 1.0
    assert QUANTITIES["rate_order"](record(config, said, nc=lambda t: np.exp(-np.outer(t, 1 / order))), said) == -1.0


def test_runs_are_compared_by_the_rates_of_their_rare_classes():
    runs = {}
    for method in ("CE", "SETF", "AL", "CAL"):
        config = Config(method=method)
        said = said_of(config)
        nc = (lambda t: 1 / (1 + t)[:, None] * np.ones(3)) if method == "SETF" else None
        runs[method] = (record(config, said, nc=nc), said)
    reports = compare(list(runs.values()))
    assert sorted(report.title for report in reports) == ["AL against SETF", "CAL against AL", "CAL against SETF"]
    assert all(report.holds for report in reports)
    standing = record(Config(method="CAL"), runs["CAL"][1], nc=lambda t: np.ones((len(t), 3)))
    (slow,) = compare([runs["AL"], (standing, runs["CAL"][1])])
    assert not slow.holds
    for change in ({"seed": 1}, {"lr": 0.05}, {"schedule": "cosine"}, {"measure_every": 2}, {"batch_size": 64}):
        other = record(Config(method="AL", **change), runs["AL"][1])
        assert compare([runs["CAL"], (other, runs["AL"][1])]) == []
    normalised = record(Config(method="AL", normalise="unit"), runs["AL"][1])
    assert len(compare([runs["CAL"], (normalised, runs["AL"][1])])) == 1
