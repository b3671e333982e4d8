"""NC2: equal lengths and equal angles of class means and classifier."""

import numpy as np

from ufm.measure.metric import LeftOut, metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array

PAPYAN = "Papyan, Han and Donoho 2020"
LIU = "Liu et al. 2023; Wu and Papyan 2024"
MEAN, ROW = "mean", "row of weights"


@metric(source=PAPYAN, bounds="[0, sqrt(K - 1)]", collapse="0")
def nc2_equinorm(s: Statistics) -> float:
    r"""Standard deviation over mean of :math:`|\mu_k - \mu_G|`."""
    return variation(s.lengths(s.compared_means, MEAN))


@metric(source=PAPYAN, bounds="[0, 1]", collapse="0")
def nc2_equiangle(s: Statistics) -> float:
    r"""Standard deviation over pairs of the cosines of :math:`\mu_k - \mu_G`."""
    return _unequal(_cosines(s, s.compared_means, MEAN))


@metric(source=PAPYAN, bounds="[0, 1 + 1/(K - 1)]", collapse="0")
def nc2_max_angle(s: Statistics) -> float:
    r"""Mean over pairs of :math:`|\cos + 1/(K - 1)|`, cosines of :math:`\mu_k - \mu_G`."""
    return _from_widest(_cosines(s, s.compared_means, MEAN))


@metric(source=PAPYAN, bounds="[0, sqrt(K - 1)]", collapse="0")
def nc2_weight_equinorm(s: Statistics) -> float:
    r"""Standard deviation over mean of :math:`|w_k|`."""
    return variation(s.lengths(s.compared_weights, ROW))


@metric(source=PAPYAN, bounds="[0, 1]", collapse="0")
def nc2_weight_equiangle(s: Statistics) -> float:
    r"""Standard deviation over pairs of the cosines of :math:`w_k`."""
    return _unequal(_cosines(s, s.compared_weights, ROW))


@metric(source=PAPYAN, bounds="[0, 1 + 1/(K - 1)]", collapse="0")
def nc2_weight_max_angle(s: Statistics) -> float:
    r"""Mean over pairs of :math:`|\cos + 1/(K - 1)|`, cosines of :math:`w_k`."""
    return _from_widest(_cosines(s, s.compared_weights, ROW))


@metric(source="Zhu et al. 2021", bounds="[0, sqrt(2)]", collapse="0")
def nc2_etf(s: Statistics) -> float:
    r"""Distance of the Gram matrix G of centered class means to a simplex ETF,
    :math:`| G / |G|_F - P / |P|_F |_F` with :math:`P = I - 1 1^\top / K`.
    """
    return gram_distance(s.compared_means @ s.compared_means.T, simplex(len(s.counts)))


@metric(source="Zhu et al. 2021", bounds="[0, sqrt(2)]", collapse="0")
def nc2_weight_etf(s: Statistics) -> float:
    r"""The same of :math:`W W^\top`."""
    return gram_distance(s.compared_weights @ s.compared_weights.T, simplex(len(s.counts)))


@metric(source="Mixon, Parshall and Pi 2022", bounds="[0, sqrt(2)]", collapse="sqrt(2 - 2 sqrt(1 - 1/K))")
def nc2_orthogonal(s: Statistics) -> float:
    r"""Distance of the Gram matrix of class means, not centered, to that of an orthogonal frame, the identity. It is 0
    where features are nonnegative, as behind a ReLU, and have collapsed.
    """
    return gram_distance(s.own_means @ s.own_means.T, np.eye(len(s.counts)))


@metric(source=LIU, bounds="[log(1/2), inf)", collapse="-log(2 K / (K - 1)) / 2")
def uniformity_log(s: Statistics) -> float:
    r"""Mean over pairs of :math:`\log(1 / |u_k - u_j|)`, directions u of centered class means; least for an ETF."""
    return float(np.mean(-np.log(_apart(s))))


@metric(source=LIU, bounds="[1/2, inf)", collapse="sqrt((K - 1) / (2 K))")
def uniformity_riesz(s: Statistics) -> float:
    r"""Mean over pairs of :math:`1 / |u_k - u_j|`, likewise."""
    return float(np.mean(1.0 / _apart(s)))


@metric(source=LIU, bounds="[0, inf)", collapse="0")
def uniformity_variation(s: Statistics) -> float:
    r"""Standard deviation over mean, over pairs, of the logarithmic kernel :math:`\log(1 / |u_k - u_j|)`: generalised
    NC2. The mean counts by its size.
    """
    return variation(-np.log(_apart(s)))


@metric(source="Roy and Vetterli 2007", bounds="[1, K - 1]", collapse="K - 1")
def effective_rank_of_means(s: Statistics) -> float:
    r""":math:`\exp(-\sum_j p_j \log p_j)`, with p the singular values of the centered class means over their sum."""
    sizes, _ = s.spectrum
    if not sizes.size:
        raise LeftOut("all class means are the same")
    return _effective_rank(sizes)


@metric(source="Roy and Vetterli 2007", bounds="[1, d]", collapse="K - 1")
def effective_rank_of_features(s: Statistics) -> float:
    """The same of all features around their global mean."""
    sizes, _ = s.principal
    if not sizes.any():
        raise LeftOut("all features are the same")
    return _effective_rank(np.sqrt(sizes))


@metric(source="", bounds="[0, inf)", collapse="all alike", by_class=True)
def mean_norm(s: Statistics) -> Array:
    r""":math:`|\mu_k - \mu_G|`."""
    return np.linalg.norm(s.compared_means, axis=1)


@metric(source="", bounds="[0, inf)", collapse="all alike", by_class=True)
def weight_norm(s: Statistics) -> Array:
    r""":math:`|w_k|`."""
    return np.linalg.norm(s.compared_weights, axis=1)


def simplex(n_classes: int) -> Array:
    r""":math:`I - 1 1^\top / K`: the Gram matrix of a simplex ETF but for its scale."""
    return np.eye(n_classes) - 1.0 / n_classes


def gram_distance(measured: Array, predicted: Array) -> float:
    r""":math:`| G / |G|_F - G' / |G'|_F |_F`, in [0, sqrt(2)] for Gram matrices."""
    if not measured.any() or not predicted.any():
        raise LeftOut("a Gram matrix is 0")
    return float(np.linalg.norm(measured / np.linalg.norm(measured) - predicted / np.linalg.norm(predicted)))


def gram_distances(s: Statistics) -> dict[str, float | LeftOut]:
    r"""Distances, as above, to each of the Gram matrices that were given, of classes that have a sample: of class
    means, ``gram_NAME``; of centered ones, ``centered_gram_NAME``, to the prediction centered alike,
    :math:`C G' C^\top` with :math:`C = I - 1 \omega^\top` and the weights :math:`\omega` of the global mean; and of
    rows of weights, ``weight_gram_NAME``. What cannot be said has its reason in place of a number.
    """
    center = np.eye(len(s.counts)) - s.conventions.of_between(s.counts)
    found: dict[str, float | LeftOut] = {}
    for name, pair in s.grams.items():
        means, weights = (None if each is None else each[np.ix_(s.present, s.present)] for each in pair)
        if means is not None:
            found[f"gram_{name}"] = _distance_or_reason(s.own_means, means)
            found[f"centered_gram_{name}"] = _distance_or_reason(s.centered, center @ means @ center.T)
        if weights is not None and s.all_weights is not None:
            found[f"weight_gram_{name}"] = _distance_or_reason(s.classifier, weights)
    return found


def _distance_or_reason(rows: Array, predicted: Array) -> float | LeftOut:
    try:
        return gram_distance(rows @ rows.T, predicted)
    except LeftOut as reason:
        return reason


def _apart(s: Statistics) -> Array:
    _two(s)
    apart = _pairs(s.directions_apart)
    if not np.all(apart > 2.0 * s.rounding / s.lengths(s.compared_means, MEAN).min()):
        raise LeftOut("two class means have the same direction")
    return apart


def _cosines(s: Statistics, rows: Array, what: str) -> Array:
    _two(s)
    unit = rows / s.lengths(rows, what)[:, None]
    return unit @ unit.T


def _two(s: Statistics) -> None:
    if len(s.counts) < 2:
        raise LeftOut("there is one class: no pair has an angle")


def _pairs(square: Array) -> Array:
    """Entries off the diagonal."""
    return square[~np.eye(len(square), dtype=bool)]


def _unequal(cosines: Array) -> float:
    return float(np.std(_pairs(cosines)))


def _from_widest(cosines: Array) -> float:
    return float(np.mean(np.abs(_pairs(cosines) + 1.0 / (len(cosines) - 1))))


def variation(values: Array) -> float:
    """Coefficient of variation: standard deviation over the size of the mean. Raises LeftOut where that is 0."""
    if not np.mean(values):
        raise LeftOut("their mean is 0")
    return float(np.std(values) / abs(np.mean(values)))


def _effective_rank(sizes: Array) -> float:
    parts = sizes[sizes > 0] / sizes.sum()
    return float(np.exp(-np.sum(parts * np.log(parts))))
