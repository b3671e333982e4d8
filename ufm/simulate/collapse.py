"""Collapse times of many flows at once: the samples of all problems integrated as one batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ufm.files.blas import one_thread
from ufm.problems.frames import Array, Frame, multi_center_frame
from ufm.problems.kinds import CosineProblem, Learned
from ufm.problems.start import Start
from ufm.simulate import reduced
from ufm.simulate.blocks import gathered
from ufm.simulate.flow import RTOL, check_accuracy


@dataclass(frozen=True)
class Case:
    """A problem with the cosine loss and a fixed frame, and where its features begin.

    Raises ValueError for another kind of problem.
    """

    problem: CosineProblem
    start: Start = field(default_factory=Start)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse other kinds."""
        if not isinstance(self.problem, CosineProblem) or isinstance(self.problem, Learned):
            raise ValueError("collapse_times is for the cosine loss and a fixed frame; use gradient_flow")


def collapse_times(cases: Sequence[Case], *, until_nc: float = 1e-10, rtol: float = RTOL) -> list[Array]:
    r"""Flow times at which the samples of many problems reach a given NC; nothing in between is recorded.

    The same flows as :func:`ufm.gradient_flow` with ``method="reduced"`` from the same seeds, integrated side by side:
    for problems of about a thousand samples several times faster than one call each. A sample's time does not depend,
    in any bit, on what else is in ``cases``.

    Parameters
    ----------
    cases : problems, starts and seeds.
    until_nc : NC to wait for, in (0, 4).
    rtol : error allowed per step and sample, in [1e-13, 1).

    Returns
    -------
    One float64 array (N,) per case, samples grouped by class; infinity for samples that never get there (at the
    antipode of their mean center).

    Raises
    ------
    ValueError : a problem with another loss or a learned frame; numbers out of range.

    Examples
    --------
    >>> from ufm import Problem
    >>> problems = [Problem(class_sizes=(30, 10), centers=(2, f), theta=0.2) for f in (2, 6)]
    >>> few, many = collapse_times([Case(problem) for problem in problems])
    >>> bool(np.all(many[30:] < few[30:].min()))  # more centers, faster collapse
    True
    """
    check_accuracy(until_nc, rtol)
    if until_nc < reduced.Reduced.floor:
        raise ValueError(f"until_nc={until_nc} is below {reduced.Reduced.floor:g}")
    found: list[list[Array]] = [[] for _ in cases]
    with one_thread():
        for group in gathered(_batches(cases), size=lambda pair: pair[1].radius.size):
            owners, samples = zip(*group, strict=True)
            times, _ = reduced.Samples.join(samples).collapse_times(until_nc, rtol)
            pieces = np.split(times, np.cumsum([each.radius.size for each in samples])[:-1])
            for owner, piece in zip(owners, pieces, strict=True):
                found[owner].append(piece)
    return [np.concatenate(pieces) for pieces in found]


def _batches(cases: Sequence[Case]) -> Iterator[tuple[int, reduced.Samples]]:
    """Samples of consecutive cases, with the number of the case they belong to."""
    for owner, case in enumerate(cases):
        problem = case.problem
        frame = _frame(problem.centers, problem.theta, problem.dim)
        for batch in reduced.batches(problem, frame, None, case.start, case.seed):
            yield owner, batch.samples


@lru_cache(maxsize=32)
def _frame(centers: tuple[int, ...], theta: float, dim: int) -> Frame:
    """The frame that problems of any sizes and weights share; measuring it takes as long as their flow."""
    return multi_center_frame(CosineProblem((1,) * len(centers), centers, theta, dim), basis="coordinate")
