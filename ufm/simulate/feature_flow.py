r"""Gradient flow of unconstrained-feature models: weights, features and a bias move together.

.. math:: \dot W = -\partial_W f, \qquad \dot h_i = -\partial_{h_i} f, \qquad \dot b = -\partial_b f

for the objective f of :class:`ufm.FeatureModel`. Features are those of all N samples (method "full"), or one for each
class (method "means"), which is the same flow where the features of a class start in one point. With H (d x N) all
features,

.. math:: \frac{d}{dt} (W^\top W - H H^\top) = -2 \lambda_W W^\top W + 2 \lambda_H H H^\top ,

so :math:`B = W^\top W - H H^\top` is :math:`e^{-2 \lambda t} B(0)` where both decays are :math:`\lambda`, whatever the
loss. Without decay it is conserved, and with it what features have outside the span of the weights: they do not
collapse.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg
from scipy.integrate import DOP853

from ufm.files import memory
from ufm.files.bars import tqdm
from ufm.files.blas import one_thread
from ufm.files.face import Face, Shown
from ufm.problems.balanced_flow import BalancedFlow
from ufm.problems.feature_model import FeatureModel
from ufm.problems.feature_point import Field, Point
from ufm.problems.frames import Array, real_array, row_norms
from ufm.problems.problem import LARGEST
from ufm.problems.start import Start
from ufm.simulate.flow import Wanted, flow_of
from ufm.simulate.method import Status, Trouble, Unfinished, Work
from ufm.simulate.methods import LEARNED_NAMES, Asked

if TYPE_CHECKING:
    import xarray

MAX_STEPS = 100_000
"""Budget of an integration."""

COPIES = 24
"""Vectors of the size of a state that an integration holds: sixteen stages, and what surrounds them."""


def from_simplex(gram: Array) -> float:
    """Frobenius distance of a Gram matrix (m, m) from I - 1 1^T / m, each at norm 1; NaN where one is 0."""
    simplex = np.eye(len(gram)) - 1.0 / len(gram)
    size, unit = float(np.linalg.norm(gram)), np.sqrt(len(gram) - 1.0)
    return float(np.linalg.norm(gram / size - simplex / unit)) if size and unit else np.nan


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTrajectory(Face):
    """A simulated flow of an unconstrained-feature model.

    Attributes
    ----------
    problem : what was simulated.
    times : when it was recorded, (T,).
    curves : by name; NaN at times that were not reached. ``value``, the objective, (T,); ``drift``, Frobenius norm of
        B(t) - e^(-2 lam t) B(0), lam = sqrt(lam_w lam_h), 0 where both decays are the same, (T,); ``balance``, that of
        B(t), (T,); ``nc1``, tr Sigma_W / tr Sigma_B of the features around class means and of these around the mean of
        all, (T,), NaN with method "means"; ``weight_norms`` (T, K) and ``feature_norms``, of class means, (T, m);
        ``bias_norm`` (T,); ``strengths``, singular values of the logits of the class means, (T, min(m, K));
        ``weight_simplex`` and ``mean_simplex``, distance (:func:`from_simplex`) of the Gram matrices of the weights
        and of the class means less their mean, (T,).
    status : collapsed (nc1 is at most ``until_nc``, method "full"), finished, stalled, stopped or diverged: see
        :data:`ufm.simulate.method.Status`.
    stats : method, seconds, steps, evaluations, and whatever else explains the run.
    start, state : the first point, and the last one that was reached.
    states : with ``keep="features"`` the points at all times, with an axis for time in front, else None.
    """

    problem: FeatureModel
    times: Array
    curves: dict[str, Array]
    status: Status
    stats: dict[str, Any]
    start: Point = field(repr=False)
    state: Point = field(repr=False)
    states: Point | None = field(default=None, repr=False)
    certificate: None = None
    """None: of a motion there is nothing to bound."""

    def shown(self) -> Shown:
        """How it ended, and each single curve at first and at last."""
        single = {name: values for name, values in self.curves.items() if values.ndim == 1}
        rows = [(name, f"{values[0]:.4g}", f"{values[-1]:.4g}") for name, values in single.items()]
        model = f"{self.problem.loss_name}, {self.problem.n_classes} classes"
        head = f"{model}: {self.status} at t = {self.times[-1]:.4g}, value {self.value[-1]:.6g}"
        return Shown(head, [("", "first", "last"), *rows], {"value, over time": self.value})

    @property
    def value(self) -> Array:
        """The objective at every time, (T,)."""
        return self.curves["value"]

    @property
    def nc1(self) -> Array:
        """Variance of the features within classes over that between them at every time, (T,)."""
        return self.curves["nc1"]

    @cached_property
    def scale(self) -> float:
        """The objective where weights, features and bias are 0."""
        return Field(self.problem, full=False).at(Point(*(np.zeros_like(part) for part in self._means(self.start))))[0]

    def _means(self, point: Point) -> Point:
        """The same with a feature for each class."""
        return point._replace(features=Field(self.problem, self.stats["method"] == "full").means(point.features))

    @cached_property
    def _kept(self) -> Point:
        if self.states is None:
            raise ValueError("states were not kept: simulate with keep='features'")
        means = [self._means(Point(*parts)).features for parts in zip(*self.states, strict=True)]
        return self.states._replace(features=np.stack(means))

    @property
    def class_logits(self) -> Array:
        """Logits of the class means without the bias at every time, a row for each class, (T, m, K)."""
        return self._kept.features @ self._kept.weights.transpose(0, 2, 1)

    @property
    def weight_gram(self) -> Array:
        """W W^T at every time, (T, K, K)."""
        return self._kept.weights @ self._kept.weights.transpose(0, 2, 1)

    @property
    def feature_gram(self) -> Array:
        """Products of class means at every time, (T, m, m)."""
        return self._kept.features @ self._kept.features.transpose(0, 2, 1)

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Curves as an xarray Dataset along ``time``; the attributes hold status, stats and the model as JSON."""
        import xarray

        second = {"weight_norms": ("output",), "feature_norms": ("class",), "strengths": ("mode",)}
        curves = {name: (("time", *second.get(name, ())), values) for name, values in self.curves.items()}
        about = {"status": self.status, "stats": json.dumps(self.stats)}
        if isinstance(self.problem.loss, str):
            about["problem"] = self.problem.to_json()
        return xarray.Dataset(curves, coords={"time": ("time", self.times, {"units": "flow time"})}, attrs=about)


class _Flow:
    """A flow under way, in coordinates that its start spans: it never leaves them."""

    def __init__(self, field: Field, start: Point, rtol: float) -> None:
        self.field = field
        spanning = len(start.weights) + len(start.features)
        few = spanning < start.weights.shape[1]
        self.basis = np.linalg.qr(np.concatenate(start[:2]).T)[0].T if few else None
        self.point = start if self.basis is None else start.times(self.basis.T)
        self.first, self.work = field.balance(self.point), Work()
        x = self.point.flat()
        # DOP853's error norm is a mean over all entries: bound the largest one instead, in units of a small start
        share, unit = rtol / np.sqrt(x.size), min(1.0, float(np.abs(x).max()) or 1.0)
        with np.errstate(all="ignore"):
            self.solver = DOP853(self.velocity, 0.0, x, np.inf, rtol=max(share, 1e-13), atol=share * unit)

    def velocity(self, _: float, x: Array) -> Array:
        """Minus the gradient."""
        return -self.field.at(self.point.unflat(x))[1].flat()

    def lifted(self) -> Point:
        """Where it is, in all d coordinates."""
        return self.point if self.basis is None else self.point.times(self.basis)

    def record(self, times: Array, keep: bool, progress: bool) -> tuple[dict[str, Array], Point | None, Trouble | None]:
        """Curves at all times, with ``keep`` the points as well, and why they end early; NaN where they do."""
        curves = {name: np.full((len(times), *np.shape(each)), np.nan) for name, each in self.observe(0.0).items()}
        states = Point(*(np.full((len(times), *part.shape), np.nan) for part in self.lifted())) if keep else None
        try:
            for j, moment in tqdm(self.points_at(times), "flow", len(times), disable=not progress):
                for name, each in self.observe(moment).items():
                    curves[name][j] = each
                for kept, part in zip(states or (), self.lifted() if keep else (), strict=True):
                    kept[j] = part
        except Unfinished as stop:
            return curves, states, stop.trouble
        return curves, states, None

    def points_at(self, times: Array) -> Iterator[tuple[int, float]]:
        """Go to each of the ascending times; steps end on them. Raises Unfinished."""
        if not np.all(np.isfinite(self.solver.f)):
            raise Unfinished(Trouble("diverged", "the gradient is not finite at the start"), -1.0)
        for j, moment in enumerate(times.tolist()):
            self.solver.t_bound = moment
            while self.solver.t < moment:
                self.step()
            yield j, moment

    def step(self) -> None:
        """Take one step. Raises Unfinished."""
        solver = self.solver
        before, evaluated = float(solver.t), solver.nfev
        solver.status = "running"
        with np.errstate(all="ignore"):
            message = solver.step()
        self.work.steps += 1
        self.work.evaluations += solver.nfev - evaluated
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            reason = f"weights and features run away at t={before:.6g}{f': {message}' if message else ''}"
            raise Unfinished(Trouble("diverged", reason), before)
        self.point = self.point.unflat(solver.y)
        if self.work.steps >= MAX_STEPS:
            raise Unfinished(Trouble("stopped", f"t={solver.t:.3g} is reached after {MAX_STEPS} steps"), solver.t)

    @np.errstate(over="ignore", invalid="ignore")
    def observe(self, time: float) -> dict[str, Array | float]:
        """Everything that is recorded: see :class:`FeatureTrajectory`."""
        w, h, b = self.point
        means, balance = self.field.means(h), self.field.balance(self.point)
        centred = means - means.mean(axis=0)
        expected = np.exp(-2.0 * self.field.model.strength * time) * self.first
        return {
            "value": self.field.at(self.point)[0],
            "drift": float(np.linalg.norm(balance - expected)),
            "balance": float(np.linalg.norm(balance)),
            "nc1": self.field.within(h),
            "weight_norms": row_norms(w),
            "feature_norms": row_norms(means),
            "bias_norm": float(np.linalg.norm(b)),
            "strengths": linalg.svdvals(means @ w.T),
            "weight_simplex": from_simplex(w @ w.T),
            "mean_simplex": from_simplex(centred @ centred.T),
        }


@flow_of.register
def _(problem: FeatureModel, wanted: Wanted) -> FeatureTrajectory:
    asked, times = wanted.asked, wanted.times
    if type(problem) is not FeatureModel:
        raise ValueError(f"a {type(problem).__name__} has minima, but no flow here: ufm.FeatureModel has one")
    asked.require(LEARNED_NAMES)
    asked.refuse("but a model without a frame has none of it", frame=None, features=None, labels=None, loss=None)
    asked.refuse("but weights and features of this model move at the same rate", frame_rate=None)
    if times is None:
        raise ValueError("weights and features are followed to given times: t_eval or t_final is needed")
    full = asked.method == "full" or (asked.method == "auto" and _samples_given(problem, asked.start))
    _require_memory(problem, full, len(times), asked.keep)
    start = _start(problem, asked, full)
    with one_thread(start.features.size):
        flow = _Flow(Field(problem, full), start, wanted.rtol)
        curves, states, trouble = flow.record(times, asked.keep == "features", wanted.progress)
    if trouble is None and not (start.weights.any() or start.features.any()):
        trouble = Trouble("stalled", "weights and features start at 0, from where nothing moves them")
    stats = {
        "method": "full" if full else "means",
        "seed": asked.seed,
        "start": asked.start if isinstance(asked.start, str) else _described(asked.start),
        **wanted.stats(flow.work),
        **({"reason": trouble.reason} if trouble else {}),
    }
    status: Status = trouble.status if trouble else "finished"
    if curves["nc1"][-1] <= wanted.until_nc:
        status = "collapsed"
    return FeatureTrajectory(problem, times, curves, status, stats, start, flow.lifted(), states)


@flow_of.register
def _(problem: BalancedFlow, wanted: Wanted) -> FeatureTrajectory:
    """From its own start, at its own times."""
    wanted.asked.refuse("but a BalancedFlow has one", start="gaussian")
    if wanted.times is not None:
        raise ValueError("t_eval or t_final was given, but a BalancedFlow has times of its own")
    asked = replace(wanted.asked, start=problem.start)
    found = flow_of(problem.model, replace(wanted, asked=asked, times=np.asarray(problem.times)))
    return replace(found, problem=problem)


def _described(start: Any) -> Any:
    return vars(start) if isinstance(start, Start) else "given"


def _samples_given(model: FeatureModel, start: Any) -> bool:
    """Whether the features of a start are those of samples."""
    given = not isinstance(start, Start | str) and len(start) > 1
    return given and len(start[1]) != model.n_classes


def _require_memory(model: FeatureModel, full: bool, records: int, keep: str) -> None:
    """Raise MemoryError if integration and records would not fit."""
    rows = model.n_samples if full else model.n_classes
    size = (model.n_outputs + rows) * model.dim
    side = min(model.dim, model.n_outputs + rows)
    held = COPIES * (model.n_outputs + rows) * side + 8 * rows * model.n_outputs + 4 * side**2 + 2 * size
    what = f"a flow of {rows} features and {model.n_outputs} weights of dimension {model.dim}"
    memory.require(8 * held, what, "use method='means', a feature for each class" if full else "use fewer classes")
    recorded = records * (2 * model.n_outputs + model.n_classes + 8 + (2 * size if keep == "features" else 0))
    memory.require(8 * recorded, f"{what}, recorded at {records} times,", "record fewer times")


def _start(model: FeatureModel, asked: Asked, full: bool) -> Point:
    """The first point, drawn or given. Raises ValueError."""
    k, rows, dim = model.n_outputs, model.n_samples if full else model.n_classes, model.dim
    none = np.zeros(0 if model.bias == "none" else k)
    if not isinstance(asked.start, Start | str):
        return _given(model, asked.start, full, none)
    start = asked.start if isinstance(asked.start, Start) else Start(asked.start)  # type: ignore[arg-type]
    if start.kind == "antipode":
        raise ValueError("start='antipode' is of a mean center, which a model without a frame does not have")
    drawn = start.place(np.random.default_rng(asked.seed).standard_normal((k + rows, dim)), np.zeros(dim))
    return Point(drawn[:k], drawn[k:], none)


def _given(model: FeatureModel, start: Any, full: bool, none: Array) -> Point:
    if len(start) not in (2, 3):
        raise ValueError(f"start has {len(start)} parts: weights, features and, for a model with one, bias are needed")
    parts = [real_array(f"start.{name}", part) for name, part in zip(Point._fields, start, strict=False)]
    if len(parts) == 2 or not parts[2].size:
        parts[2:] = [none]
    m, dim = model.n_classes, model.dim
    shapes = ((model.n_outputs, dim),), ((m, dim), (model.n_samples, dim))[: 1 + full], (none.shape,)
    for name, part, allowed in zip(Point._fields, parts, shapes, strict=True):
        if part.shape not in allowed:
            raise ValueError(f"start.{name} has shape {part.shape}: {' or '.join(map(str, allowed))} is needed")
        if not np.all(np.isfinite(part)) or np.abs(part).max(initial=0.0) > LARGEST:
            raise ValueError(f"start.{name} contains NaN, infinity, or more than {LARGEST:g}")
    point = Point(*parts)
    if full and len(point.features) != model.n_samples:
        return point._replace(features=np.repeat(point.features, model.class_sizes, axis=0))
    return point
