"""What ``ufm simulate`` wrote, or the Dataset of any trajectory: curves, and the features if they were kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ufm.files import store
from ufm.pages import geometry, runs
from ufm.pages.content import Section
from ufm.problems.frames import Frame, multi_center_frame

if TYPE_CHECKING:
    import xarray

FOLDER = "trajectory.nc"
VARIABLES = runs.NEEDED


def of_folder(folder: Path) -> Iterator[Section]:
    """The trajectory of a folder."""
    path = folder / FOLDER
    yield from of_data(store.load_having(path, VARIABLES, ("problem",)), path)


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """Curves, features where they were kept and their frame is known, and the geometry of the problem."""
    name = source.resolve().parent.name if source.name == FOLDER else source.stem
    name = "Simulation" if store.is_key(name) else name
    yield runs.section(name, data, str(source))
    if "features" in data and (frame := frame_of(data)) is not None:
        labels = runs.problem_of(data).labels
        if len(labels) == data.sizes["sample"]:
            shown = geometry.kept(frame, labels, data.time.values, data.features.values)
            yield Section(f"Features of {name}", ("Every sample, as the run kept it.",), (shown,), str(source))


def frame_of(data: "xarray.Dataset") -> Frame | None:
    """The frame that a run was in, from the flags that it was made with; None for one of another origin."""
    flow = json.loads(data.attrs.get("configuration", "{}")).get("flow")
    if flow is None:
        return None
    basis: Literal["coordinate", "random"] = "random" if flow["basis"] == "random" else "coordinate"
    return multi_center_frame(runs.problem_of(data), basis=basis, seed=int(flow["seed"]))
