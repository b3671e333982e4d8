"""What ``ufm design`` draws: what is paid for what."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import class_colors, legend_below, panels, styled
from ufm.certify.design import Design

AXES = {"accuracy": "accuracy, %", "rare": "accuracy on rarest, %", "robustness": "radius / r"}


def value(design: Design, name: str) -> float:
    """Of a design, in the unit of the axis."""
    return {"accuracy": 100 * design.accuracy, "rare": 100 * design.rare, "robustness": design.radius}[name]


@styled()
def design_figure(designs: Sequence[Design], goal: str = "accuracy") -> Figure:
    """Accuracy, that on the rarest classes, and radius, over the speed of the slowest class.

    A colour per rule; large: not dominated, faint: dominated; a ring: the first of the designs, which is recommended.
    """
    rules = list(dict.fromkeys(design.decision for design in designs))
    colors = dict(zip(rules, class_colors(len(rules)), strict=True))
    figure, axes = panels(1, len(AXES), 2.3, 2.3, below=0.5)
    for axis, (name, label) in zip(axes[0], AXES.items(), strict=True):
        for rule in rules:
            for pareto, size, alpha in ((False, 4, 0.35), (True, 22, 1.0)):
                own = [d for d in designs if (d.decision, d.pareto) == (rule, pareto)]
                points = ([d.speed for d in own], [value(d, name) for d in own])
                axis.scatter(*points, s=size, alpha=alpha, color=colors[rule], linewidths=0)
            axis.plot([], [], "o", color=colors[rule], label=rule)
        best = designs[0]
        axis.scatter([best.speed], [value(best, name)], s=70, facecolors="none", edgecolors="black", linewidths=1.0)
        axis.yaxis.set_major_locator(MaxNLocator(5))
        axis.set_xlabel("speed of the slowest class")
        axis.set_ylabel(label)
    legend_below(figure, axes[0, 0], title=f"ring: first for {goal}; small: dominated")
    return figure
