"""The command line: ``ufm simulate``, ``ufm verify``, ``ufm presets``.

Messages and progress bars go to stderr. With ``--json`` stdout carries exactly one JSON object. Exit status: 0 all
is done and holds, 1 it ran and something does not hold, 2 the input is wrong (one line says which value and what
is allowed).
"""

import contextlib
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

import ufm
from theory.geometry import minimum_dimension
from ufm import store
from ufm.flow import RTOL
from ufm.presets import PRESETS, preset, spend
from ufm.problem import Problem, config_key
from ufm.sizes import load_array, read_class_sizes
from ufm.start import Start

OK, FAILS, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


@dataclass
class ProblemFlags:
    """Which problem: a preset or a file, changed by single values."""

    preset: str | None = None
    """Named problem; `ufm presets` lists them."""
    problem: Path | None = None
    """File with a problem, .toml or .json."""
    class_sizes: str | None = None
    """Samples per class: "100,50,10", or a file of sizes or labels (.npy, .csv, .txt)."""
    tau: float | None = None
    """Imbalance ratio n_min / n_max of a preset, in (0, 1]."""
    centers: str | None = None
    """Centers per class: class-aware, apportioned or uniform (with --f), one number, or a list "2,3,5"."""
    f: int | None = None
    """Mean number of centers per class for the rules of --centers (20, or the preset's)."""
    theta: float | None = None
    """Angle of the frame, radians in [0, pi/2] (0.2)."""
    dim: int | None = None
    """Feature dimension, at least sum(centers) + classes (that minimum)."""
    loss: Literal["cosine", "mse"] | None = None
    """Cosine loss, or the paper's problem P."""
    beta: str | None = None
    """Cosine loss: weight per class: "weighted" (cos alpha_k), a number, or a list."""
    lam: float | None = None
    """Cosine loss: weight of the norm penalty, >= 0."""
    lam_h: float | None = None
    """P: weight of the feature norms, >= 0."""
    lam_w: float | None = None
    """P: weight of the classifier norms, >= 0."""

    def given(self) -> bool:
        """Whether any of the flags is set."""
        return any(getattr(self, name) is not None for name in ProblemFlags.__dataclass_fields__)

    def build(self) -> Problem:
        """The problem. Raises ValueError or OSError."""
        sources = [s for s in ("preset", "problem", "class_sizes") if getattr(self, s) is not None]
        if len(sources) != 1:
            raise ValueError(
                "one of --preset, --problem and --class-sizes is needed" + (", not several" if sources else "")
            )
        if self.tau is not None and self.preset is None:
            raise ValueError(f"tau={self.tau} belongs to --preset: other problems have their class sizes")
        changes = {name: getattr(self, name) for name in ("theta", "dim", "lam", "lam_h", "lam_w")}
        changes = {name: value for name, value in changes.items() if value is not None}
        if self.beta is not None:
            changes["beta"] = "weighted" if self.beta == "weighted" else _numbers("beta", self.beta, float)
        if self.preset is not None:
            base = preset(self.preset, tau=self.tau, loss=self.loss or "cosine")
            return self._changed(base, changes)
        if self.problem is not None:
            return self._changed(_read_problem(self.problem), changes)
        assert self.class_sizes is not None
        sizes = _sizes(self.class_sizes)
        centers = self._centers(sizes)
        return Problem(
            **{"class_sizes": sizes, "centers": centers, "theta": 0.2, "loss": self.loss or "cosine", **changes}
        )

    def _changed(self, base: Problem, changes: dict[str, Any]) -> Problem:
        values = base.to_dict()
        if self.loss is not None and self.loss != base.loss:
            values = {k: v for k, v in values.items() if k not in ("beta", "lam", "lam_h", "lam_w")}
            values["loss"] = self.loss
        if self.centers is not None or self.f is not None:
            values["centers"] = self._centers(base.class_sizes)
            counts = Problem(base.class_sizes, values["centers"], 0.0).centers
            values["dim"] = max(values["dim"], minimum_dimension(counts))
        return Problem.from_dict({**values, **changes})

    def _centers(self, sizes: tuple[int, ...]) -> Any:
        text = self.centers or "class-aware"
        if re.fullmatch(r"[\d\s,.+-]+", text):
            if self.f is not None:
                raise ValueError(f"f={self.f} goes with a rule, not with centers={text}")
            return _numbers("centers", text, int)
        default = PRESETS[self.preset].f if self.preset is not None else 20
        return spend(text, sizes, default if self.f is None else self.f)


def _numbers(name: str, text: str, kind: Any) -> Any:
    """One number, or a list of numbers."""
    try:
        values = [kind(part) for part in text.replace(" ", "").split(",")]
    except ValueError:
        raise ValueError(f"{name}={text!r} is neither a number nor a list of numbers like 2,3,5") from None
    return values if len(values) > 1 else values[0]


def _sizes(text: str) -> tuple[int, ...]:
    if re.fullmatch(r"[\d\s,.+-]+", text) and not Path(text).exists():
        values = _numbers("class_sizes", text, int)
        return tuple(values) if isinstance(values, list) else (values,)
    return read_class_sizes(text)


def _read_problem(path: Path) -> Problem:
    text = path.read_text()
    if path.suffix not in (".toml", ".json"):
        raise ValueError(f"{path}: a problem file ends in .toml or .json")
    try:
        return Problem.from_toml(text) if path.suffix == ".toml" else Problem.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


@dataclass
class Simulate(ProblemFlags):
    """Follow the gradient flow of a problem until it has collapsed.

    Example: ufm simulate --preset cifar100-lt --tau 0.01

    Example: ufm simulate --class-sizes 500,50,5 --centers 2,5,10 --theta 0.3 --json

    Writes trajectory.nc, problem.toml and collapse.png into --out.
    """

    method: Literal["auto", "full", "span", "reduced", "exact"] = "auto"
    """auto takes the fastest method that is exact for the loss."""
    start: Literal["gaussian", "sphere", "antipode"] = "gaussian"
    """Distribution of the initial features."""
    scale: float = 1.0
    """Standard deviation (gaussian) or norm of the initial features."""
    offset: float = 1e-3
    """Distance of an antipode start from the antipode, on the unit sphere."""
    features: Path | None = None
    """Initial features instead: .npy array (samples, dim), rows grouped by class."""
    basis: Literal["coordinate", "random"] = "coordinate"
    """Basis of the frame; both give the same up to a rotation."""
    seed: int = 0
    """Seed of start and frame."""
    t_final: float | None = None
    """Flow time to stop at, instead of collapse."""
    until_nc: float = 1e-10
    """Neural collapse that every sample must fall below."""
    n_times: int = 65
    """Recorded times."""
    rtol: float = RTOL
    """Error allowed per step."""
    keep: Literal["metrics", "final", "features"] = "metrics"
    """What to store: class curves, also the last features, or features at all times."""
    certify: bool = False
    """Hold the result against theory and print the checks (status 1 if one fails)."""
    out: Path | None = None
    """Folder for the results (runs/simulate/KEY, where KEY is a hash of problem and flags)."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Simulate, write, report."""
        problem = self.build()
        _check_folder(self.out)
        features = None if self.features is None else load_array(self.features)
        trajectory = ufm.gradient_flow(
            problem,
            frame=ufm.multi_center_frame(problem, basis=self.basis, seed=self.seed),
            features=features,
            start=Start(self.start, self.scale, self.offset),
            seed=self.seed,
            method=self.method,
            t_final=self.t_final,
            until_nc=self.until_nc,
            n_times=self.n_times,
            keep=self.keep,
            rtol=self.rtol,
            progress=_interactive(),
        )
        report = ufm.certify(trajectory) if self.certify else None
        flow = {name: str(getattr(self, name)) for name in FLOW_FLAGS}
        configuration = {"problem": problem.to_dict(), "flow": flow}
        folder = self.out or Path("runs") / "simulate" / config_key(configuration)
        data = trajectory.data.assign_attrs(configuration=store.to_json(configuration))
        path = store.save(data, folder / "trajectory.nc")
        store.save_text(folder / "problem.toml", problem.to_toml())
        _draw("collapse_figure", {f"{problem.loss} loss": trajectory}, folder / "collapse.png")
        summary = {
            "status": trajectory.status,
            "t": float(trajectory.times[-1]),
            "nc_max": trajectory.nc_max,
            "seconds": trajectory.stats["seconds"],
            "steps": trajectory.stats["steps"],
            "out": str(path),
        }
        if report is not None:
            summary["report"] = report.to_dict()
        if self.json:
            print(store.to_json(summary))
        else:
            print(_sentence(trajectory))
            if report is not None:
                print(report)
            print(f"written to {folder}")
        good = trajectory.status in ("collapsed", "finished") and (report is None or report.holds)
        return OK if good else FAILS


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


@dataclass
class Verify(ProblemFlags):
    """Simulate and hold every prediction of theory against the result.

    Without a problem: the main job. Cosine loss with class-aware centers (CAL) and uniform ones (AL), and P with
    and without regularisation, each at CIFAR-10-LT and CIFAR-100-LT sizes, tau 0.01.

    Example: ufm verify

    Example: ufm verify --preset toy --theta 0.4 --json

    Writes report.json, trajectories.nc, collapse.png and geometry.png into --out.
    """

    seed: int = 0
    """Seed of frames, starts and of the samples that are simulated twice."""
    out: Path = Path("runs/verify")
    """Folder for the results."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Simulate all problems, certify, write, report."""
        import xarray

        from ufm import verify

        _check_folder(self.out)
        jobs = {"problem": verify.single(self.build())} if self.given() else verify.main_job()
        results = verify.run(jobs, self.seed, progress=_interactive())
        report = ufm.combine("verify", [report for result in results.values() for report in result.reports])
        trajectories = {name: result.trajectory for name, result in results.items()}
        store.save(
            xarray.DataTree.from_dict(
                {name: t.data.drop_vars("final_features", errors="ignore") for name, t in trajectories.items()}
            ),
            self.out / "trajectories.nc",
        )
        _draw("collapse_figure", trajectories, self.out / "collapse.png")
        _draw("geometry_figure", trajectories, self.out / "geometry.png")
        store.save_json(self.out / "report.json", report.to_dict())
        if self.json:
            print(report.to_json())
        else:
            for part in (report for result in results.values() for report in result.reports):
                print(part, end="\n\n")
            held = sum(check.holds for check in report.checks)
            print(f"{held} of {len(report.checks)} checks hold; written to {self.out}")
        return OK if report.holds else FAILS


@dataclass
class Presets:
    """List the named problems.

    Example: ufm presets --tau 0.1
    """

    tau: float | None = None
    """Imbalance ratio n_min / n_max, in (0, 1]; each preset's own if left out."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print a table."""
        problems = {name: preset(name, tau=self.tau) for name in PRESETS}
        if self.json:
            print(store.to_json({"presets": {name: problem.to_dict() for name, problem in problems.items()}}))
            return OK
        print(f"{'name':12} {'K':>5} {'N':>7} {'n_max':>6} {'n_min':>6} {'F':>6} {'d':>6}  about")
        for name, p in problems.items():
            sizes = f"{max(p.class_sizes):6} {min(p.class_sizes):6}"
            print(f"{name:12} {p.n_classes:5} {p.n_samples:7} {sizes} {p.n_centers:6} {p.dim:6}  {PRESETS[name].about}")
        return OK


def _draw(name: str, trajectories: dict[str, ufm.Trajectory], path: Path) -> None:
    from figures import verification

    verification.save_figure(getattr(verification, name)(trajectories), path)


def _check_folder(folder: Path | None) -> None:
    """Refuse an output folder that is something else, before anything is computed."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"out={folder} exists and is not a folder")


def _interactive() -> bool:
    return sys.stderr.isatty()


Command = (
    Annotated[Simulate, tyro.conf.subcommand("simulate")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Presets, tyro.conf.subcommand("presets")]
)


def _parse(arguments: Sequence[str] | None) -> Any:
    """Parsed command; a wrong one raises ValueError with tyro's message on one line."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                Command,
                prog="ufm",
                description="Neural collapse to multiple centers: simulate it, and hold it against theory.",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.SuppressFixed),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        rows = [row.strip("│╰╯─ ") for row in said.getvalue().splitlines() if not row.startswith("╭")]
        raise ValueError(" ".join(row for row in rows if row)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    try:
        return int(_parse(arguments).run())
    except (ValueError, MemoryError, OSError) as error:
        print(f"ufm: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("ufm: interrupted", file=sys.stderr)
        return INTERRUPTED
