"""Figure 6: cosines between class means over time."""

from functools import partial

import numpy as np
from xarray import Dataset

from figures import heatmaps
from figures.recorded import markdown, settings_of
from ufm.measure import metrics
from ufm.problems.frames import Array

ABOUT = "Gram matrix of class means over time"
NUMBER = 6
TRAININGS = ("plain/cifar10-convnet-cal-0.01",)

settings = heatmaps.settings


def data(quick: bool) -> Dataset:
    """Gram matrices of the class means of a flow."""
    return heatmaps.of_flow(quick, lambda features, problem: metrics.class_means(features, problem.labels))


trained = partial(heatmaps.of_trainings, name="gram")
plot = partial(heatmaps.plot, side="class")


def from_identity(data: Dataset) -> Array:
    """Largest entry of each matrix minus the identity, (panel,)."""
    return np.asarray(np.abs(data.gram.values - np.eye(data.sizes["row"])).max(axis=(1, 2)))


def caption(data: Dataset) -> str:
    """What is shown, and how far it is from the identity."""
    said, subject = settings_of(data), ""
    if "n_max" in said:
        largest, smallest = said["n_max"], said["n_max"] * said["tau"]
        subject = f"K = {said['n_classes']} classes from {largest} down to {smallest:g} samples,"
    return markdown(
        f"""{heatmaps.about(data, NUMBER, subject)}. Cosines between class means, rows and columns in the order of the
        classes. Theory: the identity, since mean centers of different classes are orthogonal.

        Largest distance from it: {heatmaps.by_panel(data, from_identity(data), 2)}."""
    )
