"""Centers per class: the paper's class-aware strategy as printed, and its monotone repair."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.centers import apportioned, class_aware
from ufm.problems.frames import Array
from ufm.problems.sizes import long_tailed_sizes

ABOUT = "centers per class, as printed and apportioned"

RULES = {"as printed": class_aware, "apportioned": apportioned}
LOOKS: dict[str, dict[str, Any]] = {
    "as printed": {"marker": "o", "markersize": 3.5, "color": "C0", "linewidth": 0.8},
    "apportioned": {"marker": "s", "markersize": 2.5, "color": "C1", "linewidth": 0.8},
}
RING: dict[str, Any] = {"marker": "o", "markersize": 7, "mfc": "none", "color": "C3", "linestyle": ""}
DASHES = ("--", "-")
"""One for each f of the random lists."""


def settings(quick: bool) -> dict[str, Any]:
    """Lists of sizes, descending, and how many random lists are counted."""
    return {
        "lists": {
            "CIFAR-10-LT, tau 0.01": [*long_tailed_sizes(10, 5000, 0.01)],
            "one rare class": [300] * 9 + [100],
            "one large class": [5000] + [100] * 9,
            "nearly balanced": [1000 - 10 * k for k in range(10)],
        },
        "f": 20,
        "classes": [3, 5, 10, 20] if quick else [2, 3, 4, 5, 7, 10, 15, 20, 30],
        "f_of_random": [3, 20],
        "largest": 500,
        "random": 300 if quick else 3000,
        "seed": 0,
    }


def violations(sizes: Any, counts: Any) -> Array:
    """By class (K,): how many classes with at least as many samples have more centers, or equal ones two more or two
    fewer; 0 everywhere if the rarer class never gets less.
    """
    n, f = np.asarray(sizes), np.asarray(counts)
    larger = (n[:, None] > n[None, :]) & (f[:, None] > f[None, :])  # (larger class, smaller class)
    unequal = (n[:, None] == n[None, :]) & (np.abs(f[:, None] - f[None, :]) > 1)
    return np.asarray((larger | unequal).sum(axis=0), dtype=np.float64)


def data(quick: bool) -> Dataset:
    """Counts (list, rule, class) with their violations, and the share of random lists with any (rule, f, K)."""
    said = settings(quick)
    sizes = [*said["lists"].values()]
    counts = [[rule(row, said["f"]) for rule in RULES.values()] for row in sizes]
    broken = [[violations(row, own) for own in rules] for row, rules in zip(sizes, counts, strict=True)]
    rng = np.random.default_rng(said["seed"])
    share = np.empty((len(RULES), len(said["f_of_random"]), len(said["classes"])))
    for place, count in enumerate(said["classes"]):
        drawn = np.sort(rng.integers(1, said["largest"] + 1, (said["random"], count)))[:, ::-1].tolist()
        for i, rule in enumerate(RULES.values()):
            for j, f in enumerate(said["f_of_random"]):
                share[i, j, place] = np.mean([violations(row, rule(row, f)).any() for row in drawn])
    variables = {
        "class_size": (("list", "class"), np.array(sizes)),
        "centers": (("list", "rule", "class"), np.array(counts)),
        "violation": (("list", "rule", "class"), np.array(broken)),
        "share": (("rule", "f", "classes"), share),
    }
    coordinates = {"list": [*said["lists"]], "rule": [*RULES], "f": said["f_of_random"], "classes": said["classes"]}
    return recorded(said, variables, coordinates)


@styled()
def plot(data: Dataset) -> Figure:
    """Centers by class for each list, violations ringed; and how often random lists have one."""
    said = settings_of(data)
    figure = canvas(TWO_COLUMNS, 3.9)
    *axes, random, key = figure.subplots(2, 3).ravel()
    classes = np.arange(1, data.sizes["class"] + 1)
    for axis, name in zip(axes, data.list.values, strict=True):
        part = data.sel(list=name)
        for rule, look in LOOKS.items():
            own = part.sel(rule=rule)
            axis.plot(classes, own.centers, label=rule, **look)
            wrong = own.violation.values > 0
            axis.plot(classes[wrong], own.centers.values[wrong], **RING)
        axis.set(xlabel="class (1: most samples)", ylabel=f"centers $f$, mean {said['f']}", xticks=classes[::3])
        axis.set(ylim=(0.0, 1.12 * float(part.centers.max())))
        first, *_, last = part.class_size.values
        axis.set_title(f"{name}\nn = {first:,} to {last:,}")
    axes[0].plot([], [], label="out of order", **RING)
    for f, dashes in zip(data.f.values, DASHES, strict=True):
        for rule, look in LOOKS.items():
            random.plot(data.classes, 100 * data.share.sel(rule=rule, f=f), linestyle=dashes, **look)
        axes[0].plot([], [], color="0.4", linestyle=dashes, label=f"random lists: f = {f}")
    random.set(xlabel="classes $K$", ylabel="lists with a violation (%)", ylim=(-4.0, 104.0))
    random.set_title("random lists")
    key.axis("off")
    key.legend(*axes[0].get_legend_handles_labels(), loc="center")
    return figure


def caption(data: Dataset) -> str:
    """Lists, how many violations, and how often."""
    said = settings_of(data)
    broken = []
    for name in data.list.values:
        printed, repaired = (int((data.violation.sel(list=name, rule=rule) > 0).sum()) for rule in RULES)
        broken.append(f"{name}: {printed} of {data.sizes['class']} classes as printed, {repaired} apportioned.")
    share = 100 * data.share.sel(rule="as printed")
    spread = "; ".join(
        f"f = {f}: {number(share.sel(f=f).min(), 2)} to {number(share.sel(f=f).max(), 2)} %" for f in data.f.values
    )
    return markdown(
        f"""**Centers per class.** The class-aware strategy as the paper prints it, and its repair by Huntington-Hill
        apportionment to 1/n_k, with f = {said["f"]} centers per class in the mean. Ringed: a class that gets fewer
        centers than a class with more samples, or two fewer or two more than one with as many. Last panel: share of
        random lists (K sizes drawn evenly from 1 to {said["largest"]}, {said["random"]} lists each) in which that
        happens. Theory: the repair is monotone for every list; the printed strategy hands what is left over to the
        most frequent classes first.

        Classes with a violation:""",
        broken,
        f"""Random lists with a violation, over K: as printed, {spread}; apportioned
        {number(100 * data.share.sel(rule="apportioned").max(), 2)} % at most.""",
    )
