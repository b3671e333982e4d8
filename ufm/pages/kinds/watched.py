"""The record of a network that somebody else trained, as ``ufm.train.watch`` writes it: by layer, and over epochs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ufm.measure import metric
from ufm.pages.content import Part, Section
from ufm.pages.lines import over

if TYPE_CHECKING:
    import xarray

VARIABLES = ("samples", "bias", "layer")

SHOWN = ("nc1", "nc2_equinorm", "nc2_equiangle", "nc3_duality", "nearest_mean_accuracy", "accuracy")


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """Measures by layer with the epochs as lines, and over epochs with the layers as lines."""
    about = f"{data.attrs.get('model', 'A network')}, {data.sizes['epoch']} epochs, {data.sizes['layer']} layers."
    yield Section(f"Watched: {source.stem}", (about,), [*_parts(data)], str(source))


def _parts(data: "xarray.Dataset") -> Iterator[Part]:
    for name in SHOWN:
        if name in data:
            caption = f"At collapse: {metric.known()[name].collapse}."
            known = data[name].dropna("layer", how="all")  # what needs weights only the classifier's input has
            yield over(known, "epoch", "layer", name, caption)
            if known.sizes["layer"] > 1:
                yield over(known, "layer", "epoch", f"{name}, by layer", caption)
