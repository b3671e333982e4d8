"""What ``ufm geometry`` draws: norms and margins of the classes, and the angles between their weights."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import draw_cosines, legend_below, panels, styled
from ufm.minimize.deep import DeepGeometry
from ufm.minimize.geometry import Geometry
from ufm.minimize.sphere import SphereGeometry

SHOWN = 100
"""At most so many classes are drawn, evenly spread over all."""


@styled()
def geometry_figure(geometry: Geometry | DeepGeometry | SphereGeometry) -> Figure:
    """Norms of weights and class means, margins, and the cosines between weights and between class means."""
    group = geometry.group
    some = group[np.unique(np.linspace(0, len(group) - 1, min(len(group), SHOWN)).round().astype(int))]
    figure, (axes,) = panels(1, 4, 2.2, 2.4, below=0.2)
    place, place_name = np.arange(1, len(some) + 1), "class" if len(some) == len(group) else "class (some)"
    axes[0].plot(place, geometry.weight_norms[some], "o-", markersize=3, label="$|w|$")
    axes[0].plot(place, geometry.feature_norms[some], "s-", markersize=3, label="$|h|$")
    axes[0].set(xlabel=place_name, ylabel="norm", ylim=(0.0, None))
    legend_below(figure, axes[0])
    axes[1].plot(place, geometry.margins[some], "o-", markersize=3, color="C2")
    axes[1].set(xlabel=place_name, ylabel="margin")
    for axis, cosines, name in (
        (axes[2], geometry.weight_cosines, "cosines of $w$"),
        (axes[3], geometry.feature_cosines, "cosines of $h$"),
    ):
        drawn = cosines[np.ix_(some, some)]
        drawn[np.diag_indices(len(some))] = 1.0
        image = draw_cosines(axis, drawn)
        axis.set(xlabel=place_name, ylabel=place_name, title=name)
    figure.colorbar(image, ax=axes[2:], ticks=[-1, 0, 1], shrink=0.7)
    for axis in axes[:2]:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
