"""Figure 6: cosines between class means over time."""

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

ABOUT = "Gram matrix of class means over time"
NUMBER = 6

settings = heatmaps.settings


def data(quick: bool) -> "xarray.Dataset":
    """Gram matrices of the class means of a flow."""
    said = settings(quick)
    run = heatmaps.flow(said)
    assert run.features is not None
    labels = run.problem.labels
    return heatmaps.of_flow(said, [metrics.gram(metrics.class_means(h, labels)) for h in run.features])


def trained(folders: Sequence[Path]) -> "xarray.Dataset":
    """Those of trainings."""
    return heatmaps.of_trainings(folders, "gram")


def plot(data: "xarray.Dataset") -> "Figure":
    """The matrices side by side."""
    return heatmaps.plot(data, "class")


def from_identity(data: "xarray.Dataset") -> Array:
    """Largest entry of each matrix minus the identity, (panel,)."""
    return np.asarray(np.abs(data.gram.values - np.eye(data.sizes["row"])).max(axis=(1, 2)))


def caption(data: "xarray.Dataset") -> str:
    """What is shown, and how far it is from the identity."""
    said = settings_of(data)
    off = ", ".join(
        f"{number(value, 2)} ({title})" for title, value in zip(data.panel.values, from_identity(data), strict=True)
    )
    if "trainings" in said:
        about = f"**Figure 6 of the paper, from trainings:** {'; '.join(said['titles'])}; training images"
    else:
        about = (
            f"**Figure 6 of the paper, in the unconstrained-feature model.** K = {said['n_classes']} classes from "
            f"{said['n_max']} down to {said['n_max'] * said['tau']:g} samples, class-aware centers (f = {said['f']}), "
            f"theta = {said['theta']:g}, cosine loss; features begin around one direction that all classes share, in "
            f"{said['dim']} dimensions"
        )
    return (
        f"{about}. Cosines between class means, rows and columns in the order of the classes. Theory: the identity, "
        f"since mean centers of different classes are orthogonal.\n\nLargest distance from it: {off}."
    )
