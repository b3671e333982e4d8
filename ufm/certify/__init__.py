"""Simulations held against theory: the only room, with the command line, where the two meet.

predict  everything theory says of a problem
certify  a trajectory, a solution or a phase diagram against it: cosine, mse, learned, ends hold the checks
phases   phase diagrams of models without a frame against the zoo
slow     the same by slow means that share nothing with the simulations
report   checks and their verdicts
training, design, predictors  what theory says of real trainings and of designs
watched  trainings elsewhere, as ufm.train.watch records them, against the geometry of a model
job      the problems of ``ufm verify``
ledger   every claim, with its evidence
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.certify.bounds import bound_checks, full_checks
from ufm.certify.cosine import cosine_checks
from ufm.certify.ends import solution_checks
from ufm.certify.feature_flow import feature_flow_checks
from ufm.certify.learned import learned_checks, learned_flow_checks, phase_checks
from ufm.certify.mse import mse_checks
from ufm.certify.phases import model_phase_checks
from ufm.certify.predict import predict
from ufm.certify.report import Check, Report
from ufm.certify.zoo import against, applying
from ufm.minimize.deep import DeepGeometry
from ufm.minimize.dot_regression import DotRegressionGeometry
from ufm.minimize.full import FullGeometry
from ufm.minimize.geometry import Geometry
from ufm.minimize.phase import ModelDiagram, PhaseDiagram
from ufm.minimize.solution import Solution
from ufm.minimize.sphere import SphereGeometry
from ufm.problems.frames import Frame, isotropic, orthogonal, unit
from ufm.problems.kinds import CosineProblem, Learned, LearnedMSEProblem, MSEProblem
from ufm.problems.problem import MultiCenterProblem, natural
from ufm.simulate.feature_flow import FeatureTrajectory
from ufm.simulate.trajectory import Trajectory

if TYPE_CHECKING:
    import xarray

Without = Geometry | DeepGeometry | SphereGeometry | DotRegressionGeometry
"""What models without a multi-center frame end in."""


def certify(
    subject: "Trajectory | FeatureTrajectory | Solution | Without | PhaseDiagram | ModelDiagram | xarray.Dataset",
    model: Any = None,
    *,
    title: str | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """Hold a trajectory, a solution or a phase diagram against every prediction that applies to it.

    Whatever was kept, a few samples are also taken through the definition of their loss and through the flow in all d
    coordinates, which share no reduction with the simulation.

    Parameters
    ----------
    subject : from :func:`ufm.gradient_flow`, :func:`ufm.gradient_descent`, :func:`ufm.minimize`, or from
        :func:`ufm.minimize.phase.phase_diagram` and ``model_diagram`` there. With ``keep="final"`` a trajectory carries
        the features that some checks need; without, the report notes what it could not check.
        Or the record of a network that :func:`ufm.train.watch` has measured; then with
    model : the model without a frame whose minimum it is held against (:func:`ufm.certify.watched.confirm`).
    title : heads the report.
    seed : picks the samples that are simulated again by slower means.
    progress : phase diagrams of models without a frame: show a bar on stderr.

    Raises
    ------
    ValueError : a frame that is not a multi-center frame of the problem: theory predicts nothing for it.
    TypeError : something else than the above.
    """
    if model is not None:
        from ufm.certify.watched import confirm

        report = confirm(subject, model)
        return replace(report, title=title or report.title)
    notes: list[str] = []
    heading, checks = _checks(subject, np.random.default_rng(natural("seed", seed)), notes, progress)
    return Report(title or heading, tuple(checks), tuple(notes))


@functools.singledispatch
def _checks(subject: Any, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    """What heads the report, and the checks, for a kind of subject."""
    raise TypeError(
        f"{type(subject).__name__} cannot be certified: a Trajectory, Solution, Geometry or PhaseDiagram can, and the "
        "record of a network with model="
    )


@_checks.register
def _(subject: PhaseDiagram, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    rows, columns, n_classes = subject.living.shape
    return f"phase diagram of P, {rows} x {columns} points, K={n_classes}", list(phase_checks(subject))


@_checks.register
def _(subject: ModelDiagram, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    rows, columns, n_classes = subject.alive.shape
    loss = subject.problems[0][0].loss_name
    return f"phase diagram of {loss}, {rows} x {columns} points, K={n_classes}", list(
        model_phase_checks(subject, notes, progress=progress)
    )


@_checks.register
def _(subject: Solution, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    if isinstance(subject.problem, LearnedMSEProblem):
        return _heading(subject.problem), list(learned_checks(subject.problem, subject, rng))
    _require_multi_center(subject.problem, subject.frame)
    return _heading(subject.problem), list(solution_checks(subject, rng))


MOST = 3000
"""Classes of a model that theorems are held against."""


@_checks.register
def _(subject: Without, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    model = subject.problem
    theorems = applying(model) if model.n_classes <= MOST else []
    if model.n_classes > MOST:
        notes.append(f"what theorems say of K x K numbers: {model.n_classes} classes are more than {MOST}")
    elif not theorems:
        notes.append("anything but the bound: no theorem of the zoo speaks of this model")
    if "wanted" in subject.stats:
        notes.append(f"more than the bound: dim={model.dim} is below the {subject.stats['wanted']} that reach it")
    if subject.certificate is None:
        notes.append(f"that nothing is lower: this is the {subject.status}")
    checks = [
        *bound_checks(subject, subject.scale),
        *(full_checks(subject) if isinstance(subject, FullGeometry) else ()),
        *(check for entry in theorems for check in against(subject, entry)),
    ]
    name = getattr(model, "loss_name", model.loss)
    return f"{name}, K={model.n_classes}, N={model.n_samples}: {subject.status}", checks


@_checks.register
def _(
    subject: FeatureTrajectory, rng: np.random.Generator, notes: list[str], progress: bool
) -> tuple[str, list[Check]]:
    model = subject.problem
    heading = f"flow of {model.loss_name}, K={model.n_classes}, N={model.n_samples}: {subject.status}"
    return heading, list(feature_flow_checks(subject, notes))


@_checks.register
def _(subject: Trajectory, rng: np.random.Generator, notes: list[str], progress: bool) -> tuple[str, list[Check]]:
    problem, heading = subject.problem, _heading(subject.problem)
    if subject.stats["loss"] == "custom":
        raise ValueError("the loss was one of your own: there is no prediction for it")
    if not isinstance(problem, Learned):
        _require_multi_center(problem, subject.frame)
    # a descent takes as many steps as it was asked for; the flow of a learned frame stops where nothing falls any more
    good = isinstance(problem, Learned) or "step_size" in subject.stats
    if subject.status == "diverged" or (subject.status == "stopped" and not good):
        reached = np.isfinite(subject.value)
        due = reached.size + int(reached.all())  # one more, where the records end before the one that is missed
        notes.append(f"anything else: {subject.stats['reason']}")
        return heading, [Check("share of the records that were reached", "ufm", 1.0, reached.sum() / due, 0.0, False)]
    if isinstance(problem, Learned):
        return heading, list(learned_flow_checks(problem, subject, rng, notes))
    return heading, list(_flow_checks(problem, subject, rng, notes))


@functools.singledispatch
def _flow_checks(problem: Any, t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """The checks of a trajectory for a kind of problem."""
    raise TypeError(f"theory says nothing of flows of a {type(problem).__name__}")


_flow_checks.register(CosineProblem, cosine_checks)
_flow_checks.register(MSEProblem, mse_checks)


def _heading(problem: MultiCenterProblem) -> str:
    return f"{problem.loss} loss, K={problem.n_classes}, F={problem.n_centers}, d={problem.dim}"


def _require_multi_center(problem: MultiCenterProblem, frame: Frame) -> None:
    """Raise ValueError unless the measured angles of the frame are those that are predicted for the problem."""
    measured, predicted = frame.geometry, predict(problem)
    angles = np.abs(measured.mean / measured.length - predicted.center_cosine)
    skew = np.abs(measured.alignment - predicted.classifier_cosine)
    wanted = isotropic(frame) and orthogonal(frame) and (isinstance(problem, MSEProblem) or unit(frame))
    if not wanted or max(float(angles.max()), float(skew.max())) > 1e-7:
        raise ValueError("the frame is not a multi-center frame of this problem: there is no prediction for it")
