"""What each rule costs on collapsed features, over f and theta, and what rules make of a network's test features."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr
from xarray import Dataset

from figures.recorded import markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision.accuracy import gcr_accuracy, nmc_accuracy, rcr_accuracy
from theory.decision.few_samples import confusion
from theory.decision.radius import gcr_radius, nmc_radius, rcr_radius
from theory.decision.shift import best_offsets, offset_accuracy
from theory.multicenter.centers import class_aware
from theory.multicenter.geometry import Array, classifier_cosine
from ufm.problems.sizes import long_tailed_sizes
from ufm.tables.decided import Kept, kinds, read

ABOUT = "accuracy and radius of three rules, under other priors, from few samples, and of networks"

RULES = ("nearest", "rcr", "gcr")
LABELS = {"nearest": "nearest mean center", "rcr": "RCR", "gcr": "GCR"}
COLORS = {"nearest": "C0", "rcr": "C1", "gcr": "C2"}
DASHES = ("-", "--")
"""One for each angle."""

MARKS: dict[str, dict[str, Any]] = {
    "CAL": {"marker": "o"},
    "CAL-theta": {"marker": "o", "markerfacecolor": "none"},
    "AL": {"marker": "s"},
    "AL-weighted": {"marker": "s", "markerfacecolor": "none"},
    "P": {"marker": "^"},
}
"""Of trainings, by method."""

SHIFTED = ("C0-", "C0--", "C1-", "C1--")
"""Nearest mean center and RCR, without and with offsets."""

FEW = {"means learned": ("C3-", 25, 42), "bias taken off": ("C3--", 6, 62), "means known": ("C0-", 1.5, 97)}
"""Look of a curve, and where its name stands."""

TRAINED = {0.2: {"marker": "o"}, 0.7: {"marker": "o", "markerfacecolor": "none"}}
"""Of trainings in the panels of theory, by angle."""

COLUMNS = 5
"""Of the legend: rules and angles in the first row."""


def _class_aware() -> list[Kept]:
    """Trainings of CAL on Fashion-MNIST-LT with class-aware centers."""
    every = read("decisions-designs")
    return [each for each in every if each["title"].startswith("CAL on") and "class-aware" in each["title"]]


def _designs(angles: list[float]) -> tuple[list[float], list[float], Array, Array]:
    """CAL on Fashion-MNIST-LT at these angles, means over seeds: f, theta, test accuracy and radius (kind, rule).

    Radii are medians of training features, in units of their norm.
    """
    found: dict[tuple[float, float], list[tuple[Array, Array]]] = {}
    for each in _class_aware():
        words, tables = each["title"].split(", "), each["tables"]
        f, theta = (next(float(w.split()[1]) for w in words if w.startswith(f"{name} ")) for name in ("f", "theta"))
        if theta in angles:
            accuracy = np.array([np.mean(tables["class_accuracy"][rule]) for rule in RULES])
            radius = np.array([tables["radius"][rule]["train"] for rule in RULES]) / np.mean(tables["train"]["r"])
            found.setdefault((f, theta), []).append((accuracy, radius))
    accuracies, radii = np.stack([np.mean(seeds, axis=0) for seeds in found.values()], axis=1)
    return [f for f, _ in found], [theta for _, theta in found], accuracies, radii


def settings(quick: bool) -> dict[str, Any]:
    """Centers, angles, signal-to-noise ratio and classes; which networks."""
    f = [1, 2, 4, 8, 20, 40] if quick else [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40]
    networks = [each["title"] for each in read("decisions")]
    sizes = long_tailed_sizes(10, 5000, 0.01)
    return {
        **{"f": f, "theta": [0.2, 0.7], "ratio": 4.0, "classes": 10, "networks": networks, "sizes": list(sizes)},
        **{"mean_f": 20, "powers": np.linspace(-1.0, 1.0, 9).tolist(), "distance": 3.0, "dim": 200},
        "samples": [1, 2, 5, 10, 20, 50, 100, 200, 500],
        "designs": [each["title"] for each in _class_aware()],
    }


def _shifted(said: dict[str, Any]) -> Array:
    """Accuracy (curve, power) under test priors that are powers of the training prior, class-aware centers."""
    sizes = np.array(said["sizes"], dtype=float)
    skew = classifier_cosine(class_aware(said["sizes"], said["mean_f"]), said["theta"][0])
    curves = []
    for cosines in (np.ones(sizes.size), skew):
        mean = said["ratio"] * cosines
        plain: list[float] = []
        best: list[float] = []
        for power in said["powers"]:
            prior = sizes**power / np.sum(sizes**power)
            for curve, offsets in ((plain, np.zeros(sizes.size)), (best, best_offsets(prior, mean, 1.0))):
                curve.append(float(prior @ offset_accuracy(mean, 1.0, offsets)))
        curves += [plain, best]
    return np.array(curves)


def _few(said: dict[str, Any]) -> Array:
    """Accuracy (curve, samples) of a rare class against the most frequent one, means learned or known."""
    n, rest = np.array(said["samples"]), (said["distance"], 1.0, said["dim"])
    learned = [1.0 - confusion(n, said["sizes"][0], *rest, corrected=way) for way in (False, True)]
    return np.array([*learned, np.broadcast_to(ndtr(said["distance"] / 2.0), n.shape)])


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
    tables = [each["tables"] for each in read("decisions")]
    measured = [[np.mean(each["class_accuracy"][rule]) for rule in RULES] for each in tables]
    predicted = [[np.mean(each["predicted_accuracy"][rule]) for rule in RULES] for each in tables]
    centers, angles, trained_accuracy, trained_radius = _designs(said["theta"])
    near, far = ([[each["radius"][rule][part] for rule in RULES] for each in tables] for part in ("collapse", "train"))
    variables = {
        "shifted": (("shift_curve", "power"), _shifted(said)),
        "few": (("few_curve", "samples"), _few(said)),
        "accuracy": (("rule", "theta", "f"), np.array(accuracy)),
        "radius": (("rule", "theta", "f"), np.array(radius)),
        "measured": (("network", "rule"), np.array(measured)),
        "predicted": (("network", "rule"), np.array(predicted)),
        "measured_radius": (("network", "rule"), np.array(far)),
        "collapsed_radius": (("network", "rule"), np.array(near)),
        "trained_f": ("design", centers),
        "trained_theta": ("design", angles),
        "trained_accuracy": (("design", "rule"), trained_accuracy),
        "trained_radius": (("design", "rule"), trained_radius),
    }
    coordinates = {name: said[key] for name, key in (("theta", "theta"), ("f", "f"), ("power", "powers"))}
    coordinates |= {"rule": [*RULES], "samples": said["samples"]}
    return recorded(said, variables, coordinates)


@styled()
def plot(data: Dataset) -> Figure:
    """Theory in two rows; in the last, networks over what theory says of norms and noises of their features."""
    figure, dots = canvas(TWO_COLUMNS, 7.2), dict[str, Any]()
    (accuracy, radius), (shift, few), (points, sizes) = figure.subplots(3, 2)
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
        for theta, mark in TRAINED.items():
            own = data.sel(rule=rule).isel(design=data.trained_theta.values == theta)
            dots = {"color": color, "linestyle": "", "markersize": 4, **mark}
            accuracy.plot(own.trained_f, 100 * own.trained_accuracy, **dots)
            radius.plot(own.trained_f, own.trained_radius, **dots)
    said = settings_of(data)
    for line, values in zip(SHIFTED, data.shifted, strict=True):
        shift.plot(data.power, 100 * values, line)
    shift.text(-0.95, 50, "dashed: with the best offsets", fontsize=7)
    for (name, (line, x, y)), values in zip(FEW.items(), data.few, strict=True):
        few.plot(data.samples, 100 * values, line)
        few.text(x, y, name, color=line[:2], fontsize=7)
    methods = np.array([title.partition(" on ")[0] for title in said["networks"]])
    marks = {method: mark for method, mark in MARKS.items() if method in methods}
    for rule in RULES:
        for method, mark in marks.items():
            own = data.sel(rule=rule).isel(network=methods == method)
            dots = {"color": COLORS[rule], "linestyle": "", "markersize": 4, **mark}
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
    shift.set(xlabel="prior of the test", ylabel="accuracy (%)")
    shift.set_xticks([-1.0, 0.0, 1.0], ["reversed", "balanced", "training"])
    shift.set_title("theory: other shares of the classes")
    few.set(xscale="log", xlabel="samples of the rare class", ylabel="accuracy (%)")
    few.set_xticks([1, 10, 100], ["1", "10", "100"])
    few.minorticks_off()
    few.set_title(f"theory: rare against frequent, $d = {said['dim']}$")
    few.set_ylim(-3.0, 107.0)
    _diagonal(points, [45.0, 95.0])
    points.set(xlabel="predicted from norms and noises (%)", ylabel="test accuracy (%)", title="networks: accuracy")
    _diagonal(sizes, [0.0, 1.8])
    sizes.set(xlabel="radius at collapse", ylabel="median radius, training", title="networks: radius")
    handles, labels = accuracy.get_legend_handles_labels()
    grey = [points.plot([], [], color="0.4", linestyle="", markersize=4, **mark)[0] for mark in marks.values()]
    entries = [*zip(handles, labels, strict=True), *zip(grey, marks, strict=True)]
    by_column = [entry for column in range(COLUMNS) for entry in entries[column::COLUMNS]]  # rules above, methods below
    figure.legend(*zip(*by_column, strict=True), loc="outside lower center", ncols=COLUMNS)
    return figure


def _diagonal(axis: Any, ends: list[float]) -> None:
    axis.plot(ends, ends, color="0.6", linewidth=0.7, zorder=0)


def caption(data: Dataset) -> str:
    """What is shown; measured against predicted by rule."""
    said = settings_of(data)
    trained = kinds({"title": title} for title in said["networks"])
    rows = [
        f"{LABELS[rule]}: test accuracy {number(100 * data.measured.sel(rule=rule).min())} to "
        f"{number(100 * data.measured.sel(rule=rule).max())} %, predicted "
        f"{number(100 * data.predicted.sel(rule=rule).min())} to {number(100 * data.predicted.sel(rule=rule).max())} %."
        for rule in RULES
    ]
    return markdown(
        f"""**What a rule costs.** Above, closed forms for features around their own mean center: accuracy at r =
        {said["ratio"]:g} sigma with {said["classes"]} classes, and how far a feature at its mean center is from the
        nearest boundary; dots are CAL on Fashion-MNIST-LT, means over ten seeds (results/decisions-designs.json; theta
        0.2 filled, 0.7 hollow; their class-aware centers differ by class, f is the mean, and their norms and noises
        are their own): test accuracy, mean over classes, and median radius of training features over their norm. By
        theory no rule beats the nearest mean center; GCR's radius falls with every further center. Next, accuracy
        where the test has other shares of the classes than training (from {said["sizes"][0]} to {said["sizes"][-1]}
        samples; between them powers of it), with class-aware centers, f = {said["mean_f"]} and theta =
        {said["theta"][0]:g}; and of a rare class against the most frequent one at a distance of {said["distance"]:g}
        sigma, by means that are learned from samples, or known as in a fixed frame. Below, {len(said["networks"])}
        trainings on CIFAR-10-LT, three seeds of {len(trained)} kinds ({"; ".join(trained)}), from
        results/decisions.json (`ufm decide`), mean over classes: test accuracy over what theory says of features with
        the same norms and noises, and radii of training features over those at collapse; colours are rules, marks
        methods. The grey line is equality. These features are far from collapse, so that nothing is refuted; but the
        order that theory has does not come true: where classes differ in their skew, RCR is first.""",
        rows,
    )
