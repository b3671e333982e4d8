"""Where it ends: minimisers of every kind of problem, each with a lower bound that proves how good it is.

It may use :mod:`ufm.problems` and :mod:`ufm.files`; of theory only definitions. It knows no prediction.
"""

from ufm.minimize import deep, dot_regression, full, geometry, nonnegative, peeled, solve, sphere

__all__ = ["deep", "dot_regression", "full", "geometry", "nonnegative", "peeled", "solve", "sphere"]
"""What registers solutions and bounds: whoever loads any of the room has all of them."""
