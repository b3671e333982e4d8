"""Methods: what a loss asks of the features of a network, and how a class is read off them.

Every method has ``loss(features, labels)``, the mean over the batch; ``predict(features)``, the class of each
feature; ``geometry(features)``, the vectors whose collapse theory speaks of; and ``frame(means)``, the directions
that they should collapse to.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.methods.base import Method
from ufm.train.methods.contrast import KPositiveContrast
from ufm.train.methods.deferred import Deferred
from ufm.train.methods.linear import (
    AttractionRepulsionBalanced,
    CrossEntropy,
    LabelDistributionAware,
    LogitAdjusted,
    SimplexCrossEntropy,
    WeightedCrossEntropy,
)
from ufm.train.methods.mixup import mixup
from ufm.train.methods.multicenter import AdjustedCosine, Cosine, GeneralizedCosine, MeanSquared
from ufm.train.methods.simplex import SETF, RotatedSimplex

__all__ = ["Method", "build", "mixup", "n_features"]

KINDS: dict[str, Callable[..., Method]] = {
    "CE": CrossEntropy,
    "CE+LA": CrossEntropy,
    "LA": LogitAdjusted,
    "BalancedSoftmax": LogitAdjusted,
    "ARB": AttractionRepulsionBalanced,
    "ETF-CE": SimplexCrossEntropy,
    "CE-weighted": WeightedCrossEntropy,
    "LDAM-DRW": LabelDistributionAware,
    "KCL": KPositiveContrast,
    "SETF": SETF,
    "RBL": RotatedSimplex,
    "RBL+PLA": RotatedSimplex,
    "P": MeanSquared,
    "AL": Cosine,
    "AL-weighted": Cosine,
    "CAL": Cosine,
    "CAL-apportioned": Cosine,
    "CAL-theta": Cosine,
    "CAL+LA": AdjustedCosine,
    "CAL+GCR": GeneralizedCosine,
    "CE-CAL": Deferred,
    "AL-CAL": Deferred,
}


def n_features(config: Config, class_sizes: Sequence[int]) -> int:
    """Smallest feature dimension that the method can work in: F + K for frames, K for a simplex, 1 for the others."""
    problem = config.problem(tuple(class_sizes))
    if problem is not None:
        return problem.dim
    return len(class_sizes) if METHODS[config.method].simplex else 1


def build(config: Config, class_sizes: Sequence[int], dim: int) -> Method:
    """The method of a configuration for features of dimension ``dim``. Raises ValueError if that is too small."""
    spec, sizes = METHODS[config.method], tuple(class_sizes)
    given: list[Any] = [dim, sizes]
    if spec.stages is not None:
        given = [build(stage, sizes, dim) for stage in config.stages()]
    elif spec.loss is not None:
        given = [config.problem(sizes, dim), config.basis, config.seed, config.angles(sizes)]
    elif spec.simplex:
        given.append(config.seed)
    return KINDS[config.method](*given, **config.hyperparameters)
