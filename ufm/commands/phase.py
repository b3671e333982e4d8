"""``ufm phase``: where classes live, merge and die, for P with a learned frame and for losses of logits."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.certify import certify
from ufm.certify.phases import Threshold, theory_of, thresholds
from ufm.certify.predict import predict
from ufm.commands.flags import LossFlags, ProblemFlags, check_folder
from ufm.files import memory, store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.store import config_key
from ufm.files.text import columns, require_known
from ufm.minimize.phase import (
    LAM,
    MODEL_AXES,
    Axis,
    ModelDiagram,
    PhaseDiagram,
    imbalances,
    model_diagram,
    model_grid,
    phase_diagram,
    spread,
)
from ufm.problems import build
from ufm.problems.feature_model import FeatureModel
from ufm.problems.file_loss import read_loss
from ufm.problems.frames import Array
from ufm.problems.problem import MultiCenterProblem, Problem, Sizes, natural
from ufm.problems.sizes import long_tailed_sizes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAM_W, LAM_H = r"$\lambda_W$", r"$\lambda_H$"
OF_P = ("weights", "tau")
"""What a diagram of P may be over."""


FEWER = "take fewer --points"

LOADED = 10.0
"""Seconds that loading what the first point needs does not take."""


@dataclass(frozen=True)
class Asked:
    """A diagram that is to be made, and how it is drawn."""

    make: Callable[..., PhaseDiagram | ModelDiagram]
    problem_at: Callable[[float, float], Any]
    own: Callable[[float], Any]
    """The problem with the class sizes that were given, and lam_W = lam_H."""
    vertical: Axis
    horizontal: Axis
    draw: "Callable[..., Figure]"

    def diagram(self, *, progress: bool) -> PhaseDiagram | ModelDiagram:
        """All of it."""
        return self.make(self.problem_at, self.vertical, self.horizontal, progress=progress)

    @property
    def configuration(self) -> dict[str, Any]:
        """What tells one diagram from another, as plain values."""
        axes = {axis.name: axis.values.tolist() for axis in (self.vertical, self.horizontal)}
        corners = [self.problem_at(*map(float, ends)) for ends in zip(*axes.values(), strict=False)]
        return {"problems": [each.key for each in (self.own(1.0), *corners)], "axes": axes}

    def thresholds(self) -> list[Threshold]:
        """What theory knows to change at the class sizes that were given, between the ends of the horizontal axis."""
        return thresholds(self.own, *map(float, self.horizontal.values[[0, -1]]))

    def announce(self) -> None:
        """Say how long minima and certificates will take, if that is long: by the point in the middle.

        What is loaded the first time counts for that point and not for the others, so a second look decides.
        """
        count = len(self.vertical.values) * len(self.horizontal.values)
        one = self._one()
        if count * one > memory.NOTICED and one < LOADED:
            one = min(one, self._one())
        memory.require_time(count * one, f"a diagram of {count} minima, with their certificates,", FEWER)

    def _one(self) -> float:
        """Seconds of one point."""
        middle = (
            replace(axis, values=axis.values[[len(axis.values) // 2]]) for axis in (self.vertical, self.horizontal)
        )
        began = time.perf_counter()
        certify(self.make(self.problem_at, *middle))
        return time.perf_counter() - began


@dataclass
class Command(LossFlags, ProblemFlags):
    """Map which classes are alive, merged or dead.

    Minima on a grid, with theory's boundaries drawn over it. Without --loss for P with a learned frame; with it for
    free weights and features under that loss, where equal classes may merge and the rank falls step by step.

    Example: ufm phase --class-sizes 100,10,1 --centers 1

    Example: ufm phase --preset cifar10-lt --f 5 --axes tau

    Example: ufm phase --loss ce --class-sizes 500,500,500,50,50,50 --axes lam,tau

    Example: ufm phase --loss ce --class-sizes 500,200,80,30,10 --axes lam

    Example: ufm phase --loss bce --n-classes 10 --n-max 500 --tau 0.01 --axes lam

    Example: ufm phase --loss mine.py::PairwiseLogistic --class-sizes 500,50,50

    The rank staircase of unequal classes under cross-entropy has no known formula but for its last step, where all is
    dead: its steps are simulated.

    Prints where theory sees the class sizes as given change. Writes phase.nc and phase.png into --out. Status 1 if
    a class lives, merges or dies against theory, a norm differs from its prediction, or a minimum has no
    certificate.
    """

    group = "Class sizes"

    loss: str | None = None  # type: ignore[assignment]
    """ce, mse, bce, hinge or squared-hinge, or one of your own, FILE.py::NAME, of free weights and features
    (default: P with a learned frame)."""
    axes: str | None = None
    """P: weights, lam_W over lam_H, or tau, imbalance ratio over lam_W = lam_H, with centers by the rule at each tau.
    A loss: lam, the root of lam_W lam_H; lam,tau, which moves the class sizes given between the largest and tau times
    that; or lam,ratio, the latter lam_W / lam_H
    (default: weights, of a loss lam,tau)."""
    low: float | None = None
    """Smallest weight (default: a quarter of that at which theory sees the first class die or merge)."""
    high: float | None = None
    """Largest weight (default: four times that at which the last class dies; of a loss twice)."""
    points: int = 16
    """Points per axis, at least 2."""
    seed: int = 0
    """Seed of the random starts."""
    out: Path | None = None
    """Folder for the results (default: runs/phase/KEY, where KEY is a hash of problems and axes)."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Minimise everywhere, compare with theory, write, report."""
        from figures import style

        natural("seed", self.seed)
        if self.points < 2:
            raise ValueError(f"points={self.points} must be at least 2")
        asked = self._of_p() if self.loss is None else self._of_loss(self.loss)
        configuration = asked.configuration | {"seed": self.seed}
        folder = self.out or Path("runs") / "phase" / config_key(configuration)
        check_folder(folder, "phase.nc", "phase.png")
        asked.announce()
        diagram, said = asked.diagram(progress=interactive()), asked.thresholds()
        theory = theory_of(diagram)
        report = certify(diagram, seed=self.seed, progress=interactive())
        said_of = {"configuration": store.to_json(configuration), "title": report.title}
        data = diagram.dataset().merge(theory).assign_attrs(said_of)
        path = store.save(data, folder / "phase.nc")
        style.save_figure(asked.draw(diagram, theory), folder / "phase.png")
        changes = [each._asdict() for each in said]
        plain = {**report.to_dict(), "points": diagram.gap.size, "thresholds": changes, "out": str(path)}
        print(store.to_json(plain) if self.json else f"{report}\n\n{in_words(said)}\n\nwritten to {folder}")
        return OK if report.holds else FAILS

    def _of_loss(self, loss: str) -> "Asked":
        """The diagram of free weights and features, and how it is drawn."""
        from figures.commands.phase import model_phase_figure

        for name in ("problem", "centers", "f", "theta", "frame", "beta", "lam", "lam_h", "lam_w"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}={getattr(self, name)} has no meaning beside --loss: leave it out for P")
        said: dict[str, Any] = {"loss": read_loss(loss)} | ({} if self.dim is None else {"dim": self.dim})

        def model_of(sizes: Sizes, lam_w: float, lam_h: float) -> FeatureModel:
            return FeatureModel(sizes, lam_w=lam_w, lam_h=lam_h, **said, **self.changes(sizes))

        sizes = self.sizes()
        axes = (self.axes or "lam,tau").replace(" ", "")
        ends = {"low": self.low, "high": self.high}
        model_at, vertical, horizontal = model_grid(model_of, sizes, axes, self.points, **ends)
        self._require(len(vertical.values) * len(horizontal.values), 1000 + 48 * len(sizes))
        return Asked(
            model_diagram, model_at, lambda lam: model_of(sizes, lam, lam), vertical, horizontal, model_phase_figure
        )

    def _require(self, count: int, n_bytes: int) -> None:
        """Refuse so many minima if they would not fit."""
        memory.require(count * n_bytes, f"a diagram of {count} minima", FEWER)

    def _of_p(self) -> "Asked":
        """The diagram of P, and how it is drawn."""
        from figures.commands.phase import phase_figure

        for field in fields(LossFlags):
            if (value := getattr(self, field.name)) != field.default:
                raise ValueError(f"{field.name}={value} needs --loss: it changes a loss of logits")
        return Asked(partial(phase_diagram, seed=self.seed), *self._grid(), phase_figure)

    def _grid(self) -> tuple[Callable[[float, float], Any], Callable[[float], Any], Axis, Axis]:
        """The problem at each point, that with the class sizes that were given, and the axes."""
        axes = self.axes or "weights"
        if axes in MODEL_AXES:
            raise ValueError(f"axes={axes} needs --loss: of P without it there are {' and '.join(OF_P)}")
        require_known(axes, OF_P, f"axes={axes!r} is unknown for P")
        for name in ("frame", "beta", "lam", "lam_h", "lam_w", "dim"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}={getattr(self, name)}; a phase diagram is of P, with its weights on the axes")
        base = replace(self, lam_h=1.0, lam_w=1.0, loss="mse").build()
        # two numbers and a bit a class, and the problem itself
        self._require(self.points**2, 1000 + 32 * base.n_classes)

        def learned(sizes: tuple[int, ...], lam_w: float, lam_h: float) -> MultiCenterProblem:
            centers = (
                base.centers if sizes == base.class_sizes else build.centers(self.description(), sizes, base.theta)
            )
            return Problem(sizes, centers, base.theta, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")

        def own(lam: float) -> MultiCenterProblem:
            return learned(base.class_sizes, lam, lam)

        if axes == "weights":
            weights = self._weights([own(1.0)])
            sides = Axis("lam_w", LAM_W, LAM_W, weights), Axis("lam_h", LAM_H, LAM_H, weights)
            return (lambda w, h: learned(base.class_sizes, w, h)), own, *sides
        largest, count = max(base.class_sizes), base.n_classes
        tau = imbalances(largest, self.points)

        def tailed(tau: float, lam: float) -> MultiCenterProblem:
            return learned(long_tailed_sizes(count, largest, tau), lam, lam)

        weights = self._weights([tailed(float(each), 1.0) for each in tau.values])
        return tailed, own, tau, Axis("lam", LAM, r"$\lambda = \lambda_W = \lambda_H$", weights)

    def _weights(self, problems: list[MultiCenterProblem]) -> Array:
        """Weights from before the first death to after the last, if not given."""
        # a class dies where sqrt(lam_W lam_H) is its factor at weights of 1
        critical = np.concatenate([predict(problem).clearance for problem in problems])
        return spread(critical.min() / 4.0, critical.max() * 4.0, self.points, self.low, self.high)


MANY = 12
"""So many thresholds are printed, first and last ones."""


def in_words(said: Sequence[Threshold]) -> str:
    """Thresholds as a table."""
    if not said:
        return "theory knows no threshold of these class sizes in this range"
    rows = [(f"{each.lam:.5g}", each.change) for each in said]
    if len(rows) > MANY:
        rows = [*rows[: MANY // 2], ("...", f"{len(rows) - MANY} more"), *rows[-MANY // 2 :]]
    head = "theory of the class sizes as given: what happens where lam = sqrt(lam_W lam_H) passes"
    return "\n".join([head, *columns(rows)])
