"""What training a frame together with its features leaves behind."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ufm.problems import stiefel
from ufm.problems.frames import Array, Frame, dense, row_norms
from ufm.problems.losses import loss_of
from ufm.problems.problem import Problem
from ufm.problems.state import State, class_bounds, frame_of
from ufm.simulate.trajectory import Status

if TYPE_CHECKING:
    import xarray


class Moment(NamedTuple):
    """What is recorded of one state; per class where an array."""

    nc: Array
    """Largest NC of the features of each class; NaN where one of them is 0."""
    variability: Array
    """Mean of 1 - cos between features and classifier vector; NaN where a feature is 0."""
    norm: Array
    """Length of the classifier vector."""
    feature_norm: Array
    """Mean norm of the features."""
    loss: Array
    """Share of each class in the objective: its samples, and for P the penalty of its classifier vector."""
    moved: float
    """Frobenius distance of the rows from those at the start, divided by the root of their number: in [0, 2]."""
    defect: float
    """Largest entry of Q Q^T - I."""

    @classmethod
    def observe(cls, problem: Problem, state: State, first: Array) -> "Moment":
        """Measure a state; ``first`` are the rows at the start."""
        frame, bounds = frame_of(problem, state), class_bounds(problem, state)
        loss, starts = loss_of(problem, frame), bounds[:-1]
        lengths = row_norms(state.features)
        with np.errstate(invalid="ignore", divide="ignore"):
            # directions from unit centers: those of a dead class have no length
            unit = state._replace(norms=np.where(state.norms < 0, -1.0, 1.0))
            directions, unit_frame = state.features / lengths[:, None], frame_of(problem, unit)
            away = directions - np.repeat(dense(unit_frame.mean_directions), np.diff(bounds), axis=0)
            classifier = np.repeat(dense(unit_frame.classifier), np.diff(bounds), axis=0)
        skew = np.add.reduceat(1.0 - np.einsum("nd,nd->n", directions, classifier), starts) / np.diff(bounds)
        nc = np.maximum.reduceat(np.einsum("nd,nd->n", away, away), starts)
        share = np.asarray(problem.class_sizes) / np.diff(bounds)
        own = [state.features[begin:end] for begin, end in zip(starts, bounds[1:], strict=True)]
        values = [float(loss.value_and_gradient(h, k)[0].sum()) for k, h in enumerate(own)]
        per_class = share * values + 0.5 * float(problem.lam_w or 0.0) * state.norms**2
        moved = float(np.linalg.norm(state.rows - first)) / np.sqrt(len(first))
        mean_norm = np.add.reduceat(lengths, starts) / np.diff(bounds)
        return cls(nc, skew, np.abs(state.norms), mean_norm, per_class, moved, stiefel.defect(state.rows))


@dataclass(frozen=True, eq=False)
class LearnedTrajectory:
    """A simulated training of frame, norms and features.

    Attributes
    ----------
    problem : what was simulated.
    times : when it was recorded, (T,); for a descent, step size times step.
    curves : name -> (T, K) or (T,): the fields of :class:`Moment` at these times.
    final : the last state.
    status : see :data:`ufm.simulate.trajectory.Status`.
    stats : method, seconds, steps, and whatever else explains the run.
    """

    problem: Problem
    times: Array
    curves: dict[str, Array]
    final: State
    status: Status
    stats: dict[str, Any]

    @property
    def frame(self) -> Frame:
        """The last frame."""
        return frame_of(self.problem, self.final)

    @property
    def value(self) -> Array:
        """The objective, (T,)."""
        return np.asarray(self.curves["loss"].sum(axis=1))

    @property
    def nc_max(self) -> float:
        """Largest NC of any feature at the last time."""
        return float(self.curves["nc"][-1].max())

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Curves as an xarray Dataset with dimensions time and class; attributes as in :attr:`ufm.Trajectory.data`."""
        import xarray

        curves = {**self.curves, "value": self.value}
        return xarray.Dataset(
            {name: (("time", "class")[: array.ndim], array, {"units": "1"}) for name, array in curves.items()},
            coords={
                "time": ("time", self.times, {"units": "flow time"}),
                "class": np.arange(self.problem.n_classes),
                "class_size": ("class", np.asarray(self.problem.class_sizes)),
                "centers": ("class", np.asarray(self.problem.centers)),
            },
            attrs={"problem": self.problem.to_json(), "status": self.status, "stats": json.dumps(self.stats)},
        )


def stacked(moments: list[Moment]) -> dict[str, Array]:
    """Moments as curves."""
    return {name: np.array([getattr(moment, name) for moment in moments]) for name in Moment._fields}
