"""Simulations held against theory: the only place, with the command line, where the two meet."""

from dataclasses import replace

import numpy as np

from theory.multicenter import geometry
from ufm.certify.cosine import cosine_checks
from ufm.certify.learned import learned_checks, learned_flow_checks, phase_checks
from ufm.certify.minima import solution_checks
from ufm.certify.mse import mse_checks
from ufm.certify.report import Check, Report
from ufm.minimize.phase import PhaseDiagram
from ufm.minimize.solve import Solution
from ufm.problems.frames import isotropic, orthogonal, unit
from ufm.simulate.learned_trajectory import LearnedTrajectory
from ufm.simulate.trajectory import Trajectory


def certify(
    subject: Trajectory | LearnedTrajectory | Solution | PhaseDiagram, *, title: str | None = None, seed: int = 0
) -> Report:
    """Hold a trajectory, a solution or a phase diagram against every prediction that applies to it.

    Parameters
    ----------
    subject : from :func:`ufm.gradient_flow`, :func:`ufm.gradient_descent`, :func:`ufm.learned_flow`,
        :func:`ufm.learned_descent`, :func:`ufm.minimize` or :func:`ufm.minimize.phase.phase_diagram`. With
        ``keep="final"`` a trajectory carries the features that the checks of orthogonality and of the reduction
        itself need; without, the report notes what it could not check.
    title : heads the report.
    seed : picks the samples that are simulated again by slower means.

    Raises
    ------
    ValueError : a frame that is not a multi-center frame of the problem: theory predicts nothing for it.
    """
    if isinstance(subject, PhaseDiagram):
        rows, columns, n_classes = subject.living.shape
        return Report(title or f"phase diagram, {rows} x {columns} points, K={n_classes}", tuple(phase_checks(subject)))
    problem = subject.problem
    notes: list[str] = []
    heading = title or f"{problem.loss} loss, K={problem.n_classes}, F={problem.n_centers}, d={problem.dim}"
    if isinstance(subject, LearnedTrajectory):
        return Report(heading, tuple(learned_flow_checks(subject, notes)), tuple(notes))
    frame = subject.frame
    if subject.stats.get("loss") == "custom":
        raise ValueError("the loss was one of your own: there is no prediction for it")
    if isinstance(subject, Solution) and problem.loss == "mse" and problem.frame == "learned":
        return Report(heading, tuple(learned_checks(subject)))
    measured = frame.geometry
    angles = np.abs(measured.mean / measured.length - geometry.center_cosine(problem.centers, problem.theta))
    skew = np.abs(measured.alignment - geometry.classifier_cosine(problem.centers, problem.theta))
    wanted = isotropic(frame) and orthogonal(frame) and (problem.loss == "mse" or unit(frame))
    if not wanted or max(float(angles.max()), float(skew.max())) > 1e-7:
        raise ValueError("the frame is not a multi-center frame of this problem: there is no prediction for it")
    if isinstance(subject, Solution):
        return Report(heading, tuple(solution_checks(subject)))
    if subject.status in ("stopped", "diverged"):
        lasted = np.isfinite(subject.value).mean()
        check = Check.compare("share of the records that were reached", "ufm", 1.0, lasted, absolute=0.0)
        return Report(heading, (replace(check, holds=False),), (f"anything else: {subject.stats['reason']}",))
    collect = cosine_checks if problem.loss == "cosine" else mse_checks
    return Report(heading, tuple(collect(subject, np.random.default_rng(seed), notes)), tuple(notes))
