"""Everything theory says of a problem, as one object: where training ends, at which value, how fast, and who dies.

This is the only place where problems meet closed forms. Trajectories, solutions, phase diagrams, sweeps, designs and
trainings are all held against what :func:`predict` says.
"""

import functools
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify.prediction import CosinePrediction, LearnedMSEPrediction, MSEPrediction, Prediction
from ufm.problems.kinds import CosineProblem, LearnedCosineProblem, LearnedMSEProblem, MSEProblem
from ufm.problems.problem import Problem


@functools.singledispatch
def _prediction_of(problem: Problem) -> type[Prediction[Any]]:
    raise TypeError(f"theory says nothing of a {type(problem).__name__}")


_prediction_of.register(CosineProblem, lambda problem: CosinePrediction)
_prediction_of.register(LearnedCosineProblem, lambda problem: CosinePrediction)  # every frame has the same minimum
_prediction_of.register(MSEProblem, lambda problem: MSEPrediction)
_prediction_of.register(LearnedMSEProblem, lambda problem: LearnedMSEPrediction)


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
    :class:`CosinePrediction`, :class:`MSEPrediction` or :class:`LearnedMSEPrediction`; print it for a table.

    Raises
    ------
    TypeError : a kind of problem that theory says nothing of.

    Examples
    --------
    >>> from ufm import Problem
    >>> said = predict(Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned"))
    >>> said.living.tolist(), round(said.value, 4), said.sources["value"]
    ([True, True, False], 0.2603, 'theory.multicenter.minimum.learned_minimum')
    """
    kind = _prediction_of(problem)
    shape = (problem.n_classes,)
    angles = problem.theta if theta is None else theta  # type: ignore[attr-defined]
    arrays = (np.broadcast_to(np.asarray(each, dtype=np.float64), shape) for each in (angles, lengths))
    return kind(problem, *arrays)
