"""Figure 7: cosines between the features of the rarest class over time."""

from functools import partial

from matplotlib.figure import Figure
from xarray import Dataset

from figures import heatmaps
from figures.recorded import markdown, settings_of

ABOUT = "Gram matrix of a rare class's features"
NUMBER = 7
TRAININGS = ("plain/cifar10-convnet-cal-0.01",)

settings = heatmaps.settings

SHOWN = 30
"""At most so many features are shown."""


def data(quick: bool) -> Dataset:
    """Gram matrices of the features of the last class of a flow."""
    return heatmaps.of_flow(quick, lambda features, problem: features[problem.samples(problem.n_classes - 1)][:SHOWN])


trained = partial(heatmaps.of_trainings, name="class_gram")


def plot(data: Dataset) -> Figure:
    """The matrices side by side."""
    return heatmaps.plot(data, "training image" if "trainings" in settings_of(data) else "sample")


def caption(data: Dataset) -> str:
    """What is shown, and how far it is from one direction."""
    count = settings_of(data).get("n_classes")
    subject = f"The last of K = {count} classes, with {data.sizes['row']} of its samples;"
    smallest = data.gram.min(("row", "column"))
    return markdown(
        f"""{heatmaps.about(data, NUMBER, subject)}. Cosines between features of the rarest class. Theory: all 1, since
        they share the direction of the class's mean center.

        Smallest cosine: {heatmaps.by_panel(data, smallest, 4)}."""
    )
