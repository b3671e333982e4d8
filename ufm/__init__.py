"""Simulation and measurement of neural collapse to multiple centers.

What is public is loaded when it is first asked for: a program that needs only the sizes of classes does not wait for
the solvers.
"""

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ufm.files.folder import ours

ours("theory")

if TYPE_CHECKING:
    from theory.multicenter.centers import apportioned, class_aware
    from ufm.certify import certify
    from ufm.certify.grams import predicted_grams
    from ufm.certify.predict import predict
    from ufm.certify.report import Check, Report, combine
    from ufm.measure.collector import Collector
    from ufm.measure.conventions import Conventions
    from ufm.measure.grams import Grams
    from ufm.measure.network import Measures, measure
    from ufm.measure.radius import certified_radius
    from ufm.measure.regression import RegressionMeasures, measure_regression
    from ufm.minimize.certificate import Certificate, verify
    from ufm.minimize.deep import DeepGeometry
    from ufm.minimize.dot_regression import DotRegressionGeometry
    from ufm.minimize.full import FullGeometry
    from ufm.minimize.geometry import Geometry
    from ufm.minimize.nonnegative import ConeGeometry
    from ufm.minimize.peeled import PeeledGeometry
    from ufm.minimize.solution import Solution
    from ufm.minimize.solve import minimize
    from ufm.problems.callables import NumpyLogitLoss, TorchLogitLoss
    from ufm.problems.deep_model import DeepModel
    from ufm.problems.dot_regression_model import DotRegressionModel
    from ufm.problems.feature_model import FeatureModel, NonnegativeModel
    from ufm.problems.frames import Frame, multi_center_frame
    from ufm.problems.losses import TorchLoss
    from ufm.problems.peeled_model import PeeledModel
    from ufm.problems.problem import Problem
    from ufm.problems.sizes import long_tailed_sizes, read_class_sizes
    from ufm.problems.sphere_model import SphereModel
    from ufm.problems.start import Start
    from ufm.problems.state import State
    from ufm.simulate.collapse import Case, collapse_times
    from ufm.simulate.descent import gradient_descent
    from ufm.simulate.feature_flow import FeatureTrajectory
    from ufm.simulate.flow import gradient_flow
    from ufm.simulate.trajectory import Trajectory

__version__ = "0.2.0"


def _homes() -> dict[str, str]:
    """Where each public name comes from, by name: what the imports for type checkers above say."""
    (typed,) = (node for node in ast.parse(Path(__file__).read_text(encoding="utf-8")).body if isinstance(node, ast.If))
    found = (node for node in typed.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in found for alias in node.names}


_HOME = _homes()

ROOMS = ("sweep", "train")
"""Parts that are asked for by their own name, as in ``ufm.train.watch``."""


class _Package(ModuleType):
    """Three rooms have the name of their verb. The name is the verb's, whenever the room is loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, unless it is a room in the place of a verb."""
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """A public name, loaded now and from here on there."""
    if name in ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """What there is, loaded or not."""
    return sorted({*globals(), *__all__})


__all__ = sorted(_HOME)
