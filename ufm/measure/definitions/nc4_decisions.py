"""NC4: the classifier decides as the nearest class mean does."""

from ufm.measure.metric import metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array


@metric(source="Papyan, Han and Donoho 2020", bounds="[0, 1]", collapse="1")
def nc4_agreement(s: Statistics) -> float:
    r"""Share of samples with :math:`\arg\max_k \langle w_k, h \rangle + b_k = \arg\min_k |h - \mu_k|`."""
    return float(s.decided.agree.sum() / s.counts.sum())


@metric(source="", bounds="[0, 1]", collapse="1")
def nearest_mean_accuracy(s: Statistics) -> float:
    """Share of samples that are nearest to the mean of their own class."""
    return float(s.second.nearest.sum() / s.counts.sum())


@metric(source="", bounds="[0, 1]", collapse="1", by_class=True)
def nearest_mean_accuracy_of_class(s: Statistics) -> Array:
    """The same of each class."""
    share: Array = s.second.nearest / s.counts
    return share


@metric(source="", bounds="[0, 1]", collapse="1")
def accuracy(s: Statistics) -> float:
    r"""Share of samples with :math:`\arg\max_k \langle w_k, h \rangle + b_k = y`."""
    return float(s.decided.right.sum() / s.counts.sum())


@metric(source="", bounds="[0, 1]", collapse="1", by_class=True)
def accuracy_of_class(s: Statistics) -> Array:
    """The same of each class."""
    share: Array = s.decided.right / s.counts
    return share


@metric(source="", bounds="[0, inf)", collapse="all alike", by_class=True)
def feature_norm(s: Statistics) -> Array:
    """Mean of :math:`|h|`, not centered."""
    mean: Array = s.second.lengths / s.counts
    return mean


@metric(source="", bounds="[0, 1]", collapse="0")
def zero_features(s: Statistics) -> float:
    """Share of features that are exactly 0: dead units behind a ReLU."""
    return float(s.second.zeros.sum() / s.counts.sum())
