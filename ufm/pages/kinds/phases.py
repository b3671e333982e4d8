"""What ``ufm phase`` wrote: which classes live or merge over a grid of weights, and their norms."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufm.files import store
from ufm.pages.content import Part, Section
from ufm.pages.lines import chart, over

if TYPE_CHECKING:
    import xarray

FOLDER = "phase.nc"
VARIABLES = ("gap", "optimal", "class_size")

COUNTED = {
    "living": "Classes that live",
    "alive": "Classes that live",
    "merged": "Classes that are merged",
}
NORMS = {
    "square_norm": "|w|^2, squared norm of classifier vectors",
    "weight_norm": "|w|, norm of weights",
    "feature_norm": "|h|, norm of features",
}


def of_folder(folder: Path) -> Iterator[Section]:
    """The diagram of a folder."""
    path = folder / FOLDER
    yield from of_data(store.load_having(path, VARIABLES), path)


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """Maps of numbers of classes and of the rank, and norms along the horizontal axis."""
    vertical, horizontal = (str(dim) for dim in data.gap.dims)
    open_gaps = int((data.optimal == 0).sum())
    about = (
        f"A minimum at each of {data.gap.size} points of {vertical} and {horizontal}, {data.sizes['class']} classes.",
        "Every minimum is certified." if not open_gaps else f"{open_gaps} minima have no certificate.",
    )
    yield Section(f"Phases over {vertical} and {horizontal}", about, [*_parts(data, vertical, horizontal)], str(source))


def _parts(data: "xarray.Dataset", vertical: str, horizontal: str) -> Iterator[Part]:
    for name, title in COUNTED.items():
        if name in data:
            whole: dict[str, Any] = {"zmin": 0, "zmax": data.sizes["class"]}
            yield chart(data[name].sum("class"), horizontal, vertical, title, **whole)
    if "rank" in data:
        yield chart(data["rank"], horizontal, vertical, "Rank", "Dimensions that features and weights fill.")
    for name, title in NORMS.items():
        if name in data:
            yield over(data[name], horizontal, "class", title)
