"""Centers per class: the paper's class-aware strategy as printed, and its monotone repair."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures.recorded import number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.centers import apportioned, class_aware
from ufm.problems.frames import Array
from ufm.problems.sizes import long_tailed_sizes

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "centers per class, as printed and apportioned"

RULES = {"as printed": class_aware, "apportioned": apportioned}


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


def data(quick: bool) -> "xarray.Dataset":
    """Counts (list, rule, class) with their violations, and the share of random lists with any (rule, f, K)."""
    said = settings(quick)
    sizes = np.array([*said["lists"].values()])
    counts = np.array([[rule(tuple(row), said["f"]) for rule in RULES.values()] for row in sizes.tolist()])
    broken = np.array([[violations(row, own) for own in rules] for row, rules in zip(sizes, counts, strict=True)])
    rng = np.random.default_rng(said["seed"])
    share = np.zeros((len(RULES), len(said["f_of_random"]), len(said["classes"])))
    for place, count in enumerate(said["classes"]):
        drawn = np.sort(rng.integers(1, said["largest"] + 1, (said["random"], count)))[:, ::-1]
        for row in drawn.tolist():
            for i, rule in enumerate(RULES.values()):
                for j, f in enumerate(said["f_of_random"]):
                    share[i, j, place] += violations(row, rule(row, f)).any()
    variables = {
        "class_size": (("list", "class"), sizes),
        "centers": (("list", "rule", "class"), counts),
        "violation": (("list", "rule", "class"), broken),
        "share": (("rule", "f", "classes"), share / said["random"]),
    }
    coordinates = {
        "list": [*said["lists"]],
        "rule": [*RULES],
        "f": said["f_of_random"],
        "classes": said["classes"],
    }
    return recorded(said, variables, coordinates)


def plot(data: "xarray.Dataset") -> "Figure":
    """Centers by class for each list, violations ringed; and how often random lists have one."""
    said = settings_of(data)
    count = data.sizes["list"]
    with styled():
        figure = canvas(TWO_COLUMNS, 3.9)
        axes = figure.subplots(2, 3).ravel()
        classes = np.arange(1, data.sizes["class"] + 1)
        for axis, name in zip(axes, data.list.values, strict=False):
            for place, rule in enumerate(data.rule.values):
                part = data.sel(list=name, rule=rule)
                look = {"marker": "os"[place], "markersize": 3.5 - place, "color": f"C{place}"}
                axis.plot(classes, part.centers, linewidth=0.8, label=str(rule), **look)
                wrong = part.violation.values > 0
                axis.plot(classes[wrong], part.centers.values[wrong], "o", markersize=7, mfc="none", color="C3")
            axis.set(xlabel="class (1: most samples)", ylabel=f"centers $f_k$, mean {said['f']}", xticks=classes[::3])
            axis.set(ylim=(0.0, 1.12 * float(data.centers.sel(list=name).max())))
            axis.set_title(f"{name}\n{_runs(data.class_size.sel(list=name).values)}")
        random = axes[count]
        for place, rule in enumerate(data.rule.values):
            for f, dashes in zip(data.f.values, ("--", "-"), strict=True):
                part = data.share.sel(rule=rule, f=f)
                look = {"marker": "os"[place], "markersize": 3.5 - place, "color": f"C{place}"}
                random.plot(data.classes, 100 * part, linestyle=dashes, linewidth=0.8, **look)
        random.set(xlabel="classes $K$", ylabel="lists with a violation (%)", ylim=(-4.0, 104.0))
        random.set_title("random lists")
        for axis in axes[count + 1 :]:
            axis.axis("off")
        axes[0].plot([], [], "o", markersize=7, mfc="none", color="C3", label="out of order")
        for f, dashes in zip(data.f.values, ("--", "-"), strict=True):
            axes[0].plot([], [], color="0.4", linestyle=dashes, label=f"random lists: f = {f}")
        axes[-1].legend(*axes[0].get_legend_handles_labels(), loc="center")
        return figure


def _runs(sizes: Any) -> str:
    """Sizes in short: the first, the last, and how many."""
    return f"n = {sizes[0]:,} to {sizes[-1]:,}"


def caption(data: "xarray.Dataset") -> str:
    """Lists, how many violations, and how often."""
    said = settings_of(data)
    broken = []
    for name in data.list.values:
        counts = [int((data.violation.sel(list=name, rule=rule) > 0).sum()) for rule in data.rule.values]
        broken.append(f"- {name}: {counts[0]} of {data.sizes['class']} classes as printed, {counts[1]} apportioned.")
    printed = data.share.sel(rule="as printed")
    spread = "; ".join(
        f"f = {f}: {number(100 * printed.sel(f=f).min(), 2)} to {number(100 * printed.sel(f=f).max(), 2)} %"
        for f in data.f.values
    )
    return (
        f"**Centers per class.** The class-aware strategy as the paper prints it, and its repair by Huntington-Hill "
        f"apportionment to 1/n_k, with f = {said['f']} centers per class in the mean. Ringed: a class that gets fewer "
        "centers than a class with more samples, or two fewer or two more than one with as many. Last panel: share of "
        f"random lists (K sizes drawn evenly from 1 to {said['largest']}, {said['random']} lists each) in which that "
        "happens. Theory: "
        "the repair is monotone for every list; the printed strategy hands what is left over to the most frequent "
        "classes first.\n\nClasses with a violation:\n\n" + "\n".join(broken) + "\n\nRandom lists with a violation, "
        "over "
        f"K: as printed, {spread}; apportioned {number(100 * data.share.sel(rule='apportioned').max(), 2)} % at most."
    )
