"""What weights by inverse class frequency do to cross-entropy: the majority merges first."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import gap, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.zoo import ce_balanced, ce_imbalanced
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array

ABOUT = "what inverse-frequency weights do to cross-entropy: the majority merges first"
THEOREMS = ("ce-imbalanced", "rebalanced-ce")

LOSSES = {
    "cross-entropy": "cross-entropy",
    "inverse": "inverse class weights",
    "rebalanced": "these, and logits scaled",
}
"""As panels are titled."""

GROUPS = ("majority", "minority")
LOOKS: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markersize": 5, "markerfacecolor": "none", "color": "C0"},
    {"marker": "s", "markersize": 2.5, "color": "C1"},
)

CLOSE = 1e-3
"""Relative distance of the two strengths between which a merger is found."""


def settings(quick: bool) -> dict[str, Any]:
    """Three large classes and seven small ones."""
    ends = {"low": 5e-4, "high": 6e-2}
    return {"class_sizes": [200] * 3 + [10] * 7, **ends, "points": 15 if quick else 40}


def _model(said: dict[str, Any], loss: str, lam: float) -> Any:
    n = np.asarray(said["class_sizes"], dtype=np.float64)
    changes: dict[str, Any] = {}
    if loss != "cross-entropy":
        changes["weights"] = tuple(n.mean() / n)
    if loss == "rebalanced":
        changes["sample_temperatures"] = tuple(np.sqrt(n / n.mean()))
    return FeatureModel(tuple(said["class_sizes"]), lam_w=lam, lam_h=lam, **changes)


def _cosines(said: dict[str, Any], loss: str, lam: float) -> Array:
    """Between the means of two large classes and of two small ones, (2,); NaN where they are 0."""
    found = minimize(_model(said, loss, lam))
    return np.asarray(np.diag(found.feature_cosines)[found.group[[0, -1]]])


def _merger(said: dict[str, Any], loss: str, place: int) -> float:
    """The strength from which on the classes of a group have one mean or none, by bisection."""
    low, high = said["low"], said["high"]
    while high > (1.0 + CLOSE) * low:
        middle = float(np.sqrt(low * high))
        found = minimize(_model(said, loss, middle))
        group = found.group[[0, -1][place]]
        together = found.merged[group] or not found.alive[group]
        low, high = (low, middle) if together else (middle, high)
    return float(np.sqrt(low * high))


def theory(said: dict[str, Any], loss: str) -> Array:
    """Where large and small classes merge, or die without having merged, (2,)."""
    model = _model(said, loss, 1.0)
    if loss == "rebalanced":
        # a simplex of classes of the mean size, until K sqrt(nbar) lambda = 1
        return np.full(2, 1.0 / (model.n_classes * ce_balanced.cost(model)))
    return ce_imbalanced.merges_at(model)[[0, -1]]


def data(quick: bool) -> Dataset:
    """Cosines over (loss, lam, group), and the strengths at which groups merge, found by bisection."""
    said = settings(quick)
    strengths = np.geomspace(said["low"], said["high"], said["points"])
    cosines = [[_cosines(said, loss, float(lam)) for lam in strengths] for loss in LOSSES]
    mergers = [[_merger(said, loss, place) for place in range(2)] for loss in LOSSES]
    variables = {"cosine": (("loss", "lam", "group"), cosines), "merger": (("loss", "group"), mergers)}
    return recorded(said, variables, {"loss": list(LOSSES), "lam": strengths, "group": list(GROUPS)})


@styled()
def plot(data: Dataset) -> Figure:
    """A panel for each loss: cosines of class means within a group, and theory's mergers as vertical lines."""
    said = settings_of(data)
    figure = canvas(TWO_COLUMNS, 2.5)
    axes = figure.subplots(1, data.sizes["loss"], sharex=True, sharey=True)
    for axis, (loss, title) in zip(axes, LOSSES.items(), strict=True):
        for place, (name, look) in enumerate(zip(GROUPS, LOOKS, strict=True)):
            curve = data.cosine.sel(loss=loss, group=name)
            axis.plot(data.lam, curve, linewidth=0.7, label=f"two {name} classes", **look)
            line = theory(said, loss)[place]
            axis.axvline(line, color=look["color"], linestyle=(3 * place, (3, 3)), label=f"theory: {name} merges")
        axis.set(xscale="log", xlabel=r"$\lambda = \sqrt{\lambda_W \lambda_H}$", title=title, ylim=(-0.6, 1.1))
    axes[0].set_ylabel("cosine of class means")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def caption(data: Dataset) -> str:
    """Where groups merge, by bisection and by theory."""
    said = settings_of(data)
    rows = []
    for loss in LOSSES:
        stated, found = theory(said, loss), data.merger.sel(loss=loss).values
        numbers = ", ".join(f"{name} {number(each, 4)}" for name, each in zip(GROUPS, stated, strict=True))
        rows.append(f"{loss}: {numbers} by theory; bisection is within {number(gap(found / stated, 1.0), 1)} of it.")
    simplex = data.cosine.sel(loss="rebalanced").values
    away = gap(simplex, -1.0 / (len(said["class_sizes"]) - 1))
    return markdown(
        f"""**Inverse frequencies.** Cross-entropy without a bias, class sizes {said["class_sizes"][0]} (three) and
        {said["class_sizes"][-1]} (seven): cosines between the means of two classes of a group, at minima found by a
        solver that knows no formula; at 1 the group has merged into one point, and where marks end it is at 0. Left:
        small classes merge first, at sqrt(n_B) / N. Middle: with weights N / (K n_k) they merge at 1 / (K sqrt(n_k)),
        the large ones first. Right: logits of class k times sqrt(n_k / nbar) besides (row F of the zoo), with which
        all classes stay a simplex until all die at once. Strengths at which a group has one mean, or none:""",
        rows,
        f"In the last panel cosines are within {number(away, 1)} of -1 / (K - 1).",
    )
