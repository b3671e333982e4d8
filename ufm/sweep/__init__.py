"""Sweeps: one question at every point of a grid, on one machine or many, with results that survive."""

from ufm.sweep.description import Axis, Cell, Sweep
from ufm.sweep.results import Results

__all__ = ["Axis", "Cell", "Results", "Sweep"]
