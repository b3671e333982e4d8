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
    outside = s.outside.mean
    if not outside.any():
        raise LeftOut("the mean of the data of no class is 0: it has no direction")
    return np.abs(s.own_means @ outside) / (s.lengths(s.own_means, "class mean") * np.linalg.norm(outside))


@metric(source=AMMAR, bounds="[0, 1]", collapse="1")
def neco_auroc(s: Statistics) -> float:
    r"""How well the score :math:`|V (h - \mu)| / |h - \mu|` tells the data from those outside: the probability that
    it is larger of the data, 1/2 for ties. Rows of V are the K first principal directions of the data around their
    mean, fewer where the data fill fewer. Standardising them and multiplying by the largest logit, as the source does
    for some networks, is left out.
    """
    outside = s.outside
    if not s.principal[0].any():
        raise LeftOut("all features are the same: they have no principal direction")
    return outside.auroc
