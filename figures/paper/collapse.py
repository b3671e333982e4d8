"""Figure 1: collapse over time, for uniform (AL) and class-aware (CAL) centers."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from xarray import Dataset

from figures.recorded import gap, markdown, number, recorded, settings_of, training
from figures.style import TWO_COLUMNS, canvas, class_colors, draw_classes, styled
from ufm.certify.predict import predict
from ufm.problems.presets import preset
from ufm.problems.start import Start
from ufm.simulate.flow import gradient_flow

ABOUT = "collapse over flow time, AL and CAL"
NUMBER = 1

CURVES = {"nc_mean": "NC, mean", "nc_std": "NC, std", "variability": "variability"}
"""What is shown, row by row."""

RULES = {"AL": "uniform", "CAL": "class-aware"}
"""Methods of the paper, and how they spend their centers."""

COLLAPSED = 1e-10
"""NC at which measured and predicted times are compared."""

TRAININGS = tuple(
    f"{table}-convnet-{method}-0.01" for table in ("plain/cifar10", "cifar100/cifar100") for method in ("al", "cal")
)
"""Of the tables of real images; on CIFAR-10 without crops, where training comes to its end."""

FLOOR = 1e-20
"""Curves are drawn down to here."""


def settings(quick: bool) -> dict[str, Any]:
    """Data sets, imbalance ratio, last flow time and number of records."""
    names = ("cifar10-lt",) if quick else ("cifar10-lt", "cifar100-lt")
    return {"presets": list(names), "tau": 0.01, "t_final": 60.0, "n_times": 61 if quick else 241, "seed": 0}


def data(quick: bool) -> Dataset:
    """Curves (case, time, class) of the flow until ``t_final``; NaN beyond the classes of a case."""
    said = settings(quick)
    cases, titles = [], []
    for name in said["presets"]:
        for method, rule in RULES.items():
            problem = preset(name, tau=said["tau"], centers=rule)
            run = gradient_flow(problem, t_final=said["t_final"], n_times=said["n_times"], seed=said["seed"])
            variables = {
                **{curve: (("time", "class"), run.class_values(curve)) for curve in CURVES},
                "limit": ("class", predict(problem).variability),
                "predicted_time": ("class", predict(problem).typical_time(Start(), COLLAPSED)),
                "class_size": ("class", np.asarray(problem.class_sizes)),
                "time_axis": ("time", run.times),
            }
            cases.append(Dataset(variables))
            titles.append(f"{method}, {name.upper().replace('CIFAR', 'CIFAR-')}")
    return _together(cases, titles, said, "flow time $t$")


def trained(folders: Sequence[Path]) -> Dataset:
    """The same of trainings, over epochs of training images."""
    found = [training(folder, tuple(CURVES), ("variability",)) for folder in folders]
    cases = []
    for each in found:
        renamed = each.rename(epoch="time", predicted_variability="limit")
        renamed["time_axis"] = renamed.time.astype(float)
        cases.append(renamed.reset_coords("class_size")[[*CURVES, "limit", "class_size", "time_axis"]])
    said = {"trainings": [folder.name for folder in folders], "lengths": [each.attrs["length"] for each in found]}
    return _together(cases, [each.attrs["title"] for each in found], said, "epoch")


def _together(cases: Sequence[Dataset], titles: list[str], said: dict[str, Any], axis: str) -> Dataset:
    """Cases next to each other; NaN beyond the times and classes of a case."""
    numbered = [case.assign_coords({dim: range(case.sizes[dim]) for dim in ("time", "class")}) for case in cases]
    joined = xarray.concat(numbered, "case", join="outer").transpose("case", "time", "class").astype(float)
    variables = {str(name): (values.dims, values.values) for name, values in joined.items()}
    return recorded(said, variables, {"case": titles}).assign_attrs(axis=axis)


@styled()
def plot(data: Dataset) -> Figure:
    """A column per case, a row per curve; dark is the most frequent class, light the rarest; dotted: theory's limit."""
    count = data.sizes["case"]
    figure = canvas(TWO_COLUMNS if count > 1 else 0.6 * TWO_COLUMNS, 4.6)
    axes = figure.subplots(len(CURVES), count, sharex="col", sharey="row", squeeze=False)
    for place, column in enumerate(axes.T):
        case = _case(data, place)
        for axis, name in zip(column, CURVES, strict=True):
            limits = case.limit.values if name == "variability" else None
            draw_classes(axis, case.time_axis, case[name].values, limits=limits)
        most, fewest = (f"{int(case.class_size[k]):,}" for k in (0, -1))
        column[0].set_title(f"{_in_lines(str(case.case.item()), count)}\nn = {most} to {fewest}")
        column[-1].set(xlabel=data.attrs["axis"], xlim=(0.0, float(np.nanmax(case.time_axis))))
        column[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axis, (name, text) in zip(axes[:, 0], CURVES.items(), strict=True):
        if name == "variability":
            axis.set_ylim(-0.03, max(1.05, 1.05 * float(data.variability.max())))
        else:
            bottom = max(float(np.nanmin(data[name].where(data[name] > 0))) / 2, FLOOR)
            axis.set(yscale="log", ylim=(bottom, 10.0))
            axis.yaxis.set_major_locator(LogLocator(numticks=6))
        axis.set_ylabel(text)
    dark, light = class_colors(2)
    axes[0, 0].plot([], [], color=dark, label="class with the most samples")
    axes[0, 0].plot([], [], color=light, label="class with the fewest")
    axes[0, 0].plot([], [], color="0.4", linestyle=":", label=r"theory: $1 - \cos\rho$")
    figure.legend(loc="outside lower center", ncols=3 if count > 1 else 1)
    return figure


def _case(data: Dataset, place: int) -> Dataset:
    """A case with its own classes."""
    return data.isel(case=place).dropna("class", how="all", subset=["class_size"])


def _in_lines(title: str, columns: int) -> str:
    """Titles of trainings are too long for a column, the more so for one of many."""
    lines = title.replace(" on ", "\n")
    return re.sub(r"(, tau [^,]*,) ", r"\1\n", lines) if columns > 2 else lines


def measured_times(case: Dataset) -> Any:
    """When the mean NC of each class reaches :data:`COLLAPSED`, linear in ln NC between records; NaN if never."""
    logs = np.log(np.maximum(case.nc_mean.values, np.finfo(float).tiny))
    target, times = np.log(COLLAPSED), case.time_axis.values
    return np.array([np.interp(-target, -curve, times) if curve[-1] <= target else np.nan for curve in logs.T])


def caption(data: Dataset) -> str:
    """What is shown, and how near it comes to theory."""
    said = settings_of(data)
    about = """**Figure 1 of the paper, from trainings.** NC of training images over the epochs; theory speaks of the
        end, where every training image is decided right"""
    if "trainings" not in said:
        about = f"""**Figure 1 of the paper, in the unconstrained-feature model.** Cosine loss with f = 20 centers per
            class in the mean, theta = 0.2, imbalance ratio tau = {said["tau"]:g}; features begin as a standard Gaussian
            cloud"""
    return markdown(
        f"""{about}. Mean and standard deviation of NC = |h/|h| - wbar/|wbar||^2 over the samples of a class, and the
        mean of 1 - cos(h, w_k). Ten classes of each problem, dark the most frequent, light the rarest. Theory: NC goes
        to 0, variability to 1 - cos rho_k (dotted), and with class-aware centers rare classes collapse first.""",
        [_agreement(_case(data, place), length) for place, length in enumerate(_lengths(data))],
    )


def _lengths(data: Dataset) -> list[str]:
    """How far each case was trained, in brackets; nothing of flows."""
    lengths = settings_of(data).get("lengths")
    return [f" ({length})" for length in lengths] if lengths else [""] * data.sizes["case"]


def _agreement(case: Dataset, length: str) -> str:
    last = case.isel(time=int(np.flatnonzero(np.isfinite(case.time_axis.values))[-1]))
    times = ""
    if "predicted_time" in case:
        pairs = list(zip(measured_times(case), case.predicted_time.values, strict=True))
        ends = " and ".join(f"{number(found)} (theory {number(wanted)})" for found, wanted in (pairs[0], pairs[-1]))
        times = f"; the first and the last class reach NC = {COLLAPSED:g} at t = {ends}"
    nc, off = number(last.nc_mean.max(), 2), number(gap(last.variability, case.limit), 2)
    return (
        f"**{case.case.item()}**{length}: at the end the largest class mean of NC is {nc}, and variability is within "
        f"{off} of 1 - cos rho in every class{times}."
    )
