"""NC3: classifier and class means point the same way."""

import numpy as np

from ufm.measure.definitions.nc2_geometry import simplex, variation
from ufm.measure.metric import LeftOut, metric
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array

PAPYAN = "Papyan, Han and Donoho 2020"


@metric(source=PAPYAN, bounds="[0, 2]", collapse="0")
def nc3_duality(s: Statistics) -> float:
    r""":math:`| W / |W|_F - M / |M|_F |_F`, rows of M being :math:`\mu_k - \mu_G`."""
    return float(np.linalg.norm(_scaled(s.compared_weights, "weights") - _scaled(s.compared_means, "class means")))


@metric(source="Zhu et al. 2021", bounds="[0, 2]", collapse="0")
def nc3_product(s: Statistics) -> float:
    r""":math:`| W M^\top / |W M^\top|_F - P / |P|_F |_F` with :math:`P = I - 1 1^\top / K`."""
    product = _scaled(s.compared_weights @ s.compared_means.T, "product of weights and means")
    return float(np.linalg.norm(product - _scaled(simplex(len(s.counts)), "centering")))


@metric(source=PAPYAN, bounds="[-1, 1]", collapse="1", by_class=True)
def nc3_cosine_of_class(s: Statistics) -> Array:
    r"""Cosine of :math:`w_k` and :math:`\mu_k - \mu_G`."""
    lengths = s.lengths(s.compared_weights, "row of weights") * s.lengths(s.compared_means, "mean")
    cosines: Array = np.einsum("kd,kd->k", s.compared_weights, s.compared_means) / lengths
    return cosines


@metric(source=PAPYAN, bounds="[-1, 1]", collapse="1")
def nc3_cosine(s: Statistics) -> float:
    r"""Mean over classes of the cosines of :math:`w_k` and :math:`\mu_k - \mu_G`."""
    return float(np.mean(nc3_cosine_of_class(s)))


@metric(source="after Wu and Papyan 2024", bounds="[0, 1]", collapse="0")
def nc3_uniformity(s: Statistics) -> float:
    r"""Standard deviation over classes of these cosines, which may be alike without being 1."""
    return float(np.std(nc3_cosine_of_class(s)))


@metric(source="Wu and Papyan 2024", bounds="[0, inf)", collapse="0")
def nc3_variation(s: Statistics) -> float:
    r"""Uniform duality: standard deviation over mean, over classes, of these cosines. The mean counts by its size."""
    return variation(nc3_cosine_of_class(s))


def _scaled(rows: Array, what: str) -> Array:
    size = np.linalg.norm(rows)
    if size == 0.0:
        raise LeftOut(f"{what} are 0")
    scaled: Array = rows / size
    return scaled
