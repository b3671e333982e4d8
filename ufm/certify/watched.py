"""The record of a watched training held against the geometry that a model without a frame ends in.

The model has free features; a network makes its own out of samples. So tolerances say how near it must come for the
prediction to count as confirmed, as in :mod:`ufm.certify.training`. What is compared does not change if all features or
all weights are scaled: angles, norms in units of their root mean square, and the sum of the classifier's rows.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.certify.report import Check, Report
from ufm.certify.training import NEAR
from ufm.minimize.by_class import require_classes
from ufm.minimize.solve import minimize
from ufm.train.watched import MARK

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]

COSINE, NORM, SUM, RIGHT = 0.1, 0.1, 0.05, 0.02
"""How far cosines, norms in units of their root mean square, NC0 and accuracies may be off."""

STILL, BACK = 0.25, 0.8
"""Training has not converged where angles or norms move by more than this share of their tolerance after that share of
the epochs."""

HALF, NEARER = 0.5, 0.8
"""Nor where what misses its prediction misses it, after that share of the epochs, by less than this times as much: as
many epochs again may take it there. A learning rate that falls slows everything towards the end, so half the record is
asked."""

SOURCE = "ufm.minimize"

NAMES = {"weight_gram": "classifier's rows", "mean_gram": "class means"}
"""Gram matrices of the record, and what they are of."""


def confirm(data: Any, model: Any) -> Report:
    """Hold the last epoch of a watched training against the minimum of a model.

    Parameters
    ----------
    data : the record, a Dataset: ``data`` of :class:`ufm.train.watching.Watch`, or :func:`ufm.train.read`.
    model : a :class:`ufm.FeatureModel` or another model without a frame: class sizes, loss and decays.

    Theory speaks of the end. Where samples are not classified right that the model classifies right, where the geometry
    still moves, or where what misses still comes nearer, what does not hold is not refuted but "not converged".

    Raises
    ------
    ValueError : other numbers of classes, a record of no epoch or of too many classes, a model with targets.
    TypeError : no such record.
    """
    _require(data, model)
    geometry = minimize(model)
    last = data.isel(epoch=-1)
    checks = [*_checks(last, geometry)]
    loss = getattr(model, "loss_name", model.loss)
    title = f"{data.attrs['model']}, epoch {int(last.epoch)}, against {loss}, K={model.n_classes}"
    return Report(title, tuple(checks), tuple(_notes(last, geometry)), _early(data, checks, geometry))


def _require(data: Any, model: Any) -> None:
    if MARK not in getattr(data, "attrs", ()):
        raise TypeError(f"a {type(data).__name__} is no record of ufm.train.watch: no model goes with it")
    require_classes(model)
    if not data.sizes["epoch"]:
        raise ValueError("nothing was measured yet: watch.epoch() after each epoch")
    if data.sizes["class"] != model.n_classes:
        raise ValueError(f"the network has {data.sizes['class']} classes, the model {model.n_classes}")
    if "mean_gram" not in data:
        raise ValueError(f"the record has no Gram matrices: {data.sizes['class']} classes are too many")


def _checks(last: "xarray.Dataset", geometry: Any) -> Iterator[Check]:
    right = _right(last, geometry)
    if right.size:
        yield Check.compare("accuracy", SOURCE, 1.0, right, absolute=RIGHT, means="worst class")
    if "nc1_trace_ratio" in last:
        spread = last.nc1_trace_ratio.values[-1]
        yield Check.compare("spread within classes over that between", SOURCE, 0.0, spread, absolute=NEAR)
    alive = geometry.alive[geometry.group]
    for name, predicted in (("weight_gram", geometry.weight_gram), ("mean_gram", geometry.feature_gram)):
        here = alive & ~np.isnan(np.diag(last[name].values))
        if here.sum() > 1:
            yield from _of_gram(NAMES[name], *(gram[np.ix_(here, here)] for gram in (predicted, last[name].values)))
    sums = (row_sum(gram) for gram in (geometry.weight_gram, last.weight_gram.values))
    yield Check.compare("NC0: sum of the classifier's rows over their norms", SOURCE, *sums, absolute=SUM)


def _right(last: "xarray.Dataset", geometry: Any) -> Array:
    """Accuracy of each class that the model classifies right and that has samples."""
    if "accuracy_of_class" not in last:
        return np.zeros(0)
    accuracy: Array = last.accuracy_of_class.values[-1]
    return accuracy[(geometry.margins[geometry.group] > 0.0) & ~np.isnan(accuracy)]


def _of_gram(rows: str, predicted: Array, measured: Array) -> Iterator[Check]:
    """Angles and relative norms, from Gram matrices."""
    angles = (cosines(gram) for gram in (predicted, measured))
    yield Check.compare(f"cosines between {rows}", SOURCE, *angles, absolute=COSINE, means="worst pair")
    lengths = (norms(gram) for gram in (predicted, measured))
    means = "in their root mean square"
    yield Check.compare(f"norms of {rows}", SOURCE, *lengths, absolute=NORM, means=means)


def cosines(gram: Array) -> Array:
    """Of different rows, from their Gram matrix, (n (n - 1) / 2,); 0 for a row that is 0."""
    lengths = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    return (gram / np.outer(lengths, lengths))[np.triu_indices(len(gram), 1)]


def norms(gram: Array) -> Array:
    """Of the rows, in units of their root mean square, (n,)."""
    squares = np.maximum(np.diag(gram), 0.0)
    return np.sqrt(squares / max(squares.mean(), np.finfo(float).tiny))


def row_sum(gram: Array) -> float:
    r""":math:`|\sum_k w_k| / \sum_k |w_k|`, from the Gram matrix, in [0, 1]."""
    total = np.sqrt(np.maximum(np.diag(gram), 0.0)).sum()
    return float(np.sqrt(max(gram.sum(), 0.0)) / max(total, np.finfo(float).tiny))


def _notes(last: "xarray.Dataset", geometry: Any) -> Iterator[str]:
    sizes, counts = np.asarray(geometry.problem.class_sizes), last.samples.values
    yield "lengths themselves: they hang on how features decay, which is no number of a network"
    if not np.array_equal(sizes, counts):
        yield "the model's class sizes: others were measured, and it is taken at its word"
    if geometry.status != "optimal":
        yield f"that the predicted geometry is the minimum: it is {geometry.status}"
    if not geometry.alive.all():
        yield "angles and norms of classes that the model lets die"
    if "nc1_trace_ratio" not in last:
        yield "the spread within classes: class means are all the same"
    if "accuracy_of_class" not in last:
        yield "accuracy: the record is of a single pass"


def _early(data: "xarray.Dataset", checks: list[Check], geometry: Any) -> str:
    """Why the end has not come, or nothing."""
    missed = {check.name: check for check in checks if not check.holds}
    if "accuracy" in missed:
        return f"accuracy is {missed['accuracy'].measured:.3g} in the worst class, not 1 within {RIGHT:g}"
    back, half = (np.flatnonzero(data.epoch.values <= share * data.epoch.values[-1]) for share in (BACK, HALF))
    if not back.size:
        return "the record has no epoch to tell by whether the geometry still moves"
    then, last = data.isel(epoch=int(back[-1])), data.isel(epoch=-1)
    for name, rows in NAMES.items():
        moved = _moved(then[name].values, last[name].values)
        if moved > STILL * COSINE:
            return f"{rows} have moved by {moved:.2g} since epoch {int(then.epoch)}"
    then = data.isel(epoch=int((half if half.size else back)[-1]))
    for was in _checks(then, geometry):
        now = missed.get(was.name)
        if now and _miss(now) < NEARER * _miss(was):
            way = f"off by {_miss(now):.2g} after {_miss(was):.2g} at epoch {int(then.epoch)}"
            return f"{was.name}: still on its way, {way}"
    return ""


def _miss(check: Check) -> float:
    return abs(check.measured - check.predicted)


def _moved(before: Array, after: Array) -> float:
    """The most that an angle, as its cosine, or a relative norm has changed."""
    there = ~np.isnan(np.diag(before + after))
    one, other = (gram[np.ix_(there, there)] for gram in (before, after))
    return max(float(np.abs(each(other) - each(one)).max(initial=0.0)) for each in (cosines, norms))
