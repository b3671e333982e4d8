"""What every flow that collapses ends in, and the objective on the way."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ufm.certify.minima import class_cosine_check, variability_check
from ufm.certify.prediction import Prediction
from ufm.certify.report import Check
from ufm.simulate.trajectory import Trajectory

COARSE = 1e-4
"""Largest NC at which features still say something of the angles they end in."""


def ended(t: Trajectory, notes: list[str]) -> bool:
    """Whether the end of a trajectory is one that theory speaks of."""
    if t.status in ("finished", "stopped"):
        notes.append(f"what collapse ends in: the run ended before, with a largest NC of {t.nc_max:.2g}")
    elif float(t.stats["until_nc"]) > COARSE:
        notes.append(f"what collapse ends in: until_nc={t.stats['until_nc']:g} is too coarse to tell")
    else:
        return True
    return False


def end_checks(t: Trajectory, predicted: Prediction[Any], notes: list[str]) -> Iterator[Check]:
    """Direction and angles at the end of every flow that collapses."""
    threshold = float(t.stats["until_nc"])
    tolerance = 3.0 * float(np.sqrt(threshold))  # of a cosine, between directions that are sqrt(NC) apart
    nc = t.class_values("nc_max")[-1]
    yield predicted.check("direction_nc", "direction: largest NC at the end", nc, absolute=threshold)
    yield variability_check(predicted, t.class_values("variability")[-1], tolerance)
    if t.final is None:
        notes.append("cosines between class means: the features were not kept (keep='final')")
    elif t.problem.n_classes > 1:
        yield class_cosine_check(predicted, t.final, t.problem.labels, tolerance)


def energy_check(t: Trajectory) -> Check:
    """The objective falls along every flow (not along every descent: momentum overshoots)."""
    rise = float(np.diff(t.value).max(initial=0.0)) / max(abs(float(t.value[0])), np.finfo(float).tiny)
    return Check.compare("largest rise of the objective", "gradient flow", 0.0, max(rise, 0.0), absolute=1e-12)
