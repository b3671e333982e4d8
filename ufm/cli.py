"""The command line ``ufm``: each command is a dataclass, its fields are flags, and ``run`` does it.

Messages and progress bars go to stderr. With ``--json`` stdout carries exactly one JSON object. Exit status: 0 all
is done and holds, 1 it ran and something does not hold, 2 the input is wrong (one line says which value and what
is allowed); 130 and 141 as after Ctrl-C and where nobody reads the output any more.
"""

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

import ufm
from ufm import store
from ufm.design_command import DesignCommand
from ufm.figures_command import Figures
from ufm.flags import FAILS, INTERRUPTED, OK, ProblemFlags, check_folder, interactive
from ufm.flow import RTOL
from ufm.phase_command import Phase
from ufm.presets import PRESETS, preset
from ufm.problem import config_key, nearest
from ufm.sizes import load_array
from ufm.start import Start
from ufm.sweep_command import SweepCommand
from ufm.table_command import Table
from ufm.train import presets as train_presets
from ufm.train.catalogue import METHODS
from ufm.train_command import Confirm, Train

WRONG_INPUT = 2


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
        check_folder(self.out)
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
            progress=interactive(),
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

    Without a problem: the main job. Cosine loss with class-aware centers (CAL) and uniform ones (AL), P with
    and without regularisation, and P with a learned frame, at CIFAR-10-LT and CIFAR-100-LT sizes, tau 0.01.

    Example: ufm verify

    Example: ufm verify --preset toy --theta 0.4 --json

    Example: ufm verify --class-sizes 100,10,1 --centers 1 --frame learned --lam-h 0.02 --lam-w 0.03

    Writes report.json, trajectories.nc, collapse.png and geometry.png into --out.
    """

    full: bool = False
    """Main job: also learned frames at large sizes, which take minutes."""
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

        check_folder(self.out)
        if self.full and self.given():
            raise ValueError("--full belongs to the main job, not to a problem of your own")
        jobs = {"problem": verify.single(self.build())} if self.given() else verify.main_job(self.full)
        results = verify.run(jobs, self.seed, progress=interactive())
        report = ufm.combine("verify", [report for result in results.values() for report in result.reports])
        trajectories = {name: result.trajectory for name, result in results.items() if result.trajectory is not None}
        if trajectories:
            curves = {name: t.data.drop_vars("final_features", errors="ignore") for name, t in trajectories.items()}
            store.save(xarray.DataTree.from_dict(curves), self.out / "trajectories.nc")
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
class Claims:
    """The ledger: every claim of the paper, and every new one, with a verdict and the evidence for it.

    Without arguments: the list. With an id: statement, derivation step by step, and evidence, recomputed.

    Example: ufm claims theorem-3.4

    Example: ufm claims --check

    Example: ufm claims --check erratum-1 erratum-7 --json
    """

    ids: tyro.conf.Positional[tuple[str, ...]] = ()
    """Claims; all of them if left out."""
    check: bool = False
    """Recompute derivations and evidence, one line per claim; status 1 if a verdict is not reproduced."""
    markdown: bool = False
    """The document CLAIMS.md on stdout."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, show or check."""
        from tqdm import tqdm

        from theory.claims import LEDGER, Examination, render
        from ufm import laboratory

        for name in self.ids:
            if name not in LEDGER:
                raise ValueError(f"claim {name!r} is not in the ledger{nearest(name, LEDGER, n=3)}")
        if self.markdown and (self.ids or self.check or self.json):
            raise ValueError("--markdown is the whole document: it goes with nothing else")
        claims = [LEDGER[name] for name in self.ids or LEDGER]
        wanted = [
            c for c in claims if self.ids or self.check or (self.markdown and c.verdict in ("corrected", "fails"))
        ]
        examined: dict[str, Examination] = {}
        with tqdm(wanted, unit="claim", disable=not interactive()) as bar:
            for claim in bar:
                bar.set_description(claim.id)
                examined[claim.id] = claim.examine(laboratory)
        if self.markdown:
            print(render.document(claims, examined), end="")
        elif self.json:
            shown = self.ids and not self.check
            rows = [c.details(examined[c.id]) if shown else c.summary(examined.get(c.id)) for c in claims]
            print(store.to_json({"claims": rows}))
        elif self.check or not self.ids:
            print(render.listing(claims, {name: e.reproduced for name, e in examined.items()} or None))
        else:
            unicode = "utf" in (sys.stdout.encoding or "").lower()
            print("\n\n\n".join(render.page(c, examined[c.id], unicode=unicode) for c in claims))
        failed = [name for name, examination in examined.items() if not examination.reproduced]
        if examined and not self.markdown:
            said = f"{len(examined) - len(failed)} of {len(examined)} verdicts reproduced"
            print(said + (f"; not: {', '.join(failed)}" if failed else ""), file=sys.stderr)
        return FAILS if failed else OK


@dataclass
class Presets:
    """List the named problems, or the named trainings.

    Example: ufm presets --tau 0.1

    Example: ufm presets --train

    Example: ufm presets --methods
    """

    tau: float | None = None
    """Imbalance ratio n_min / n_max, in (0, 1]; each preset's own if left out."""
    train: bool = False
    """List trainings: the cells of the paper's tables and figures, and what runs on a laptop."""
    methods: bool = False
    """List the methods of training, with their hyperparameters."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print a table."""
        if self.methods or self.train:
            if self.tau is not None or (self.methods and self.train):
                raise ValueError("one thing at a time: problems (with --tau), --train or --methods")
            return self._methods() if self.methods else self._trainings()
        problems = {name: preset(name, tau=self.tau) for name in PRESETS}
        if self.json:
            print(store.to_json({"presets": {name: problem.to_dict() for name, problem in problems.items()}}))
            return OK
        print(f"{'name':12} {'K':>5} {'N':>7} {'n_max':>6} {'n_min':>6} {'F':>6} {'d':>6}  about")
        for name, p in problems.items():
            sizes = f"{max(p.class_sizes):6} {min(p.class_sizes):6}"
            print(f"{name:12} {p.n_classes:5} {p.n_samples:7} {sizes} {p.n_centers:6} {p.dim:6}  {PRESETS[name].about}")
        return OK

    def _trainings(self) -> int:
        trainings = {name: train_presets.preset(name) for name in train_presets.PRESETS}
        if self.json:
            print(store.to_json({"trainings": {name: c.to_dict() for name, c in trainings.items()}}))
        else:
            print("\n".join(f"{name:{max(map(len, trainings))}}  {c.title}" for name, c in trainings.items()))
        return OK

    def _methods(self) -> int:
        if self.json:
            kept = ("about", "hyper", "trained_as")
            plain = {name: {each: getattr(method, each) for each in kept} for name, method in METHODS.items()}
            print(store.to_json({"methods": plain}))
            return OK
        width = max(map(len, METHODS))
        for name, method in METHODS.items():
            shared = f" [same training as {method.trained_as}]" if method.trained_as else ""
            print(f"{name:{width}}  {method.about}{shared}")
            if method.hyper:
                print(f"{'':{width}}  --hyper {' '.join(f'{k}={v:g}' for k, v in method.hyper.items())}")
        return OK


def _draw(name: str, trajectories: dict[str, ufm.Trajectory], path: Path) -> None:
    from figures import style, verification

    style.save_figure(getattr(verification, name)(trajectories), path)


Command = (
    Annotated[Simulate, tyro.conf.subcommand("simulate")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Phase, tyro.conf.subcommand("phase")]
    | Annotated[SweepCommand, tyro.conf.subcommand("sweep")]
    | Annotated[DesignCommand, tyro.conf.subcommand("design")]
    | Annotated[Figures, tyro.conf.subcommand("figures")]
    | Annotated[Claims, tyro.conf.subcommand("claims")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Confirm, tyro.conf.subcommand("confirm")]
    | Annotated[Table, tyro.conf.subcommand("table")]
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


def _nobody_reads() -> bool:
    """Whether the reader of stdout has had enough, as in `ufm presets | head`; then nothing more is written there."""
    try:
        stdout = sys.stdout.fileno()
    except OSError:  # no file
        return False
    poll = select.poll()
    poll.register(stdout, 0)  # errors are always told
    if not poll.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    try:
        status = int(_parse(arguments).run())
        if sys.stdout is not None:  # it may have been closed
            sys.stdout.flush()
        return status
    except (ValueError, MemoryError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 128 + signal.SIGPIPE
        print(f"ufm: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("ufm: interrupted", file=sys.stderr)
        return INTERRUPTED
