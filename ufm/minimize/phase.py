"""Phase diagrams, found by minimising at every point of a grid: which classes live, merge or die, and the rank."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.files.bars import tqdm
from ufm.files.face import Face, Shown
from ufm.files.text import require_known
from ufm.minimize.convex import require_convex
from ufm.minimize.layouts import layout_of
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.problem import MultiCenterProblem, Sizes
from ufm.problems.sizes import with_imbalance

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


@dataclass(frozen=True, repr=False)
class Diagram(Face, ABC):
    """Minimisers over a grid of problems; arrays begin with the shape (rows, columns) of the grid.

    Attributes
    ----------
    problem_at : the problem at a pair of values (vertical, horizontal).
    vertical, horizontal : the quantities that change from row to row and from column to column.
    problems : one per point.
    gap : value of the objective minus its dual bound.
    optimal : whether the minimiser is certified by that bound.
    """

    problem_at: Callable[[float, float], Any]
    vertical: Axis
    horizontal: Axis
    problems: Sequence[Sequence[Any]]
    gap: Array
    optimal: NDArray[np.bool_]

    @abstractmethod
    def measured(self) -> Mapping[str, Any]:
        """What else was found, by its name in files: arrays that begin with the shape of the grid; the rest is K."""

    def dataset(self) -> "xarray.Dataset":
        """The same with named dimensions, for files and pictures."""
        import xarray

        dims = (self.vertical.name, self.horizontal.name, "class")
        sizes = self._of_problems("class_sizes")
        every = {**self.measured(), "gap": self.gap, "optimal": self.optimal, "class_size": sizes}
        plain = {name: each.astype(np.int8) if each.dtype == bool else each for name, each in every.items()}
        return xarray.Dataset(
            {name: (dims[: values.ndim], values) for name, values in plain.items()},
            coords={axis.name: (axis.name, axis.values) for axis in (self.vertical, self.horizontal)},
        )

    @property
    def data(self) -> "xarray.Dataset":
        """The same as :meth:`dataset`, by the name that all results have for it."""
        return self.dataset()

    @property
    @abstractmethod
    def living_classes(self) -> NDArray[np.bool_]:
        """Whether each class is alive, (rows, columns, K)."""

    def shown(self) -> Shown:
        """The axes, and how many classes live in the rows of the grid."""
        live = self.living_classes.sum(axis=-1)
        head = f"{self.gap.size} minima over {self.vertical.name} and {self.horizontal.name}, "
        head += f"{int(self.optimal.sum())} of them certified"
        pairs = zip(self.vertical.values, live, strict=True)
        rows = [(f"{value:.4g}", f"{row.min()} to {row.max()}") for value, row in pairs]
        middle = {f"living classes over {self.horizontal.name}, middle row": live[len(live) // 2]}
        return Shown(head, [(self.vertical.name, "living classes"), *rows], middle)

    def _of_problems(self, name: str) -> NDArray[Any]:
        return np.array([[getattr(problem, name) for problem in row] for row in self.problems])


@dataclass(frozen=True, repr=False)
class PhaseDiagram(Diagram):
    """Minimisers of P with a learned frame.

    Attributes
    ----------
    square_norms : :math:`|w_k|^2`, (rows, columns, K).
    feature_norms : :math:`|h_k|`, (rows, columns, K).
    living : whether each class is alive, measured by its output, (rows, columns, K).
    """

    square_norms: Array
    feature_norms: Array
    living: NDArray[np.bool_]

    @property
    def living_classes(self) -> NDArray[np.bool_]:
        """The same as ``living``."""
        return self.living

    def measured(self) -> Mapping[str, Any]:
        """Norms, living classes, and the centers that they have."""
        return {
            "square_norm": self.square_norms,
            "feature_norm": self.feature_norms,
            "living": self.living,
            "centers": self._of_problems("centers"),
        }


@dataclass(frozen=True, repr=False)
class ModelDiagram(Diagram):
    """Minimisers of models without a frame.

    Attributes
    ----------
    value : the objective.
    rank : dimensions that features and weights fill, (rows, columns).
    merged : whether each class has the mean of the classes that are like it in all numbers, (rows, columns, K).
    alive : whether its mean is not 0, (rows, columns, K).
    weight_norms, feature_norms : :math:`|w_k|` and :math:`|h_k|`, (rows, columns, K).
    """

    value: Array
    rank: NDArray[np.int64]
    merged: NDArray[np.bool_]
    alive: NDArray[np.bool_]
    weight_norms: Array
    feature_norms: Array

    @property
    def living_classes(self) -> NDArray[np.bool_]:
        """The same as ``alive``."""
        return self.alive

    def measured(self) -> Mapping[str, Any]:
        """All of it."""
        names = ("value", "rank", "merged", "alive")
        norms = {"weight_norm": self.weight_norms, "feature_norm": self.feature_norms}
        return {name: getattr(self, name) for name in names} | norms


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
    problems = _problems(problem_at, vertical, horizontal)

    def look(solution: Any) -> tuple[Any, ...]:
        return solution.norms**2, solution.feature_norms, solution.living

    return PhaseDiagram(problem_at, vertical, horizontal, problems, *_minima(problems, look, seed, progress=progress))


def model_diagram(
    model_at: Callable[[float, float], FeatureModel], vertical: Axis, horizontal: Axis, *, progress: bool = False
) -> ModelDiagram:
    """Minimise models without a frame at every point of a grid. Classes of equal size cost nothing.

    Parameters
    ----------
    model_at : the model at a pair of values (vertical, horizontal); all with the same number of classes.
    vertical, horizontal : the two axes.
    progress : show a bar.

    Examples
    --------
    >>> def model_at(tau, lam):
    ...     return FeatureModel((100, 100, round(100 * tau), round(100 * tau)), lam_w=lam, lam_h=lam)
    >>> tau, lam = Axis("tau", "tau", "tau", np.array([0.1])), Axis("lam", "lam", "lam", np.array([5e-3, 2e-2]))
    >>> model_diagram(model_at, tau, lam).merged[0].tolist()
    [[False, False, False, False], [False, False, True, True]]
    """
    models = _problems(model_at, vertical, horizontal)

    def look(found: Any) -> tuple[Any, ...]:
        by_class = (found.merged, found.alive, found.weight_norms, found.feature_norms)
        return found.value, found.rank, *(each[found.group] for each in by_class)

    return ModelDiagram(model_at, vertical, horizontal, models, *_minima(models, look, 0, progress=progress))


def _problems(problem_at: Callable[[float, float], Any], vertical: Axis, horizontal: Axis) -> list[list[Any]]:
    return [[problem_at(float(v), float(h)) for h in horizontal.values] for v in vertical.values]


def _minima(
    problems: list[list[Any]], look: Callable[[Any], tuple[Any, ...]], seed: int, *, progress: bool
) -> list[NDArray[Any]]:
    """Gap, whether it is closed, and what ``look`` sees of the minimiser, each over the grid."""
    rows = []
    with tqdm(total=len(problems) * len(problems[0]), unit="minimum", disable=not progress) as bar:
        for problem in (problem for row in problems for problem in row):
            found = minimize(problem, seed=seed)
            rows.append((found.gap, found.status == "optimal", *look(found)))
            bar.update()
    columns = (np.array(column) for column in zip(*rows, strict=True))
    return [each.reshape(len(problems), len(problems[0]), *each.shape[1:]) for each in columns]


MODEL_AXES = ("lam", "lam,tau", "lam,ratio")
"""What a diagram of models may be over: the strength alone, with the imbalance, or with the ratio of the decays."""


def model_grid(
    model_of: Callable[[Sizes, float, float], FeatureModel],
    sizes: Sizes,
    axes: str,
    points: int,
    *,
    low: float | None = None,
    high: float | None = None,
) -> tuple[Callable[[float, float], FeatureModel], Axis, Axis]:
    r"""The models of a diagram, and its axes.

    Parameters
    ----------
    model_of : the model with these class sizes and decays lam_w and lam_h.
    sizes : class sizes; with tau, :func:`ufm.problems.sizes.with_imbalance` stretches them.
    axes : one of :data:`MODEL_AXES`. lam is :math:`\lambda = \sqrt{\lambda_W \lambda_H}`, tau
        :math:`n_{min} / n_{max}`, ratio :math:`\lambda_W / \lambda_H`, which is 1 if left out.
    points : of each axis.
    low, high : ends of lam; by default from a quarter of the smallest :math:`\sqrt{n_k} / N` to where all is dead.

    Raises
    ------
    ValueError : unknown axes, ends that are not in order, sizes that tau cannot stretch, or a loss of one's own that is
        not convex.
    """
    require_known(axes, MODEL_AXES, f"axes={axes!r} is unknown for a loss of logits")
    second = axes.partition(",")[2]

    def model_at(up: float, lam: float) -> FeatureModel:
        decays = (lam * np.sqrt(up), lam / np.sqrt(up)) if second != "tau" else (lam, lam)
        return model_of(with_imbalance(sizes, up) if second == "tau" else sizes, *map(float, decays))

    vertical = {
        "": Axis("ratio", RATIO, RATIO, np.ones(1)),
        "ratio": Axis("ratio", RATIO, RATIO, np.geomspace(1e-2, 1e2, points)),
        "tau": imbalances(max(sizes), points),
    }[second]
    ends = [model_at(float(each), 1.0) for each in vertical.values[[0, -1]]]
    layouts = [layout_of(model) for model in ends]
    for layout, model in zip(layouts, ends, strict=True):
        require_convex(layout, model)
    first = min(np.sqrt(min(model.class_sizes)) / model.n_samples for model in ends) / 4.0
    last = max(layout.deadly for layout in layouts)
    return model_at, vertical, Axis("lam", LAM, LAM_SAID, spread(first, last, points, low, high))


LAM, LAM_SAID = r"$\lambda$", r"$\lambda = \sqrt{\lambda_W \lambda_H}$"
RATIO = r"$\lambda_W / \lambda_H$"


def imbalances(largest: int, points: int) -> Axis:
    """The axis of the imbalance, down to 0.005 or where a class has one sample."""
    return Axis("tau", r"$\tau$", r"$\tau = n_{min} / n_{max}$", np.geomspace(max(0.005, 1.0 / largest), 1.0, points))


def spread(first: float, last: float, points: int, low: float | None, high: float | None) -> Array:
    """Values in equal ratios from ``low`` to ``high``, or from ``first`` to ``last``. Raises ValueError."""
    low, high = first if low is None else low, last if high is None else high
    if not 0.0 < low < high < np.inf:
        raise ValueError(f"low={low:g} and high={high:g} must satisfy 0 < low < high")
    return np.geomspace(low, high, points)
