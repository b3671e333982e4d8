"""Figure 5: collapse of real networks, each from a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.paper import collapse

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "collapse of real networks"
NUMBER = 5


def trained(folders: Sequence[Path]) -> "xarray.Dataset":
    """Curves of figure 1, a training a column, named by its network."""
    return collapse.trained(folders)


def plot(data: "xarray.Dataset") -> "Figure":
    """As figure 1."""
    return collapse.plot(data)


def caption(data: "xarray.Dataset") -> str:
    """As figure 1."""
    return collapse.caption(data).replace("Figure 1 of the paper, from trainings", "Figure 5 of the paper: networks")
