"""What a flow or a descent leaves behind: per-class curves, a status that is never silent, and features if kept."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files.face import Face, Shown
from ufm.problems.frames import Array, Frame
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.state import State
from ufm.simulate.method import Method, Observation, Status, Trouble

if TYPE_CHECKING:
    import xarray

SUMS = ("nc", "nc_squared", "nc_log10", "nc_max", "norm", "norm_squared", "cosine", "value")
LEAST = 1e-300
"""NC is drawn as this where it is less."""

CURVES = ("nc_mean", "nc_std", "nc_max", "nc_log10_mean", "norm_mean", "variability")


class Recorder:
    """Sums over the samples of each class, at given times; merging parts is adding them up.

    Attributes
    ----------
    sums : name -> (T, classes) for the classes that ``rows`` touch.
    frame : name -> (T, ...), of a frame that is learned: see :class:`ufm.simulate.method.FrameState`.
    """

    def __init__(self, offsets: Integers, n_times: int, rows: slice | None = None, share: Array | float = 1.0) -> None:
        """Start at 0.

        Parameters
        ----------
        offsets : where the rows of each class begin, (K + 1,).
        n_times : T.
        rows : record for the classes that these rows belong to; all if left out.
        share : samples that a row of each class stands for, (K,) or one number.
        """
        self.offsets = offsets
        n_classes = len(offsets) - 1
        self.share = np.broadcast_to(np.asarray(share, dtype=np.float64), n_classes)
        self.classes = slice(0, n_classes) if rows is None else self._touched(rows)
        shape = (n_times, self.classes.stop - self.classes.start)
        self.sums = {name: np.zeros(shape) for name in SUMS}
        self.frame: dict[str, Array] = {}

    def _touched(self, rows: slice) -> slice:
        first = int(np.searchsorted(self.offsets, rows.start, side="right")) - 1
        return slice(first, int(np.searchsorted(self.offsets, rows.stop, side="left")))

    def add(self, rows: slice, j: int, seen: Observation) -> None:
        """Take in an observation (n,) of consecutive rows at the j-th time."""
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
            self.sums[name][j, columns] += self.share[touched] * np.add.reduceat(values, starts)
        peaks = self.sums["nc_max"][j, columns]
        np.maximum(peaks, np.maximum.reduceat(seen.nc, starts), out=peaks)
        if seen.frame is not None:
            self.sums["value"][j] += seen.frame.penalty
            for name, numbers in seen.frame._asdict().items():
                shape = (len(self.sums["nc"]), *np.shape(numbers))
                self.frame.setdefault(name, np.full(shape, np.nan))[j] = numbers

    def merge(self, other: "Recorder") -> None:
        """Add what another recorder of the same problem and times, for some of the classes, has seen."""
        columns = slice(other.classes.start - self.classes.start, other.classes.stop - self.classes.start)
        for name, values in other.sums.items():
            mine = self.sums[name][:, columns]
            if name == "nc_max":
                np.maximum(mine, values, out=mine)
            else:
                mine += values
        self.frame |= other.frame

    def lose(self, times: Any) -> None:
        """Set the records at some times, that were not reached, to NaN."""
        for values in (*self.sums.values(), *self.frame.values()):
            values[times] = np.nan

    @property
    def nc_max(self) -> float:
        """Largest NC of any sample at the last time."""
        return float(self.sums["nc_max"][-1].max())

    @classmethod
    def stack(cls, offsets: Integers, records: "list[Recorder]") -> "Recorder":
        """Put recorders of single times behind one another."""
        stacked = cls(offsets, 0)
        stacked.sums = {name: np.concatenate([r.sums[name] for r in records]) for name in SUMS}
        stacked.frame = {name: np.concatenate([r.frame[name] for r in records]) for name in records[0].frame}
        return stacked


def _kept(features: Array | None, keep: str) -> Array:
    if features is None:
        raise ValueError(f"features were not kept: keep='{keep}' keeps them")
    return features


@dataclass(frozen=True, repr=False)
class Trajectory(Face):
    """A simulated flow or descent.

    Attributes
    ----------
    problem, frame : what was simulated; of a learned frame the last one.
    times : when it was recorded, shape (T,); for a descent, step size times step.
    curves : per-class sums at these times; use :attr:`data`.
    status : see :data:`ufm.simulate.method.Status`.
    stats : method, seconds, steps, evaluations, and whatever else explains the run.
    initial, final : features (N, d) at the first and last time, None if they were not kept.
    features : (T, N, d) with ``keep="features"``, else None. With method "means" rows are classes, not samples.
    offset : the part of the objective that nothing moves.
    state : of a learned frame its last rows, norms and features, else None.
    """

    problem: MultiCenterProblem
    frame: Frame
    times: Array
    curves: Recorder
    status: Status
    stats: dict[str, Any]
    initial: Array | None = field(default=None, repr=False)
    final: Array | None = field(default=None, repr=False)
    features: Array | None = field(default=None, repr=False)
    offset: float = 0.0
    state: State | None = field(default=None, repr=False)

    @property
    def nc_max(self) -> float:
        """Largest NC of any sample at the last time."""
        return self.curves.nc_max

    def require_final(self) -> Array:
        """Features (N, d) at the last time. Raises ValueError if they were not kept."""
        return _kept(self.final, "final")

    def require_features(self) -> Array:
        """Features (T, N, d) at all times. Raises ValueError if they were not kept."""
        return _kept(self.features, "features")

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
        if name == "classifier_norm":
            return self.curves.frame["norm"]
        return sums[name.removesuffix("_mean")] / sizes

    def shown(self) -> Shown:
        """How it ended, NC, norm and variability of each class at the end, and its course."""
        p, nc = self.problem, self.class_values("nc_mean")
        ended = f"{self.status} at t = {self.times[-1]:.4g}, largest NC {self.nc_max:.2g}"
        ends = (nc[-1], self.class_values("norm_mean")[-1], self.class_values("variability")[-1])
        rows = [
            (f"{k}", f"{n}", f"{f}", *(f"{value:.4g}" for value in values))
            for k, (n, f, *values) in enumerate(zip(p.class_sizes, p.centers, *ends, strict=True), start=1)
        ]
        head = f"{p.loss} loss, {p.n_samples} samples of {p.n_classes} classes: {ended}"
        course = {"log10 of the largest mean NC, over time": np.log10(np.maximum(nc.max(axis=1), LEAST))}
        return Shown(head, [("class", "samples", "centers", "NC", "|h|", "variability"), *rows], course)

    @property
    def value(self) -> Array:
        """The objective at every time, shape (T,): the sum over all samples and the constant part."""
        return self.curves.sums["value"].sum(axis=1) + self.offset

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Curves as an xarray Dataset with dimensions time, class (and sample, dim if features were kept).

        ``nc_mean``, ``nc_std``, ``nc_max``, ``nc_log10_mean``: over the samples of a class, of
        |h/|h| - wbar/|wbar||^2 (and of its logarithm);
        ``norm_mean``: of |h|; ``variability``: of 1 - cos(h, w_k); ``value``: the objective. Of a learned frame also
        ``classifier_norm`` and, as in :class:`ufm.simulate.method.FrameState`, ``moved`` and ``defect``. The attributes
        hold status, stats and the problem as JSON.
        """
        import xarray

        learned = self.curves.frame
        names = (*CURVES, "classifier_norm") if learned else CURVES
        curves: dict[str, Any] = {name: (("time", "class"), self.class_values(name), {"units": "1"}) for name in names}
        alone: dict[str, Array] = {
            "value": self.value,
            **{name: learned[name] for name in ("moved", "defect") if name in learned},
        }
        dataset = xarray.Dataset(
            curves | {name: ("time", values, {"units": "1"}) for name, values in alone.items()},
            coords={
                "time": ("time", self.times, {"units": "flow time"}),
                "class": np.arange(self.problem.n_classes),
                "class_size": ("class", np.asarray(self.problem.class_sizes)),
                "centers": ("class", np.asarray(self.problem.centers)),
            },
            attrs={"problem": self.problem.to_json(), "status": self.status, "stats": json.dumps(self.stats)},
        )
        if self.features is not None:
            dataset["features"] = (("time", "sample", "dim"), self.features)
        elif self.final is not None:
            dataset["final_features"] = (("sample", "dim"), self.final)
        return dataset


def outcome(
    method: Method,
    times: Array,
    recorder: Recorder,
    stats: dict[str, Any],
    trouble: Trouble | None,
    state: Any,
    **kept: Array | None,
) -> Trajectory:
    """The answer of a run whose last part ended in ``state``; ``kept`` are features, by their names in it.

    Its status is what went wrong, unless everything had collapsed before the budget was spent.
    """
    collapsed = recorder.nc_max <= stats["until_nc"]
    status: Status = "collapsed" if collapsed else "finished"
    if trouble is not None:
        stats["reason"] = trouble.reason
        if not (collapsed and trouble.status == "stopped"):
            status = trouble.status
    return Trajectory(
        method.problem,
        method.last_frame(state),
        times,
        recorder,
        status,
        {**method.about(), **stats},
        **kept,
        offset=method.constant,
        state=state if isinstance(state, State) else None,
    )
