"""Figure 1: collapse over time, for uniform (AL) and class-aware (CAL) centers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from figures import trainings
from figures.recorded import gap, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, class_colors, shown_classes, styled
from ufm.certify.predict import predict
from ufm.problems.presets import preset
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import Start
from ufm.simulate.flow import gradient_flow

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "collapse over flow time, AL and CAL"
NUMBER = 1

CURVES = {"nc_mean": "NC, mean", "nc_std": "NC, std", "variability": "variability"}
"""What is shown, row by row."""

RULES = {"AL": "uniform", "CAL": "class-aware"}
"""Methods of the paper, and how they spend their centers."""

COLLAPSED = 1e-10
"""NC at which measured and predicted times are compared."""

FLOOR = 1e-20
"""Curves are drawn down to here."""


def settings(quick: bool) -> dict[str, Any]:
    """Data sets, imbalance ratio, last flow time and number of records."""
    names = ("cifar10-lt",) if quick else ("cifar10-lt", "cifar100-lt")
    return {"presets": list(names), "tau": 0.01, "t_final": 60.0, "n_times": 61 if quick else 241, "seed": 0}


def _problems(said: dict[str, Any]) -> dict[str, MultiCenterProblem]:
    return {
        f"{method}, {name.removesuffix('-lt').upper().replace('CIFAR', 'CIFAR-')}-LT": preset(
            name, tau=said["tau"], centers=rule
        )
        for name in said["presets"]
        for method, rule in RULES.items()
    }


def data(quick: bool) -> "xarray.Dataset":
    """Curves (case, time, class) of the flow until ``t_final``; NaN beyond the classes of a case."""
    said = settings(quick)
    problems = _problems(said)
    width = max(problem.n_classes for problem in problems.values())
    runs = [
        gradient_flow(problem, t_final=said["t_final"], n_times=said["n_times"], seed=said["seed"])
        for problem in problems.values()
    ]
    variables: dict[str, Any] = {
        name: (("case", "time", "class"), np.stack([_padded(run.class_values(name), width) for run in runs]))
        for name in CURVES
    }
    predictions = {
        "limit": [predict(p).variability for p in problems.values()],
        "rate": [predict(p).rate for p in problems.values()],
        "predicted_time": [predict(p).typical_time(Start(), COLLAPSED) for p in problems.values()],
        "class_size": [np.asarray(p.class_sizes) for p in problems.values()],
        "centers": [np.asarray(p.centers) for p in problems.values()],
    }
    for name, rows in predictions.items():
        variables[name] = (("case", "class"), np.stack([_padded(row, width) for row in rows]))
    times = np.broadcast_to(runs[0].times, (len(runs), len(runs[0].times)))
    variables["time_axis"] = (("case", "time"), times)
    return recorded(said, variables, {"case": list(problems)}).assign_attrs(axis="flow time $t$")


def trained(folders: Sequence[Path]) -> "xarray.Dataset":
    """The same of trainings, over epochs of training images."""
    found = [trainings.read(folder, tuple(CURVES), predicted=("variability",)) for folder in folders]
    width = max(each.data.sizes["class"] for each in found)
    height = max(each.data.sizes["epoch"] for each in found)
    variables: dict[str, Any] = {
        name: (("case", "time", "class"), np.stack([_padded(each.data[name].values, width, height) for each in found]))
        for name in CURVES
    }
    for name, rows in {
        "limit": [np.asarray(each.predicted["variability"]) for each in found],
        "class_size": [each.data.class_size.values for each in found],
    }.items():
        variables[name] = (("case", "class"), np.stack([_padded(row, width) for row in rows]))
    epochs = [_padded(each.data.epoch.values[:, None], 1, height)[:, 0] for each in found]
    variables["time_axis"] = (("case", "time"), np.stack(epochs))
    said = {"trainings": [folder.name for folder in folders]}
    return recorded(said, variables, {"case": [each.title for each in found]}).assign_attrs(axis="epoch")


def _padded(values: Any, width: int, height: int | None = None) -> Any:
    """Real numbers with NaN up to ``width`` in the last dimension and ``height`` in the one before."""
    rows = np.asarray(values, dtype=np.float64)
    missing = [(0, 0)] * (rows.ndim - 1) + [(0, width - rows.shape[-1])]
    if height is not None:
        missing[-2] = (0, height - rows.shape[-2])
    return np.pad(rows, missing, constant_values=np.nan)


def plot(data: "xarray.Dataset") -> "Figure":
    """A column per case, a row per curve; dark is the most frequent class, light the rarest; dotted: theory's limit."""
    from matplotlib.ticker import LogLocator

    count = data.sizes["case"]
    with styled():
        figure = canvas(TWO_COLUMNS if count > 1 else 0.6 * TWO_COLUMNS, 4.6)
        axes = figure.subplots(len(CURVES), count, sharex="col", sharey="row", squeeze=False)
        for column in range(count):
            case = data.isel(case=column).dropna("class", how="all", subset=["class_size"])
            shown = shown_classes(case.sizes["class"])
            for k, color in zip(shown, class_colors(len(shown)), strict=True):
                for row, name in enumerate(CURVES):
                    axes[row, column].plot(case.time_axis, case[name].values[:, k], color=color)
                axes[-1, column].axhline(float(case.limit[k]), color=color, linestyle=":", linewidth=0.8)
            ends = [f"{int(case.class_size[k]):,}" for k in (0, -1)]
            axes[0, column].set_title(f"{_in_lines(str(data.case.values[column]))}\nn = {ends[0]} to {ends[1]}")
            axes[-1, column].set_xlabel(data.attrs["axis"])
            axes[-1, column].set_xlim(0.0, float(np.nanmax(case.time_axis)))
        for row, (name, text) in enumerate(CURVES.items()):
            axes[row, 0].set_ylabel(text)
            if name == "variability":
                axes[row, 0].set_ylim(-0.03, max(1.05, 1.05 * float(data.variability.max())))
            else:
                bottom = max(float(np.nanmin(data[name].where(data[name] > 0))) / 2, FLOOR)
                axes[row, 0].set(yscale="log", ylim=(bottom, 10.0))
                axes[row, 0].yaxis.set_major_locator(LogLocator(numticks=6))
        dark, light = class_colors(2)
        for color, look, text in (
            (dark, "-", "class with the most samples"),
            (light, "-", "class with the fewest"),
            ("0.4", ":", r"theory: $1 - \cos\rho_k$"),
        ):
            axes[0, 0].plot([], [], color=color, linestyle=look, label=text)
        figure.legend(loc="outside lower center", ncols=3 if count > 1 else 1)
        return figure


def _in_lines(title: str) -> str:
    """Titles of trainings are too long for a column."""
    return title.replace(" on ", "\n").replace(", tau", ",\ntau") if " on " in title else title


def measured_times(case: "xarray.Dataset") -> Any:
    """When the mean NC of each class reaches :data:`COLLAPSED`, linear in ln NC between records; NaN if never."""
    logs = np.log(np.maximum(case.nc_mean.values, np.finfo(float).tiny))
    target = np.log(COLLAPSED)
    times = case.time_axis.values
    return np.array([np.interp(-target, -curve, times) if curve[-1] <= target else np.nan for curve in logs.T])


def caption(data: "xarray.Dataset") -> str:
    """What is shown, and how near it comes to theory."""
    said = settings_of(data)
    lines = []
    for column, name in enumerate(data.case.values):
        case = data.isel(case=column).dropna("class", how="all", subset=["class_size"])
        last = case.isel(time=int(np.flatnonzero(np.isfinite(case.time_axis.values))[-1]))
        off = gap(last.variability, case.limit)
        line = f"- **{name}**: at the end the largest class mean of NC is {number(last.nc_mean.max(), 2)}, and "
        line += f"variability is within {number(off, 2)} of 1 - cos rho in every class"
        if "rate" in data:
            found, wanted = measured_times(case), case.predicted_time.values
            ends = " and ".join(f"{number(found[k])} (theory {number(wanted[k])})" for k in (0, len(found) - 1))
            line += f"; the first and the last class reach NC = {COLLAPSED:g} at t = {ends}"
        lines.append(line + ".")
    if "rate" not in data:
        about = "**Figure 1 of the paper, from trainings.** NC of training images over the epochs"
    else:
        about = (
            "**Figure 1 of the paper, in the unconstrained-feature model.** Cosine loss with f = 20 centers per class "
            "in "
            f"the mean, theta = 0.2, imbalance ratio tau = {said['tau']:g}; features begin as a standard Gaussian cloud"
        )
    about += (
        ". Mean and standard deviation of NC = |h/|h| - wbar/|wbar||^2 over the samples of a class, and the mean of "
        "1 - cos(h, w_k). Ten classes of each problem, dark the most frequent, light the rarest. Theory: NC goes to 0, "
        "variability to 1 - cos rho_k (dotted), and with class-aware centers rare classes collapse first."
    )
    return about + "\n\n" + "\n".join(lines)
