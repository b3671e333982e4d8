"""Where to begin with many class sizes: at the minimum of a model in which classes of about equal size are alike."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.minimize.factored import Factored
from ufm.minimize.layouts import Groups
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array


def merged(model: FeatureModel, groups: int) -> FeatureModel:
    """A model with at most so many class sizes: equal steps of their logarithms, and means of all other numbers."""
    logs = np.log(np.asarray(model.class_sizes, dtype=np.float64))
    steps = (logs - logs.min()) / max(float(np.ptp(logs)), 1e-300) * (groups - 1)
    _, of = np.unique(np.round(steps), return_inverse=True)
    count = np.bincount(of)

    def mean(numbers: Any) -> Array:
        return np.asarray((np.bincount(of, np.asarray(numbers, dtype=np.float64)) / count)[of])

    names = ("weights", "temperatures", "sample_temperatures", "shifts")
    given: dict[str, Any] = {name: getattr(model, name) for name in names if getattr(model, name) is not None}
    sizes = np.maximum(np.round(mean(model.class_sizes)), 1.0).astype(int)
    return model.replace(class_sizes=sizes.tolist(), **{name: mean(each).tolist() for name, each in given.items()})


def expanded(local: Factored, coarse: Groups, layout: Groups) -> tuple[Factored, Array]:
    r"""The minimum of merged classes for all groups: a point with its sigma and b and without directions, and M.

    .. math:: M_{ab} = \frac{\bar M_{cd} - \delta_{cd} \bar s_c}{\sqrt{\bar m_c \bar m_d}} \sqrt{m_a m_b}
        + \delta_{ab} \bar s_c

    for groups a and b in the merged ones c and d.
    """
    of: NDArray[np.int64] = np.empty(len(layout.sizes), dtype=np.int64)
    of[layout.group] = coarse.group
    between = (local.matrix - np.diag(local.inside)) / np.sqrt(np.outer(coarse.copies, coarse.copies))
    matrix = between[np.ix_(of, of)] * np.sqrt(np.outer(layout.copies, layout.copies)) + np.diag(local.inside[of])
    sigma = np.where(layout.repeats > 0.0, np.sqrt(local.inside)[of], 0.0)
    nothing = np.zeros((len(of), 0))
    b = local.parts[3][of] if len(local.parts[3]) else local.parts[3]
    return Factored(layout, local.lam, local.decay, (nothing, nothing, sigma, b)), matrix
