"""What a minimisation leaves behind."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ufm.problems.frames import Array, Frame, dense, row_norms
from ufm.problems.problem import Problem
from ufm.problems.start import require_features

ALIVE = 1e-6
"""Mean output of a class at its own centers (1 is a perfect fit) above which it counts as alive."""


@dataclass(frozen=True)
class Solution:
    """A minimiser of the objective over all features, and over the frame if that is learned.

    All samples of a class share their minimiser, so one feature per class says everything.

    Attributes
    ----------
    problem, frame : what was solved; a learned frame is the one found, with its norms.
    class_features : (K, d); means, if there was one feature per sample.
    value : the objective.
    bound : a number that no features (and no frame) can go below: a dual value.
    status : "optimal" if the gap is below 1e-9 of the value (or of 1, if that is larger), else "inexact"; "stopped" if
        the iteration met no tolerance, ``stats["reason"]`` says why.
    stats : seconds, iterations (of the worst class, if classes are solved one by one), and what else explains the run.
    samples : (N, d) if each sample had a feature of its own, else None.
    """

    problem: Problem
    frame: Frame
    class_features: Array
    value: float
    bound: float
    status: Literal["optimal", "inexact", "stopped"]
    stats: dict[str, Any]
    samples: Array | None = None

    @property
    def gap(self) -> float:
        """value - bound, >= 0 up to rounding: an upper bound on what could still be gained."""
        return self.value - self.bound

    @property
    def norms(self) -> Array:
        """Length of each classifier vector, (K,)."""
        return row_norms(self.frame.classifier)

    @cached_property
    def living(self) -> NDArray[np.bool_]:
        """Whether each class is alive, (K,): whether its features have an output at their own mean center."""
        outputs = np.einsum("kd,kd->k", dense(self.frame.mean_centers), self.class_features)
        return np.asarray(outputs > ALIVE)

    @cached_property
    def features(self) -> Array:
        """The minimiser, (N, d). Raises MemoryError if it would not fit."""
        if self.samples is not None:
            return self.samples
        require_features(self.problem)
        return np.repeat(self.class_features, self.problem.class_sizes, axis=0)
