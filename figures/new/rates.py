"""Measured rates of collapse against theory's, one point per class, over many settings."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures.recorded import gap, having, markdown, number, recorded, results_of, settings_of
from figures.style import TWO_COLUMNS, canvas, class_colors, styled
from ufm.sweep.description import Axis, Sweep

ABOUT = "measured rates of collapse against predicted ones"


def settings(quick: bool) -> dict[str, Any]:
    """A sweep of kind flow: settings of the problem, and the NC at which the rate is measured.

    Starts have norm 1, so that flow time is a sample's own time.
    """
    axes: dict[str, list[Any]] = {
        "f": [2, 10] if quick else [2, 5, 10, 20],
        "theta": [0.05, 0.2, 0.8] if quick else [0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2],
        "tau": [0.02] if quick else [0.02, 0.1, 1.0],
        "until_nc": [1e-4, 1e-10, 1e-100],
    }
    sweep = Sweep(
        kind="flow",
        record=("rate", "predicted_rate"),
        base={"n_classes": 10, "n_max": 100, "dim": 512, "start": "sphere", "scale": 1.0, "lam": 0.1},
        axes=tuple(Axis(name, (name,), tuple((value,) for value in values)) for name, values in axes.items()),
    )
    return sweep.to_dict()


def data(quick: bool) -> Dataset:
    """Rates (setting, level, class): measured between 100 NC and NC at each level, and predicted."""
    said = settings(quick)
    found = results_of(Sweep.from_dict(said)).isel(seed=0).stack(setting=("f", "theta", "tau"))
    found = found.where(found.predicted_rate > 0)  # a class with one center collapses algebraically: it has no rate
    found = found.transpose("setting", "until_nc", "class")
    variables = {
        "rate": (("setting", "level", "class"), found.rate.values),
        "predicted_rate": (("setting", "class"), found.predicted_rate.isel(until_nc=0).values),
    }
    coordinates = {name: ("setting", found[name].values) for name in ("theta", "f", "tau")}
    return recorded(said, variables, {"level": ("level", found.until_nc.values, {"units": "NC"}), **coordinates})


def departure(data: Dataset) -> Any:
    """Measured over predicted rate minus 1: (setting, level, class)."""
    return data.rate / data.predicted_rate - 1.0


@styled()
def plot(data: Dataset) -> Figure:
    """Left: at the lowest level, measured over predicted. Right: how the ratio tends to 1 as NC falls."""
    figure = canvas(TWO_COLUMNS, 3.2)
    left, right = figure.subplots(1, 2)
    thetas = np.unique(data.theta.values)
    lowest = data.isel(level=-1)
    ends = [float(lowest.predicted_rate.min()), float(lowest.predicted_rate.max())]
    left.plot(ends, ends, color="0.5", linewidth=0.7, label="equal")
    for theta, color in zip(thetas, class_colors(len(thetas)), strict=True):
        part = having(lowest, "theta", theta)
        left.plot(part.predicted_rate.values.ravel(), part.rate.values.ravel(), ".", color=color, label=f"{theta:g}")
    left.set(xscale="log", xlabel="predicted rate (1 / flow time)")
    left.set(yscale="log", ylabel="measured rate (1 / flow time)")
    left.set_title(f"measured at NC = {float(lowest.level):g}")
    figure.legend(*left.get_legend_handles_labels(), title=r"$\theta$ (radians)", loc="outside lower left", ncols=4)
    for place, level in enumerate(data.level.values):
        ratio = 1.0 + departure(data).isel(level=place).values.ravel()
        look = {"color": f"C{place}", "alpha": 0.7, "label": f"NC = {level:g}"}
        right.plot(data.predicted_rate.values.ravel(), ratio, ".", **look)
    right.axhline(1.0, color="0.5", linewidth=0.7)
    right.set(xscale="log", xlabel="predicted rate (1 / flow time)", ylabel="measured / predicted")
    right.set_title("the rate is an asymptote")
    figure.legend(*right.get_legend_handles_labels(), title="measured at", loc="outside lower right", ncols=3)
    return figure


def caption(data: Dataset) -> str:
    """Settings, and the largest departures."""
    base = settings_of(data)["base"]
    away = [
        f"measured at NC = {level:g}: within {number(100 * gap(departure(data).isel(level=i), 0.0), 2)} %."
        for i, level in enumerate(data.level.values)
    ]
    varied = (
        f"{name} = {', '.join(f'{value:g}' for value in np.unique(data[name]))}" for name in ("f", "theta", "tau")
    )
    return markdown(
        f"""**Rates of collapse.** {int(data.predicted_rate.notnull().sum())} classes with several centers: K =
        {base["n_classes"]}, class-aware centers, {", ".join(varied)}, d = {base["dim"]}, unit starts, cosine loss.
        Measured: ln(100) over the median time from 100 NC to NC. Predicted: 4 beta f c (1 - c). Left: one point per
        class, at the lowest NC. Right: measured over predicted rate at several NC. The part of a feature in the
        differences of centers decays faster than the rest, at a rate that is larger by 4 beta cos^2(theta); where that
        is little against the rate itself (many centers) it is still felt at NC = 1e-10, and gone only far below. At NC
        = 1e-4 the field is not yet linear where centers nearly coincide.

        Largest departure from theory:""",
        away,
    )
