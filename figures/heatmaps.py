"""Gram matrices at several times, next to one another (figures 6 and 7 of the paper)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from xarray import Dataset

from figures.recorded import number, recorded, settings_of, training
from figures.style import TWO_COLUMNS, canvas, draw_cosines, styled
from theory.multicenter.centers import class_aware
from ufm.measure import metrics
from ufm.problems.frames import Array
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.sizes import long_tailed_sizes
from ufm.simulate.flow import gradient_flow


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


def of_flow(quick: bool, vectors: Callable[[Array, MultiCenterProblem], Array]) -> Dataset:
    """Cosines (time, row, column) between vectors made of the features of a flow, with class-aware centers.

    Features begin as those of an untrained network do, around one direction that all classes share: a vector of length
    ``common`` plus a standard Gaussian.
    """
    said = settings(quick)
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    problem = Problem(sizes, class_aware(sizes, said["f"]), said["theta"], said["dim"], lam=said["lam"])
    rng = np.random.default_rng(said["seed"])
    shared = rng.standard_normal(said["dim"])
    features = said["common"] * shared / np.linalg.norm(shared) + rng.standard_normal((problem.n_samples, said["dim"]))
    run = gradient_flow(problem, features=features, t_eval=said["times"], keep="features")
    grams = [metrics.gram(vectors(h, problem)) for h in np.asarray(run.features)]
    titles = [f"flow time t = {t:g}" for t in said["times"]]
    return recorded(said, {"gram": (("panel", "row", "column"), np.stack(grams))}, {"panel": titles})


def of_trainings(folders: Sequence[Path], name: str) -> Dataset:
    """Matrices of trainings: each at its first epoch, at two in between, and at its last."""
    found = [training(folder, (name,)) for folder in folders]
    panels, titles = [], []
    for each in found:
        for place in np.unique(np.linspace(0, each.sizes["epoch"] - 1, 4).round().astype(int)):
            panels.append(each[name].isel(epoch=place).values.astype(np.float64))
            titles.append(f"{each.attrs['title'].partition(' on ')[0]}, epoch {int(each.epoch[place])}")
    stacked = np.stack(panels)
    used = int(np.isfinite(stacked).any(axis=(0, 2)).sum())  # records are padded to one size with NaN
    titled = [f"{each.attrs['title']} ({each.attrs['length']})" for each in found]
    said = {"trainings": [folder.name for folder in folders], "titles": titled}
    return recorded(said, {"gram": (("panel", "row", "column"), stacked[:, :used, :used])}, {"panel": titles})


@styled()
def plot(data: Dataset, side: str) -> Figure:
    """Four panels a row; red is a cosine of 1, white 0, blue -1."""
    count, size = data.sizes["panel"], data.sizes["row"]
    rows = -(-count // 4)
    figure = canvas(TWO_COLUMNS, 1.75 * rows)
    axes = figure.subplots(rows, min(count, 4), squeeze=False)
    for axis in axes.ravel()[count:]:
        axis.set_visible(False)
    ticks = sorted({1, -(-size // 2), size})
    for axis, gram in zip(axes.ravel(), data.gram, strict=False):
        image = draw_cosines(axis, gram)
        axis.set_title(str(gram.panel.item()))
        axis.set(xlabel=side, xticks=ticks, yticks=ticks)
    for axis in axes[:, 0]:
        axis.set_ylabel(side)
    figure.colorbar(image, ax=axes, label="cosine", shrink=0.8, ticks=[-1, 0, 1])
    return figure


def about(data: Dataset, figure: int, subject: str) -> str:
    """The beginning of a caption: which figure, and what it is drawn from; the subject is that of a flow."""
    said = settings_of(data)
    if "trainings" in said:
        return f"**Figure {figure} of the paper, from trainings:** {'; '.join(said['titles'])}; training images"
    return f"""**Figure {figure} of the paper, in the unconstrained-feature model.** {subject} class-aware centers
        (f = {said["f"]}), theta = {said["theta"]:g}, cosine loss; features begin around one direction that all classes
        share, in {said["dim"]} dimensions"""


def by_panel(data: Dataset, values: ArrayLike, digits: int) -> str:
    """A number for each matrix."""
    pairs = zip(np.asarray(values), data.panel.values, strict=True)
    return ", ".join(f"{number(value, digits)} ({title})" for value, title in pairs)
