"""Which method a simulation takes: every argument validated, every default filled in, before anything is computed."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ufm.files import memory
from ufm.files.text import suggestion
from ufm.problems.frames import Frame, fitting_frame
from ufm.problems.kinds import LearnedCosineProblem, LearnedMSEProblem
from ufm.problems.losses import Loss, loss_of, require_separable
from ufm.problems.problem import MultiCenterProblem, natural
from ufm.problems.start import Start, draw, validated_features
from ufm.problems.state import State, random_state, validated_state
from ufm.simulate.blocks import Full, Span
from ufm.simulate.learned import LearnedFrame
from ufm.simulate.method import FixedFrame, Method
from ufm.simulate.modes import Exact
from ufm.simulate.reduced import Reduced

FIXED: tuple[type[FixedFrame[Any]], ...] = (Exact, Reduced, Span, Full)
"""Methods for fixed frames, the fastest first."""

Name = Literal["auto", "full", "span", "reduced", "exact", "means"]
NAMES = ("auto", *(method.name for method in reversed(FIXED)))
LEARNED_NAMES = ("auto", "means", "full")
Keep = Literal["metrics", "final", "features"]
KEEP = ("metrics", "final", "features")


SECONDS_A_SAMPLE, SECONDS_A_RECORD, SECONDS_A_CLASS = 1e-6, 5e-8, 4e-4
"""What the fastest method takes on one core: a sample, each time at which it is recorded, a class with its frame."""


@dataclass(frozen=True)
class Asked:
    """Arguments besides the problem; see :func:`ufm.gradient_flow` and :func:`ufm.gradient_descent`."""

    frame: Frame | None = None
    features: ArrayLike | None = None
    start: Start | str | Sequence[ArrayLike] = "gaussian"
    seed: int = 0
    method: str = "auto"
    loss: Loss | None = None
    keep: str = "metrics"
    frame_rate: float | None = None
    batch_size: int | None = None
    labels: ArrayLike | None = None
    n_times: int = 1
    """How often every sample is recorded."""

    def require(self, names: Sequence[str]) -> None:
        """Raise ValueError for words and numbers that no simulation has."""
        for name, allowed in (("method", names), ("keep", KEEP)):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is unknown{suggestion(str(getattr(self, name)), allowed)}"
                )
        natural("seed", self.seed)

    def refuse(self, why: str, **defaults: Any) -> None:
        """Raise ValueError for arguments that differ from their defaults."""
        for name, default in defaults.items():
            value = getattr(self, name)
            if value is not None if default is None else value != default:
                raise ValueError(f"{name} was given, {why}")


@functools.singledispatch
def prepare(problem: MultiCenterProblem, asked: Asked) -> Method:
    """The method for a problem. Raises ValueError or MemoryError for what cannot be simulated."""
    asked.require(NAMES)
    asked.refuse("but the frame of this problem is fixed", frame_rate=None, batch_size=None)
    frame = fitting_frame(problem, asked.frame, custom=asked.loss is not None)
    chosen = _fixed_method(problem, frame, asked)
    if not isinstance(asked.start, Start | str):
        raise ValueError("start is a ufm.Start or its kind; initial features are given as features")
    start = asked.start if isinstance(asked.start, Start) else Start(asked.start)  # type: ignore[arg-type]
    if asked.labels is not None and asked.features is None:
        raise ValueError("labels were given, but no features that they could be of")
    features = None if asked.features is None else validated_features(problem, frame, asked.features, asked.labels)
    if features is None and not (chosen.reduces and asked.keep == "metrics"):
        features = draw(problem, frame, start, asked.seed)
    memory.require_time(
        (SECONDS_A_SAMPLE + SECONDS_A_RECORD * asked.n_times) * problem.n_samples + SECONDS_A_CLASS * problem.n_classes,
        f"a simulation of {problem.n_samples} samples of {problem.n_classes} classes",
        "take smaller or fewer classes (--class-sizes, --n-classes)",
    )
    if asked.loss is not None and features is not None:
        for k in range(problem.n_classes):
            require_separable(asked.loss, features[problem.samples(k)][:3], k)
    loss = loss_of(problem, frame) if asked.loss is None else asked.loss
    given, custom = asked.features is not None, asked.loss is not None
    return chosen(problem, frame, loss, features, start, asked.seed, given, custom)


def _fixed_method(problem: MultiCenterProblem, frame: Frame, asked: Asked) -> type[FixedFrame[Any]]:
    """The method that "auto" stands for, or the reason why the chosen one is not exact here."""
    name = asked.method
    if asked.loss is not None:
        if name not in ("auto", "full"):
            raise ValueError(f"method={name!r} knows the losses of the paper only: a loss of your own takes 'full'")
        return Full
    known = [method for method in FIXED if isinstance(problem, method.kinds)]
    if name == "auto":
        return next(method for method in known if method.suits(frame))
    for method in known:
        if method.name == name:
            if not method.suits(frame):
                raise ValueError(f"method={name!r} needs a multi-center frame ({method.wants}): use 'auto'")
            return method
    allowed = ", ".join(("auto", *(method.name for method in reversed(known))))
    raise ValueError(f"method={name!r} is not for loss={problem.loss!r}: {allowed}")


@prepare.register(LearnedCosineProblem)
@prepare.register(LearnedMSEProblem)
def _(problem: LearnedCosineProblem | LearnedMSEProblem, asked: Asked) -> Method:
    asked.require(LEARNED_NAMES)
    asked.refuse("but the frame of this problem is learned", frame=None, loss=None, features=None, labels=None)
    batch = asked.batch_size
    if batch is not None and not (asked.method != "means" and 1 <= batch <= problem.n_samples):
        raise ValueError(f"batch_size={batch} must be in [1, {problem.n_samples}], with method='full'")
    rate = 1.0 / problem.n_samples if asked.frame_rate is None else asked.frame_rate
    if not (np.isfinite(rate) and rate > 0):
        raise ValueError(f"frame_rate={asked.frame_rate} must be positive and finite")
    full = asked.method == "full" or batch is not None
    start = _learned_start(problem, asked, full)
    kept = None if asked.keep == "metrics" else start.features
    return LearnedFrame(problem, kept, start, rate, batch, asked.seed)


def _learned_start(problem: MultiCenterProblem, asked: Asked, full: bool) -> State:
    if isinstance(asked.start, Start | str):
        if asked.start != "gaussian":
            raise ValueError(
                f"start={asked.start!r}: a learned frame starts at random ('gaussian') or from a ufm.State"
            )
        return random_state(problem, asked.seed, full=full)
    return validated_state(problem, asked.start, full=full)
