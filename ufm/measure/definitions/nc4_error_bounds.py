"""Bounds on errors from means and variances alone, whatever the distribution of the features."""

import numpy as np

from theory.decision.cantelli import error_bound
from ufm.measure.arrays import Labels
from ufm.measure.metric import metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array

CANTELLI = "Cantelli 1928; variances along lines of means: Luthra, Yang and Galanti 2025"


@metric(source=CANTELLI, bounds="[0, 1]", collapse="0")
def nearest_mean_error_bound(s: Statistics) -> float:
    """Bound on the share of samples that are nearer to another class mean: the classes' own, averaged over samples."""
    return float(s.counts @ nearest_mean_error_bound_of_class(s) / s.counts.sum())


@metric(source=CANTELLI, bounds="[0, 1]", collapse="0", by_class=True)
def nearest_mean_error_bound_of_class(s: Statistics) -> Array:
    r"""The same of each class, with its variance :math:`v_{kj}` along the line between the means of k and j:

    .. math:: 1 - \mathrm{Acc}_k \le \min\Big(1, \sum_{j \ne k} \frac{v_{kj}}{v_{kj} + |\mu_k - \mu_j|^2 / 4}\Big)

    True of these samples, and of all features with such means and variances. A single sample has no variance that is
    known: that of class j along the same line stands for it, and 1 for the term if j has a single sample too.
    """
    return _bound(s.second.toward, s.counts, s.distances / 2.0)


@metric(source=CANTELLI, bounds="[0, 1]", collapse="0")
def classifier_error_bound(s: Statistics) -> float:
    """Bound on the share of samples that the classifier decides wrong: the classes' own, averaged over samples."""
    return float(s.counts @ classifier_error_bound_of_class(s) / s.counts.sum())


@metric(source=CANTELLI, bounds="[0, 1]", collapse="0", by_class=True)
def classifier_error_bound_of_class(s: Statistics) -> Array:
    r"""The same of each class, with mean :math:`m_{kj}` and variance of the lead
    :math:`\langle w_k - w_j, h \rangle + b_k - b_j` on its samples, single ones treated likewise:

    .. math:: 1 - \mathrm{Acc}_k \le \min\Big(1, \sum_{j \ne k} \frac{v_{kj}}{v_{kj} + \max(0, m_{kj})^2}\Big)
    """
    n_classes = len(s.all_counts)
    squares, logits = np.zeros((2, n_classes, n_classes))
    squares[s.present], logits[s.present] = s.decided.leading, s.logits
    return s.of_class(_bound(squares, s.all_counts, np.diag(logits)[:, None] - logits))


def _bound(squares: Array, counts: Labels, leads: Array) -> Array:
    """From sums of squares over samples of class k, along the line to class j, (K, K)."""
    known = np.broadcast_to((counts > 1)[:, None], squares.shape)
    variances = squares / np.maximum(counts, 1)[:, None]
    variances = np.where(known, variances, variances.T)
    return error_bound(variances, np.where(known | known.T, leads, 0.0))
