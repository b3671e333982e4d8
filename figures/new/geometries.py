"""Which geometry a loss ends in: angles between weights and between class means, of several losses side by side."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import gap, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, draw_cosines, styled
from ufm.certify.zoo import applying
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.sizes import long_tailed_sizes

ABOUT = "which geometry a loss ends in: Gram matrices of several losses on the same long tail"
THEOREMS = ("mse-imbalanced", "seli", "adjusted-svm")

LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "squared": ("squared", {"loss": "mse"}),
    "cross-entropy": ("cross-\nentropy", {}),
    "binary cross-entropy": ("binary\ncross-entr.", {"loss": "bce"}),
    "hinge": ("hinge", {"loss": "hinge"}),
    "cross-entropy, LA": ("cross-entr.,\nLA", {"adjustment": "LA"}),
    "cross-entropy, LDT": ("cross-entr.,\nLDT", {"adjustment": "LDT"}),
    "hinge, LDT": ("hinge,\nLDT", {"loss": "hinge", "adjustment": "LDT"}),
}
"""By name: the title of the panel, and what the model has."""

SIDES = ("weights", "means")
LIMIT = 0.5
"""Cosines from here on have one colour."""


def settings(quick: bool) -> dict[str, Any]:
    """The long tail of CIFAR-10-LT, a tenth of its size, with little decay."""
    return {"n_classes": 4 if quick else 10, "n_max": 500, "tau": 0.01, "lam_w": 3e-4, "lam_h": 3e-4}


def _model(said: dict[str, Any], name: str) -> FeatureModel:
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    n, given = np.asarray(sizes, dtype=np.float64), dict(LOSSES[name][1])
    adjustments: dict[str, dict[str, Any]] = {
        "": {},
        # logits plus ln n_k / N (Menon et al. 2021)
        "LA": {"shifts": tuple(np.log(n / n.sum()))},
        # logits of samples of class k times sqrt(n_k / nbar) (Behnia et al. 2023)
        "LDT": {"sample_temperatures": tuple(np.sqrt(n / n.mean()))},
    }
    adjustment = adjustments[given.pop("adjustment", "")]
    return FeatureModel(sizes, lam_w=said["lam_w"], lam_h=said["lam_h"], **given, **adjustment)


def _cosines(gram: Array) -> Array:
    norms = np.sqrt(np.diag(gram))
    return np.asarray(gram / np.outer(norms, norms))


def data(quick: bool) -> Dataset:
    """Cosines at the minima over (loss, side, row, column), and the gaps to the dual bounds."""
    said = settings(quick)
    found = [minimize(_model(said, name)) for name in LOSSES]
    cosines = [[_cosines(gram) for gram in (each.weight_gram, each.feature_gram)] for each in found]
    variables = {
        "cosine": (("loss", "side", "row", "column"), np.array(cosines)),
        "gap": (("loss",), [each.gap for each in found]),
    }
    return recorded(said, variables, {"loss": list(LOSSES), "side": list(SIDES)})


@styled()
def plot(data: Dataset) -> Figure:
    """A column for each loss: above the weights, below the class means."""
    figure = canvas(TWO_COLUMNS, 2.3)
    axes = figure.subplots(2, data.sizes["loss"], sharex=True, sharey=True)
    count = data.sizes["row"]
    for column, (name, (title, _)) in zip(axes.T, LOSSES.items(), strict=True):
        for axis, side in zip(column, SIDES, strict=True):
            image = draw_cosines(axis, data.cosine.sel(loss=name, side=side).values, LIMIT)
            axis.set(xticks=[1, count], yticks=[1, count])
        column[0].set_title(title, fontsize=7)
        column[1].set_xlabel("class", fontsize=7)
    for axis, side in zip(axes[:, 0], ("$w$", "$h$"), strict=True):
        axis.set_ylabel(f"class, {side}", fontsize=7)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=[-LIMIT, 0.0, LIMIT], extend="both")
    bar.set_label("cosine")
    return figure


def departures(data: Dataset) -> dict[str, tuple[str, float]]:
    """Of the losses whose geometry a theorem states: its name, and how far cosines are from it."""
    said = settings_of(data)
    found: dict[str, tuple[str, float]] = {}
    for name in LOSSES:
        model = _model(said, name)
        for entry in applying(model):
            predicted = entry.module.predict(model)
            if "logits" in predicted:
                left, strengths, right = np.linalg.svd((predicted["logits"] * np.sqrt(model.class_sizes)[:, None]).T)
                grams = ((left * strengths) @ left.T, (right.T * strengths) @ right)
                stated = np.stack([_cosines(gram) for gram in grams])
                found.setdefault(name, (entry.name, gap(data.cosine.sel(loss=name), stated)))
    return found


def caption(data: Dataset) -> str:
    """What each loss does to the angles, and how far those that a theorem states are from it."""
    said = settings_of(data)
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    spoken = departures(data)
    rows = []
    for name in LOSSES:
        rarest = (f"{float(data.cosine.sel(loss=name, side=side)[-1, -2]):z.2f}" for side in SIDES)
        stated = f"within {number(spoken[name][1], 1)} of `{spoken[name][0]}`" if name in spoken else "no closed form"
        rows.append("{}: the rarest two classes have cosines {} (w) and {} (h); {}.".format(name, *rarest, stated))
    return markdown(
        f"""**Which geometry does a loss end in?** Cosines between the weights w (above) and the class means h (below)
        of {said["n_classes"]} classes of {sizes[0]} to {sizes[-1]} samples, no bias, lam_w = {said["lam_w"]:g}, lam_h =
        {said["lam_h"]:g}, at minima found by a solver that knows no formula. LA adds ln(n_k / N) to the logits, LDT
        multiplies those of samples of class k by sqrt(n_k / nbar). All are optimal to a gap of
        {number(data.gap.max(), 1)}. With squared loss classes are orthogonal; hinge loss with LDT has equal
        angles for all classes, whatever their sizes; others treat frequent and rare classes differently, some on the
        side of the weights, some on that of the means. Where the zoo has a closed form, minima are held against it:""",
        rows,
    )
