"""What ``ufm simulate`` and ``ufm verify`` draw: collapse over time, and the geometry it ends in."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from figures.style import class_colors, panels, shown_classes, styled
from theory.multicenter import geometry
from ufm.certify.predict import predict
from ufm.measure import metrics
from ufm.problems.kinds import CosineProblem
from ufm.simulate.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def collapse_figure(trajectories: Mapping[str, Trajectory]) -> "Figure":
    """NC, norm and variability of each class over time, one row per trajectory; theory dashed.

    The horizontal axis is flow time, cut where nothing happens any more; dark is the first class, light the last.
    """
    with styled():
        figure, axes = panels(len(trajectories), 3, 2.6, 1.9)
        for row, (name, t) in zip(axes, trajectories.items(), strict=True):
            problem = t.problem
            shown = shown_classes(problem.n_classes)
            limits = 1.0 - geometry.classifier_cosine(problem.centers, problem.theta)
            curves = {key: t.class_values(key) for key in ("nc_mean", "norm_mean", "variability")}
            for k, color in zip(shown, class_colors(len(shown)), strict=True):
                label = f"class {k + 1}: n={problem.class_sizes[k]}, f={problem.centers[k]}"
                row[0].plot(t.times, np.maximum(curves["nc_mean"][:, k], 1e-30), color=color, label=label)
                row[1].plot(t.times, curves["norm_mean"][:, k], color=color)
                row[2].plot(t.times, curves["variability"][:, k], color=color)
                row[2].axhline(limits[k], color=color, linestyle=":", linewidth=0.7)
            row[0].set_title(name, loc="left")
            row[0].set(yscale="log", ylabel="NC", ylim=(1e-22, 8.0))
            row[1].set(ylabel="$|h|$", yscale="log")
            row[2].set(ylabel="variability", ylim=(-0.02, 1.15))
            row[0].legend(
                handles=[row[0].lines[0], row[0].lines[-1]],
                loc="lower left",
                frameon=True,
                framealpha=0.8,
                edgecolor="none",
            )
            row[2].plot([], [], color="0.4", linestyle=":", label=r"$1 - \cos\rho_k$")
            row[2].legend(loc="upper right")
            done = np.flatnonzero(curves["nc_mean"].max(axis=1) < 1e-22)
            for axis in row:
                axis.set(xlabel="flow time $t$", xlim=(0.0, t.times[done[0]] if done.size and done[0] else t.times[-1]))
        return figure


def geometry_figure(trajectories: Mapping[str, Trajectory]) -> "Figure":
    """Gram matrix of the class means at the end, and per class angle and rate of collapse against theory."""
    from matplotlib.ticker import MaxNLocator

    with styled():
        figure, axes = panels(len(trajectories), 3, 2.6, 2.1)
        for row, (name, t) in zip(axes, trajectories.items(), strict=True):
            problem = t.problem
            classes = np.arange(1, problem.n_classes + 1)
            if t.final is None:
                row[0].text(0.5, 0.5, "features were not kept", ha="center", transform=row[0].transAxes)
            else:
                gram = metrics.gram(metrics.class_means(t.final, problem.labels))
                row[0].imshow(
                    gram, vmin=-1.0, vmax=1.0, cmap="RdBu_r", extent=(0.5, len(gram) + 0.5, len(gram) + 0.5, 0.5)
                )
            row[0].set_title(f"{name}: Gram of class means", loc="left")
            row[0].set(xlabel="class (red: cosine 1, white: 0)", ylabel="class")
            row[1].plot(
                classes, geometry.classifier_cosine(problem.centers, problem.theta), color="0.6", label="theory"
            )
            row[1].plot(
                classes, 1.0 - t.class_values("variability")[-1], ".", markersize=3, color="C0", label="simulation"
            )
            row[1].set(xlabel="class", ylabel=r"$\cos(h, w_k)$ at the end", ylim=(0.0, 1.05))
            row[1].legend()
            _speed(row[2], t, classes)
            for axis in row:
                axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            row[0].yaxis.set_major_locator(MaxNLocator(5, integer=True))
        return figure


def _speed(axis: Any, t: Trajectory, classes: NDArray[np.int64]) -> None:
    """Time until the mean NC of a class is below 1e-6 (interpolated), over what theory says of its rate."""
    log_nc = np.log10(np.maximum(t.class_values("nc_mean"), 1e-300))
    axis.set(xlabel="class", ylabel="time to NC < $10^{-6}$")
    if np.all(log_nc[-1] > -6):
        axis.text(0.5, 0.5, "no collapse", ha="center", va="center", transform=axis.transAxes, color="0.4")
        return
    reached = [np.interp(6.0, -curve, t.times) if curve[-1] < -6 else np.nan for curve in log_nc.T]
    axis.plot(classes, reached, ".", markersize=3, color="C0")
    axis.set_ylim(0.0, 1.15 * float(np.nanmax(reached)))
    if isinstance(t.problem, CosineProblem):
        twin = axis.twinx()
        rates = predict(t.problem).rate
        twin.plot(classes, rates, color="0.6")
        twin.set_ylabel(r"rate $4\beta f c (1 - c)$", color="0.5")
        twin.set_ylim(0.0, 1.3 * float(rates.max()))
        twin.spines["right"].set_visible(True)
