r"""Why frames are orthogonal: unit centers that are free otherwise reach loss 0, and nothing tells classes apart.

The cosine loss asks each center only to agree with the features of its own class. Over unit centers without any
further constraint its minimum is 0, attained exactly where every class has put its centers and its features on one
direction; classes do not push each other away, so *all* of them on the *same* direction is a global minimum as well,
and whatever direction they had in common at the start stays. Orthonormal rows exclude it: centers of one class keep the
angle :math:`\alpha_k`, those of two classes stay orthogonal, and the least value is
:math:`\sum_k n_k \beta_k f_k (1 - c_k)^2 > 0` unless the centers of each class coincide.
"""

from dataclasses import dataclass

import numpy as np

from ufm.certify.ledger.simulations import SEED
from ufm.measure.metrics import unit_rows
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem
from ufm.problems.losses import cosine, cosine_center_gradient
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.state import owners


@dataclass(frozen=True, eq=False)
class FreeCenters:
    """Where descent without orthogonality has led.

    Attributes
    ----------
    value : the cosine loss of all samples, (n_steps + 1,).
    within : least cosine between a center of a class and its feature, at the end; 1 at loss 0.
    between : least cosine between features of two classes, at start and end; 1 if all are on one direction.
    """

    value: Array
    within: float
    between: tuple[float, float]


STEP = 0.2
"""Of descent, relative to the curvature 2 beta f of a class."""


def train_free_centers(
    problem: MultiCenterProblem, *, common: float, n_steps: int = 5000, seed: int = SEED
) -> FreeCenters:
    """Gradient descent of the cosine loss over unit centers, each free on its sphere, and one feature per class.

    Parameters
    ----------
    problem : with ``loss="cosine"``; theta is not used beyond the weights.
    common : length of a direction that all random unit vectors of the start share, >= 0: at 0 classes begin, and stay,
        nearly orthogonal by chance; from about 5 on they begin, and stay, next to one another.
    n_steps : >= 1.
    seed : of the start.

    Raises
    ------
    ValueError : another loss, or numbers that are not as above.
    """
    if not isinstance(problem, CosineProblem):
        raise ValueError(f"loss={problem.loss!r}: free unit centers are shown for loss='cosine'")
    if not (0 <= common < np.inf and n_steps >= 1):
        raise ValueError(f"common={common!r} must be at least 0 and finite, n_steps={n_steps!r} at least 1")
    rng, dim, owner = np.random.default_rng(seed), problem.dim, owners(problem.centers)
    shared = common * unit_rows(rng.standard_normal((1, dim)))
    raw = (unit_rows(rng.standard_normal((n, dim))) for n in (len(owner), problem.n_classes))
    centers, features = (unit_rows(each + shared) for each in raw)
    first, values = _least_cosine(features), []
    beta, lam = problem.weights, problem.lam
    for step in range(n_steps + 1):
        total = 0.0
        for k, (size, f) in enumerate(zip(problem.class_sizes, problem.centers, strict=True)):
            own, pace = owner == k, STEP / (2.0 * beta[k] * f)
            loss, pull = cosine(features[k : k + 1], centers[own], beta[k], lam)
            total += size * float(loss[0])
            if step < n_steps:
                turn = cosine_center_gradient(features[k : k + 1], centers[own], beta[k])
                turn -= np.einsum("fd,fd->f", turn, centers[own])[:, None] * centers[own]
                features[k] -= pace * pull[0]
                centers[own] = unit_rows(centers[own] - f * pace * turn)
        values.append(total)
    cosines = np.einsum("fd,fd->f", centers, unit_rows(features)[owner])
    return FreeCenters(np.array(values), float(cosines.min()), (first, _least_cosine(features)))


def _least_cosine(features: Array) -> float:
    unit = unit_rows(features)
    return float((unit @ unit.T).min())
