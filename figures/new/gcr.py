"""Gain and price of the generalized classification rule (GCR) on hard-to-predict features."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import gap, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision.hard import frame_choice, gcr_accuracy, gcr_choice, tradeoff
from theory.multicenter.centers import class_aware
from ufm.measure import montecarlo
from ufm.measure.rules import generalized
from ufm.problems.frames import multi_center_frame
from ufm.problems.presets import CENTERS, spend
from ufm.problems.problem import Problem
from ufm.problems.sizes import long_tailed_sizes

ABOUT = "gain and price of the generalized classification rule"

CLOUDS: dict[montecarlo.Around, str] = {
    "directions": "around the mean of the directions",
    "mean_centers": "around the mean of the mean centers",
}
"""Where hard-to-predict features are: propositions 3.1 and C.1."""


def settings(quick: bool) -> dict[str, Any]:
    """Class-aware centers for a long tail; classes of hard-to-predict features in proportion to 1 / n_k."""
    return {
        "n_classes": 10,
        "n_max": 500,
        "tau": 0.01,
        "f": [1, 2, 5, 20] if quick else [1, 2, 3, 5, 8, 12, 20, 30],
        "theta": 0.2,
        "noise": 0.02,
        "drawn": 20_000 if quick else 200_000,
        "seed": 0,
    }


def data(quick: bool) -> Dataset:
    """Choices (f, cloud, class) drawn and predicted, and where the rules for centers stand on the trade-off."""
    said = settings(quick)
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    share = 1.0 / np.asarray(sizes, dtype=np.float64)
    share /= share.sum()
    counts = [class_aware(sizes, f) for f in said["f"]]
    count, noise, seed = said["drawn"], said["noise"], said["seed"]
    drawn = []
    for own in counts:
        frame = multi_center_frame(Problem(sizes, own, said["theta"]), basis="coordinate")
        drawn.append(
            [montecarlo.choice_rates(frame, generalized, count, noise=noise, around=a, seed=seed) for a in CLOUDS]
        )
    predicted = [[frame_choice(own, said["theta"], level) for level in (np.inf, noise)] for own in counts]
    rules = [spend(name, sizes, max(said["f"]), said["theta"]) for name in CENTERS]
    front = tradeoff(share, said["n_classes"] * max(said["f"]))
    variables = {
        "choice": (("f", "cloud", "class"), np.array([[each.mean for each in row] for row in drawn])),
        "choice_error": (("f", "cloud", "class"), np.array([[each.standard_error for each in row] for row in drawn])),
        "predicted_choice": (("f", "cloud", "class"), np.array(predicted)),
        "ideal_choice": (("f", "class"), np.array([gcr_choice(own) for own in counts])),
        "centers": (("f", "class"), np.array(counts)),
        "share": (("class",), share),
        "front_worst": (("protection",), front.worst),
        "front_accuracy": (("protection",), front.accuracy),
        "rule_worst": (("rule",), np.array([gcr_choice(own).min() for own in rules])),
        "rule_accuracy": (("rule",), np.array([gcr_accuracy(own, share) for own in rules])),
    }
    return recorded(said, variables, {"f": said["f"], "cloud": list(CLOUDS), "rule": list(CENTERS)})


def gains(data: Dataset, name: str) -> Any:
    """Accuracy minus 1 / K, of choices by that name."""
    return (data[name] * data.share).sum("class") - 1.0 / data.sizes["class"]


BESIDE = {"class-aware": (6, -4), "margins": (7, -3), "apportioned": (0, -15), "uniform": (-34, -10)}
"""Where the name of an allocation stands from its mark, points."""


@styled()
def plot(data: Dataset) -> Figure:
    """Gain over f; what each class wins or pays; the trade-off between gain and worst class."""
    figure = canvas(TWO_COLUMNS, 2.9)
    gain, price, front = figure.subplots(1, 3)
    last, fair = data.isel(f=-1), 1.0 / data.sizes["class"]
    classes = np.arange(1, data.sizes["class"] + 1)
    gain.plot(data.f, 100 * gains(data, "ideal_choice"), color="k", label="orthonormal centers (Prop. 3.1)")
    for place, (cloud, text) in enumerate(CLOUDS.items()):
        part, end, color = data.sel(cloud=cloud), last.sel(cloud=cloud), f"C{place}"
        drawn, errors = 100 * gains(part, "choice"), 200 * gain_error(part)
        gain.plot(part.f, 100 * gains(part, "predicted_choice"), color=color, label=f"theory of the frame, {text}")
        gain.errorbar(part.f, drawn, errors, fmt=".", color=color, label=f"drawn, {text}")
        price.plot(classes, 100 * (end.predicted_choice - fair), color=color, linewidth=0.8)
        price.plot(classes, 100 * (end.choice - fair), ".", color=color)
    gain.set(xscale="log", xlabel="mean number of centers $f$", ylabel="GCR minus RCR (points)")
    ticks = [f for f in (1, 2, 5, 10, 20) if f <= data.f.max()]
    gain.set_xticks(ticks, [str(f) for f in ticks])
    gain.minorticks_off()
    gain.set_title("gain")
    price.plot(classes, 100 * (last.ideal_choice - fair), color="k", linewidth=0.8)
    price.set(xlabel="class (1: most samples)", ylabel="GCR minus RCR (points)", xticks=classes[::3])
    price.set_title(f"who pays, $f$ = {int(last.f)}")
    for axis in (gain, price):
        axis.axhline(0.0, color="0.6", linewidth=0.6)
    front.plot(100 * data.front_worst, 100 * data.front_accuracy, color="k", linewidth=0.8)
    for place, rule in enumerate(data.rule.values):
        own, color = data.sel(rule=rule), f"C{place + 2}"
        at = 100 * float(own.rule_worst), 100 * float(own.rule_accuracy)
        front.plot(*at, "o^Ds"[place], color=color)
        side = BESIDE[str(rule)]
        front.annotate(str(rule), at, side, textcoords="offset points", color=color, fontsize=7, va="center")
    front.set(xlabel="accuracy of the worst class (%)", ylabel="accuracy of GCR (%)", ylim=(0.0, None))
    front.set_title("best possible (line)")
    figure.legend(*gain.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def gain_error(data: Dataset) -> Any:
    """Standard error of the gain: choices of one draw are multinomial."""
    drawn = settings_of(data)["drawn"]
    mean = (data.choice * data.share).sum("class")
    return np.sqrt(np.maximum((data.choice * data.share**2).sum("class") - mean**2, 0.0) / drawn)


def caption(data: Dataset) -> str:
    """Settings, gains drawn and predicted, and what the rules reach."""
    said = settings_of(data)
    rows = []
    for cloud, text in CLOUDS.items():
        part = data.sel(cloud=cloud)
        drawn, wanted = gains(part, "choice")[-1], gains(part, "predicted_choice")[-1]
        off = gap(part.choice, part.predicted_choice)
        worst = gap((part.choice - part.predicted_choice) / part.choice_error, 0.0)
        rows.append(
            f"{text}: at f = {int(part.f[-1])} GCR gains {number(100 * drawn)} points drawn, {number(100 * wanted)} "
            f"by theory; over all f and classes choices are within {number(off, 2)} of theory, {number(worst, 2)} "
            "standard errors at most."
        )
    rules = ", ".join(
        f"{rule} {number(100 * data.rule_accuracy[i])} % (worst class {number(100 * data.rule_worst[i], 2)} %)"
        for i, rule in enumerate(data.rule.values)
    )
    return markdown(
        f"""**Gain and price of GCR.** K = {said["n_classes"]} classes from {said["n_max"]} down to
        {said["n_max"] * said["tau"]:g} samples, class-aware centers, theta = {said["theta"]:g}; {said["drawn"]:,}
        hard-to-predict features with noise {said["noise"]:g} in each direction, from class k with probability in
        proportion to 1/n_k; RCR is right with probability 1/K. Left: what GCR gains over f (bars: two standard errors,
        hidden by the dots where they are small). Middle: the same class by class; more centers for one class are paid
        for by the others. Right: accuracy of GCR with orthonormal centers against that of its worst class; the line is
        the best that any allocation reaches. Theory: proposition 3.1 (black), and the exact integral for the frame;
        around the mean of the mean centers, and with little noise, classes with few centers are favoured as well.""",
        [*rows, f"Allocations at f = {max(said['f'])}, orthonormal centers: {rules}."],
    )
