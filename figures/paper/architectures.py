"""Figure 5: collapse of real networks, each from a training."""

from xarray import Dataset

from figures.paper import collapse

ABOUT = "collapse of real networks"
NUMBER = 5
TRAININGS = tuple(f"collapse/cifar10-{network}-cal-0.1" for network in ("resnet8", "lenet", "vgg11", "densenet40"))

trained, plot = collapse.trained, collapse.plot


def caption(data: Dataset) -> str:
    """As figure 1."""
    return collapse.caption(data).replace("Figure 1 of the paper, from trainings", "Figure 5 of the paper: networks")
