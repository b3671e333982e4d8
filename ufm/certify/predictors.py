"""Which number of the theory goes along with the accuracy of real networks? Rank correlations with intervals."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

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
    "f, mean number of centers": lambda end: end.problem.n_centers / end.problem.n_classes,
    "theta": lambda end: end.problem.theta,
    "c, rare classes": lambda end: _rare(end.center_cosine, end),
    "cos rho, rare classes": lambda end: _rare(end.classifier_cosine, end),
    "cos rho, all classes": lambda end: float(np.mean(end.classifier_cosine)),
    "rate of collapse, rare classes": lambda end: _rare(end.rate, end),
    "rate of collapse, slowest class": lambda end: float(np.min(end.rate)),
    "P_GCR of rare classes, in the frame": lambda end: _rare(end.frame_choice, end),
    "P_GCR of rare classes, Prop. 3.1": lambda end: _rare(end.gcr_choice, end),
}
"""Numbers that theory gives a training before it begins."""


class Correlation(NamedTuple):
    """Spearman's rank correlation over the cells of a table, with a 95 % interval."""

    predictor: str
    quantity: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Value and interval; n/a where predictor or accuracy is the same everywhere."""
        if np.isnan(self.value):
            return "n/a"
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def correlations_of(
    results: Sequence[Mapping[str, Any]],
    accuracies: Mapping[str, Mapping[str, float]],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Correlation]:
    """Every predictor against every accuracy.

    Parameters
    ----------
    results : of trainings, :mod:`ufm.tables.results`; methods with a multi-center frame. Seeds of one name are a cell.
    accuracies : by quantity and name of the cell, means over seeds.
    resamples, seed : of the bootstrap over cells that the intervals come from (percentiles 2.5 and 97.5).

    Raises
    ------
    ValueError : fewer than three cells.
    """
    cells = {result["name"]: result for result in results}
    if len(cells) < 3:
        raise ValueError(f"{len(cells)} cells have results: a rank correlation needs three")
    known = [(Config.from_dict(cell["configuration"]), tuple(cell["class_sizes"])) for cell in cells.values()]
    problems = [config.problem(sizes) for config, sizes in known]
    predictions = [predict(problem) for problem in problems if isinstance(problem, CosineProblem)]
    drawn = np.random.default_rng(seed).integers(0, len(cells), (resamples, len(cells)))
    made = []
    for predictor, of in PREDICTORS.items():
        x = np.array([of(each) for each in predictions])
        for quantity, by_cell in accuracies.items():
            y = np.array([by_cell[name] for name in cells])
            value = float(_spearman(x[None], y[None])[0])
            interval = (
                [value, value] if np.isnan(value) else np.nanpercentile(_spearman(x[drawn], y[drawn]), [2.5, 97.5])
            )
            made.append(Correlation(predictor, quantity, value, *map(float, interval)))
    return made


def _spearman(x: Array, y: Array) -> Array:
    """Of each row; NaN where one side is constant."""
    ranks = [stats.rankdata(each, axis=1) for each in (x, y)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), size, out=np.full(len(a), np.nan), where=size > 0)
