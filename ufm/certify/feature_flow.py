"""Checks of flows of models without a frame."""

from collections.abc import Iterator

import numpy as np

from ufm.certify.report import Check
from ufm.certify.zoo import against, applying
from ufm.minimize.solve import minimize
from ufm.problems.balanced_flow import BalancedFlow
from ufm.simulate.feature_flow import FeatureTrajectory

ALLOWED = 100.0
"""Tolerances of the integration that the objective may be off by after all steps, in units of its value at 0."""


def feature_flow_checks(t: FeatureTrajectory, notes: list[str]) -> Iterator[Check]:
    """The objective falls, and never below what is proved; balance; and what theorems say of the flow."""
    model, reached = t.problem, t.value[np.isfinite(t.value)]
    allowed = ALLOWED * t.stats["rtol"] * t.scale
    rise = float(np.diff(reached).max(initial=0.0))
    yield Check.compare("largest rise of the objective", "gradient flow", 0.0, rise, absolute=allowed, relation="<=")
    if model.lam_w == model.lam_h:  # else B obeys no law of its own
        drift, size = float(np.nanmax(t.curves["drift"])), max(1.0, float(t.curves["balance"][0]))
        name = "W^T W - H H^T is exp(-2 lam t) times itself at the start"
        yield Check.compare(name, "ufm.simulate.feature_flow", 0.0, drift, absolute=ALLOWED * t.stats["rtol"] * size)
    if isinstance(model, BalancedFlow):
        for entry in applying(model):
            yield from against(t, entry)
    if model.lam_w and model.lam_h:
        least = minimize(model.model if isinstance(model, BalancedFlow) else model)
        if least.certificate is not None:
            name = "least value on the way"
            yield Check.compare(name, "duality", least.bound, reached.min(), absolute=allowed, relation=">=")
        notes.append(f"the end: the last record is {reached[-1] - least.value:.2g} above the minimum")
