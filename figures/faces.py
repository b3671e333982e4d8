"""What ``plot()`` of a result draws, by the class of the result."""

from functools import singledispatch
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.commands.geometry import geometry_figure
from figures.commands.measure import measures_figure
from figures.commands.phase import model_phase_figure, phase_figure
from figures.commands.simulate import collapse_figure
from figures.commands.sweep import sweep_figure
from figures.style import TWO_COLUMNS, canvas, styled
from ufm.certify.report import Report
from ufm.measure.network import Measures
from ufm.minimize.certificate import Proven
from ufm.minimize.phase import ModelDiagram, PhaseDiagram
from ufm.simulate.feature_flow import FeatureTrajectory
from ufm.simulate.trajectory import Trajectory
from ufm.sweep.results import Results

SMALLEST = 1e-6
"""Shares of a tolerance below are drawn as this."""


@singledispatch
def picture(result: Any) -> Figure:
    """A figure of a result. Raises TypeError for what has none."""
    raise TypeError(f"nobody draws a {type(result).__name__}")


picture.register(Proven, geometry_figure)
picture.register(PhaseDiagram, phase_figure)
picture.register(ModelDiagram, model_phase_figure)


@picture.register
def _(result: Trajectory) -> Figure:
    return collapse_figure({f"{result.problem.loss} loss": result})


@picture.register
def _(result: Measures) -> Figure:
    return measures_figure({0: result})


@picture.register
def _(result: Results) -> Figure:
    return sweep_figure(result.data, result.sweep)


@picture.register
@styled()
def _(result: FeatureTrajectory) -> Figure:
    """The objective and NC1 over time, and the norms of weights and class means."""
    single = [name for name in ("value", "nc1") if np.isfinite(result.curves[name]).any()]  # no nc1 of class means
    figure = canvas(TWO_COLUMNS, 2.3)
    axes: Any = figure.subplots(1, len(single) + 1)
    for axis, name in zip(axes, single, strict=False):
        axis.plot(result.times, result.curves[name])
        axis.set(ylabel=name, yscale="log")
    for name, dashes in (("weight_norms", "-"), ("feature_norms", ":")):
        lines = axes[-1].plot(result.times, result.curves[name], dashes, color="C0", linewidth=0.8)
        lines[0].set_label(name.replace("_", " "))
    axes[-1].set_ylabel("norm")
    figure.legend(loc="outside lower center", ncols=2)
    for axis in axes:
        axis.set_xlabel("flow time $t$")
    return figure


@picture.register
@styled()
def _(result: Report) -> Figure:
    """Each check's distance from its prediction, in units of its tolerance: left of the line it holds."""
    figure = canvas(TWO_COLUMNS, 0.8 + 0.16 * len(result.checks))
    axis: Any = figure.subplots()
    for place, check in enumerate(result.checks):
        off = abs(check.measured - check.predicted) / max(check.tolerance, np.finfo(float).tiny)
        color = "C0" if check.holds else "C3"
        axis.plot([np.clip(off, SMALLEST, 1.0 / SMALLEST)], [place], "o", color=color, markersize=3)
    axis.axvline(1.0, color="0.4", linewidth=0.7)
    axis.set_yticks(range(len(result.checks)), [check.name for check in result.checks])
    axis.set(xscale="log", xlabel="distance over tolerance", ylabel="check", ylim=(len(result.checks) - 0.5, -0.5))
    axis.set_title(f"{result.title}: {result.tally}", loc="left", fontsize=7)
    return figure
