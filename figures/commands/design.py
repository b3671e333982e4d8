"""What ``ufm design`` draws: what is paid for what."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from figures.style import class_colors, legend_below, panels, styled
from ufm.certify.design import Design


@styled()
def design_figure(designs: Sequence[Design]) -> Figure:
    """Gain of GCR, and rate of the slowest class, over the angle to the classifier; a column per rule, a dot each.

    Colour: f. Lines join an f over theta. Large: Pareto-optimal.
    """
    counts = sorted({design.f for design in designs})
    colors = dict(zip(counts, class_colors(len(counts)), strict=True))
    rules = list(dict.fromkeys(design.rule for design in designs))
    figure, axes = panels(2, len(rules), max(1.9, 3.6 / len(rules)), 1.9, below=0.5, sharey="row")
    for (upper, lower), rule in zip(axes.T, rules, strict=True):
        for f, color in colors.items():
            own = sorted((d for d in designs if (d.rule, d.f) == (rule, f)), key=lambda d: d.theta)
            angles = [d.angle for d in own]
            for axis, values in ((upper, [100 * d.gain for d in own]), (lower, [d.rate for d in own])):
                axis.plot(angles, values, color=color, linewidth=0.6, label=f"f = {f}")
                axis.scatter(angles, values, s=[16 if d.pareto else 3 for d in own], color=color)
        upper.set_title(rule, loc="left")
        for axis in (upper, lower):
            axis.set_xlabel("angle to classifier, degrees")
    if np.ptp([d.rate for d in designs]) > 0:
        axes[1, 0].set_yscale("symlog", linthresh=1e-2)
    axes[0, 0].set_ylabel("gain of GCR, points")
    axes[1, 0].set_ylabel("rate of the slowest class")
    legend_below(figure, axes[0, 0], ncols=3 * min(2, len(rules)), title="large: no other design is better in all")
    return figure
