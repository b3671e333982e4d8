"""What ``ufm design`` draws: what is paid for what."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figures.style import class_colors, panels, styled
from ufm.certify.design import Design

MARKERS = {"class-aware": "o", "apportioned": "^", "margins": "D", "uniform": "s"}


@styled()
def design_figure(designs: Sequence[Design]) -> Figure:
    """Gain of GCR, and rate of the slowest class, over the angle to the classifier; one point per design.

    Colour: f. Shape: rule. Lines join a rule and an f over theta. Filled: Pareto-optimal.
    """
    counts = sorted({design.f for design in designs})
    colors = dict(zip(counts, class_colors(len(counts)), strict=True))
    rules = list(dict.fromkeys(design.rule for design in designs))
    figure, ((left, right),) = panels(1, 2, 3.4, 2.7)
    for rule in rules:
        for f, color in colors.items():
            own = sorted((d for d in designs if (d.rule, d.f) == (rule, f)), key=lambda d: d.theta)
            faces = [color if d.pareto else "white" for d in own]
            look = {"s": 14, "marker": MARKERS[rule], "c": faces, "edgecolors": [color], "linewidths": 0.7}
            for axis, values in ((left, [100 * d.gain for d in own]), (right, [d.rate for d in own])):
                angles = [d.angle for d in own]
                axis.plot(angles, values, color=color, linewidth=0.6)
                axis.scatter(angles, values, **look)
    left.set(xlabel="largest angle to the classifier, degrees", ylabel="gain of GCR, points")
    right.set(xlabel="largest angle to the classifier, degrees", ylabel="rate of the slowest class")
    if np.ptp([d.rate for d in designs]) > 0:
        right.set_yscale("symlog", linthresh=1e-2)
    for f, color in colors.items():
        left.plot([], [], color=color, label=f"f = {f}")
    for rule in rules:
        right.plot([], [], color="0.3", marker=MARKERS[rule], markersize=4, linestyle="", label=rule)
    left.legend(fontsize=6, loc="upper left")
    right.legend(fontsize=6, loc="center left")
    right.set_title("filled: no other is better in all", loc="left", fontsize=7)
    return figure
