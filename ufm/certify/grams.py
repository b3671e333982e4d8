"""Gram matrices that theory predicts for class means and weights: :func:`ufm.measure` holds networks against them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from theory.zoo import seli
from ufm.measure.grams import Grams
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel


def predicted_grams(model: Any) -> Grams:
    """Of the minimum of a model, class by class, (K, K) each.

    Parameters
    ----------
    model : whatever :func:`ufm.minimize` finds Gram matrices of, as a :class:`ufm.FeatureModel`; or class sizes: then
        those of the simplex-encoded-labels interpolation (SELI, Thrampoulidis et al. 2022), where cross-entropy and
        hinge losses end as weight decay vanishes, up to a unit.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(predicted_grams((5, 5, 5)).means / predicted_grams((5, 5, 5)).means[0, 0], 12)
    array([[ 1. , -0.5, -0.5],
           [-0.5,  1. , -0.5],
           [-0.5, -0.5,  1. ]])
    """
    if isinstance(model, Sequence | np.ndarray):
        sizes = tuple(int(size) for size in model)
        any_unit: Any = FeatureModel(sizes, lam_w=1.0, lam_h=1.0, loss="hinge")
        said = seli.predict(any_unit)
        return Grams(said["feature_gram"], said["weight_gram"])
    solution = minimize(model)
    return Grams(solution.feature_gram, solution.weight_gram)
