r"""What a method of simulation is: samples in coordinates that their motion cannot leave.

The gradient of a feature lies in the span of a few vectors and of the feature itself, so a d-dimensional problem can be
simulated exactly in far fewer coordinates. All of it is measured from the frame.

==========  =========================================================  =============================
method      coordinates                                                holds for
==========  =========================================================  =============================
full        the feature itself (d)                                     any loss, any frame
span        orthonormal basis of the class's centers, rest (f_k + 1)   cosine loss, any frame
reduced     mean center, differences of centers, rest (3)              cosine loss, isotropic frames
exact       own mean center, all else by rate of decay (a few)         P, orthogonal isotropic frames
means       learned frame, and one feature a class                     learned frames
full        learned frame, and one feature a sample                    learned frames
==========  =========================================================  =============================

A :class:`Method` splits a problem into independent :class:`Part` s, and each part knows how to move itself. Whatever
follows a flow or a descent needs nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ufm.problems.frames import Array, Frame
from ufm.problems.losses import Loss
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.start import Start

Status = Literal["collapsed", "finished", "stalled", "stopped", "diverged"]
"""collapsed: every sample's NC is below the threshold; finished: the requested time is reached; stalled: some
sample never collapses, ``stats["reason"]`` says why; stopped: the budget of steps is spent; diverged: a value
stopped being finite, ``stats["reason"]`` says when and where."""


class Trouble(NamedTuple):
    """Why a simulation did not end as it should."""

    status: Status
    reason: str


class Unfinished(Exception):
    """A motion did not reach its end: what stopped it, and at what time."""

    def __init__(self, trouble: Trouble, time: float = np.nan) -> None:
        super().__init__(trouble.reason)
        self.trouble, self.time = trouble, time


class Arrival(NamedTuple):
    """When all samples that collapse have done so, and why some do not."""

    time: float
    trouble: Trouble | None = None
    first: float = np.inf
    """When a first one has, where that is known."""


class FrameState(NamedTuple):
    """What is recorded of a frame that moves."""

    norm: Array
    """Length of each classifier vector, (K,)."""
    penalty: Array
    """Share of each class in the penalty of the frame, (K,)."""
    moved: float
    """Frobenius distance of its rows from those at the start, over the root of their number: in [0, 2]."""
    defect: float
    """Largest entry of Q Q^T - I."""


class Observation(NamedTuple):
    """What a trajectory records of each sample; arrays of one shape (..., n)."""

    nc: Array
    """Squared distance of the unit feature to the unit mean center."""
    norm: Array
    cosine: Array
    """Cosine to the class's classifier vector."""
    value: Array
    """Contribution to the objective."""
    frame: FrameState | None = None
    """Of a frame that is learned."""


def worst_sample(offsets: Integers, flags: NDArray[np.bool_], first_row: int) -> str:
    """Name the first flagged sample: 'sample 17 (class 2)'."""
    row = first_row + int(np.argmax(flags))
    k = int(np.searchsorted(offsets, row, side="right")) - 1
    return f"sample {row} (class {k})"


@dataclass
class Work:
    """What an integration cost."""

    steps: int = 0
    """Steps of the sample that needed most, rejected ones included."""
    evaluations: int = 0
    """Evaluations of the field, summed over samples."""
    cancelled: Event = field(default_factory=Event, compare=False)
    """Set where nobody waits for the result any more."""

    def add(self, other: "Work") -> None:
        """Pool two integrations."""
        self.steps, self.evaluations = max(self.steps, other.steps), self.evaluations + other.evaluations


class Part(Protocol):
    """Samples that move on their own: consecutive rows of the features. A state is whatever the part says it is."""

    @property
    def rows(self) -> slice:
        """Where the samples stand among all rows of the features."""
        ...

    def states_at(self, times: Array, rtol: float, work: Work) -> Iterator[tuple[int, Any]]:
        """Yield (index, state) along the flow for each of the ascending times. Raises Unfinished."""
        ...

    def time_to_reach(self, nc: float, rtol: float, work: Work) -> Arrival:
        """When every sample that collapses at all has an NC of at most ``nc``."""
        ...

    def observe(self, state: Any) -> Observation:
        """Measure the samples in a state."""
        ...

    def lift(self, state: Any) -> Array:
        """The features (n, d) of a state."""
        ...


class Stepping(Part, Protocol):
    """Samples that can also descend in steps."""

    def descent(self, step_size: float, momentum: float) -> Iterator[Any]:
        """Yield the state after 0, 1, 2, ... steps; it may be overwritten by the next. Raises Unfinished."""
        ...


class Method(ABC):
    """A problem in the coordinates of a method, every argument validated: what flows and descents are made of."""

    name: ClassVar[str]
    floor: ClassVar[float] = 1e-24
    """Smallest NC that is told from 0: where it is a difference of unit vectors, their rounding squared and more."""
    problem: MultiCenterProblem
    features: Array | None
    """Initial features, or None where the start is drawn in the method's own coordinates."""

    @abstractmethod
    def steppers(self) -> Iterable[Stepping]:
        """The samples in parts that can take the steps of a descent."""

    def parts(self) -> Iterable[Part]:
        """The samples in parts that can follow a flow."""
        return self.steppers()

    @property
    def matrix(self) -> int:
        """Numbers in the largest matrix that a step multiplies; with many, BLAS may have threads of its own."""
        return 0

    @property
    def offsets(self) -> Integers:
        """Where the feature rows of each class begin, (K + 1,)."""
        return self.problem.offsets

    @property
    def share(self) -> Array | float:
        """Samples that a feature row of each class stands for, (K,) or one number for all."""
        return 1.0

    @property
    def constant(self) -> float:
        """The part of the objective that nothing moves."""
        return 0.0

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What explains a run, in plain values."""

    @abstractmethod
    def last_frame(self, state: Any) -> Frame:
        """The frame, which a state decides where it is learned."""


P = TypeVar("P", bound=MultiCenterProblem)


@dataclass(frozen=True, eq=False)
class FixedFrame(Method, Generic[P]):
    """A method for problems with a fixed frame.

    Attributes
    ----------
    given : whether the features were given; else they come from start and seed.
    custom : whether the loss is one of the user's.
    """

    kinds: ClassVar[tuple[type[MultiCenterProblem], ...]]
    """The kinds of problems it is for."""
    reduces: ClassVar[bool] = False
    """Whether an isotropic start can be drawn without features."""
    wants: ClassVar[str] = ""
    """What it needs of a frame, in words."""

    problem: P
    frame: Frame
    loss: Loss
    features: Array | None
    start: Start
    seed: int
    given: bool
    custom: bool

    @classmethod
    def suits(cls, frame: Frame) -> bool:
        """Whether it is exact for a frame."""
        return True

    @property
    def constant(self) -> float:
        """That of the loss."""
        return self.loss.constant

    def about(self) -> dict[str, Any]:
        """Method, loss, seed and start."""
        return {
            "method": self.name,
            "loss": "custom" if self.custom else self.problem.loss,
            "seed": self.seed,
            "start": "given features" if self.given else vars(self.start),
        }

    def last_frame(self, state: Any) -> Frame:
        """The frame, which does not move."""
        return self.frame
