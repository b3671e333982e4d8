"""``ufm simulate``: the gradient flow of one problem."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ufm
from ufm.commands.flags import ProblemFlags, check_folder
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.store import config_key
from ufm.problems.kinds import Learned
from ufm.problems.sizes import load_array
from ufm.problems.start import Start
from ufm.simulate.flow import RTOL


@dataclass
class Command(ProblemFlags):
    """Follow the gradient flow of a problem until it has collapsed.

    Example: ufm simulate --preset cifar100-lt --tau 0.01

    Example: ufm simulate --class-sizes 500,50,5 --centers 2,5,10 --theta 0.3 --json

    Writes trajectory.nc, problem.toml and collapse.png into --out.
    """

    group = "Class sizes"

    method: Literal["auto", "full", "span", "reduced", "exact"] = "auto"
    """auto takes the fastest method that is exact for the loss."""
    start: Literal["gaussian", "sphere", "antipode"] = "gaussian"
    """Distribution of the initial features, unless they come from --features."""
    scale: float = 1.0
    """Standard deviation (gaussian) or norm of the initial features."""
    offset: float = 1e-3
    """Distance of an antipode start from the antipode, on the unit sphere; for no other start."""
    features: Path | None = None
    """Initial features instead: .npy array (samples, dim), rows grouped by class."""
    basis: Literal["coordinate", "random"] = "coordinate"
    """Basis of the frame; both give the same up to a rotation."""
    seed: int = 0
    """Seed of start and frame."""
    t_final: float | None = None
    """Flow time to stop at, collapsed or not; without --until-nc, which is the other way to say where to stop."""
    until_nc: float = 1e-10
    """Stop when the NC of every sample, its distance from collapse, is below this; without --t-final."""
    n_times: int = 65
    """Recorded times."""
    rtol: float = RTOL
    """Error allowed per step."""
    keep: Literal["metrics", "final", "features"] = "metrics"
    """What to store: class curves, also the last features, or features at all times."""
    certify: bool = False
    """Hold the result against theory and print the checks (status 1 if one fails)."""
    out: Path | None = None
    """Folder for the results (default: runs/simulate/KEY, where KEY is a hash of problem and flags)."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Simulate, write, report."""
        from figures import style
        from figures.commands.simulate import collapse_figure

        self._require_effect()
        problem = self.build()
        flow = {name: str(getattr(self, name)) for name in FLOW_FLAGS}
        configuration = {"problem": problem.to_dict(), "flow": flow}
        folder = self.out or Path("runs") / "simulate" / config_key(configuration)
        check_folder(folder, "trajectory.nc", "problem.toml", "collapse.png")
        if isinstance(problem, Learned):
            raise ValueError("frame='learned': `ufm simulate` keeps the frame fixed; `ufm verify` minimises over it")
        options = ("seed", "method", "t_final", "until_nc", "n_times", "keep", "rtol")
        trajectory = ufm.gradient_flow(
            problem,
            frame=ufm.multi_center_frame(problem, basis=self.basis, seed=self.seed),
            features=None if self.features is None else load_array(self.features),
            start=Start(self.start, self.scale, self.offset),
            progress=interactive(),
            **{name: getattr(self, name) for name in options},
        )
        report = ufm.certify(trajectory) if self.certify else None
        data = trajectory.data.assign_attrs(configuration=store.to_json(configuration))
        path = store.save(data, folder / "trajectory.nc")
        store.save_text(folder / "problem.toml", problem.to_toml())
        style.save_figure(collapse_figure({f"{problem.loss} loss": trajectory}), folder / "collapse.png")
        summary = {
            "status": trajectory.status,
            "t": float(trajectory.times[-1]),
            "nc_max": trajectory.nc_max,
            "seconds": trajectory.stats["seconds"],
            "steps": trajectory.stats["steps"],
            "out": str(path),
        }
        said = [_sentence(trajectory), f"written to {folder}"]
        if report is not None:
            summary["report"] = report.to_dict()
            said.insert(1, str(report))
        print(store.to_json(summary) if self.json else "\n".join(said))
        good = trajectory.status in ("collapsed", "finished") and (report is None or report.holds)
        return OK if good else FAILS

    def _require_effect(self) -> None:
        """Raise ValueError for a flag that another one leaves without effect."""
        without = {
            "--t-final": ("until_nc",) if self.t_final is not None else (),
            "--features": ("start", "scale", "offset") if self.features is not None else (),
            f"--start {self.start}": ("offset",) if self.start != "antipode" else (),
        }
        for flag, names in without.items():
            for name in names:
                if (value := getattr(self, name)) != getattr(Command, name):
                    raise ValueError(f"--{name.replace('_', '-')} {value} has no effect with {flag}: leave one out")


FLOW_FLAGS = (
    *("method", "start", "scale", "offset", "features", "basis", "seed"),
    *("t_final", "until_nc", "n_times", "rtol", "keep"),
)
"""Flags of a simulation that, with the problem, decide its result."""


def _sentence(t: ufm.Trajectory) -> str:
    """What happened, in one line."""
    p = t.problem
    what = f"{p.n_samples} samples of {p.n_classes} classes, {p.n_centers} centers, d={p.dim}, {p.loss} loss"
    how = f"method {t.stats['method']}, {t.stats['seconds']:.2f} s"
    reason = f" ({t.stats['reason']})" if "reason" in t.stats else ""
    return f"{what}: {t.status} at t={t.times[-1]:.4g}, largest NC {t.nc_max:.2g}{reason}; {how}"
