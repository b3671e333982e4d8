"""What other public libraries compute under the names of our measures: read in their code, written down anew, and
computed on one example, so that the page says by how much they differ.

Each formula here is theirs. Where it equals ours the two numbers are the same, which a test looks at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

KOWALSKI = "kowalski 0.0.2"
WU = "neural-collapse (rhubarbwu), c3864c2"
TOOLBOX = "nc-toolbox (felixsh), a1cbf47"
ZHU = "Neural-Collapse (tding1), 0106f93"

SIZES, DIM = (40, 20, 12, 8), 6


@dataclass(frozen=True)
class Example:
    """Features of classes of unequal sizes, and a classifier that is near to their means."""

    features: Any
    labels: Any
    weights: Any
    bias: Any
    ood: Any

    @property
    def means(self) -> Any:
        """Class means, (K, d)."""
        return np.array([self.features[self.labels == k].mean(axis=0) for k in range(len(SIZES))])

    @property
    def by_classes(self) -> Any:
        """Class means minus the mean of them."""
        return self.means - self.means.mean(axis=0)

    @property
    def by_samples(self) -> Any:
        """Class means minus the mean of all samples."""
        return self.means - self.features.mean(axis=0)

    @property
    def within(self) -> Any:
        """Scatter within classes, (d, d)."""
        away = self.features - self.means[self.labels]
        return away.T @ away / len(away)

    @property
    def nearest(self) -> Any:
        """The class of the nearest mean."""
        return np.linalg.norm(self.features[:, None] - self.means, axis=2).argmin(axis=1)

    @property
    def sizes(self) -> Any:
        """Samples of each class, (K,)."""
        return np.bincount(self.labels)

    def cdnv(self, divisors: Any) -> Any:
        """Over pairs, with variances that are sums over ``divisors``."""
        squares = np.sum((self.features - self.means[self.labels]) ** 2, axis=1)
        variances = np.bincount(self.labels, squares) / divisors
        i, j = np.triu_indices(len(SIZES), 1)
        return (variances[i] + variances[j]) / 2 / np.sum((self.means[i] - self.means[j]) ** 2, axis=1)


@cache
def example() -> Example:
    """The one that all numbers on the page are of."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(SIZES)), SIZES)
    means = rng.normal(size=(len(SIZES), DIM)) + 1.0
    features = means[labels] + 0.5 * rng.normal(size=(len(labels), DIM))
    weights = means - means.mean(axis=0) + 0.3 * rng.normal(size=means.shape)
    return Example(features, labels, weights, rng.normal(size=len(SIZES)), rng.normal(size=(30, DIM)))


@cache
def ours() -> Any:
    """Our measures of the example."""
    import ufm

    case = example()
    return ufm.measure(case.features, case.labels, case.weights, case.bias, ood=case.ood)


@dataclass(frozen=True)
class Elsewhere:
    """A library that has a measure: its formula, and what is different; '' where nothing is."""

    measure: str
    library: str
    theirs: Callable[[Example], float]
    differs: str = ""

    @property
    def number(self) -> float:
        """What it gives for the example."""
        return float(self.theirs(example()))

    @property
    def said(self) -> str:
        """A line of the page."""
        if not self.differs:
            return f"{self.library}: the same."
        return f"{self.library}: {self.differs}; {self.number:.4g} where we have {ours()[self.measure]:.4g}."


def _between(rows: Any, divisor: float) -> Any:
    return rows.T @ rows / divisor


def _nc1(case: Example, between: Any) -> Any:
    return np.trace(case.within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True)) / len(SIZES)


def _total(case: Example) -> Any:
    return _between(case.features - case.features.mean(axis=0), len(SIZES))


def _to_simplex(product: Any) -> Any:
    ideal = np.eye(len(product)) - 1 / len(product)
    return np.linalg.norm(_whole(product) - _whole(ideal))


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _pairs(square: Any) -> Any:
    return square[np.triu_indices(len(square), 1)]


def _apart(rows: Any) -> Any:
    return _pairs(np.linalg.norm(_unit(rows)[:, None] - _unit(rows), axis=2))


def _variation(values: Any) -> Any:
    return values.std() / values.mean()


def _log_norms(case: Example) -> Any:
    logs = np.log(np.linalg.norm(case.by_samples, axis=1))
    return _pairs(logs[:, None] - logs)


def _agreement(case: Example, bias: Any) -> Any:
    return np.mean((case.features @ case.weights.T + bias).argmax(axis=1) == case.nearest)


def _cosines(rows: Any) -> Any:
    return _pairs(_unit(rows) @ _unit(rows).T)


def _whole(matrix: Any) -> Any:
    return matrix / np.linalg.norm(matrix)


BY_SAMPLES = "the global mean is that of all samples, not of classes, which on balanced data is the same"

KNOWN = (
    Elsewhere(
        "nc1",
        KOWALSKI,
        lambda case: _nc1(case, _total(case)),
        "its scatter between classes is the total one, of samples around their mean, and is summed over samples",
    ),
    Elsewhere(
        "nc1",
        WU,
        lambda case: _nc1(case, _between(case.by_classes, DIM)),
        "the scatter between classes is divided by d, not by K, which makes NC1 d / K times as large",
    ),
    Elsewhere("nc1", ZHU, lambda case: _nc1(case, _between(case.by_samples, len(SIZES))), BY_SAMPLES),
    Elsewhere(
        "nc1_trace_ratio",
        WU,
        lambda case: np.trace(case.within) / np.trace(_between(case.by_classes, DIM)),
        "the same factor d / K",
    ),
    Elsewhere("cdnv", KOWALSKI, lambda case: case.cdnv(case.sizes).mean()),
    Elsewhere("cdnv", WU, lambda case: case.cdnv(case.sizes).mean()),
    Elsewhere(
        "cdnv",
        TOOLBOX,
        lambda case: _variation(case.cdnv(case.sizes - 1)),
        "standard deviation over mean of all pairs, not their mean: 0 for any two classes, and where all pairs are "
        "alike; variances are over n - 1, which a class of one sample does not have",
    ),
    Elsewhere(
        "nc2_equinorm",
        TOOLBOX,
        lambda case: _variation(_log_norms(case)),
        "standard deviation over mean of differences of logarithms; its sign depends on the order of the classes",
    ),
    Elsewhere(
        "nc2_equiangle",
        TOOLBOX,
        lambda case: _variation(_cosines(case.by_samples) + 1 / (len(SIZES) - 1)),
        "standard deviation over mean of cos + 1/(K - 1); that mean is 0 for every centered set of equal norms, and "
        "the quotient has no limit at collapse",
    ),
    Elsewhere("nc2_etf", WU, lambda case: _to_simplex(case.by_classes @ case.by_classes.T)),
    Elsewhere("nc2_weight_etf", KOWALSKI, lambda case: _to_simplex(case.weights @ case.weights.T)),
    Elsewhere("uniformity_log", WU, lambda case: np.mean(-np.log(_apart(case.by_classes)))),
    Elsewhere(
        "uniformity_riesz",
        WU,
        lambda case: np.mean(_apart(case.by_classes) ** (2.0 - DIM)),
        "its exponent is d - 2, so that more coordinates of 0 change the number; ours is 1",
    ),
    Elsewhere(
        "uniformity_variation",
        TOOLBOX,
        lambda case: _variation(-np.log(_apart(case.by_samples))),
        f"the mean counts with its sign, which is negative for an ETF; {BY_SAMPLES}",
    ),
    Elsewhere(
        "nc3_duality", TOOLBOX, lambda case: np.linalg.norm(_whole(case.weights) - _whole(case.by_samples)), BY_SAMPLES
    ),
    Elsewhere("nc3_product", WU, lambda case: _to_simplex(case.weights @ case.by_classes.T)),
    Elsewhere("nc3_product", KOWALSKI, lambda case: _to_simplex(case.weights @ case.by_samples.T), BY_SAMPLES),
    Elsewhere("nc3_product", ZHU, lambda case: _to_simplex(case.weights @ case.by_samples.T), BY_SAMPLES),
    Elsewhere(
        "nc3_variation",
        TOOLBOX,
        lambda case: _variation(_pairs(_unit(case.weights) @ _unit(case.by_samples).T)),
        "standard deviation over mean of the cosines of different classes, not of each class with its own",
    ),
    Elsewhere("nc4_agreement", TOOLBOX, lambda case: _agreement(case, case.bias)),
    Elsewhere("nc4_agreement", WU, lambda case: _agreement(case, 0.0), "without the bias of the classifier"),
    Elsewhere(
        "bias_collapse",
        KOWALSKI,
        lambda case: np.linalg.norm(case.weights @ case.features.mean(axis=0) + case.bias),
        BY_SAMPLES,
    ),
    Elsewhere("nc5_orthogonality", WU, lambda case: np.mean(np.abs(_unit(case.means) @ _unit(case.ood.mean(axis=0))))),
)
"""All that is known; libraries by the version that was read."""
