"""What is drawn of the record of a watched network: collapse by layer and epoch, and the last layer over epochs."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import legend_beside, panels, styled

if TYPE_CHECKING:
    import xarray

CURVES = {
    "nc1": "NC1",
    "nc2_equinorm": "NC2, norms",
    "nc2_equiangle": "NC2, angles",
    "nc3_duality": "NC3",
}
"""What is drawn of the last layer: all are 0 at collapse to a simplex."""

SHOWN = 5
"""At most so many epochs are drawn layer by layer."""


@styled()
def watched_figure(data: "xarray.Dataset") -> Figure:
    """NC1 and nearest-mean accuracy by layer, at a few epochs; NC1 to NC3 of the classifier's features over epochs.

    data : from ``data`` of what :func:`ufm.train.watch` returns, or :func:`ufm.train.read`.
    """
    figure, (axes,) = panels(1, 3, 2.4, 2.2, right=1.0, below=0.2)
    some = np.unique(np.linspace(0, data.sizes["epoch"] - 1, SHOWN).round().astype(int))
    for number, i in enumerate(some):
        color = colormaps["viridis"](0.9 * (1.0 - number / max(1, len(some) - 1)))
        look = {"color": color, "label": f"epoch {int(data.epoch[i])}"}
        _by_layer(axes[0], data, "nc1" if "nc1" in data else "nc1_trace_ratio", i, look)
        _by_layer(axes[1], data, "nearest_mean_accuracy", i, look)
    axes[0].set(yscale="log", title="NC1")
    axes[1].set(title="nearest class mean, accuracy")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower left", ncols=len(some))
    for name, label in CURVES.items():
        if name in data:
            axes[2].plot(data.epoch, data[name][:, -1], ".-", markersize=3, label=label)
    axes[2].set(yscale="log", xlabel="epoch", title="last layer")
    axes[2].xaxis.set_major_locator(MaxNLocator(4, integer=True))
    legend_beside(axes[2])
    return figure


def _by_layer(axis: Any, data: "xarray.Dataset", name: str, i: int, look: dict[str, Any]) -> None:
    """A measure of all layers at one epoch."""
    if name in data:
        axis.plot(range(data.sizes["layer"]), data[name].values[i], "o-", markersize=3, **look)
    names = [str(each).replace("input of ", "to ") for each in data.layer.values]
    axis.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 4 else 0)
    axis.set_xlabel("layer")
