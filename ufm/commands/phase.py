"""``ufm phase``: where the classes of P with a learned frame live and die."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from theory.multicenter.geometry import minimum_dimension
from ufm.certify import certify
from ufm.certify.predict import predict
from ufm.commands.flags import ProblemFlags, check_folder
from ufm.files import memory, store
from ufm.files.process import FAILS, OK, interactive
from ufm.minimize.phase import Axis, phase_diagram
from ufm.problems import build
from ufm.problems.frames import Array
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.sizes import long_tailed_sizes

LAM_W, LAM_H, LAM = r"$\lambda_W$", r"$\lambda_H$", r"$\lambda$"


@dataclass
class Command(ProblemFlags):
    """Map which classes of P with a learned frame are alive: minimise on a grid, draw theory's boundaries over it.

    Example: ufm phase --class-sizes 100,10,1 --centers 1

    Example: ufm phase --preset cifar10-lt --f 5 --axes tau

    Writes phase.nc and phase.png into --out. Status 1 if a class lives or dies against theory, a norm differs from
    its prediction, or a minimum has no certificate.
    """

    axes: Literal["weights", "tau"] = "weights"
    """weights: lam_W over lam_H. tau: imbalance ratio over lam_W = lam_H, with centers by the rule at each tau."""
    low: float | None = None
    """Smallest weight (default: a quarter of that at which theory sees the first class die)."""
    high: float | None = None
    """Largest weight (default: four times that at which the last class dies)."""
    points: int = 16
    """Points per axis, at least 2."""
    seed: int = 0
    """Seed of the random starts."""
    out: Path = Path("runs/phase")
    """Folder for the results."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Minimise everywhere, compare with theory, write, report."""
        from figures import style
        from figures.commands.phase import phase_figure

        check_folder(self.out, "phase.nc", "phase.png")
        problem_at, vertical, horizontal = self._grid()
        diagram = phase_diagram(problem_at, vertical, horizontal, seed=self.seed, progress=interactive())
        report = certify(diagram, seed=self.seed)
        path = store.save(diagram.dataset(), self.out / "phase.nc")
        style.save_figure(phase_figure(diagram), self.out / "phase.png")
        plain = {**report.to_dict(), "points": diagram.gap.size, "out": str(path)}
        print(store.to_json(plain) if self.json else f"{report}\nwritten to {self.out}")
        return OK if report.holds else FAILS

    def _grid(self) -> tuple[Callable[[float, float], MultiCenterProblem], Axis, Axis]:
        """The problem at each point, and the axes."""
        for name in ("loss", "frame", "beta", "lam", "lam_h", "lam_w", "dim"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}={getattr(self, name)}; a phase diagram is of P, with its weights on the axes")
        if self.points < 2:
            raise ValueError(f"points={self.points} must be at least 2")
        base = replace(self, lam_h=1.0, lam_w=1.0, loss="mse").build()
        count, what = self.points**2, f"a diagram of {self.points} x {self.points} minima"
        # two numbers and a bit a class, and the problem itself; 5 ms a minimum of a few classes
        memory.require(count * (1000 + 32 * base.n_classes), what, "take fewer --points")
        memory.require_time(5e-3 * count, what, "take fewer --points")

        def learned(sizes: tuple[int, ...], lam_w: float, lam_h: float) -> MultiCenterProblem:
            centers = (
                base.centers if sizes == base.class_sizes else build.centers(self.description(), sizes, base.theta)
            )
            problem = Problem(sizes, centers, base.theta, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")
            return replace(problem, dim=minimum_dimension(problem.centers))

        if self.axes == "weights":
            weights = self._weights([learned(base.class_sizes, 1.0, 1.0)])
            axes = Axis("lam_w", LAM_W, LAM_W, weights), Axis("lam_h", LAM_H, LAM_H, weights)
            return (lambda w, h: learned(base.class_sizes, w, h)), *axes
        largest, count = max(base.class_sizes), base.n_classes
        ratios = np.geomspace(max(0.005, 1.0 / largest), 1.0, self.points)

        def tailed(tau: float, lam: float) -> MultiCenterProblem:
            return learned(long_tailed_sizes(count, largest, tau), lam, lam)

        weights = self._weights([tailed(float(tau), 1.0) for tau in ratios])
        tau = Axis("tau", r"$\tau$", r"$\tau = n_{min} / n_{max}$", ratios)
        return tailed, tau, Axis("lam", LAM, r"$\lambda = \lambda_W = \lambda_H$", weights)

    def _weights(self, problems: list[MultiCenterProblem]) -> Array:
        """Weights from before the first death to after the last, if not given."""
        # a class dies where sqrt(lam_W lam_H) is its factor at weights of 1
        critical = np.concatenate([predict(problem).clearance for problem in problems])
        low = critical.min() / 4.0 if self.low is None else self.low
        high = critical.max() * 4.0 if self.high is None else self.high
        if not 0.0 < low < high < np.inf:
            raise ValueError(f"low={low:g} and high={high:g} must satisfy 0 < low < high")
        return np.geomspace(low, high, self.points)
