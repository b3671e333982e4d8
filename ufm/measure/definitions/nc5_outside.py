"""NC5: data of no class lie orthogonal to all class means."""

import numpy as np

from ufm.measure.metric import LeftOut, metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array

AMMAR = "Ammar et al. 2024 (NECO)"


@metric(source=AMMAR, bounds="[0, 1]", collapse="0")
def nc5_orthogonality(s: Statistics) -> float:
    r"""Mean over classes of :math:`|\cos(\mu_k, \mu_{out})|`, nothing centered."""
    return float(np.mean(nc5_of_class(s)))


@metric(source=AMMAR, bounds="[0, 1]", collapse="0", by_class=True)
def nc5_of_class(s: Statistics) -> Array:
    r""":math:`|\cos(\mu_k, \mu_{out})|` of each class."""
    means, outside = s.means + s.origin, s.outside.mean
    lengths = np.linalg.norm(means, axis=1) * np.linalg.norm(outside)
    if not lengths.all():
        raise LeftOut("a class mean, or the mean outside, is 0: it has no direction")
    return np.abs(means @ outside) / lengths


@metric(source=AMMAR, bounds="[0, 1]", collapse="1")
def neco_auroc(s: Statistics) -> float:
    r"""How well the score :math:`|V (h - \mu)| / |h - \mu|` tells the data from those outside: the probability that
    it is larger of the data, 1/2 for ties. Rows of V are the K first principal directions of the data around their
    mean; standardising them and multiplying by the largest logit, as the source does for some networks, is left out.
    """
    return s.outside.auroc
