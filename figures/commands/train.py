"""What ``ufm train`` draws: a real network's collapse next to what theory said before it began."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from xarray import Dataset

from figures.style import draw_classes, draw_cosines, legend_below, legend_beside, panels, styled
from ufm.train.catalogue import METHODS

RULES = {"own": ("own rule", "-"), "rcr": ("RCR", "--"), "gcr": ("GCR", ":"), "nearest": ("nearest mean center", "-.")}


@styled()
def training_figure(data: Dataset, said: Mapping[str, Any]) -> Figure:
    """NC, variability and test accuracy over the epochs, and the cosines between class means at the end.

    data : record of a training; said : its predictions, dotted where there is one per class. Dark is the class with
    the most images, light the one with the fewest.
    """
    predicted = {each["quantity"]: each["predicted"] for each in said["predictions"]}
    figure, ((left, middle), (right, last)) = panels(2, 2, 3.7, 2.2, right=1.6, below=0.4)
    train = data.sel(split="train")
    labels = [f"class {k}: n={int(n)}" for k, n in enumerate(data.class_size, start=1)]
    draw_classes(left, data.epoch, np.maximum(train.nc_mean.values, 1e-12), labels=labels)
    draw_classes(middle, data.epoch, train.variability.values, limits=predicted.get("variability"))
    left.set(yscale="log", ylabel=f"NC to {METHODS[said['method']].target}", xlabel="epoch")
    left.set_title(data.attrs["title"], loc="left")
    shown = [left.lines[0], left.lines[-1]]
    middle.set(ylabel="variability, training images", xlabel="epoch")
    if "variability" in predicted:
        shown += middle.plot([], [], color="0.4", linestyle=":", label=r"predicted, $1 - \cos\rho$")
    legend_beside(middle, handles=shown)
    _accuracy(right, data)
    legend_below(figure, right, ncols=4)
    image = draw_cosines(last, train.gram.isel(epoch=-1))
    size = min(data.sizes["class"], data.sizes["mean"])
    for axis in (left, middle, right):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlim(float(data.epoch[0]), max(float(data.epoch[-1]), float(data.epoch[0]) + 1.0))
    last.set(xlim=(0.5, size + 0.5), ylim=(size + 0.5, 0.5), xlabel="class", ylabel="class")
    last.set_title("cosines between class means", loc="left")
    figure.colorbar(image, ax=last, shrink=0.8)
    return figure


def _accuracy(axis: Any, data: Dataset) -> None:
    accuracies = 100 * data.accuracy.sel(split="test")
    for number, rule in enumerate(data.rule.values):
        label, dashes = RULES.get(str(rule), (str(rule), "-."))  # a variant's, by its name
        axis.plot(data.epoch, accuracies.sel(rule=rule), color=f"C{number}", linestyle=dashes, label=label)
    top = float(accuracies.max())
    axis.set(ylabel="test accuracy, %", xlabel="epoch", ylim=(max(0.0, top - 40.0), min(100.0, top + 2.0)))
