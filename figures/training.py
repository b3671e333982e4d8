"""What `ufm train` draws: a real network's collapse next to what theory said before it began."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from figures.style import class_colors, panels, shown_classes, styled

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def training_figure(data: "xarray.Dataset", said: Mapping[str, Any]) -> "Figure":
    """NC, variability and test accuracy over the epochs, and the cosines between class means at the end.

    data : record of a training; said : its predictions, dotted where there is one per class. Dark is the class with
    the most images, light the one with the fewest.
    """
    predicted = {each["quantity"]: each["predicted"] for each in said["predictions"]}
    with styled():
        figure, ((left, middle), (right, last)) = panels(2, 2, 3.1, 2.2)
        shown = shown_classes(data.sizes["class"])
        for k, color in zip(shown, class_colors(len(shown)), strict=True):
            curves = data.sel(split="train").isel({"class": k})
            label = f"class {k + 1}: n={int(data.class_size[k])}"
            left.plot(data.epoch, np.maximum(curves.nc_mean, 1e-12), color=color, label=label)
            middle.plot(data.epoch, curves.variability, color=color)
            if "variability" in predicted:
                middle.axhline(predicted["variability"][k], color=color, linestyle=":", linewidth=0.7)
        left.set(yscale="log", ylabel="NC, training images", xlabel="epoch")
        left.set_title(data.attrs["title"], loc="left")
        left.legend(handles=[left.lines[0], left.lines[-1]], loc="lower left")
        middle.set(ylabel="variability, training images", xlabel="epoch")
        if "variability" in predicted:
            middle.plot([], [], color="0.4", linestyle=":", label=r"predicted, $1 - \cos\rho_k$")
            middle.legend(loc="upper right")
        _accuracy(right, data)
        image = last.imshow(data.gram.isel(epoch=-1).sel(split="train"), vmin=-1, vmax=1, cmap="RdBu_r")
        size = min(data.sizes["class"], data.sizes["mean"])
        last.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="class", ylabel="class")
        last.set_title("cosines between class means", loc="left")
        figure.colorbar(image, ax=last, shrink=0.8)
        return figure


RULES = {"own": ("own rule", "-"), "rcr": ("RCR", "--"), "gcr": ("GCR", ":"), "nearest": ("nearest mean center", "-.")}


def _accuracy(axis: Any, data: "xarray.Dataset") -> None:
    for number, rule in enumerate(data.rule.values):
        label, dashes = RULES.get(str(rule), (str(rule), "-."))  # a variant's, by its name
        accuracy = 100 * data.accuracy.sel(split="test", rule=rule)
        axis.plot(data.epoch, accuracy, color=f"C{number}", linestyle=dashes, label=label)
    top = float(100 * data.accuracy.sel(split="test").max())
    axis.set(ylabel="test accuracy, %", xlabel="epoch", ylim=(max(0.0, top - 40.0), min(100.0, top + 2.0)))
    axis.legend(loc="lower right", ncols=2 if data.sizes["rule"] > 4 else 1, columnspacing=1.0)
