"""Figure 4: collapse under P with and without regularised features."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.paper import collapse
from figures.recorded import markdown, number, recorded, results_of, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.flows import nc_with_residue
from ufm.certify.predict import predict
from ufm.problems.frames import Array
from ufm.sweep.description import Sweep, shipped
from ufm.sweep.kinds.base import problem_of

ABOUT = "P with and without regularised features"
NUMBER = 4

trained = collapse.trained


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


@styled()
def plot(data: Dataset) -> Figure:
    """A panel per weight; lines: NC in the mean over classes and seeds, one per imbalance ratio; dotted: theory.

    Of trainings: as figure 1.
    """
    if "trainings" in settings_of(data):
        return collapse.plot(data)
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
        axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 0), useMathText=True)
        axis.set_title(rf"$\lambda_H$ = {lam_h:g}: {'all of the start decays' if lam_h else 'the start stays'}")
    axes[0].legend(loc="upper right", ncols=2)
    return figure


def caption(data: Dataset) -> str:
    """What is shown; NC at the end, and theory's."""
    if "trainings" in settings_of(data):
        return collapse.caption(data).replace("Figure 1", "Figure 4")
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
