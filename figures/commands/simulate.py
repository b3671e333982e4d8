"""What ``ufm simulate`` and ``ufm verify`` draw: collapse over time, and the geometry it ends in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import TWO_COLUMNS, draw_classes, draw_cosines, legend_below, panels, styled
from ufm.certify.predict import predict
from ufm.measure import metrics
from ufm.problems.kinds import CosineProblem
from ufm.simulate.flow import over_decades
from ufm.simulate.trajectory import Trajectory


@styled()
def collapse_figure(trajectories: Mapping[str, Trajectory]) -> Figure:
    """NC, norm and variability of each class over time, one row per trajectory; theory dotted.

    The horizontal axis is flow time, cut where nothing happens any more, or its logarithm where classes collapse at
    times far apart; dark is the first class, light the last.
    """
    figure, axes = panels(len(trajectories), 3, TWO_COLUMNS / 3, 2.1, right=0.15, below=0.3)
    figure.subplots_adjust(hspace=0.8)
    for row, (name, t) in zip(axes, trajectories.items(), strict=True):
        nc, norm, spread = row
        pairs = zip(t.problem.class_sizes, t.problem.centers, strict=True)
        labels = [f"class {k}: n={n}, f={f}" for k, (n, f) in enumerate(pairs, start=1)]
        collapse = t.class_values("nc_mean")
        draw_classes(nc, t.times, np.maximum(collapse, 1e-30), labels=labels)
        draw_classes(norm, t.times, t.class_values("norm_mean"))
        draw_classes(spread, t.times, t.class_values("variability"), limits=predict(t.problem).variability)
        nc.set_title(name, loc="left")
        nc.set(yscale="log", ylabel="NC, class mean", ylim=(1e-22, 8.0))
        norm.set(ylabel="$|h|$", yscale="log")
        spread.set(ylabel="variability", ylim=(-0.02, max(1.15, 1.02 * float(t.class_values("variability").max()))))
        (limit,) = spread.plot([], [], color="0.4", linestyle=":", label=r"theory, $1 - \cos\rho$")
        handles = [nc.lines[0], nc.lines[-1], limit]
        norm.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.32), borderaxespad=0.0, ncols=3)
        done = np.flatnonzero(collapse.max(axis=1) < 1e-22)
        since = int(over_decades(t.times))  # the record at time 0 has no logarithm
        until = t.times[done[0]] if done.size and done[0] > since else t.times[-1]
        span = {"xscale": "log" if since else "linear", "xlim": (t.times[since] if since else 0.0, until)}
        for axis in row:
            axis.set(xlabel="flow time $t$", **span)
    return figure


@styled()
def geometry_figure(trajectories: Mapping[str, Trajectory]) -> Figure:
    """Gram matrix of the class means at the end, and per class angle and rate of collapse against theory."""
    figure, axes = panels(len(trajectories), 3, TWO_COLUMNS / 3, 2.1, right=0.6, below=0.25)
    for row, (name, t) in zip(axes, trajectories.items(), strict=True):
        gram, angle, speed = row
        problem = t.problem
        classes = np.arange(1, problem.n_classes + 1)
        if t.final is None:
            gram.text(0.5, 0.5, "features were not kept", ha="center", transform=gram.transAxes)
        else:
            draw_cosines(gram, metrics.gram(metrics.class_means(t.final, problem.labels)))
        gram.set_title(f"{name}: Gram of class means", loc="left")
        gram.set(xlabel="class (red: cosine 1, white: 0)", ylabel="class")
        angle.plot(classes, predict(problem).classifier_cosine, color="0.6", label="theory")
        ends = 1.0 - t.class_values("variability")[-1]
        angle.plot(classes, ends, ".", markersize=3, color="C0", label="simulation")
        angle.set(xlabel="class", ylabel=r"$\cos(h, w)$ at the end", ylim=(0.0, 1.05))
        _speed(speed, t)
        for axis in (angle, speed):
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    legend_below(figure, axes[0, 1])
    return figure


def _speed(axis: Any, t: Trajectory) -> None:
    """Time until the mean NC of a class is below 1e-6 (interpolated), over what theory says of its rate."""
    classes = np.arange(1, t.problem.n_classes + 1)
    log_nc = np.log10(np.maximum(t.class_values("nc_mean"), 1e-300))
    axis.set(xlabel="class", ylabel="time to NC < 1e-6")
    if np.all(log_nc[-1] > -6):
        axis.set(xlim=(0.5, classes[-1] + 0.5), yticks=[])
        axis.text(0.5, 0.5, "no collapse", ha="center", va="center", transform=axis.transAxes, color="0.4")
        return
    reached = [np.interp(6.0, -curve, t.times) if curve[-1] < -6 else np.nan for curve in log_nc.T]
    axis.plot(classes, reached, ".", markersize=3, color="C0")
    axis.set_ylim(0.0, 1.15 * float(np.nanmax(reached)) or 1.0)
    if isinstance(t.problem, CosineProblem):
        twin = axis.twinx()
        rates = predict(t.problem).rate
        twin.plot(classes, rates, color="0.6")
        twin.set_ylabel(r"theory: rate $4\beta f c (1 - c)$", color="0.5")
        twin.set_ylim(0.0, 1.3 * float(rates.max()) or 1.0)  # no rate where centers coincide
        twin.spines["right"].set_visible(True)
