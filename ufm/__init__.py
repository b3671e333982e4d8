"""Simulation and measurement of neural collapse to multiple centers."""

from theory.centers import apportioned, class_aware
from ufm.certify import certify
from ufm.collapse import Case, collapse_times
from ufm.descent import gradient_descent
from ufm.flow import gradient_flow
from ufm.frames import Frame, multi_center_frame
from ufm.learned.descent import learned_descent
from ufm.learned.flow import learned_flow
from ufm.learned.state import State
from ufm.losses import TorchLoss
from ufm.problem import Problem
from ufm.report import Check, Report, combine
from ufm.sizes import long_tailed_sizes, read_class_sizes
from ufm.solution import Solution
from ufm.solve import minimize
from ufm.start import Start
from ufm.trajectory import Trajectory

__version__ = "0.1.0"

__all__ = [
    "Case",
    "Check",
    "Frame",
    "Problem",
    "Report",
    "Solution",
    "Start",
    "State",
    "TorchLoss",
    "Trajectory",
    "apportioned",
    "certify",
    "class_aware",
    "collapse_times",
    "combine",
    "gradient_descent",
    "gradient_flow",
    "learned_descent",
    "learned_flow",
    "long_tailed_sizes",
    "minimize",
    "multi_center_frame",
    "read_class_sizes",
]
