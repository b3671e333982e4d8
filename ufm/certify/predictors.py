"""Which number of the theory goes along with the accuracy of real networks? Rank correlations with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.problems.kinds import CosineProblem
from ufm.problems.sizes import rare_classes
from ufm.train.config import Config

Array = NDArray[np.float64]


def _rare(values: Array, prediction: CosinePrediction) -> float:
    return float(np.mean(values[rare_classes(prediction.problem.class_sizes)]))


PREDICTORS: dict[str, Callable[[CosinePrediction], float]] = {
    "f, mean number of centers": lambda prediction: prediction.problem.n_centers / prediction.problem.n_classes,
    "theta": lambda prediction: prediction.problem.theta,
    "c, rare classes": lambda prediction: _rare(prediction.center_cosine, prediction),
    "cos rho, rare classes": lambda prediction: _rare(prediction.classifier_cosine, prediction),
    "cos rho, all classes": lambda prediction: float(np.mean(prediction.classifier_cosine)),
    "rate of collapse, rare classes": lambda prediction: _rare(prediction.rate, prediction),
    "rate of collapse, slowest class": lambda prediction: float(np.min(prediction.rate)),
    "P_GCR of rare classes, in the frame": lambda prediction: _rare(prediction.frame_choice, prediction),
    "P_GCR of rare classes, Prop. 3.1": lambda prediction: _rare(prediction.gcr_choice, prediction),
}
"""Numbers that theory gives a training before it begins."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation over the cells of a table, with a 95 % interval."""

    predictor: str
    quantity: str
    value: float
    low: float
    high: float
    cells: int

    def __str__(self) -> str:
        """Value and interval; n/a where predictor or accuracy is the same everywhere."""
        if np.isnan(self.value):
            return "n/a"
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def rank_correlations(
    configurations: Mapping[str, Config],
    class_sizes: Mapping[str, Sequence[int]],
    accuracies: Mapping[str, Mapping[str, float]],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Correlation]:
    """Every predictor against every accuracy.

    Parameters
    ----------
    configurations, class_sizes : of each cell, by name; methods with a multi-center frame.
    accuracies : by quantity and cell, means over seeds.
    resamples, seed : of the bootstrap over cells that the intervals come from (percentiles 2.5 and 97.5).

    Raises
    ------
    ValueError : fewer than three cells.
    """
    names = list(configurations)
    if len(names) < 3:
        raise ValueError(f"{len(names)} cells have results: a rank correlation needs three")
    problems = [configurations[name].problem(tuple(class_sizes[name])) for name in names]
    predictions = [predict(problem) for problem in problems if isinstance(problem, CosineProblem)]
    drawn = np.random.default_rng(seed).integers(0, len(names), (resamples, len(names)))
    made = []
    for predictor, of in PREDICTORS.items():
        x = np.array([of(each) for each in predictions])
        for quantity, by_cell in accuracies.items():
            y = np.array([by_cell[name] for name in names])
            value = float(_spearman(x[None], y[None])[0])
            low, high = value, value
            if not np.isnan(value):
                low, high = np.nanpercentile(_spearman(x[drawn], y[drawn]), [2.5, 97.5])
            made.append(Correlation(predictor, quantity, value, float(low), float(high), len(names)))
    return made


def _spearman(x: Array, y: Array) -> Array:
    """Of each row; NaN where one side is constant."""
    ranks = [stats.rankdata(each, axis=1) for each in (x, y)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)


def correlations_of(
    results: Sequence[Mapping[str, Any]], accuracies: Mapping[str, Mapping[str, float]]
) -> list[Correlation]:
    """The same for results of trainings, :mod:`ufm.tables.results`."""
    configurations = {result["name"]: Config.from_dict(result["configuration"]) for result in results}
    class_sizes = {result["name"]: result["class_sizes"] for result in results}
    return rank_correlations(configurations, class_sizes, accuracies)
