"""The staircase of ranks: which class dies at which weight decay if all sizes differ, and which only come close."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import gap, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, class_colors, legend_beside, styled
from theory.zoo import ce_imbalanced, mse_imbalanced
from ufm.certify.phases import phases
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.sizes import long_tailed_sizes

ABOUT = "the staircase of ranks: which class dies at which weight decay, and which only come close"
THEOREMS = ("mse-imbalanced", "mse-free-bias", "ce-imbalanced")

LOSSES = {"mse": "squared loss", "ce": "cross-entropy"}
BIASES: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("no bias", {"marker": "o", "markersize": 4, "markerfacecolor": "none", "color": "C0"}),
    "free": ("free bias", {"marker": "s", "markersize": 2.5, "color": "C1"}),
}

TICKS = (0.002, 0.005, 0.01, 0.02, 0.04)

DEAD = 1e-3
"""Norms below this part of the largest are not drawn."""

FINE = 600
"""Strengths at which theory's lines are drawn."""


def settings(quick: bool) -> dict[str, Any]:
    """A long tail of which no two classes are equal."""
    return {"n_classes": 7, "n_max": 300, "tau": 0.02, "low": 2e-3, "high": 4e-2, "points": 16 if quick else 44}


def _model(said: dict[str, Any], loss: str, bias: str, lam: float) -> Any:
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    return FeatureModel(sizes, lam_w=lam, lam_h=lam, loss=loss, bias=bias)


def _seen(model: FeatureModel) -> tuple[int, int, Array, Array, float]:
    """Rank, how many classes live, norms of the weights, distance of each class mean from the next, and the gap."""
    found = minimize(model)
    gram, squares = found.feature_gram, np.diag(found.feature_gram)
    between = np.sqrt(np.maximum(squares[:-1] + squares[1:] - 2.0 * np.diag(gram, 1), 0.0))
    longer = np.sqrt(np.maximum(squares[:-1], squares[1:]))
    alive = found.alive[found.group]
    there = alive[:-1] | alive[1:]
    apart = np.divide(between, longer, out=np.full_like(between, np.nan), where=there)
    return found.rank, int(alive.sum()), found.weight_norms[found.group], apart, found.gap


def data(quick: bool) -> Dataset:
    """Ranks, norms and distances over (loss, bias, lam); distances in units of the longer mean."""
    said = settings(quick)
    strengths = np.geomspace(said["low"], said["high"], said["points"])
    grid = (len(LOSSES), len(BIASES), len(strengths))
    rows = [_seen(_model(said, loss, bias, float(lam))) for loss in LOSSES for bias in BIASES for lam in strengths]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    rank, living, norms, apart, gaps = (column.reshape(*grid, *column.shape[1:]) for column in columns)
    dims = ("loss", "bias", "lam")
    variables = {
        "rank": (dims, rank),
        "living": (dims, living),
        "weight_norm": ((*dims, "class"), norms),
        "distance": ((*dims, "pair"), apart),
        "gap": (dims, gaps),
    }
    return recorded(said, variables, {"loss": list(LOSSES), "bias": list(BIASES), "lam": strengths})


def ranks(said: dict[str, Any], bias: str, strengths: Array) -> Array:
    """Of squared loss, by theory."""
    spoken = [phases(_model(said, "mse", bias, float(lam))) for lam in strengths]
    return np.array([next(int(rank) for saying, rank in each.items() if saying.name == "rank") for each in spoken])


def end(said: dict[str, Any], bias: str) -> float:
    """The strength from which on cross-entropy has nothing alive, by theory."""
    return ce_imbalanced.deadly(_model(said, "ce", bias, 1.0))


def norms(said: dict[str, Any], strengths: Array) -> Array:
    """Of the weights, of squared loss without a bias, by theory, (n, K)."""
    models = [_model(said, "mse", "none", float(lam)) for lam in strengths]
    return np.sqrt([mse_imbalanced.predict(model)["weight_squares"] for model in models])


@styled()
def plot(data: Dataset) -> Figure:
    """Left the ranks, right single classes without a bias: norms of squared loss, distances of cross-entropy."""
    said = settings_of(data)
    figure = canvas(TWO_COLUMNS, 4.4)
    axes = figure.subplots(2, 2, sharex=True)
    fine = np.geomspace(said["low"], said["high"], FINE)
    for (axis, _), (loss, title) in zip(axes, LOSSES.items(), strict=True):
        for bias, (label, look) in BIASES.items():
            axis.plot(data.lam, data["rank"].sel(loss=loss, bias=bias), linestyle="", label=label, **look)
            if loss == "mse":
                axis.plot(fine, ranks(said, bias, fine), color=look["color"], linewidth=0.8)
            else:
                axis.axvline(end(said, bias), color=look["color"], linestyle="--", linewidth=0.8)
        axis.set(
            ylabel="number of dimensions", ylim=(-0.3, said["n_classes"] + 0.5), yticks=range(said["n_classes"] + 1)
        )
        axis.set_title(f"{title}, rank" + (" (lines: theory)" if loss == "mse" else " (theory: all dead)"))
    _draw_classes(axes[:, 1], data, fine)
    for axis in axes[1]:
        axis.set(xscale="log", xlabel=r"$\lambda = \sqrt{\lambda_W \lambda_H}$")
        axis.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axis.xaxis.set_minor_formatter("")
    legend_beside(axes[0, 1], title="class size")
    legend_beside(axes[1, 1], title="distance\nbetween")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_classes(axes: Any, data: Dataset, fine: Array) -> None:
    """Norms above, distances below."""
    said = settings_of(data)
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    colors, predicted = class_colors(len(sizes)), norms(said, fine)
    for k, n in enumerate(sizes):
        found = data.weight_norm.sel(loss="mse", bias="none").isel({"class": k})
        found = found.where(found > DEAD * predicted.max())
        axes[0].plot(fine, predicted[:, k], color=colors[k], linewidth=0.8)
        axes[0].plot(data.lam, found, ".", color=colors[k], markersize=4, label=f"{n}")
    for k, pair in enumerate(pairwise(sizes)):
        found = data.distance.sel(loss="ce", bias="none").isel(pair=k)
        axes[1].plot(data.lam, found, ".-", color=colors[k], markersize=4, linewidth=0.6, label="{}, {}".format(*pair))
    axes[0].set(ylabel="$|w|$", ylim=(0.0, None), title="squared loss, no bias")
    axes[1].set(yscale="log", ylabel="distance of class means", title="cross-entropy, no bias")


def caption(data: Dataset) -> str:
    """At how many points theory is right, and how near classes come that never merge."""
    said = settings_of(data)
    strengths = data.lam.values
    squared = [data["rank"].sel(loss="mse", bias=bias).values == ranks(said, bias, strengths) for bias in BIASES]
    dead = [(data["rank"].sel(loss="ce", bias=b).values == 0) == (strengths >= end(said, b)) for b in BIASES]
    norm = gap(data.weight_norm.sel(loss="mse", bias="none"), norms(said, strengths))
    cross = data.sel(loss="ce")
    nearest, fewest = float(cross.distance.min()), int(cross.living.where(cross["rank"] > 0).min())
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    return markdown(
        f"""**The staircase.** Class sizes {", ".join(map(str, sizes))}, free weights and features: minima found by a
        solver that knows no formula (marks). Above, squared loss: dimensions are lost one at a time; without a bias
        each is a class, which dies where n_k = N^2 lambda^2 (Dang et al. 2023), the rarest first. Below, cross-entropy:
        the rank falls as well, from K - 1 down, but no class dies before the last step, and no two of them merge: means
        of neighbours come close, step by step, and stay apart (distances are in units of the longer mean). Where its
        steps are no formula of the zoo says but for the last (dashed).""",
        [
            f"Ranks of squared loss are those of theory at {np.sum(squared)} of {np.size(squared)} points.",
            f"Its norms without a bias are within {number(norm, 1)} of theory.",
            f"Cross-entropy is dead where theory says so at {np.sum(dead)} of {np.size(dead)} points.",
            f"Until then at least {fewest} of {len(sizes)} classes are alive, and no two neighbours are nearer than "
            f"{number(nearest, 2)}.",
            f"The largest gap to the dual bound is {number(data.gap.max(), 1)}.",
        ],
    )
