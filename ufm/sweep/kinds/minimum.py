"""Cells that minimise: values, certificates, norms, and which classes live."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ufm.certify.predict import predict
from ufm.measure.metrics import collapse
from ufm.minimize.solve import minimize
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.problem import Problem
from ufm.sweep.kinds.base import Kind, Quantity, problem_of

PREDICTED = {
    "predicted_living": Quantity(("class",), "1 if theory says that the class lives (theorem 3.3, corrected), else 0"),
    "predicted_square_norm": Quantity(("class",), "theory.multicenter.minimum.learned_square_norm"),
}


class Minimum(Kind):
    """Minimisers over the features, and over the frame where that is learned."""

    quantities: Mapping[str, Quantity] = {
        "value": Quantity((), "objective"),
        "gap": Quantity((), "objective minus its proven lower bound"),
        "certified": Quantity((), "1 if the gap is closed, else 0"),
        "living": Quantity(("class",), "1 if the class has an output, else 0"),
        "square_norm": Quantity(("class",), "squared length of the classifier vector"),
        "feature_norm": Quantity(("class",), "length of the class's feature"),
        "nc": Quantity(("class",), "NC of the class's feature; NaN where it is 0"),
        **PREDICTED,
    }

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """The problem."""
        problem = problem_of(values)
        asked = [name for name in record if name in PREDICTED]
        if asked and not isinstance(problem, LearnedMSEProblem):
            raise ValueError(f"{', '.join(asked)} of record: for P with frame='learned' only")
        return {"problem": problem.to_dict(), "seed": values["seed"]}

    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Minimise."""
        problem = Problem.from_dict(cell["problem"])
        solution = minimize(problem, seed=cell["seed"])
        norms = solution.feature_norms
        answer: dict[str, Any] = {
            "value": solution.value,
            "gap": solution.gap,
            "certified": solution.status == "optimal",
            "living": solution.living,
            "square_norm": solution.norms**2,
            "feature_norm": norms,
        }
        if "nc" in record:
            nc, some = np.full(problem.n_classes, np.nan), np.flatnonzero((norms > 0) & solution.living)
            if some.size:
                nc[some] = collapse(
                    solution.class_features[some], np.arange(some.size), solution.frame.pick(some.tolist())
                )
            answer["nc"] = nc
        asked = [name for name in PREDICTED if name in record]
        return answer | {name: getattr(predict(problem), name.removeprefix("predicted_")) for name in asked}


KIND = Minimum()
