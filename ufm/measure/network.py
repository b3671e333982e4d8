"""Collapse of any network, from its features: ``ufm.measure``."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files.blas import one_thread
from ufm.files.face import Face, Shown
from ufm.files.text import columns, require_known
from ufm.measure.arrays import Classes, Labels, native, vectors
from ufm.measure.collector import Collector, biases, classifier
from ufm.measure.conventions import Conventions
from ufm.measure.definitions.nc1_variability import cdnv_of_pairs
from ufm.measure.definitions.nc2_geometry import gram_distances
from ufm.measure.grams import given_grams
from ufm.measure.metric import known
from ufm.measure.metrics import gram
from ufm.measure.statistics import LeftOut, Statistics
from ufm.problems.frames import Array, Frame

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False, repr=False)
class Measures(Face, Mapping[str, Any]):
    """Measures by name, as a mapping and as attributes: ``measures["nc1"]``, ``measures.nc1``.

    Attributes
    ----------
    metrics : numbers by name; :func:`ufm.measure.metric.known` has the formula of each.
    by_class : arrays (K,) by name, NaN for classes without a sample.
    classes : names of the K classes.
    counts : samples of each, (K,).
    left_out : the reason for each measure that these data do not define.
    conventions : the choices where papers differ.
    spectrum : singular values of the centered class means, at most K - 1.
    mean_cosines, weight_cosines : cosines between centered class means, and between rows of the classifier, of the
        classes that have a sample; NaN where one is 0, None without a classifier.
    cdnv_pairs : CDNV of each pair of these classes, (G, G), 0 on the diagonal; None where it is left out.
    neco_scores : NECO's score of each sample of ``ood``, in their order; None without these.
    """

    metrics: Mapping[str, float]
    by_class: Mapping[str, Array]
    classes: tuple[Any, ...]
    counts: Labels
    left_out: Mapping[str, str] = field(repr=False)
    conventions: Conventions
    spectrum: Array = field(repr=False)
    mean_cosines: Array = field(repr=False)
    weight_cosines: Array | None = field(repr=False)
    cdnv_pairs: Array | None = field(repr=False, default=None)
    neco_scores: Array | None = field(repr=False, default=None)

    def __getitem__(self, name: str) -> Any:
        """One measure. Raises KeyError with the reason for one that is left out, and for unknown ones."""
        for found in (self.metrics, self.by_class):
            if name in found:
                return found[name]
        if name in self.left_out:
            raise KeyError(f"{name}: {self.left_out[name]}")
        try:
            require_known(name, known(), f"{name!r} is no measure")
        except ValueError as error:
            raise KeyError(str(error)) from None
        raise KeyError(name)

    def __getattr__(self, name: str) -> Any:
        """The same, as an attribute."""
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __dir__(self) -> list[str]:
        """Measures too, for completion."""
        return [*super().__dir__(), *self]

    def __iter__(self) -> Iterator[str]:
        """Names of all that is measured."""
        return iter((*self.metrics, *self.by_class))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.metrics) + len(self.by_class)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: metrics, classes, conventions, and what is left out."""
        rows = [
            {"class": name, "samples": int(count), **{key: float(each[k]) for key, each in self.by_class.items()}}
            for k, (name, count) in enumerate(zip(self.classes, self.counts, strict=True))
        ]
        return {
            "metrics": dict(self.metrics),
            "classes": rows,
            "conventions": asdict(self.conventions),
            "left_out": dict(self.left_out),
        }

    def _head(self) -> str:
        head = f"{int(self.counts.sum())} samples of {np.count_nonzero(self.counts)} classes"
        absent = [str(name) for name, count in zip(self.classes, self.counts, strict=True) if not count]
        some = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
        return f"{head}; without a sample: {some}" if absent else head

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = [(name, f"{value:.6g}", at_collapse(name)) for name, value in self.metrics.items()]
        return [("measure", "value", "at collapse"), *rows]

    def __str__(self) -> str:
        """Tables of all numbers, with their values at collapse, one for each kind of them."""
        head, *rows = columns(self._rows())
        lines = [self._head(), "", head]
        for (_, title), members in groupby(sorted(zip(self.metrics, rows, strict=True), key=_kind), _kind):
            lines += ["", title, *(row for _, row in members)]
        return "\n".join(lines + self._notes())

    def _notes(self) -> list[str]:
        single = [str(name) for name, count in zip(self.classes, self.counts, strict=True) if count == 1]
        if not single or "nearest_mean_error_bound" not in self.metrics:
            return []
        some = ", ".join(single[:5]) + (", ..." if len(single) > 5 else "")
        said = "their variance is unknown, and in error bounds that of the other class of a pair stands for it"
        return ["", f"classes with one sample ({some}): {said}; between two such classes the bound is 1"]

    def shown(self) -> Shown:
        """The same numbers, and the spectrum."""
        return Shown(self._head(), self._rows(), {"singular values of centered class means": self.spectrum})

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Numbers, those by class along ``class``, and the spectrum along its directions, as an xarray Dataset."""
        import xarray

        by_class = {name: ("class", values) for name, values in self.by_class.items()}
        rest = {"samples": ("class", self.counts), "spectrum": ("direction", self.spectrum)}
        places = {"class": [str(name) for name in self.classes]}
        return xarray.Dataset({**self.metrics, **by_class, **rest}, places, asdict(self.conventions))


def _kind(row: tuple[str, str]) -> tuple[str, str]:
    """By which rows are sorted, NC0 first, and the heading: what the file of a measure's definition says of itself."""
    if row[0] not in known():
        return "with", "Distances to Gram matrices that were given"
    module = sys.modules[known()[row[0]].define.__module__]
    return module.__name__, str(module.__doc__).splitlines()[0].rstrip(".")


def at_collapse(name: str) -> str:
    """The value of a measure where features have collapsed, in words: of distances to given Gram matrices too."""
    if name in known():
        return known()[name].collapse
    means = {"gram": ", with the mean of all classes", "centered": ", without the mean of all classes"}
    return f"0 as predicted{means.get(name.partition('_')[0], '')}"


def report(statistics: Statistics) -> Measures:
    """All measures that the statistics define."""
    with one_thread(statistics.all_means.size):
        return _report(statistics)


def _report(statistics: Statistics) -> Measures:
    metrics: dict[str, float] = {}
    by_class: dict[str, Array] = {}
    left_out: dict[str, str] = {}
    for name, metric in known().items():
        try:
            value = metric.define(statistics)
        except LeftOut as reason:
            left_out[name] = str(reason)
            continue
        if metric.by_class:
            by_class[name] = np.full(len(statistics.all_counts), np.nan)
            by_class[name][statistics.present] = value
        else:
            metrics[name] = value
    for name, distance in gram_distances(statistics).items():
        if isinstance(distance, LeftOut):
            left_out[name] = str(distance)
        else:
            metrics[name] = distance
    weights = statistics.all_weights
    return Measures(
        metrics=metrics,
        by_class=by_class,
        classes=statistics.classes.names,
        counts=statistics.all_counts,
        left_out=left_out,
        conventions=statistics.conventions,
        spectrum=statistics.spectrum[0],
        mean_cosines=_cosines(statistics.compared_means),
        weight_cosines=None if weights is None else _cosines(statistics.compared_weights),
        cdnv_pairs=cdnv_of_pairs(statistics) if "cdnv" in metrics else None,
        neco_scores=statistics.outside.scores if "neco_auroc" in metrics else None,
    )


def _cosines(rows: Array) -> Array:
    full = np.full((len(rows), len(rows)), np.nan)
    directed = np.any(rows != 0, axis=1)
    full[np.ix_(directed, directed)] = gram(rows[directed])
    return full


def measure(
    features: Any,
    labels: Any,
    weights: Any = None,
    bias: Any = None,
    *,
    frame: Frame | None = None,
    classes: int | Sequence[Any] | None = None,
    ood: Any = None,
    grams: Mapping[str, Any] | None = None,
    scatter: bool = False,
    conventions: Conventions | None = None,
    progress: bool = False,
) -> Measures:
    """Every measure of neural collapse of features (N, d), whoever trained the network.

    Parameters
    ----------
    features : (N, d) of numpy (memory-mapped files too), torch on any device, cupy, or whatever has DLPack; any real
        dtype. Computed in float64, chunk by chunk, where they are.
    labels : (N,) integers, strings or whatever names the classes; or one-hot (N, K).
    weights, bias : the last layer, (K, d) as torch has it, and (K,).
    frame : multi-center frame, to hold features against its centers.
    classes : K, or the names of the classes in the order of the rows of weights (default: the labels that occur, in
        order; with weights, 0 .. K - 1).
    ood : features (M, d) of no class, for NC5 and NECO.
    grams : Gram matrices that a theory predicts, by name: :class:`ufm.Grams` of class means and of weights, or one
        matrix (K, K) for both; :func:`ufm.predicted_grams` has those of a model. Each adds ``gram_NAME``,
        ``centered_gram_NAME`` and ``weight_gram_NAME``, distances in [0, 2] of matrices of length 1.
    scatter : also hold the scatter of the features, d x d numbers, for their effective rank; ``ood`` implies it.
    conventions : where papers differ.
    progress : show a bar on stderr for each of the two passes.

    Returns
    -------
    Measures : those that the data define; the others are named with the reason.

    Raises
    ------
    ValueError : shapes that do not match, an unknown label, NaN or infinity (with the row).

    Example
    -------
    >>> import numpy as np, ufm
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(3, size=300)
    >>> measures = ufm.measure(np.eye(3)[labels] + 0.01 * rng.normal(size=(300, 3)), labels)
    >>> round(measures.nc1, 4), round(measures.nc2_equiangle, 3), measures.nearest_mean_accuracy
    (0.0002, 0.001, 1.0)
    """
    features = native("features", features, 2)
    weights = None if weights is None else vectors("weights", weights, 2)
    ood = None if ood is None else native("ood", ood, 2)
    n_rows = None if weights is None else len(weights)
    if n_rows is None and frame is not None:
        n_rows = frame.n_classes
    named = Classes.found(labels, n_rows) if classes is None else Classes.of(classes)
    given_grams(grams, len(named))
    biases(bias, classifier(weights, len(named), features.shape[1]), len(named))
    first = Collector(named, scatter=scatter or ood is not None).add(features, labels, progress=progress)
    second = first.second_pass(weights, bias, frame=frame, ood=ood, grams=grams, conventions=conventions)
    return second.add(features, labels, progress=progress).measures()
