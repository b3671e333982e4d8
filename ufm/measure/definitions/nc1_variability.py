"""NC1: how little features vary within a class."""

import numpy as np

from ufm.measure.metric import LeftOut, metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array

GALANTI = "Galanti, György and Hutter 2022"
LUTHRA = "Luthra, Yang and Galanti 2025"


@metric(source="Papyan, Han and Donoho 2020", bounds="[0, inf)", collapse="0")
def nc1(s: Statistics) -> float:
    r"""Within over between, direction by direction: :math:`\frac1K \mathrm{tr}(\Sigma_W \Sigma_B^+)` with

    .. math:: \Sigma_W = \frac1N \sum_i (h_i - \mu_{y_i}) (h_i - \mu_{y_i})^\top , \qquad
              \Sigma_B = \frac1K \sum_k (\mu_k - \mu_G) (\mu_k - \mu_G)^\top .

    The pseudo-inverse is never formed: singular vectors of the centered means carry all of it.
    """
    return float(s.within_along @ _inverse(s))


@metric(source="Papyan, Han and Donoho 2020", bounds="[0, inf)", collapse="0", by_class=True)
def nc1_of_class(s: Statistics) -> Array:
    r""":math:`\frac1K \mathrm{tr}(\Sigma_k \Sigma_B^+)` with the scatter of class k alone. NC1 is their mean, over
    samples or classes as the scatter within classes is.
    """
    share: Array = s.second.along @ _inverse(s) / s.counts
    return share


@metric(source="Tirer and Bruna 2022", bounds="[0, inf)", collapse="0")
def nc1_trace_ratio(s: Statistics) -> float:
    r""":math:`\mathrm{tr}\, \Sigma_W / \mathrm{tr}\, \Sigma_B`, the same without directions."""
    _two(s)
    between = float(s.conventions.of_between(s.counts) @ np.sum(s.centered**2, axis=1))
    if between == 0.0:
        raise LeftOut("all class means are the same: there is no between")
    return float(s.conventions.of_within(s.counts) @ s.variances) / between


@metric(source="", bounds="[0, inf)", collapse="0", by_class=True)
def variance(s: Statistics) -> Array:
    r""":math:`\sigma_k^2 = \frac{1}{n_k} \sum_i |h_{k,i} - \mu_k|^2`."""
    return s.variances


@metric(source=GALANTI, bounds="[0, inf)", collapse="0")
def cdnv(s: Statistics) -> float:
    r"""Class-distance normalised variance, mean over pairs of
    :math:`(\sigma_k^2 + \sigma_j^2) / (2 |\mu_k - \mu_j|^2)`; by another convention the distance has power 4.
    """
    return float(np.mean(cdnv_of_class(s)))


@metric(source=GALANTI, bounds="[0, inf)", collapse="0", by_class=True)
def cdnv_of_class(s: Statistics) -> Array:
    """CDNV of a class, mean over all others."""
    return _over_others(cdnv_of_pairs(s))


def cdnv_of_pairs(s: Statistics) -> Array:
    """CDNV of each pair of classes, (G, G), 0 on the diagonal."""
    both = (s.variances[:, None] + s.variances) / 2.0
    return _over_distances(s, both, 1 if s.conventions.cdnv == "squared" else 2)


@metric(source=LUTHRA, bounds="[0, inf)", collapse="0")
def directional_cdnv(s: Statistics) -> float:
    r"""The same along the line between the means alone, mean over ordered pairs of
    :math:`\frac{1}{n_k} \sum_i \langle h_{k,i} - \mu_k, \mu_k - \mu_j \rangle^2 / |\mu_k - \mu_j|^4`.
    """
    return float(np.mean(directional_cdnv_of_class(s)))


@metric(source=LUTHRA, bounds="[0, inf)", collapse="0", by_class=True)
def directional_cdnv_of_class(s: Statistics) -> Array:
    """Directional CDNV of a class, mean over all others."""
    return _over_others(_over_distances(s, s.second.toward / s.counts[:, None], 2))


def _inverse(s: Statistics) -> Array:
    r""":math:`\frac1K \Sigma_B^+` along each direction."""
    sizes, _ = s.spectrum
    _two(s)
    if not sizes.size:
        raise LeftOut("all class means are the same: there is no between")
    inverse: Array = sizes**-2.0 / len(s.counts)
    return inverse


def _over_others(pairs: Array) -> Array:
    """Mean over the others of values of pairs (G, G), 0 on the diagonal."""
    means: Array = pairs.sum(axis=1) / (len(pairs) - 1)
    return means


def _over_distances(s: Statistics, values: Array, power: int) -> Array:
    r"""Values (G, G) over :math:`|\mu_k - \mu_j|^{2p}`, 0 on the diagonal."""
    _two(s)
    apart = (s.distances + np.eye(len(s.counts))) ** power
    if not apart.all():
        raise LeftOut("two class means are the same: nothing lies between them")
    ratios: Array = values / apart
    np.fill_diagonal(ratios, 0.0)
    return ratios


def _two(s: Statistics) -> None:
    if len(s.counts) < 2:
        raise LeftOut("there is one class: nothing is between")
