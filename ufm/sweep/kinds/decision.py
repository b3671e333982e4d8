"""Cells that classify hard-to-predict features: what GCR gains over RCR, drawn and by formula."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ufm.certify.predict import predict
from ufm.files.text import require_known
from ufm.measure import montecarlo, rules
from ufm.problems.build import FIELDS as PROBLEM_FIELDS
from ufm.problems.frames import multi_center_frame
from ufm.problems.problem import Problem
from ufm.sweep.kinds.base import Kind, Quantity, filled, problem_of

DEFAULTS: dict[str, Any] = {"n": 20_000, "noise": 1.0, "shares": "inverse"}

SHARES = {"inverse": -1.0, "uniform": 0.0, "frequency": 1.0}
"""Shares of the classes among hard-to-predict features, as powers of their sizes."""


class Decision(Kind):
    """Hard-to-predict features around the mean of all directions (proposition 3.1), classes drawn by ``shares``."""

    fields = (*PROBLEM_FIELDS, *DEFAULTS)
    quantities: Mapping[str, Quantity] = {
        "accuracy_rcr": Quantity((), "frequency with which RCR is right"),
        "accuracy_gcr": Quantity((), "frequency with which GCR is right"),
        "gain": Quantity((), "accuracy_gcr - accuracy_rcr, on the same features"),
        "gain_error": Quantity((), "standard error of the gain"),
        "predicted_gain": Quantity((), "theory.decision.hard.gcr_accuracy - 1/K: orthonormal centers"),
        "predicted_gain_frame": Quantity((), "the same with theory.decision.hard.frame_choice: centers of this theta"),
    }

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """Problem (of which the frame and the shares matter), and how many features."""
        problem = problem_of(values)
        said = filled(values, DEFAULTS)
        require_known(said["shares"], SHARES, f"shares={said['shares']!r} is unknown")
        if said["n"] < 1 or said["noise"] <= 0.0:
            raise ValueError(f"n={said['n']} and noise={said['noise']} must be positive")
        return {"problem": problem.to_dict(), "decision": said, "seed": values["seed"]}

    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Draw, and compute."""
        problem, own = Problem.from_dict(cell["problem"]), cell["decision"]
        weights = np.asarray(problem.class_sizes, dtype=np.float64) ** SHARES[own["shares"]]
        shares = weights / weights.sum()
        answer: dict[str, Any] = {}
        if any(not name.startswith("predicted") for name in record):
            frame = multi_center_frame(problem, basis="coordinate")
            right = {
                name: montecarlo.accuracy(frame, rule, shares, own["n"], noise=own["noise"], seed=cell["seed"])
                for name, rule in (("rcr", rules.regular), ("gcr", rules.generalized))
            }
            answer = {f"accuracy_{name}": estimate.mean for name, estimate in right.items()}
            answer["gain"] = right["gcr"].mean - right["rcr"].mean
            # an upper bound: features on which both rules are right or wrong would make it smaller
            answer["gain_error"] = np.hypot(right["gcr"].standard_error, right["rcr"].standard_error)
        if "predicted_gain" in record:
            answer["predicted_gain"] = predict(problem).gain(shares)
        if "predicted_gain_frame" in record:
            answer["predicted_gain_frame"] = predict(problem).frame_gain(shares)
        return answer


KIND = Decision()
