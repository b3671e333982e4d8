"""What a flow or a descent leaves behind: per-class curves, a status that is never silent, and features if kept."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufm.problems.frames import Array, Frame
from ufm.problems.problem import Problem
from ufm.simulate.blocks import Observation

if TYPE_CHECKING:
    import xarray

Status = Literal["collapsed", "finished", "stalled", "stopped", "diverged"]
"""collapsed: every sample's NC is below the threshold; finished: the requested time is reached; stalled: some
sample never collapses, ``stats["reason"]`` says why; stopped: the budget of steps is spent; diverged: a value
stopped being finite, ``stats["reason"]`` says when and where."""


class Trouble(NamedTuple):
    """Why a simulation did not end as it should."""

    status: Status
    reason: str


SUMS = ("nc", "nc_squared", "nc_log10", "nc_max", "norm", "norm_squared", "cosine", "value")


class Recorder:
    """Sums over the samples of each class, at given times; merging parts is adding them up.

    Attributes
    ----------
    sums : name -> (T, classes) for the classes that ``rows`` touch.
    """

    def __init__(self, problem: Problem, n_times: int, rows: slice | None = None) -> None:
        """Start at 0, for the classes of some rows or for all."""
        self.offsets = problem.offsets
        self.classes = slice(0, problem.n_classes) if rows is None else self._touched(rows)
        shape = (n_times, self.classes.stop - self.classes.start)
        self.sums = {name: np.zeros(shape) for name in SUMS}

    def _touched(self, rows: slice) -> slice:
        first = int(np.searchsorted(self.offsets, rows.start, side="right")) - 1
        return slice(first, int(np.searchsorted(self.offsets, rows.stop, side="left")))

    def add(self, rows: slice, j: int, seen: Observation) -> None:
        """Take in an observation (n,) of consecutive samples at the j-th time."""
        touched = self._touched(rows)
        starts = np.maximum(self.offsets[touched], rows.start) - rows.start
        columns = slice(touched.start - self.classes.start, touched.stop - self.classes.start)
        parts = {
            "nc": seen.nc,
            "nc_squared": seen.nc**2,
            "nc_log10": np.log10(np.maximum(seen.nc, np.finfo(float).tiny)),
            "norm": seen.norm,
            "norm_squared": seen.norm**2,
            "cosine": seen.cosine,
            "value": seen.value,
        }
        for name, values in parts.items():
            self.sums[name][j, columns] += np.add.reduceat(values, starts)
        peaks = self.sums["nc_max"][j, columns]
        np.maximum(peaks, np.maximum.reduceat(seen.nc, starts), out=peaks)

    def merge(self, other: "Recorder") -> None:
        """Add what another recorder of the same problem and times, for some of the classes, has seen."""
        columns = slice(other.classes.start - self.classes.start, other.classes.stop - self.classes.start)
        for name, values in other.sums.items():
            mine = self.sums[name][:, columns]
            if name == "nc_max":
                np.maximum(mine, values, out=mine)
            else:
                mine += values

    @classmethod
    def stack(cls, problem: Problem, records: "list[Recorder]") -> "Recorder":
        """Put recorders of single times behind one another."""
        stacked = cls(problem, 0)
        stacked.sums = {name: np.concatenate([r.sums[name] for r in records]) for name in SUMS}
        return stacked


@dataclass(frozen=True)
class Trajectory:
    """A simulated flow or descent.

    Attributes
    ----------
    problem, frame : what was simulated.
    times : when it was recorded, shape (T,); for a descent, step size times step.
    curves : per-class sums at these times; use :attr:`data`.
    status : see :data:`Status`.
    stats : method, seconds, steps, evaluations, and whatever else explains the run.
    initial, final : features (N, d) at the first and last time, None if they were not kept.
    features : (T, N, d) with ``keep="features"``, else None.
    offset : the part of the objective that no feature moves.
    """

    problem: Problem
    frame: Frame
    times: Array
    curves: Recorder
    status: Status
    stats: dict[str, Any]
    initial: Array | None = None
    final: Array | None = None
    features: Array | None = None
    offset: float = 0.0

    @property
    def nc_max(self) -> float:
        """Largest NC of any sample at the last time."""
        return float(self.curves.sums["nc_max"][-1].max())

    def class_values(self, name: str) -> Array:
        """One of the curves of :attr:`data` as a plain array (T, K)."""
        sums, sizes = self.curves.sums, np.asarray(self.problem.class_sizes)
        if name == "nc_max":
            return sums["nc_max"]
        if name == "nc_std":
            mean = sums["nc"] / sizes
            return np.sqrt(np.maximum(sums["nc_squared"] / sizes - mean**2, 0.0))
        if name == "variability":
            return 1.0 - sums["cosine"] / sizes
        return sums[name.removesuffix("_mean")] / sizes

    @property
    def value(self) -> Array:
        """The objective at every time, shape (T,): the sum over all samples and the constant part."""
        return self.curves.sums["value"].sum(axis=1) + self.offset

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Curves as an xarray Dataset with dimensions time, class (and sample, dim if features were kept).

        ``nc_mean``, ``nc_std``, ``nc_max``, ``nc_log10_mean``: over the samples of a class, of
        |h/|h| - wbar/|wbar||^2 (and of its logarithm);
        ``norm_mean``: of |h|; ``variability``: of 1 - cos(h, w_k); ``value``: the objective. The attributes
        hold status, stats and the problem as JSON.
        """
        import xarray

        per_class = {
            name: (("time", "class"), self.class_values(name), {"units": "1"})
            for name in ("nc_mean", "nc_std", "nc_max", "nc_log10_mean", "norm_mean", "variability")
        }
        dataset = xarray.Dataset(
            {**per_class, "value": ("time", self.value, {"units": "1"})},
            coords={
                "time": ("time", self.times, {"units": "flow time"}),
                "class": np.arange(self.problem.n_classes),
                "class_size": ("class", np.asarray(self.problem.class_sizes)),
                "centers": ("class", np.asarray(self.problem.centers)),
            },
            attrs={
                "problem": self.problem.to_json(),
                "status": self.status,
                "stats": json.dumps(self.stats),
            },
        )
        if self.features is not None:
            dataset["features"] = (("time", "sample", "dim"), self.features)
        elif self.final is not None:
            dataset["final_features"] = (("sample", "dim"), self.final)
        return dataset


def worst_sample(problem: Problem, flags: NDArray[np.bool_], first_row: int) -> str:
    """Name the first flagged sample: 'sample 17 (class 2)'."""
    row = first_row + int(np.argmax(flags))
    k = int(np.searchsorted(problem.offsets, row, side="right")) - 1
    return f"sample {row} (class {k})"
