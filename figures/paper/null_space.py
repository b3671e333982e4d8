"""Figure 4: collapse under P with and without regularised features."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from xarray import Dataset

from figures.recorded import having, markdown, number, recorded, results_of, settings_of, training
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.flows import nc_with_residue
from ufm.certify.predict import predict
from ufm.problems.frames import Array
from ufm.sweep.description import Sweep, shipped
from ufm.sweep.kinds.base import problem_of

ABOUT = "P with and without regularised features"
NUMBER = 4
TRAININGS = tuple(
    f"collapse/cifar10-convnet-p-{tau}{norms}" for norms in ("", "-free-norms") for tau in ("0.01", "0.1")
)


def settings(quick: bool) -> dict[str, Any]:
    """The shipped sweep ``null-space``; with one seed where it is to be quick."""
    sweep = Sweep.from_toml(shipped()["null-space"])
    return (replace(sweep, seeds=(0,)) if quick else sweep).to_dict()


def data(quick: bool) -> Dataset:
    """Mean NC (lam_h, tau, seed, time, class) of P's flow, and where theory sees it end or be on its way."""
    said = settings(quick)
    found = results_of(Sweep.from_dict(said))
    times = found.time.isel(lam_h=0, tau=0, seed=0).values
    lam_h, tau = found.lam_h.values, found.tau.values
    predicted = [[_predicted(said["base"], float(weight), float(t), times) for t in tau] for weight in lam_h]
    variables = {
        "nc": (("lam_h", "tau", "seed", "time", "class"), found.nc_curve.values),
        "predicted": (("lam_h", "tau", "time", "class"), np.array(predicted)),
    }
    return recorded(said, variables, {"lam_h": lam_h, "tau": tau, "time": ("time", times, {"units": "flow time"})})


def _predicted(base: dict[str, Any], lam_h: float, tau: float, times: Array) -> Array:
    """NC (time, class) of a minimiser with the null-space part of a typical start, shrinking at the rate lam_h."""
    problem = problem_of({**base, "lam_h": lam_h, "tau": tau})
    # isotropic starts of standard deviation scale have so long a part in the d - F directions outside all centers
    residue = base["scale"] * np.sqrt(problem.dim - problem.n_centers)
    return nc_with_residue(predict(problem).feature_norm, residue * np.exp(-lam_h * times)[:, None])


def trained(folders: Sequence[Path]) -> Dataset:
    """Mean NC (training, epoch) over the classes of trainings, with the weight of the norms in each."""
    found = [training(folder, ("nc_mean",), ("variability",)) for folder in folders]
    penalties = [json.loads(each.attrs["configuration"])["penalty"] for each in found]
    nc = xarray.concat([each.nc_mean.mean("class") for each in found], "training", join="outer", coords="minimal")
    said = {"trainings": [folder.name for folder in folders], "lengths": [each.attrs["length"] for each in found]}
    coordinates = {
        "epoch": nc.epoch.values,
        "title": ("training", [each.attrs["title"] for each in found]),
        "penalty": ("training", penalties),
    }
    return recorded(said, {"nc": (("training", "epoch"), nc.transpose("training", "epoch").values)}, coordinates)


@styled()
def _plot_trained(data: Dataset) -> Figure:
    """A panel per weight, a line per training."""
    weights, titles = sorted(set(data.penalty.values)), list(dict.fromkeys(data.title.values))
    figure = canvas(TWO_COLUMNS if len(weights) > 1 else 0.6 * TWO_COLUMNS, 2.8)
    axes = figure.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for axis, weight in zip(axes, weights, strict=True):
        for each in having(data, "penalty", weight).transpose("training", "epoch").nc:
            known = each.dropna("epoch")
            title = str(each.title.item())
            axis.plot(known.epoch, known, marker=".", color=f"C{titles.index(title)}", label=title)
        axis.set(xlabel="epoch", yscale="log", xlim=(0.0, float(data.epoch[-1])))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_title(f"weight of the norms {weight:g}")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25))
    axes[0].set_ylabel("NC, mean over classes")
    return figure


@styled()
def plot(data: Dataset) -> Figure:
    """A panel per weight; lines: NC in the mean over classes and seeds, one per imbalance ratio; dotted: theory.

    Of trainings: a line for each.
    """
    if "trainings" in settings_of(data):
        figure: Figure = _plot_trained(data)
        return figure
    figure = canvas(TWO_COLUMNS, 2.5)
    axes = figure.subplots(1, data.sizes["lam_h"], squeeze=False)[0]
    end = float(data.time[-1])
    for axis, lam_h in zip(axes, data.lam_h.values, strict=True):
        nc = data.nc.sel(lam_h=lam_h).mean(("seed", "class"))
        predicted = data.predicted.sel(lam_h=lam_h).mean("class")
        for place, tau in enumerate(data.tau.values):
            axis.plot(data.time, nc.sel(tau=tau), color=f"C{place}", label=rf"$\tau$ = {tau:g}")
            axis.plot(data.time, predicted.sel(tau=tau), color="k", linestyle=":", linewidth=0.9)
        axis.plot([], [], color="k", linestyle=":", label="theory, late times")
        axis.set(xlabel="flow time $t$", ylabel="NC, mean over classes", xlim=(0.0, end), ylim=(0.0, 2.2))
        if (lowest := float(nc.min())) < 1e-2:
            axis.set(yscale="log", ylim=(0.5 * lowest, 4.0))
        axis.set_xticks(np.linspace(0.0, end, 5))
        axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
        axis.set_title(f"feature decay {lam_h:g}: {'all of the start decays' if lam_h else 'the start stays'}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _caption_trained(data: Dataset) -> str:
    rows = []
    for each, length in zip(data.nc, settings_of(data)["lengths"], strict=True):
        known = each.dropna("epoch").values
        ends = f"NC is {number(known[0])} before training and {number(known[-1])} at the end"
        rows.append(f"**{each.title.item()}, weight {float(each.penalty):g}** ({length}): {ends}.")
    return markdown(
        """**Figure 4 of the paper, from trainings.** NC of training images over the epochs, in the mean over classes,
        with and without a weight on the norms of the features. Theory, of features that are free of one another:
        without it the part of a feature outside all centers stays, and with it NC goes to 0; in a network the decay of
        its weights, which all of these trainings have, acts on features too.""",
        rows,
    )


def caption(data: Dataset) -> str:
    """What is shown; NC at the end, and theory's."""
    if "trainings" in settings_of(data):
        return _caption_trained(data)
    base = settings_of(data)["base"]
    rows = []
    for lam_h in data.lam_h.values:
        last = data.sel(lam_h=lam_h).isel(time=-1).mean("class")
        ends = [
            f"{number(last.nc.mean('seed')[i])} (theory {number(last.predicted[i])}) at tau = {tau:g}"
            for i, tau in enumerate(data.tau.values)
        ]
        rows.append(f"lam_H = {lam_h:g}, NC at the end: {', '.join(ends)}.")
    return markdown(
        f"""**Figure 4 of the paper, in the unconstrained-feature model.** Problem P with a fixed frame: K =
        {base["n_classes"]}, f = {base["f"]}, d = {base["dim"]}, largest class {base["n_max"]}, Gaussian start of
        standard deviation {base["scale"]:g}, {data.sizes["seed"]} seeds; `ufm sweep null-space` computes the same. Mean
        NC over classes for several imbalance ratios. Theory: without regularisation the part of the start outside all
        centers never decays, and NC tends to 2 - 2|h*|/sqrt(|h*|^2 + |nu|^2), known at time 0; with it that part decays
        as exp(-lam_H t) (dotted: this law alone, for a typical start, so that lines join it late).""",
        rows,
    )
