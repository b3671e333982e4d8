"""The main job: the problems that ``ufm verify`` simulates and certifies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ufm.certify import certify
from ufm.flow import gradient_flow
from ufm.frames import Array, Frame, multi_center_frame
from ufm.presets import preset
from ufm.problem import Problem
from ufm.report import Report
from ufm.solve import minimize
from ufm.start import Start, draw
from ufm.trajectory import Trajectory


@dataclass(frozen=True)
class Job:
    """One problem, and how far to follow it."""

    problem: Problem
    basis: str = "coordinate"
    t_eval: Array | None = None
    """None: ``n_times`` equidistant times until collapse."""
    n_times: int = 65
    solve: bool = True
    """Also minimise, and certify the minimiser."""


class Result(NamedTuple):
    """What became of a job."""

    trajectory: Trajectory
    reports: tuple[Report, ...]
    """Of the flow, and of the minimiser."""


RELAXED = np.concatenate([np.linspace(0.0, 70.0, 57), np.linspace(70.0, 170.0, 9)[1:]])
"""Flow times dense over the collapse, and on until norms that start near sqrt(d) have relaxed to within 1e-9 at the
paper's penalty: only then can norms, values and asymptotic rates be told from their limits."""


def main_job() -> dict[str, Job]:
    """CAL, AL and P (with and without regularisation) at the sizes of CIFAR-10-LT and CIFAR-100-LT.

    CAL runs in a random dense basis, the others in coordinate vectors: they could only differ by a rotation.
    """
    jobs = {}
    for name in ("cifar10-lt", "cifar100-lt"):
        small = name == "cifar10-lt"
        jobs[f"CAL {name}"] = Job(preset(name), "random", RELAXED, solve=small)
        jobs[f"AL {name}"] = Job(preset(name, centers="uniform"), t_eval=RELAXED, solve=small)
        jobs[f"P {name}"] = Job(preset(name, loss="mse"), n_times=17)
        jobs[f"P unregularised {name}"] = Job(preset(name, loss="mse", lam_h=0.0), n_times=17)
    return jobs


def single(problem: Problem) -> Job:
    """A problem of the user's, followed until it has collapsed."""
    return Job(problem)


def _start(problem: Problem, frame: Frame, seed: int) -> Array | None:
    """Initial features, or None where they would not fit: the report then says what it could not check."""
    try:
        return draw(problem, frame, Start(), seed)
    except MemoryError:
        return None


def run(jobs: Mapping[str, Job], seed: int, progress: bool = False) -> dict[str, Result]:
    """Simulate and certify all jobs."""
    results = {}
    frames: dict[tuple[object, ...], Frame] = {}
    features: dict[tuple[object, ...], Array | None] = {}
    with tqdm(jobs.items(), unit="problem", disable=not progress) as bar:
        for name, job in bar:
            bar.set_description(name)
            problem = job.problem
            key = (problem.centers, problem.theta, problem.dim, job.basis)
            if key not in frames:
                frames[key] = multi_center_frame(problem, basis=job.basis, seed=seed)
            # A Gaussian start does not depend on the centers: problems of one size share it, and their features.
            size = (problem.class_sizes, problem.dim)
            if size not in features:
                features = {size: _start(problem, frames[key], seed)}
            trajectory = gradient_flow(
                problem,
                frame=frames[key],
                features=features[size],
                seed=seed,
                t_eval=job.t_eval,
                n_times=job.n_times,
                keep="metrics" if features[size] is None else "final",
            )
            reports = [certify(trajectory, title=name, seed=seed)]
            if job.solve:
                solution = minimize(problem, frame=frames[key], seed=seed)
                reports.append(certify(solution, title=f"{name}, minimiser", seed=seed))
            results[name] = Result(trajectory, tuple(reports))
    return results
