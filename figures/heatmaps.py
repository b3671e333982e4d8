"""Gram matrices at several times, next to one another (figures 6 and 7 of the paper)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from figures import trainings
from figures.recorded import recorded
from figures.style import TWO_COLUMNS, canvas, styled
from theory.multicenter.centers import class_aware
from ufm.problems.frames import Array
from ufm.problems.problem import Problem
from ufm.problems.sizes import long_tailed_sizes
from ufm.simulate.flow import gradient_flow
from ufm.simulate.trajectory import Trajectory

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def settings(quick: bool) -> dict[str, Any]:
    """A problem small enough to keep its features, and when to look."""
    return {
        "n_classes": 10,
        "n_max": 60 if quick else 300,
        "tau": 0.1,
        "f": 5,
        "theta": 0.2,
        "dim": 128,
        "common": 8.0,
        "lam": 0.1,
        "times": [0.0, 8.0, 12.0, 40.0],
        "seed": 0,
    }


def flow(said: dict[str, Any]) -> Trajectory:
    """The features at these times, with class-aware centers.

    They begin as those of an untrained network do, around one direction that all classes share: a vector of length
    ``common`` plus a standard Gaussian.
    """
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    problem = Problem(sizes, class_aware(sizes, said["f"]), said["theta"], said["dim"], lam=said["lam"])
    rng = np.random.default_rng(said["seed"])
    shared = rng.standard_normal(said["dim"])
    features = said["common"] * shared / np.linalg.norm(shared) + rng.standard_normal((problem.n_samples, said["dim"]))
    return gradient_flow(problem, features=features, t_eval=said["times"], keep="features")


def of_flow(said: dict[str, Any], grams: Sequence[Array]) -> "xarray.Dataset":
    """Matrices (time, row, column) of a flow."""
    titles = [f"flow time t = {t:g}" for t in said["times"]]
    return recorded(said, {"gram": (("panel", "row", "column"), np.stack(grams))}, {"panel": titles})


def of_trainings(folders: Sequence[Path], name: str) -> "xarray.Dataset":
    """Matrices of trainings: each at its first epoch, at two in between, and at its last."""
    found = [trainings.read(folder, (name,)) for folder in folders]
    panels, titles = [], []
    for training in found:
        record = training.data[name]
        for place in np.unique(np.linspace(0, record.sizes["epoch"] - 1, 4).round().astype(int)):
            panels.append(record.isel(epoch=place).values.astype(np.float64))
            titles.append(f"{training.title.partition(' on ')[0]}, epoch {int(record.epoch[place])}")
    stacked = np.stack(panels)
    used = int(np.isfinite(stacked).any(axis=(0, 2)).sum())  # records are padded to one size with NaN
    said = {"trainings": [folder.name for folder in folders], "titles": [t.title for t in found]}
    return recorded(said, {"gram": (("panel", "row", "column"), stacked[:, :used, :used])}, {"panel": titles})


def plot(data: "xarray.Dataset", side: str) -> "Figure":
    """Four panels a row; red is a cosine of 1, white 0, blue -1."""
    count = data.sizes["panel"]
    rows = -(-count // 4)
    with styled():
        figure = canvas(TWO_COLUMNS, 1.75 * rows)
        axes = figure.subplots(rows, min(count, 4), squeeze=False)
        for axis in axes.ravel()[count:]:
            axis.set_visible(False)
        size = data.sizes["row"]
        for number, axis in enumerate(axes.ravel()[:count]):
            image = axis.imshow(
                data.gram.isel(panel=number), vmin=-1, vmax=1, cmap="RdBu_r", extent=(0.5, size + 0.5, size + 0.5, 0.5)
            )
            axis.set_title(str(data.panel.values[number]))
            axis.set_xlabel(side)
            ticks = sorted({1, -(-size // 2), size})
            axis.set(xticks=ticks, yticks=ticks)
        for axis in axes[:, 0]:
            axis.set_ylabel(side)
        figure.colorbar(image, ax=axes, label="cosine", shrink=0.8, ticks=[-1, 0, 1])
        return figure
