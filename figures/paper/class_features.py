"""Figure 7: cosines between the features of the rarest class over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures import heatmaps
from figures.recorded import number, settings_of
from ufm.measure import metrics
from ufm.problems.frames import Array

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "Gram matrix of a rare class's features"
NUMBER = 7

settings = heatmaps.settings

SHOWN = 30
"""At most so many features are shown."""


def data(quick: bool) -> "xarray.Dataset":
    """Gram matrices of the features of the last class of a flow."""
    said = settings(quick)
    run = heatmaps.flow(said)
    assert run.features is not None
    rows = run.problem.samples(run.problem.n_classes - 1)
    grams = [metrics.gram(h[rows][:SHOWN]) for h in run.features]
    return heatmaps.of_flow(said, grams)


def trained(folders: Sequence[Path]) -> "xarray.Dataset":
    """Those of trainings, of the class with the fewest images."""
    return heatmaps.of_trainings(folders, "class_gram")


def plot(data: "xarray.Dataset") -> "Figure":
    """The matrices side by side."""
    return heatmaps.plot(data, "training image" if "trainings" in settings_of(data) else "sample")


def smallest(data: "xarray.Dataset") -> Array:
    """Smallest cosine of each matrix, (panel,)."""
    return np.asarray(np.nanmin(data.gram.values, axis=(1, 2)))


def caption(data: "xarray.Dataset") -> str:
    """What is shown, and how far it is from one direction."""
    said = settings_of(data)
    low = ", ".join(f"{number(v, 4)} ({title})" for title, v in zip(data.panel.values, smallest(data), strict=True))
    if "trainings" in said:
        about = f"**Figure 7 of the paper, from trainings:** {'; '.join(said['titles'])}; training images"
    else:
        about = (
            "**Figure 7 of the paper, in the unconstrained-feature model.** The last of "
            f"K = {said['n_classes']} classes, with {data.sizes['row']} of its samples; class-aware centers "
            f"(f = {said['f']}), theta = {said['theta']:g}, cosine loss; features begin around one direction that all "
            f"classes share, in {said['dim']} dimensions"
        )
    return (
        f"{about}. Cosines between features of the rarest class. Theory: all 1, since they share the direction of the "
        f"class's mean center.\n\nSmallest cosine: {low}."
    )
