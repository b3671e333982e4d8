"""Where it ends: minimisers of every kind of problem, each with a lower bound that proves how good it is.

It may use :mod:`ufm.problems` and :mod:`ufm.files`; of theory only definitions. It knows no prediction.
"""
