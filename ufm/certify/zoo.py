"""The zoo: minimisers of unconstrained-feature models held against every theorem that speaks of them."""

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import theory.zoo
from theory.zoo.theorem import Theorem
from ufm.certify.bounds import bound_checks
from ufm.certify.report import Check, Report
from ufm.files.folder import modules_in
from ufm.files.text import columns, require_known
from ufm.minimize.learned import CLOSED
from ufm.minimize.solve import minimize
from ufm.problems.balanced_flow import BalancedFlow
from ufm.problems.deep_model import DeepModel
from ufm.problems.dot_regression_model import DotRegressionModel
from ufm.problems.feature_model import FeatureModel, NonnegativeModel
from ufm.problems.frames import Array
from ufm.problems.peeled_model import PeeledModel
from ufm.problems.problem import Problem
from ufm.problems.sphere_model import SphereModel
from ufm.simulate.flow import gradient_flow

ABSOLUTE = 1e-6
"""How close norms, logits and Gram matrices must be, in units of the largest: a gap of 1e-12 is worth its root."""


MODELS: dict[str, Any] = {
    "feature": FeatureModel,
    "nonnegative": NonnegativeModel,
    "peeled": PeeledModel,
    "deep": DeepModel,
    "sphere": SphereModel,
    "flow": BalancedFlow,
    "dot-regression": DotRegressionModel,
    "multi-center": Problem,
}
"""What theorems speak of, by the word ``MODEL`` of their files."""


@functools.singledispatch
def solved(model: Any) -> Any:
    """What is held against the theorems of a model: its minimiser; a kind with another end registers it."""
    return minimize(model)


@solved.register
def _(model: BalancedFlow) -> Any:
    return gradient_flow(model, rtol=ACCURACY, keep="features")


ACCURACY = 1e-12
"""Tolerance of the flows."""


class Entry(NamedTuple):
    """A theorem of the zoo."""

    name: str
    statement: str
    theorem: Theorem
    module: ModuleType

    @property
    def kind(self) -> Any:
        """The class of the models that it speaks of."""
        return MODELS[getattr(self.module, "MODEL", "feature")]

    def cases(self) -> Mapping[str, Any]:
        """The models that it is tried on."""
        return {name: self.kind(**fields) for name, fields in self.module.CASES.items()}

    def broken(self) -> Any:
        """A model that breaks a hypothesis."""
        return self.kind(**self.module.BROKEN)


def zoo() -> dict[str, Entry]:
    """All theorems by name, in the order of their rows: what lies in the folder now.

    Raises
    ------
    ValueError : naming a file of the folder that states no theorem, and what it lacks.
    """
    return _lying_in(tuple((folder, os.stat(folder).st_mtime_ns) for folder in theory.zoo.__path__))


@functools.lru_cache(maxsize=1)
def _lying_in(folders: tuple[tuple[str, int], ...]) -> dict[str, Entry]:
    """Read once for as long as nothing comes or goes: every point of a phase diagram asks."""
    entries = []
    for name, module in modules_in(theory.zoo).items():
        if name == "theorem":
            continue
        for part in ("__doc__", "THEOREM", "applies", "predict", "CASES", "BROKEN"):
            if getattr(module, part, None) is None:
                raise ValueError(f"{module.__file__} states no theorem: it lacks {part}")
        entries.append(Entry(name.replace("_", "-"), " ".join(str(module.__doc__).split()), module.THEOREM, module))
    entries.sort(key=lambda entry: (not entry.theorem.row.isdigit(), entry.theorem.row.zfill(3)))
    return {entry.name: entry for entry in entries}


def find(name: str) -> Entry:
    """A theorem by name. Raises ValueError with the nearest one."""
    found = zoo()
    require_known(name, found, f"theorem {name!r} is unknown")
    return found[name]


def applying(model: Any) -> list[Entry]:
    """The theorems whose hypotheses a model meets."""
    return [entry for entry in zoo().values() if type(model) is entry.kind and entry.module.applies(model)]


@dataclass(frozen=True, eq=False)
class ModelPrediction(Mapping[str, Mapping[str, Any]]):
    """What theorems say of a model without a frame: for each one that speaks of it, its numbers and arrays by name.

    Example
    -------
    >>> import ufm
    >>> said = ufm.predict(ufm.FeatureModel((20, 20), lam_w=1e-2, lam_h=1e-2))
    >>> list(said), round(float(said["ce-balanced"]["value"]), 6)
    (['ce-balanced', 'ce-imbalanced'], 0.182669)
    """

    problem: Any
    theorems: Mapping[str, Entry]

    @classmethod
    def of(cls, model: Any) -> "ModelPrediction":
        """All that the zoo says of it."""
        return cls(model, {entry.name: entry for entry in applying(model)})

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """What one of them says. Raises KeyError for one that does not speak of the model."""
        return self.theorems[name].module.predict(self.problem)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self.theorems)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.theorems)

    def __str__(self) -> str:
        """A line for each statement; of arrays the shape."""
        rows = [("theorem", "says of", "", "source")]
        for name, entry in self.theorems.items():
            for quantity, value in self[name].items():
                number = np.asarray(value)
                shown = f"{number.item():.6g}" if number.ndim == 0 else f"{number.shape}"
                rows.append((name, quantity, shown, entry.theorem.source))
        return "\n".join(columns(rows)) if self.theorems else "no theorem of the zoo speaks of this model"


MEASURED: Mapping[str, Any] = {
    "value": lambda geometry: geometry.value,
    "log_value": lambda geometry: geometry.log_value,
    "weight_squares": lambda geometry: geometry.weight_norms[geometry.group] ** 2,
    "feature_squares": lambda geometry: geometry.feature_norms[geometry.group] ** 2,
    "logits": lambda geometry: geometry.class_logits,
    "bias": lambda geometry: geometry.class_bias,
    "alive": lambda geometry: geometry.alive[geometry.group].astype(float),
    "learns": lambda geometry: float(geometry.rank > 0),
    "merged": lambda geometry: geometry.merged[geometry.group].astype(float),
    "weight_gram": lambda geometry: geometry.weight_gram,
    "feature_gram": lambda geometry: geometry.feature_gram,
    "layer_squares": lambda geometry: geometry.layer_squares,
    "value_at_most": lambda geometry: geometry.value,
    "collapse_value": lambda geometry: geometry.aligned,
    "collapsed": lambda geometry: float(geometry.collapsed),
    "own_cosines": lambda geometry: geometry.own_cosines,
    "largest_cosine": lambda geometry: geometry.largest_cosine,
    "drift": lambda flow: flow.curves["drift"],
    "row_sum_square": lambda flow: flow.weight_gram.sum(axis=(-2, -1)),
}
"""How what a theorem predicts is read off a minimiser."""


VALUES = {"value", "value_at_most", "collapse_value"}
"""What is in the unit of the objective."""


def against(geometry: Any, entry: Entry) -> Iterator[Check]:
    """What a theorem predicts, held against a minimiser that knows nothing of it."""
    said = entry.module.predict(geometry.problem)
    for name, predicted in said.items():
        measured = np.asarray(MEASURED[name](geometry), dtype=np.float64)
        wanted = np.asarray(predicted, dtype=np.float64)
        scale = _scale(name, wanted, geometry)
        allowed: dict[str, Any] = {"absolute": (CLOSED if name in VALUES else ABSOLUTE) * scale}
        if name == "value_at_most":
            allowed["relation"] = "<="
        means = MEANS.get(name, "")
        yield Check.compare(name.replace("_", " "), entry.theorem.source, wanted, measured, means=means, **allowed)


MEANS = {
    "alive": "1 where the mean of a class is not 0",
    "merged": "1 where a class shares its mean with others",
    "learns": "1 unless all is 0",
}
"""What a number stands for that is 0 or 1."""


def _scale(name: str, wanted: Array, geometry: Any) -> float:
    """The unit of an error: of the value, that at 0; else the largest number, or what would be 1 if all were dead."""
    if name in VALUES:
        return geometry.scale
    return max(float(np.abs(wanted).max(initial=0.0)), 1e-3)


class Examined(NamedTuple):
    """What became of a theorem."""

    entry: Entry
    reports: dict[str, Report]
    """By case."""
    broken: Report
    """Of the case that breaks a hypothesis: a check must fail."""
    gap: float
    """The largest one; NaN where nothing is proved of the minima."""

    @property
    def reproduced(self) -> bool:
        """Every case holds, and the broken one does not."""
        return all(report.holds for report in self.reports.values()) and not self.broken.holds


def examine(entry: Entry) -> Examined:
    """Solve all cases of a theorem and hold them against it."""
    reports, gaps = {}, [np.nan]
    for name, model in entry.cases().items():
        found = solved(model)
        proof = list(bound_checks(found, found.scale))
        gaps += [found.gap] if proof else []
        reports[name] = Report(f"{entry.name}, {name}", (*proof, *against(found, entry)))
    broken = Report(f"{entry.name}, broken", tuple(against(solved(entry.broken()), entry)))
    return Examined(entry, reports, broken, float(np.fmax.reduce(gaps)))
