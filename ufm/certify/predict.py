"""Everything theory says of a problem, as one object: where training ends, at which value, how fast, and who dies.

Trajectories, solutions, phase diagrams, sweeps, designs and trainings are all held against what :func:`predict` says.
"""

from functools import singledispatch
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify.prediction import CosinePrediction, LearnedMSEPrediction, MSEPrediction, Prediction
from ufm.certify.zoo import ModelPrediction
from ufm.problems.frames import Array, real_array
from ufm.problems.kinds import CosineProblem, LearnedMSEProblem, MSEProblem
from ufm.problems.model import Model
from ufm.problems.problem import MultiCenterProblem, Problem, require_problem


@singledispatch
def prediction_of(problem: Problem, theta: Array, lengths: Array) -> Prediction[Any]:
    """The prediction for a kind of problem, with angle and length of the centers of each class, (K,)."""
    raise TypeError(f"theory says nothing of a {type(problem).__name__}")


prediction_of.register(CosineProblem, CosinePrediction)  # learned or not: the minimum is the same in every frame
prediction_of.register(MSEProblem, MSEPrediction)
prediction_of.register(LearnedMSEProblem, LearnedMSEPrediction)


@overload
def predict(  # type: ignore[overload-overlap]
    problem: LearnedMSEProblem, *, theta: ArrayLike | None = None, lengths: ArrayLike = 1.0
) -> LearnedMSEPrediction: ...
@overload
def predict(problem: MSEProblem, *, theta: ArrayLike | None = None, lengths: ArrayLike = 1.0) -> MSEPrediction: ...
@overload
def predict(
    problem: CosineProblem, *, theta: ArrayLike | None = None, lengths: ArrayLike = 1.0
) -> CosinePrediction: ...
@overload
def predict(problem: Model) -> ModelPrediction: ...
@overload
def predict(problem: Problem, *, theta: ArrayLike | None = None, lengths: ArrayLike = 1.0) -> Any: ...
def predict(problem: Problem, *, theta: ArrayLike | None = None, lengths: ArrayLike = 1.0) -> Any:
    """Everything theory says of a problem.

    Parameters
    ----------
    problem : any kind with a theory.
    theta : one angle per class in place of the problem's, radians in [0, pi/2].
    lengths : of the centers of each class, for a fixed frame of P whose classifier vectors are not of unit length.

    Returns
    -------
    :class:`CosinePrediction`, :class:`MSEPrediction` or :class:`LearnedMSEPrediction`; of a model without a frame
    :class:`ufm.certify.zoo.ModelPrediction`, all that theorems of the zoo say of it. Print it for a table.

    Raises
    ------
    TypeError : a kind of problem that theory says nothing of.
    ValueError : angles or lengths that are not one for each class, or out of range.

    Examples
    --------
    >>> from ufm import Problem
    >>> said = predict(Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned"))
    >>> said.living.tolist(), round(said.value, 4), said.sources["value"]
    ([True, True, False], 0.2603, 'theory.multicenter.minimum.learned_minimum')
    """
    if isinstance(problem, Model):
        if theta is not None or lengths != 1.0:
            raise ValueError(f"theta and lengths are of centers, which a {type(problem).__name__} does not have")
        return ModelPrediction.of(problem)
    problem = require_problem(problem, MultiCenterProblem)
    arrays = []
    for name, values in (("theta", problem.theta if theta is None else theta), ("lengths", lengths)):
        array = real_array(name, values)
        if array.shape not in ((), (problem.n_classes,)) or not np.all(array >= 0.0):
            raise ValueError(f"{name}={values} must be one number or K={problem.n_classes}, at least 0")
        arrays.append(np.broadcast_to(array, (problem.n_classes,)))
    return prediction_of(problem, *arrays)
