"""What each rule costs on collapsed features, over f and theta, and what rules make of a network's test features."""

import json
from itertools import chain
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision.accuracy import gcr_accuracy, nmc_accuracy, rcr_accuracy
from theory.decision.radius import gcr_radius, nmc_radius, rcr_radius
from ufm.tables import results

ABOUT = "accuracy and radius of three rules over f and theta, and of networks"

RULES = ("nearest", "rcr", "gcr")
LABELS = {"nearest": "nearest mean center", "rcr": "RCR", "gcr": "GCR"}
COLORS = {"nearest": "C0", "rcr": "C1", "gcr": "C2"}
DASHES = ("-", "--")
"""One for each angle."""

KINDS: dict[str, dict[str, Any]] = {
    "CAL": {"marker": "o"},
    "CAL, theta 0.7": {"marker": "o", "markerfacecolor": "none"},
    "CAL, margins": {"marker": "D"},
    "AL": {"marker": "s"},
    "P": {"marker": "^"},
}
"""Marks of trainings."""


def kind(title: str) -> str:
    """Which of KINDS a training is, by its title: theta 0.2 and the centers of the method unless it says otherwise."""
    method = title.partition(" on ")[0]
    others = {"theta 0.7": ", theta 0.7", "margins centers": ", margins"}
    return method + "".join(words for part, words in others.items() if part in title.split(", "))


def _decisions() -> list[dict[str, Any]]:
    """What ``ufm decide --json`` printed."""
    return list(json.loads(results.place("decisions").read_text())["decisions"])


def settings(quick: bool) -> dict[str, Any]:
    """Centers, angles, signal-to-noise ratio and classes; which networks."""
    f = [1, 2, 4, 8, 20, 40] if quick else [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40]
    networks = [each["title"] for each in _decisions()]
    return {"f": f, "theta": [0.2, 0.7], "ratio": 4.0, "classes": 10, "networks": networks}


def data(quick: bool) -> Dataset:
    """Accuracy and radius (rule, theta, f) by theory; of networks, measured and predicted accuracy (network, rule)."""
    said = settings(quick)
    f, theta = np.array(said["f"]), np.array(said["theta"])[:, None]
    ratio, k = said["ratio"], said["classes"]
    shape = (theta.size, f.size)
    accuracy = [
        np.broadcast_to(nmc_accuracy(ratio, k), shape),
        rcr_accuracy(f, theta, ratio, k),
        gcr_accuracy(f, theta, ratio, k),
    ]
    radius = [np.broadcast_to(nmc_radius(), shape), rcr_radius(f, theta), gcr_radius(f, theta)]
    tables = [each["tables"] for each in _decisions()]
    measured = [[np.mean(each["class_accuracy"][rule]) for rule in RULES] for each in tables]
    predicted = [[np.mean(each["predicted_accuracy"][rule]) for rule in RULES] for each in tables]
    near, far = ([[each["radius"][rule][part] for rule in RULES] for each in tables] for part in ("collapse", "train"))
    variables = {
        "accuracy": (("rule", "theta", "f"), np.array(accuracy)),
        "radius": (("rule", "theta", "f"), np.array(radius)),
        "measured": (("network", "rule"), np.array(measured)),
        "predicted": (("network", "rule"), np.array(predicted)),
        "measured_radius": (("network", "rule"), np.array(far)),
        "collapsed_radius": (("network", "rule"), np.array(near)),
    }
    return recorded(said, variables, {"rule": [*RULES], "theta": said["theta"], "f": said["f"]})


@styled()
def plot(data: Dataset) -> Figure:
    """By theory above; below, networks over what theory says of norms and noises of their features."""
    figure = canvas(TWO_COLUMNS, 4.7)
    (accuracy, radius), (points, sizes) = figure.subplots(2, 2)
    for rule in RULES:
        color = COLORS[rule]
        for theta, dashes in zip(data.theta.values, DASHES, strict=True):
            look = {"color": color, "linestyle": dashes, "label": f"{LABELS[rule]}, theta {theta:g}"}
            if rule == "nearest":
                if dashes == "--":
                    continue
                look["label"] = LABELS[rule]
            own = data.sel(rule=rule, theta=theta)
            accuracy.plot(data.f, 100 * own.accuracy, **look)
            radius.plot(data.f, own.radius, **look)
    said = settings_of(data)
    kinds = np.array([kind(title) for title in said["networks"]])
    for rule in RULES:
        for name, mark in KINDS.items():
            own = data.sel(rule=rule).isel(network=kinds == name)
            dots: dict[str, Any] = {"color": COLORS[rule], "linestyle": "", "markersize": 4, **mark}
            points.plot(100 * own.predicted, 100 * own.measured, **dots)
            sizes.plot(own.collapsed_radius, own.measured_radius, **dots)
    for axis, label in ((accuracy, "accuracy (%)"), (radius, "radius over norm")):
        axis.set(xscale="log", xlabel="centers per class $f$", ylabel=label)
        axis.set_xticks([1, 2, 5, 10, 20, 40], ["1", "2", "5", "10", "20", "40"])
        axis.minorticks_off()
    accuracy.set_title(f"theory: accuracy, $r = {said['ratio']:g}\\,\\sigma$, {said['classes']} classes")
    radius.set_title("theory: radius at collapse")
    radius.set_ylim(0.0, 0.75)
    accuracy.set_ylim(0.0, 103.0)
    _diagonal(points, [45.0, 95.0])
    points.set(xlabel="predicted from norms and noises (%)", ylabel="test accuracy (%)", title="networks: accuracy")
    _diagonal(sizes, [0.0, 1.8])
    sizes.set(xlabel="radius at collapse", ylabel="median radius, training", title="networks: radius")
    handles, labels = accuracy.get_legend_handles_labels()
    grey = [points.plot([], [], color="0.4", linestyle="", markersize=4, **mark)[0] for mark in KINDS.values()]
    rows = {"handles": [*chain(*zip(handles, grey, strict=True))], "labels": [*chain(*zip(labels, KINDS, strict=True))]}
    figure.legend(**rows, loc="outside lower center", ncols=len(KINDS))  # rules above, trainings below
    return figure


def _diagonal(axis: Any, ends: list[float]) -> None:
    axis.plot(ends, ends, color="0.6", linewidth=0.7, zorder=0)


def caption(data: Dataset) -> str:
    """What is shown; measured against predicted by rule."""
    said = settings_of(data)
    rows = [
        f"{LABELS[rule]}: test accuracy {number(100 * data.measured.sel(rule=rule).min())} to "
        f"{number(100 * data.measured.sel(rule=rule).max())} %, predicted "
        f"{number(100 * data.predicted.sel(rule=rule).min())} to {number(100 * data.predicted.sel(rule=rule).max())} %."
        for rule in RULES
    ]
    return markdown(
        f"""**What a rule costs.** Above, closed forms for features around their own mean center: accuracy at
        r = {said["ratio"]:g} sigma with {said["classes"]} classes, and how far a feature at its mean center is from the
        nearest boundary. No rule beats the nearest mean center there; GCR's radius falls with every further center.
        Below, {len(said["networks"])} trainings on CIFAR-10-LT, three seeds of five kinds, from results/decisions.json
        (`ufm decide`), mean over classes: test accuracy over what theory says of features with the same norms and
        noises, and radii of training features over those at collapse; colours are rules, marks trainings (theta 0.2 and
        the method's own centers unless the mark says otherwise). The grey line is equality. These features are far from
        collapse, so that nothing is refuted; but the order that theory has does not come true: where classes differ in
        their number of centers, RCR is first.""",
        rows,
    )
