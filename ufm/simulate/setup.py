"""A problem ready to be simulated: what the verbs share before they start."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from ufm.files.text import nearest
from ufm.problems.frames import Array, Frame, fitting_frame, isotropic, orthogonal
from ufm.problems.losses import Loss, loss_of
from ufm.problems.problem import Problem
from ufm.problems.start import Start, draw, validated_features
from ufm.simulate import modes, reduced
from ufm.simulate.blocks import Block, full_blocks, span_blocks

Method = Literal["auto", "full", "span", "reduced", "exact"]
METHODS = ("auto", "full", "span", "reduced", "exact")
KEEP = ("metrics", "final", "features")


@dataclass(frozen=True)
class Setup:
    """Every argument validated, every default filled in."""

    problem: Problem
    frame: Frame
    features: Array | None
    given: bool
    """Whether the features were given; else they, or their reduced coordinates, come from start and seed."""
    start: Start
    seed: int
    method: str
    loss: Loss
    custom: bool
    """Whether the loss is one of the user's."""
    keep: str

    @classmethod
    def validate(
        cls,
        problem: Problem,
        *,
        frame: Frame | None,
        features: ArrayLike | None,
        start: Start | str,
        seed: int,
        method: str,
        loss: Loss | None,
        keep: str,
    ) -> "Setup":
        """Raise ValueError or MemoryError for what cannot be simulated, before anything is computed."""
        for name, value, allowed in (("method", method, METHODS), ("keep", keep, KEEP)):
            if value not in allowed:
                raise ValueError(f"{name}={value!r} is unknown{nearest(str(value), allowed)}")
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
            raise ValueError(f"seed={seed!r} must be an integer >= 0")
        frame = fitting_frame(problem, frame, custom=loss is not None)
        method = _resolve(problem, frame, method, loss)
        begin = start if isinstance(start, Start) else Start(start)  # type: ignore[arg-type]
        given = features is not None
        if features is not None:
            features = validated_features(problem, frame, features)
        elif keep != "metrics" or method in ("full", "span"):
            features = draw(problem, frame, begin, seed)
        used = loss_of(problem, frame) if loss is None else loss
        return cls(problem, frame, features, given, begin, seed, method, used, loss is not None, keep)

    def blocks(self) -> Iterable[Block]:
        """The samples in the coordinates of the method."""
        if self.method == "reduced":
            return reduced.reduced_blocks(self.problem, self.frame, self.features, self.start, self.seed)
        if self.method == "exact":
            return modes.mode_blocks(self.problem, self.frame, self.features, self.start, self.seed)
        assert self.features is not None
        if self.method == "span":
            return span_blocks(self.problem, self.frame, self.features)
        return full_blocks(self.problem, self.frame, self.features, self.loss)


def _resolve(problem: Problem, frame: Frame, method: str, loss: Loss | None) -> str:
    """The method that "auto" stands for, or the reason why the chosen one is not exact here."""
    if loss is not None:
        if method not in ("auto", "full"):
            raise ValueError(f"method={method!r} knows the losses of the paper only: a loss of your own takes 'full'")
        return "full"
    own = {"cosine": ("span", "reduced"), "mse": ("exact",)}[problem.loss]
    if method not in ("auto", "full", *own):
        raise ValueError(f"method={method!r} is not for loss={problem.loss!r}: {', '.join(('auto', 'full', *own))}")
    if method in ("full", "span"):
        return method
    best = own[-1]
    if isotropic(frame) and (best == "reduced" or orthogonal(frame)):
        return best
    if method == best:
        wanted = "isotropic centers" if best == "reduced" else "isotropic centers, orthogonal between classes"
        raise ValueError(f"method={method!r} needs a multi-center frame ({wanted}): use 'auto'")
    return "span" if problem.loss == "cosine" else "full"
