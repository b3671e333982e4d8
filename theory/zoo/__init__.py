"""The zoo: theorems on where unconstrained-feature models end, one file each, found by being here.

A file has a docstring, which is the statement; ``THEOREM``; ``predict(model)``, its formulas; ``CASES``, models on both
sides of each threshold; and ``BROKEN``, one that breaks a hypothesis, of which the prediction must be wrong.
"""
