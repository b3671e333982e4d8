"""Methods: what a loss asks of the features of a network, and how a class is read off them.

Every method has ``loss(features, labels)``, the mean over the batch; ``predict(features)``, the class of each
feature; ``geometry(features)``, the vectors whose collapse theory speaks of; and ``frame(means)``, the directions
that they should collapse to.
"""

from collections.abc import Callable, Sequence

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
)
from ufm.train.methods.mixup import Mixup
from ufm.train.methods.multicenter import AdjustedCosine, Cosine, GeneralizedCosine, MeanSquared
from ufm.train.methods.simplex import SETF, RotatedSimplex

__all__ = ["Method", "Mixup", "build", "n_features"]

Sizes = Sequence[int]


def _plain(kind: Callable[..., Method]) -> Callable[..., Method]:
    """Builder of a method that needs the class sizes alone."""
    return lambda config, sizes, dim, **hyper: kind(dim, sizes, **hyper)


def _framed(kind: Callable[..., Method]) -> Callable[..., Method]:
    """Builder of a method that takes the problem behind the configuration."""
    return lambda config, sizes, dim, **hyper: kind(
        config.problem(tuple(sizes), dim), config.basis, config.seed, **hyper
    )


def _deferred(config: Config, sizes: Sizes, dim: int, *, defer: float) -> Method:
    first, second = config.stages()
    return Deferred(build(first, sizes, dim), build(second, sizes, dim), defer)


BUILDERS: dict[str, Callable[..., Method]] = {
    "CE": _plain(CrossEntropy),
    "CE+LA": _plain(CrossEntropy),
    "LA": _plain(LogitAdjusted),
    "BalancedSoftmax": _plain(LogitAdjusted),
    "ARB": _plain(AttractionRepulsionBalanced),
    "LDAM-DRW": _plain(LabelDistributionAware),
    "KCL": _plain(KPositiveContrast),
    "SETF": lambda config, sizes, dim: SETF(dim, len(sizes), config.seed),
    "RBL": lambda config, sizes, dim: RotatedSimplex(dim, sizes, config.seed),
    "RBL+PLA": lambda config, sizes, dim, **hyper: RotatedSimplex(dim, sizes, config.seed, **hyper),
    "P": _framed(MeanSquared),
    "AL": _framed(Cosine),
    "CAL": _framed(Cosine),
    "CAL-apportioned": _framed(Cosine),
    "CAL-theta": lambda config, sizes, dim: _framed(Cosine)(config, sizes, dim, angles=config.angles(tuple(sizes))),
    "CAL+LA": _framed(AdjustedCosine),
    "CAL+GCR": _framed(GeneralizedCosine),
    "CE-CAL": _deferred,
    "AL-CAL": _deferred,
}


def n_features(config: Config, class_sizes: Sizes) -> int:
    """Smallest feature dimension that the method can work in: F + K for frames, K for a simplex, 1 for the others."""
    problem = config.problem(tuple(class_sizes))
    if problem is not None:
        return problem.dim
    return len(class_sizes) if METHODS[config.method].simplex else 1


def build(config: Config, class_sizes: Sizes, dim: int) -> Method:
    """The method of a configuration for features of dimension ``dim``. Raises ValueError if that is too small."""
    return BUILDERS[config.method](config, class_sizes, dim, **config.hyperparameters)
