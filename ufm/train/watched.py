"""What is recorded of a network that somebody else trains: one Dataset, a row per measured epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.files import store
from ufm.files.text import columns
from ufm.measure.metric import known
from ufm.measure.network import Measures
from ufm.measure.statistics import Statistics

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
Row = dict[str, Array]

MOST = 300
"""Classes up to which Gram matrices are kept, K x K numbers an epoch."""

LAST = {
    "mean_gram": (("class", "other_class"), "products of class means of the classifier's features"),
    "weight_gram": (("class", "other_class"), "products of the rows of the classifier"),
    "bias": (("class",), "bias of the classifier"),
}
"""What is kept of the last layer besides its measures, and what it is."""

MARK = "watched_layer"
"""The attribute that tells such a record: the name of the classifier."""


def row(measured: Sequence[Measures], last: Statistics) -> Row:
    """One epoch: measures of each layer, (L,) or (L, K), NaN where a layer has none, and what is kept of the last."""
    count = len(last.all_counts)
    found: Row = {}
    for name, metric in known().items():
        nothing = np.full(count, np.nan) if metric.by_class else np.nan
        found[name] = np.array([each.get(name, nothing) for each in measured], dtype=np.float64)
    found["samples"] = np.asarray(last.all_counts, dtype=np.float64)
    found["bias"] = np.zeros(count) if last.all_biases is None else last.all_biases
    if count <= MOST:
        means = np.where(last.all_counts[:, None] > 0, last.origin + last.all_means, np.nan)
        found |= {"mean_gram": means @ means.T, "weight_gram": last.full_classifier @ last.full_classifier.T}
    return found


def dataset(
    rows: Mapping[int, Row], layers: Sequence[str], classes: Sequence[Any], about: Mapping[str, Any]
) -> "xarray.Dataset":
    """All epochs in order; what was measured nowhere is left out."""
    import xarray

    epochs = sorted(rows)
    shapes: dict[str, tuple[tuple[str, ...], str]] = {
        **{name: (("layer", "class") if each.by_class else ("layer",), _says(each)) for name, each in known().items()},
        "samples": (("class",), "samples that were measured"),
        **LAST,
    }
    variables = {}
    for name, (dims, text) in shapes.items():
        values = [rows[epoch][name] for epoch in epochs if name in rows[epoch]]
        if values and not np.all(np.isnan(values)):
            variables[name] = (("epoch", *dims), np.stack(values), {"long_name": text})
    places = {"epoch": np.array(epochs, dtype=np.int64), "layer": list(layers), "class": list(classes)}
    return xarray.Dataset(variables, coords=places, attrs=dict(about))


def _says(metric: Any) -> str:
    return " ".join(metric.formula.split())


def read(path: str | Path) -> "xarray.Dataset":
    """The record that ``watch.save`` wrote. Raises FileNotFoundError, or DamagedFile for anything else."""
    return store.load_having(path, ("samples", "bias"), (MARK,))


def table(data: "xarray.Dataset") -> str:
    """The last epoch layer by layer, and the classifier's features at all epochs."""
    if not data.sizes["epoch"]:
        return "nothing measured yet"
    last = data.isel(epoch=-1)
    told = [name for name in ("nc1", "nc1_trace_ratio", "cdnv", "nearest_mean_accuracy") if name in data]
    below = [(str(name), *(_number(last[key].values[i]) for key in told)) for i, name in enumerate(data.layer.values)]
    of_last = [name for name in HEADLINE if name in data]
    over = [
        (str(int(epoch)), *(_number(data[key].values[i, -1]) for key in of_last))
        for i, epoch in enumerate(data.epoch.values)
    ]
    lines = [f"epoch {int(last.epoch)}, layer by layer", "", *columns([("layer", *told), *below])]
    return "\n".join([*lines, "", str(data.layer.values[-1]), "", *columns([("epoch", *of_last), *over])])


HEADLINE = ("nc1", "nc2_equinorm", "nc2_equiangle", "nc3_duality", "nc4_agreement", "accuracy")
"""What people watch of the last layer."""


def headline(measures: Measures) -> dict[str, float]:
    """These numbers, as far as they are defined."""
    return {name: float(measures[name]) for name in HEADLINE if name in measures.metrics}


def _number(value: Any) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"
