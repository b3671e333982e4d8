"""Phase diagrams of P with a learned frame: which classes live, found by minimising at every point of a grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ufm.minimize.solve import minimize
from ufm.problems.frames import Array
from ufm.problems.problem import MultiCenterProblem

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Axis:
    """A quantity that changes along one side of a diagram."""

    name: str
    symbol: str
    """For pictures, in mathtext."""
    label: str
    """The same, or with a definition."""
    values: Array
    """Ascending, (n,)."""


@dataclass(frozen=True)
class PhaseDiagram:
    """Minimisers over a grid of problems; arrays begin with the shape (rows, columns) of the grid.

    Attributes
    ----------
    problem_at : the problem at a pair of values (vertical, horizontal).
    vertical, horizontal : the quantities that change from row to row and from column to column.
    problems : one per point.
    square_norms : :math:`|w_k|^2`, (rows, columns, K).
    feature_norms : :math:`|h_k|`, (rows, columns, K).
    living : whether each class is alive, measured by its output, (rows, columns, K).
    gap : value of P minus its dual bound.
    optimal : whether the minimiser is certified by that bound.
    """

    problem_at: Callable[[float, float], MultiCenterProblem]
    vertical: Axis
    horizontal: Axis
    problems: Sequence[Sequence[MultiCenterProblem]]
    square_norms: Array
    feature_norms: Array
    living: NDArray[np.bool_]
    gap: Array
    optimal: NDArray[np.bool_]

    def dataset(self) -> "xarray.Dataset":
        """The same with named dimensions, for files and pictures."""
        import xarray

        grid = (self.vertical.name, self.horizontal.name)
        return xarray.Dataset(
            {
                "square_norm": ((*grid, "class"), self.square_norms),
                "feature_norm": ((*grid, "class"), self.feature_norms),
                "living": ((*grid, "class"), self.living.astype(np.int8)),
                "gap": (grid, self.gap),
                "optimal": (grid, self.optimal.astype(np.int8)),
                "class_size": ((*grid, "class"), self._of_problems(lambda p: p.class_sizes)),
                "centers": ((*grid, "class"), self._of_problems(lambda p: p.centers)),
            },
            coords={axis.name: (axis.name, axis.values) for axis in (self.vertical, self.horizontal)},
        )

    def _of_problems(self, what: Callable[[MultiCenterProblem], Any]) -> NDArray[np.int64]:
        return np.array([[what(problem) for problem in row] for row in self.problems])


def phase_diagram(
    problem_at: Callable[[float, float], MultiCenterProblem],
    vertical: Axis,
    horizontal: Axis,
    *,
    seed: int = 0,
    progress: bool = False,
) -> PhaseDiagram:
    """Minimise P with a learned frame at every point of a grid.

    Parameters
    ----------
    problem_at : the problem at a pair of values (vertical, horizontal); all with the same number of classes.
    vertical, horizontal : the two axes.
    seed : of the random starts.
    progress : show a bar.
    """
    problems = [[problem_at(float(v), float(h)) for h in horizontal.values] for v in vertical.values]
    shape = (len(vertical.values), len(horizontal.values), problems[0][0].n_classes)
    square_norms, feature_norms, living = np.empty(shape), np.empty(shape), np.empty(shape, dtype=bool)
    gap, optimal = np.empty(shape[:2]), np.empty(shape[:2], dtype=bool)
    with tqdm(total=gap.size, unit="minimum", disable=not progress) as bar:
        for place in np.ndindex(gap.shape):
            solution = minimize(problems[place[0]][place[1]], seed=seed)
            square_norms[place] = solution.norms**2
            feature_norms[place] = np.linalg.norm(solution.class_features, axis=1)
            living[place] = solution.living
            gap[place], optimal[place] = solution.gap, solution.status == "optimal"
            bar.update()
    return PhaseDiagram(problem_at, vertical, horizontal, problems, square_norms, feature_norms, living, gap, optimal)
