"""The main job: the problems that ``ufm verify`` simulates and certifies."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ufm.certify import certify
from ufm.certify.report import Report
from ufm.files.bars import tqdm
from ufm.minimize.learned import LearnedMethod
from ufm.minimize.solution import Solution
from ufm.minimize.solve import minimize
from ufm.problems.frames import Array, Frame, multi_center_frame
from ufm.problems.kinds import CosineProblem, Learned
from ufm.problems.presets import preset
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.start import Start, draw
from ufm.simulate.flow import gradient_flow
from ufm.simulate.trajectory import Trajectory


@dataclass(frozen=True)
class Job:
    """One problem, and how far to follow it. Learned frames are minimised, or trained if there are ``t_eval``."""

    problem: MultiCenterProblem
    basis: str = "coordinate"
    t_eval: Array | None = None
    """None: ``n_times`` times until collapse."""
    n_times: int = 65
    solve: bool = True
    """Fixed frames: also minimise, and certify the minimiser."""
    method: LearnedMethod = "auto"
    """Of the minimisation of a learned frame."""


class Result(NamedTuple):
    """What became of a job."""

    trajectory: Trajectory | None
    reports: tuple[Report, ...]
    """Of the flow, and of the minimiser."""


RELAXED = np.concatenate([np.linspace(0.0, 70.0, 57), np.linspace(70.0, 170.0, 9)[1:]])
"""Flow times dense over the collapse, and on until norms that start near sqrt(d) have relaxed to within 1e-9 at the
paper's penalty: only then can norms, values and asymptotic rates be told from their limits."""


def main_job(full: bool = False) -> dict[str, Job]:
    """CAL, AL and P (with and without regularisation) at the sizes of CIFAR-10-LT and CIFAR-100-LT; learned frames.

    CAL runs in a random dense basis, the others in coordinate vectors: they could only differ by a rotation.
    ``full`` adds learned frames at large sizes, which take minutes: one feature per sample at CIFAR-10-LT, one per
    class at CIFAR-100-LT.
    """
    jobs = {}
    for name in ("cifar10-lt", "cifar100-lt"):
        small = name == "cifar10-lt"
        jobs[f"CAL {name}"] = Job(preset(name), "random", RELAXED, solve=small)
        jobs[f"AL {name}"] = Job(preset(name, centers="uniform"), t_eval=RELAXED, solve=small)
        jobs[f"P {name}"] = Job(preset(name, loss="mse"), n_times=17)
        jobs[f"P unregularised {name}"] = Job(preset(name, loss="mse", lam_h=0.0), n_times=17)
    return jobs | _learned_jobs(full)


def _learned_jobs(full: bool) -> dict[str, Job]:
    """Learned frames: weights at which all classes live, and weights at which the rare ones die."""
    weak: dict[str, Any] = {"loss": "mse", "centers": "uniform", "lam_h": 1e-6, "lam_w": 1e-3, "frame": "learned"}
    strong = weak | {"lam_h": 5e-5, "lam_w": 5e-3}
    example = Problem((100, 10, 1), (1, 1, 1), 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")
    small, large = "cifar10-lt", "cifar100-lt"
    jobs = {
        "P learned, n = (100, 10, 1)": Job(example, method="full"),
        f"P learned {small}": Job(preset(small, **weak), method="means"),
        f"P learned {small}, rare classes die": Job(preset(small, **strong), method="projected"),
        f"P learned {large}": Job(preset(large, **weak), method="projected"),
    }
    for name, weights, end in (
        ("cosine loss", {"lam": 0.3}, 60.0),
        ("P", {"loss": "mse", "lam_h": 2e-2, "lam_w": 2e-2}, 8000.0),
    ):
        trained = Problem((12, 6, 3), (2, 3, 4), 0.4, **weights, frame="learned")
        jobs[f"{name}, frame and features trained together"] = Job(trained, t_eval=np.linspace(0, end, 13))
    if full:
        jobs[f"P learned {small}, every sample"] = Job(preset(small, **weak), method="full")
        jobs[f"P learned {large}, trust region"] = Job(preset(large, **weak), method="means")
    return jobs


def run(jobs: Mapping[str, Job], seed: int, progress: bool = False) -> dict[str, Result]:
    """Simulate and certify all jobs."""
    results = {}
    frame_of = functools.cache(functools.partial(_frame, seed))
    features_of = functools.lru_cache(1)(functools.partial(_features, seed))  # problems of one size follow each other
    with tqdm(jobs.items(), unit="problem", disable=not progress) as bar:
        for name, job in bar:
            bar.set_description(name)
            if isinstance(job.problem, Learned):
                results[name] = _learned(name, job, seed)
            else:
                frame = frame_of(job.problem.centers, job.problem.theta, job.problem.dim, job.basis)
                features = features_of(job.problem.class_sizes, job.problem.dim)
                results[name] = _fixed(name, job, frame, features, seed)
    return results


def _learned(name: str, job: Job, seed: int) -> Result:
    subject: Trajectory | Solution
    if job.t_eval is None:
        subject = minimize(job.problem, seed=seed, method=job.method)
    else:
        subject = gradient_flow(job.problem, t_eval=job.t_eval, seed=seed, method="full")
    return Result(None, (certify(subject, title=name, seed=seed),))


def _fixed(name: str, job: Job, frame: Frame, features: Array | None, seed: int) -> Result:
    known: dict[str, Any] = {"frame": frame, "features": features, "keep": "metrics" if features is None else "final"}
    trajectory = gradient_flow(job.problem, seed=seed, t_eval=job.t_eval, n_times=job.n_times, **known)
    reports = [certify(trajectory, title=name, seed=seed)]
    if job.solve:
        solution = minimize(job.problem, frame=frame, seed=seed)
        reports.append(certify(solution, title=f"{name}, minimiser", seed=seed))
    return Result(trajectory, tuple(reports))


def _frame(seed: int, centers: tuple[int, ...], theta: float, dim: int, basis: str) -> Frame:
    return multi_center_frame(CosineProblem((1,) * len(centers), centers, theta, dim), basis=basis, seed=seed)


def _features(seed: int, sizes: tuple[int, ...], dim: int) -> Array | None:
    """Initial features, which do not depend on the centers; None where they would not fit: the report says so."""
    problem = CosineProblem(sizes, (1,) * len(sizes), 0.0, dim)
    try:
        features = draw(problem, multi_center_frame(problem, basis="coordinate"), Start(), seed)
    except MemoryError:
        return None
    features.flags.writeable = False  # then flows share it
    return features
