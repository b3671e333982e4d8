"""Minority collapse under cross-entropy: which classes merge at which weight decay and imbalance."""

from typing import Any

import numpy as np
import xarray
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import markdown, number, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.zoo import ce_imbalanced
from ufm.files import store
from ufm.minimize.phase import Axis, model_diagram, model_grid
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.problem import Sizes

ABOUT = "minority collapse under cross-entropy, over weight decay and imbalance"
THEOREMS = ("ce-imbalanced",)

LOOKS: dict[str, dict[str, Any]] = {
    "all apart": {"marker": "o", "markersize": 3.5, "color": "C0"},
    "minorities merged": {"marker": "s", "markersize": 3.5, "color": "C4"},
    "minorities merged at 0": {"marker": "^", "markersize": 4, "color": "C1"},
    "all at 0": {"marker": "x", "markersize": 3.5, "color": "0.55"},
}
"""Phases, from little decay to much."""

FINE = 200
"""Imbalances at which theory's lines are drawn."""


def settings(quick: bool) -> dict[str, Any]:
    """Three large classes, and seven small ones whose size changes."""
    return {"class_sizes": [2000] * 3 + [200] * 7, "biases": ["none", "free"], "points": 5 if quick else 13}


def _grid(said: dict[str, Any], bias: str) -> tuple[Any, Axis, Axis]:
    """The model at a pair (tau, lam), and the axes."""

    def model_of(sizes: Sizes, lam_w: float, lam_h: float) -> FeatureModel:
        return FeatureModel(sizes, lam_w=lam_w, lam_h=lam_h, bias=bias)

    return model_grid(model_of, tuple(said["class_sizes"]), "lam,tau", said["points"])


def data(quick: bool) -> Dataset:
    """Minima over (bias, tau, lam): who is merged, who is at 0, and the gap to the dual bound."""
    said = settings(quick)
    found = [model_diagram(*_grid(said, bias)).dataset() for bias in said["biases"]]
    # the strengths of the grid do not depend on the bias
    joined = xarray.concat(found, dim="bias", join="override").assign_coords(bias=said["biases"])
    return joined.assign_attrs(settings=store.to_json(said))


def phase(data: Dataset) -> Any:
    """Which of the phases each minimum is in, counted from 0."""
    small = data.isel({"class": -1})
    return (small.merged * (2 - small.alive)).where(data["rank"] > 0, 3)


def boundaries(said: dict[str, Any], bias: str, imbalances: Array) -> Array:
    """Theory's strengths at which minorities merge, and at which all is at 0, (2, n)."""
    model_at, _, _ = _grid(said, bias)
    models = [model_at(float(tau), 1.0) for tau in imbalances]
    return np.array([[ce_imbalanced.merges_at(m)[-1], ce_imbalanced.deadly(m)] for m in models]).T


@styled()
def plot(data: Dataset) -> Figure:
    """A panel for each bias: a mark for each minimum, and theory's two lines."""
    said = settings_of(data)
    figure = canvas(TWO_COLUMNS, 2.9)
    axes = figure.subplots(1, data.sizes["bias"], sharey=True)
    across, up = np.meshgrid(data.lam, data.tau)
    fine = np.geomspace(float(data.tau[0]), float(data.tau[-1]), FINE)
    for axis, bias, title in zip(axes, said["biases"], ("no bias", "free bias"), strict=True):
        found = phase(data.sel(bias=bias)).values
        for place, (name, look) in enumerate(LOOKS.items()):
            axis.plot(across[found == place], up[found == place], linestyle="", label=name, **look)
        merge, die = boundaries(said, bias, fine)
        axis.plot(merge, fine, color="k", label="theory: minorities merge")
        axis.plot(die, fine, color="k", linestyle="--", label="theory: all at 0")
        axis.set(xscale="log", yscale="log", xlabel=r"$\lambda = \sqrt{\lambda_W \lambda_H}$", title=title)
    axes[0].set_ylabel(r"imbalance $\tau$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def agreement(data: Dataset) -> tuple[int, int]:
    """At how many points minima merge and die as theory says, of how many."""
    said, right = settings_of(data), []
    for bias in said["biases"]:
        merge, die = boundaries(said, bias, data.tau.values)[:, :, None]
        found = phase(data.sel(bias=bias)).transpose("tau", "lam").values
        right.append(((found > 0) == (data.lam.values >= merge)) & ((found == 3) == (data.lam.values >= die)))
    return int(np.sum(right)), int(np.size(right))


def caption(data: Dataset) -> str:
    """The setting, and at how many points theory is right."""
    said = settings_of(data)
    right, all_of_them = agreement(data)
    large, small = (said["class_sizes"].count(size) for size in (max(said["class_sizes"]), min(said["class_sizes"])))
    return markdown(
        f"""**Minority collapse.** Cross-entropy, {large} classes of n_A = {max(said["class_sizes"])} samples and
        {small} of n_B = tau n_A, free weights and features. Each mark is a minimum, found by a solver that knows no
        formula. Lines: small classes merge into one point from lambda = sqrt(n_B) / N on (Hong and Ling 2023), with a
        bias or none, and nothing is alive beyond the dashed line. At a larger decay the merged point is at 0, with
        a free bias sooner, which alone then speaks for all small classes. No formula of the zoo says where.""",
        [
            f"Merging and death are as theory says at {right} of {all_of_them} points.",
            f"The largest gap to the dual bound is {number(data.gap.max(), 1)}.",
        ],
    )
