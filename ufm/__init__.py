"""Simulation and measurement of neural collapse to multiple centers."""

from ufm.files.folder import ours

ours("theory")

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

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Certificate",
    "Check",
    "Collector",
    "ConeGeometry",
    "Conventions",
    "DeepGeometry",
    "DeepModel",
    "DotRegressionGeometry",
    "DotRegressionModel",
    "FeatureModel",
    "FeatureTrajectory",
    "Frame",
    "FullGeometry",
    "Geometry",
    "Grams",
    "Measures",
    "NonnegativeModel",
    "NumpyLogitLoss",
    "PeeledGeometry",
    "PeeledModel",
    "Problem",
    "RegressionMeasures",
    "Report",
    "Solution",
    "SphereModel",
    "Start",
    "State",
    "TorchLogitLoss",
    "TorchLoss",
    "Trajectory",
    "apportioned",
    "certified_radius",
    "certify",
    "class_aware",
    "collapse_times",
    "combine",
    "gradient_descent",
    "gradient_flow",
    "long_tailed_sizes",
    "measure",
    "measure_regression",
    "minimize",
    "multi_center_frame",
    "predict",
    "predicted_grams",
    "read_class_sizes",
    "verify",
]
