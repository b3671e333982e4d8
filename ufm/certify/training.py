"""Predictions for the training of a real network: stated before it begins, held against its record afterwards.

Theory speaks of free features; a network has to make them out of images. So these tolerances are not rounding errors.
They say how near a network must come for the statement to count as confirmed, and they are written into the run's
folder with the predictions, before the first step.
"""

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.certify import nc0
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.certify.report import Check, Relation, Report
from ufm.problems.sizes import rare_classes
from ufm.train.catalogue import METHODS
from ufm.train.config import FRAME_FIELDS, Config

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
Statement = dict[str, Any]

NEAR = 0.05
"""A network counts as collapsed at NC <= NEAR: features 13 degrees from the mean center in the mean over a class."""

TRAINED = "training accuracy, own rule"
"""Where it is not what theory speaks of, training has not converged."""


def predictions(config: Config, class_sizes: Sequence[int]) -> dict[str, Any]:
    """What theory says of a training, before it begins.

    Parameters
    ----------
    config : what is going to be trained.
    class_sizes : training images of each class.

    Returns
    -------
    Plain values: ``method``, ``class_sizes``, ``rates`` (of exponential collapse, by class; None where theory has none)
    and ``predictions``, dicts of name, source, quantity (key of :data:`QUANTITIES`), relation ("equal", "at least" or
    "at most"), predicted (a number, or one per class) and tolerance (likewise).
    """
    sizes = tuple(class_sizes)
    problem, angles = config.problem(sizes), config.angles(sizes)
    target = METHODS[config.method].target
    rates, nothing = None, np.zeros(len(class_sizes))
    statements = [_statement(TRAINED, "separable features", "train_accuracy", 1.0, 0.02)]
    if problem is not None:
        end: Any = predict(problem, theta=angles)
        statements += _of_frame(end, target, norms=config.normalise == "none")
        if isinstance(end, CosinePrediction):
            rates = end.rate
            statements += _of_rates(rates)
    elif METHODS[config.method].simplex:
        statements += [
            _statement(f"NC to {target}", "Yang et al. 2022", "nc", nothing, NEAR),
            _statement("Gram matrix of class means minus the simplex's", "simplex ETF", "simplex_gap", 0.0, 0.1),
        ]
        if config.method == "SETF":  # its loss is quartic around the minimum; that of the others is not
            rates = nothing
            statements += _of_rates(rates)
    elif max(sizes) > 1:  # the only image of a class is its mean
        statements.append(_statement(f"NC to {target}", "Papyan et al. 2020, NC1", "nc", nothing, NEAR))
    if not METHODS[config.method].exempt:
        statements.append(_statement(nc0.NAME, "Zhao et al. 2026, NC0", nc0.QUANTITY, 1.0, 0.0, "at most"))
    return {
        "method": config.method,
        "class_sizes": list(sizes),
        "rates": None if rates is None else rates.tolist(),
        "predictions": statements,
    }


def _of_frame(end: Any, target: str, *, norms: bool) -> list[Statement]:
    norm, nothing = end.feature_norm, np.full(end.problem.n_classes, end.direction_nc)
    statements = [
        _statement(f"NC to {target}", "NCMC, Thm 3.3 and Cor. 3.7", "nc", nothing, NEAR),
        _statement("variability = 1 - cos rho", end.sources["variability"], "variability", end.variability, NEAR),
        _statement("cosine between class means", end.sources["class_cosine"], "cosines", end.class_cosine, 0.1),
    ]
    if np.any(end.center_gap > 0):  # where the centers of each class coincide both rules are one
        statements += [
            _statement("RCR = GCR, training images", "NCMC", "rule_gap", 0.0, 0.02),
            _statement("GCR minus RCR, rare classes, test", "Prop. 3.1 and C.1", "gain_of_rare", 0.0, 0.0, "at least"),
        ]
    if norms:  # normalised features have no norm of their own
        statements.append(_statement("feature norm", "theory.multicenter.minimum", "norm", norm, (0.1 * norm).tolist()))
    return statements


def _of_rates(rates: Array) -> list[Statement]:
    several = bool(np.any(rates > 0))
    source = f"theory.multicenter.flows.{'nc_rate' if several else 'algebraic_nc'}"
    law = "exponential, not algebraic" if several else "algebraic, not exponential"
    relation = "at most" if several else "at least"
    statements = [_statement(f"collapse is {law}", source, "exponential_misfit", 0.5, 0.0, relation)]
    if np.ptp(rates) > 0:
        name = "rank correlation of predicted rate and collapse"
        statements.append(_statement(name, source, "rate_order", 1.0, 0.5))
    return statements


def _statement(
    name: str, source: str, quantity: str, predicted: Any, tolerance: Any, relation: str = "equal"
) -> Statement:
    known = {"name": name, "source": source, "quantity": quantity, "relation": relation}
    return known | {"predicted": np.asarray(predicted).tolist(), "tolerance": tolerance}


def confirm(data: "xarray.Dataset", stated: Mapping[str, Any]) -> Report:
    """Hold the record of a finished training against what was predicted for it.

    Parameters
    ----------
    data : the record, :class:`ufm.train.record.Record`.data.
    stated : from :func:`predictions`.

    A quantity that the record cannot show (too few measured epochs, say) becomes a note, and so does a prediction that
    could not have failed. Theory speaks of the end of training, where the training images are classified right: before
    that a prediction that does not hold is not refuted. NC0 (:mod:`ufm.certify.nc0`) alone speaks of every step.
    """
    checks: dict[str, Check] = {}
    notes = nc0.notes(stated)
    for prediction in stated["predictions"]:
        name, quantity = prediction["name"], prediction["quantity"]
        measured = QUANTITIES[quantity](data, stated)
        if np.all(np.isnan(measured)):
            notes.append(f"{name}: the record does not show it")
        elif quantity in COMPARED and max(COMPARED[quantity](data)) <= prediction["tolerance"]:
            notes.append(f"{name}: vacuous, since neither rule classifies these images right")
        else:
            checks[quantity] = _check(prediction, measured)
    if law := checks.get(nc0.QUANTITY):
        checks[nc0.QUANTITY] = replace(law, always=True, means=f"trained by {data.attrs['optimizer']}")
    right, early = checks.get("train_accuracy"), ""
    if right is not None and not right.holds:
        early = f"training accuracy is {right.measured:.3g}, not {right.predicted:g} within {right.tolerance:g}"
    return Report(str(data.attrs["title"]), tuple(checks.values()), tuple(notes), early)


def not_converged(checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the training that the checks of :func:`confirm`, as plain values, are of did not come to its end."""
    return any(check["name"] == TRAINED and not check["holds"] for check in checks)


def refuted(check: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of these checks misses what theory says of where the training got to: NC0 speaks of every step."""
    return not check["holds"] and (check["name"].startswith(nc0.NAME) or not not_converged(checks))


def compare(runs: Sequence[tuple["xarray.Dataset", Mapping[str, Any]]]) -> list[Report]:
    """Hold two trainings of the same data against each other: where the rare classes have a larger predicted rate, they
    must be nearer to collapse at the same time.

    Runs are paired if their configurations differ in nothing but the method, its frame and what it asks of the
    features: epochs mean the same time then. Runs without predicted rates are left out.
    """
    reports = []
    for (ours, our_theory), (theirs, their_theory) in itertools.combinations(runs, 2):
        if _situation(ours) != _situation(theirs) or None in (our_theory["rates"], their_theory["rates"]):
            continue
        rare = rare_classes(ours.class_size.values)
        ahead, behind = (float(np.mean(np.asarray(said["rates"])[rare])) for said in (our_theory, their_theory))
        if ahead == behind:
            continue
        fast, slow = (ours, theirs) if ahead > behind else (theirs, ours)
        gained = float((_logarithms(slow)[:, rare] - _logarithms(fast)[:, rare]).mean())
        first, second = (json.loads(each.attrs["configuration"])["method"] for each in (fast, slow))
        name = f"ln NC of rare classes, {second} minus {first}"
        prediction = _statement(name, "theory.multicenter.flows.nc_rate", "", 0.0, 0.0, "at least")
        seen = not math.isnan(gained)
        checks, notes = ((_check(prediction, gained),), ()) if seen else ((), (f"{name}: the records do not show it",))
        reports.append(Report(f"{first} against {second}", checks, notes))
    return reports


def _check(prediction: Mapping[str, Any], measured: Any) -> Check:
    """By the worst class; a table of checks shows no relation, so that the name of an inequality does."""
    means = "worst class" if np.size(prediction["predicted"]) > 1 else ""
    relation = RELATIONS[prediction["relation"]]
    name = prediction["name"] if relation == "=" else f"{prediction['name']} {relation}"
    source, predicted, tolerance = (prediction[key] for key in ("source", "predicted", "tolerance"))
    return Check.compare(name, source, predicted, measured, absolute=tolerance, relation=relation, means=means)


RELATIONS: dict[str, Relation] = {"equal": "=", "at least": ">=", "at most": "<="}
"""By the words that predictions.json has for them."""


def _last(data: "xarray.Dataset", name: str, split: str = "train") -> Any:
    return data[name].isel(epoch=-1).sel(split=split)


def _of_rare(data: "xarray.Dataset") -> tuple[float, float]:
    accuracy = _last(data, "class_accuracy", "test").isel({"class": rare_classes(data.class_size.values)})
    return _by_rule(accuracy.mean("class", skipna=False))


def _by_rule(accuracy: "xarray.DataArray") -> tuple[float, float]:
    """Of RCR and of GCR."""
    return float(accuracy.sel(rule="rcr")), float(accuracy.sel(rule="gcr"))


COMPARED: dict[str, Callable[["xarray.Dataset"], tuple[float, float]]] = {
    "gain_of_rare": _of_rare,
    "rule_gap": lambda data: _by_rule(_last(data, "accuracy")),
}
"""Accuracies by RCR and by GCR whose difference is predicted."""


def _window(data: "xarray.Dataset") -> NDArray[np.bool_]:
    """Epochs at the large learning rate, when the clock runs evenly: at least half the largest rate."""
    rate = data.rate.values
    return rate >= 0.5 * np.nanmax(rate) if np.any(rate > 0) else np.zeros(rate.shape, dtype=bool)


def _logarithms(data: "xarray.Dataset") -> Array:
    """ln of the mean training NC of each class in the window, (epoch, class)."""
    nc = data.nc_mean.sel(split="train").values[_window(data)]
    return np.log(np.maximum(nc, np.finfo(float).tiny))


def _simplex_gap(data: "xarray.Dataset", stated: Mapping[str, Any]) -> float:
    """Largest entry of the Gram matrix of class means minus that of a simplex, 1 and -1 / (K - 1)."""
    count = len(stated["class_sizes"])
    shown = min(count, data.sizes["mean"])
    gram = _last(data, "gram").values[:shown, :shown]
    return float(np.abs(gram - np.where(np.eye(shown) > 0, 1.0, -1.0 / (count - 1))).max())


def _exponential_misfit(data: "xarray.Dataset", stated: Mapping[str, Any]) -> float:
    r"""Share of the exponential law in the misfit of both, in [0, 1]: above 1/2 the algebraic one fits better.

    ln NC, in the mean over the classes that the law is for, is fitted by a + b t (exponential) and by a + b ln t
    (algebraic), t the sum of the learning rates.
    """
    rates = np.asarray(stated["rates"])
    classes = rates > 0 if np.any(rates > 0) else np.ones(rates.shape, dtype=bool)
    time = data.clock.values[_window(data)]
    if len(time) < 5:
        return math.nan
    height = _logarithms(data)[:, classes].mean(axis=1)
    lines = (np.polyval(np.polyfit(scale, height, 1), scale) for scale in (time, np.log(time)))
    exponential, algebraic = (float(np.sum((height - line) ** 2)) for line in lines)
    both = exponential + algebraic
    return exponential / both if both > 0 else math.nan


def _rate_order(data: "xarray.Dataset", stated: Mapping[str, Any]) -> float:
    """Spearman's correlation over classes of the predicted rate with -ln NC, averaged over the window."""
    logarithms = _logarithms(data)
    speed = -logarithms.mean(axis=0) if logarithms.size else np.full(1, math.nan)
    if np.isnan(speed).any() or np.ptp(speed) == 0:
        return math.nan
    import pandas

    ranks = (
        pandas.Series(each).rank() for each in (stated["rates"], speed)
    )  # scipy.stats takes half a second to import
    return float(np.corrcoef(*ranks)[0, 1])


QUANTITIES: dict[str, Callable[["xarray.Dataset", Mapping[str, Any]], Any]] = {
    "train_accuracy": lambda data, stated: float(_last(data, "accuracy").sel(rule="own")),
    "nc": lambda data, stated: _last(data, "nc_mean").values,
    "variability": lambda data, stated: _last(data, "variability").values,
    "cosines": lambda data, stated: float(_last(data, "equiangularity")),
    "norm": lambda data, stated: _last(data, "norm_mean").values,
    "simplex_gap": _simplex_gap,
    "rule_gap": lambda data, stated: abs(float(np.diff(COMPARED["rule_gap"](data))[0])),
    "gain_of_rare": lambda data, stated: float(np.diff(COMPARED["gain_of_rare"](data))[0]),
    "exponential_misfit": _exponential_misfit,
    "rate_order": _rate_order,
    nc0.QUANTITY: lambda data, stated: nc0.error(data),
}
"""What is measured at the end of training, from its record."""


def _situation(data: "xarray.Dataset") -> dict[str, Any]:
    """The configuration without what belongs to the method."""
    configuration = Config.from_json(data.attrs["configuration"]).to_dict()
    own = ("method", "hyper", *FRAME_FIELDS, "expand", "normalise")
    return {name: value for name, value in configuration.items() if name not in own}
