"""Neural collapse to the centers of a frame (Yan et al. 2024)."""

import numpy as np

from ufm.measure.metric import LeftOut, metric
from ufm.measure.metrics import gram
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array, dense

YAN = "Yan et al. 2024"


@metric(source=YAN, bounds="[0, 4]", collapse="0", by_class=True)
def nc_mean(s: Statistics) -> Array:
    r"""Mean of :math:`NC_i = |h_i/|h_i| - \bar w/|\bar w||^2` over the class, features of 0 left out."""
    return s.of_class(s.centers.of_class(s.centers.collapse))


@metric(source=YAN, bounds="[0, 2]", collapse="0", by_class=True)
def nc_std(s: Statistics) -> Array:
    """Standard deviation of NC over the class."""
    collapse = s.centers.collapse
    nothing = 0.0 * s.centers.of_class(collapse)
    return s.of_class(nothing + np.sqrt(collapse.squares / np.maximum(collapse.counts, 1)))


@metric(source=YAN, bounds="[0, 4]", collapse="0", by_class=True)
def nc_max(s: Statistics) -> Array:
    """Largest NC of the class."""
    if np.isnan(s.centers.largest).all():
        raise LeftOut("all features are 0: none has a direction")
    return s.of_class(s.centers.largest)


@metric(source=YAN, bounds="[-1, 1]", collapse="0")
def entry_mean(s: Statistics) -> float:
    r"""Mean of the entries of :math:`h/|h| - \bar w/|\bar w|`: the curves of figures 1, 4 and 5."""
    return float(s.centers.entries.sum() / _entries(s))


@metric(source=YAN, bounds="[0, 2]", collapse="0")
def entry_std(s: Statistics) -> float:
    """Standard deviation of these entries."""
    collapse, middle = s.centers.collapse, entry_mean(s)
    squares = collapse.counts @ np.nan_to_num(s.centers.of_class(collapse)) / _entries(s)
    return float(np.sqrt(max(squares - middle**2, 0.0)))


@metric(source=YAN, bounds="[0, 2]", collapse="1 - cos(rho)", by_class=True)
def variability(s: Statistics) -> Array:
    r""":math:`1 - \langle h_i/|h_i|, w_k/|w_k| \rangle` averaged over the class."""
    return 1.0 - s.of_class(s.centers.of_class(s.centers.cosines))


@metric(source=YAN, bounds="[-1, 1]", collapse="1", by_class=True)
def self_duality(s: Statistics) -> Array:
    r"""Cosine of the class mean, not centered, to its mean center :math:`\bar w`."""
    rows = dense(s.centers.frame.mean_directions)[s.present]
    cosines: Array = np.einsum("kd,kd->k", s.own_means, rows) / s.lengths(s.own_means, "class mean")
    return cosines


@metric(source=YAN, bounds="[0, sqrt(K - 1)]", collapse="0")
def equinorm(s: Statistics) -> float:
    r"""Standard deviation over mean of :math:`|\mu_k|`, not centered: a frame has its origin."""
    _ = s.centers
    norms = s.lengths(s.own_means, "class mean")
    return float(norms.std() / norms.mean())


@metric(source=YAN, bounds="[0, 2]", collapse="0")
def equiangularity(s: Statistics) -> float:
    r"""Largest entry of the Gram matrix of :math:`\mu_k / |\mu_k|` minus its prediction, the identity."""
    _ = s.centers, s.lengths(s.own_means, "class mean")
    cosines = gram(s.own_means)
    return float(np.abs(cosines - np.eye(len(cosines))).max())


@metric(source=YAN, bounds="[0, 1]", collapse="1")
def rcr_accuracy(s: Statistics) -> float:
    """Share of samples that the regular rule decides right: nearest row of the frame's classifier."""
    return _share(s, "rcr")


@metric(source=YAN, bounds="[0, 1]", collapse="1")
def gcr_accuracy(s: Statistics) -> float:
    """Share of samples that the generalized rule decides right: nearest center."""
    return _share(s, "gcr")


@metric(source=YAN, bounds="[0, 1]", collapse="1")
def nearest_mean_center_accuracy(s: Statistics) -> float:
    """Share of samples that are nearest to the mean center of their class."""
    return _share(s, "nearest")


def _share(s: Statistics, rule: str) -> float:
    return float(s.centers.right[rule].sum() / s.counts.sum())


def _entries(s: Statistics) -> float:
    entries = float(s.centers.collapse.counts.sum() * s.means.shape[1])
    if not entries:
        raise LeftOut("all features are 0")
    return entries
