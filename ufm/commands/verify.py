"""``ufm verify``: simulate, and hold every prediction against the result."""

from dataclasses import dataclass
from pathlib import Path

import ufm
from ufm.commands.flags import ProblemFlags, check_folder
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.store import config_key

RUNS = Path("runs/verify")
FILES = ("report.json", "trajectories.nc", "collapse.png", "geometry.png")


@dataclass
class Command(ProblemFlags):
    """Simulate and hold every prediction of theory against the result.

    Without a problem: the main job. Cosine loss with class-aware centers (CAL) and uniform ones (AL), P with
    and without regularisation, and P with a learned frame, at CIFAR-10-LT and CIFAR-100-LT sizes, tau 0.01.

    Example: ufm verify

    Example: ufm verify --preset toy --theta 0.4 --json

    Example: ufm verify --class-sizes 100,10,1 --centers 1 --frame learned --lam-h 0.02 --lam-w 0.03

    Writes report.json, trajectories.nc (a group per problem, which xarray.open_datatree reads and open_dataset does
    not), collapse.png and geometry.png into --out.
    """

    group = "Class sizes"

    full: bool = False
    """Main job: also learned frames at large sizes, which take minutes."""
    seed: int = 0
    """Seed of frames, starts and of the samples that are simulated twice."""
    out: Path | None = None
    """Folder for the results (default: runs/verify; for a problem of your own, or another seed, runs/verify/KEY, where
    KEY is a hash of both)."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Simulate all problems, certify, write, report."""
        import xarray

        from figures import style
        from figures.commands.simulate import collapse_figure, geometry_figure
        from ufm.certify import job

        if self.full and self.given():
            raise ValueError("--full belongs to the main job, not to a problem of your own")
        jobs = {"problem": job.Job(self.build())} if self.given() else job.main_job(self.full)
        folder = self.out or self._folder([each.problem.key for each in jobs.values()])
        check_folder(folder, *FILES)
        results = job.run(jobs, self.seed, progress=interactive())
        parts = [part for result in results.values() for part in result.reports]
        report = ufm.combine("verify", parts)
        trajectories = {name: result.trajectory for name, result in results.items() if result.trajectory is not None}
        if trajectories:
            curves = {name: t.data.drop_vars("final_features", errors="ignore") for name, t in trajectories.items()}
            tree = xarray.DataTree.from_dict(curves)
            tree.attrs["about"] = "a group per problem, which xarray.open_datatree reads"
            store.save(tree, folder / "trajectories.nc")
            own = self.given()  # then its only name is that of a problem
            drawn = {f"{t.problem.loss} loss" if own else name: t for name, t in trajectories.items()}
            style.save_figure(collapse_figure(drawn), folder / "collapse.png")
            style.save_figure(geometry_figure(drawn), folder / "geometry.png")
        store.save_json(folder / "report.json", report.to_dict())
        held = sum(check.holds for check in report.checks)
        last = f"{held} of {len(report.checks)} checks hold; written to {folder}"
        if trajectories:
            last += " (curves: xarray.open_datatree on trajectories.nc)"
        print(report.to_json() if self.json else "\n\n".join(map(str, [*parts, last])))
        return OK if report.holds else FAILS

    def _folder(self, problems: list[str]) -> Path:
        """Of the main job at its first seed runs/verify; of all else one of its own below."""
        usual = not (self.given() or self.full or self.seed)
        return RUNS if usual else RUNS / config_key({"problems": problems, "seed": self.seed})
