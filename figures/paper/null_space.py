"""Figure 4: collapse under P with and without regularised features."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.recorded import number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from figures.swept import results_of
from theory.multicenter.flows import nc_with_residue
from theory.multicenter.minimum import mse_feature_norm
from ufm.problems.frames import Array
from ufm.sweep.description import Sweep, shipped
from ufm.sweep.kinds.base import problem_of

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "P with and without regularised features"
NUMBER = 4


def settings(quick: bool) -> dict[str, Any]:
    """The shipped sweep ``null-space``; with one seed where it is to be quick."""
    sweep = Sweep.from_toml(shipped()["null-space"])
    return (replace(sweep, seeds=(0,)) if quick else sweep).to_dict()


def data(quick: bool) -> "xarray.Dataset":
    """Mean NC (lam_h, tau, seed, time, class) of P's flow, and where theory sees it end or be on its way."""
    said = settings(quick)
    sweep = Sweep.from_dict(said)
    found = results_of(sweep)
    times = found.time.isel(lam_h=0, tau=0, seed=0).values
    predicted = np.stack(
        [
            np.stack([_predicted(said, float(lam_h), float(tau), times) for tau in found.tau.values])
            for lam_h in found.lam_h.values
        ]
    )
    variables = {
        "nc": (("lam_h", "tau", "seed", "time", "class"), found.nc_curve.values),
        "predicted": (("lam_h", "tau", "time", "class"), predicted),
    }
    coordinates = {
        "lam_h": found.lam_h.values,
        "tau": found.tau.values,
        "time": ("time", times, {"units": "flow time"}),
    }
    return recorded(said, variables, coordinates)


def _predicted(said: dict[str, Any], lam_h: float, tau: float, times: Array) -> Array:
    """NC (time, class) of a minimiser with the null-space part of a typical start, shrinking at the rate lam_h."""
    problem = problem_of({**said["base"], "lam_h": lam_h, "tau": tau})
    norms = mse_feature_norm(problem.centers, problem.theta, problem.total, lam_h)
    # isotropic starts of standard deviation scale have so long a part in the d - F directions outside all centers
    residue = said["base"]["scale"] * np.sqrt(problem.dim - problem.n_centers)
    return nc_with_residue(norms, residue * np.exp(-lam_h * times)[:, None])


def plot(data: "xarray.Dataset") -> "Figure":
    """A panel per weight; lines: NC in the mean over classes and seeds, one per imbalance ratio; dashed: theory."""
    with styled():
        figure = canvas(TWO_COLUMNS, 2.5)
        axes = figure.subplots(1, data.sizes["lam_h"], squeeze=False)[0]
        for axis, lam_h in zip(axes, data.lam_h.values, strict=True):
            for place, tau in enumerate(data.tau.values):
                part = data.sel(lam_h=lam_h, tau=tau)
                axis.plot(part.time, part.nc.mean(("seed", "class")), color=f"C{place}", label=rf"$\tau$ = {tau:g}")
                axis.plot(part.time, part.predicted.mean("class"), color="k", linestyle=":", linewidth=0.9)
            axis.plot([], [], color="k", linestyle=":", label="theory, late times")
            axis.set(xlabel="flow time $t$", ylabel="NC, mean over classes", xlim=(0.0, float(data.time[-1])))
            lowest = float(data.sel(lam_h=lam_h).nc.mean(("seed", "class")).min())
            axis.set(xticks=np.linspace(0.0, float(data.time[-1]), 5), ylim=(0.0, 2.2))
            if lowest < 1e-2:
                axis.set(yscale="log", ylim=(0.5 * lowest, 4.0))
            axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 0), useMathText=True)
            weight = r"$\lambda_H$ = 0" if lam_h == 0 else rf"$\lambda_H$ = {lam_h:g}"
            axis.set_title(f"{weight}: {'the start stays' if lam_h == 0 else 'all of the start decays'}")
        axes[0].legend(loc="upper right", ncols=2)
        return figure


def caption(data: "xarray.Dataset") -> str:
    """What is shown; NC at the end, and theory's."""
    base = settings_of(data)["base"]
    rows = []
    for lam_h in data.lam_h.values:
        last = data.sel(lam_h=lam_h).isel(time=-1).mean("class")
        ends = [
            f"{number(last.nc.mean('seed')[i])} (theory {number(last.predicted[i])}) at tau = {tau:g}"
            for i, tau in enumerate(data.tau.values)
        ]
        rows.append(f"- lam_H = {lam_h:g}, NC at the end: {', '.join(ends)}.")
    return (
        "**Figure 4 of the paper, in the unconstrained-feature model.** Problem P with a fixed frame: K = "
        f"{base['n_classes']}, f = {base['f']}, d = {base['dim']}, largest class {base['n_max']}, Gaussian start of "
        "standard "
        f"deviation {base['scale']:g}, {data.sizes['seed']} seeds; `ufm sweep null-space` computes the same. Mean NC "
        "over "
        "classes for several imbalance ratios. Theory: without regularisation the part of the start outside all "
        "centers "
        "never decays, and NC tends to 2 - 2|h*|/sqrt(|h*|^2 + |nu|^2), known at time 0; with it that part decays as "
        "exp(-lam_H t) (dotted: this law alone, for a typical start, so that lines join it late).\n\n" + "\n".join(rows)
    )
