"""Cells that follow a gradient flow: how long collapse takes, where it ends, and curves on the way."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ufm.certify.predict import predict
from ufm.files.text import require_known
from ufm.problems.build import FIELDS as PROBLEM_FIELDS
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem, Learned
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.start import Start
from ufm.simulate.collapse import Case, collapse_times
from ufm.simulate.flow import RTOL, check_accuracy, gradient_flow
from ufm.simulate.methods import NAMES
from ufm.simulate.trajectory import Trajectory
from ufm.sweep.kinds.base import Answer, Kind, Quantity, filled, problem_of

DEFAULTS: dict[str, Any] = {
    "method": "auto",
    "start": "gaussian",
    "scale": 1.0,
    "offset": 1e-3,
    "until_nc": 1e-10,
    "t_final": None,
    "n_times": 33,
    "rtol": RTOL,
}

TIME = "flow time"

FROM_TIMES = {
    "collapse_time": Quantity(("class",), "when the last sample of the class reaches until_nc", TIME),
    "collapse_time_median": Quantity(("class",), "when half of the class's samples have reached until_nc", TIME),
    "rate": Quantity(("class",), "ln(100) over the median time from 100 until_nc to until_nc", "1 / flow time"),
}
"""Collapse times alone: all cells of a group are integrated side by side."""

PREDICTED = {
    "predicted_time": Quantity(
        ("class",), "theory.multicenter.flows.time_to_nc from a typical start of the class", TIME
    ),
    "predicted_rate": Quantity(("class",), "theory.multicenter.flows.nc_rate", "1 / flow time"),
}

AT_THE_END = {
    "nc_mean": Quantity(("class",), "mean NC of the class at the end"),
    "nc_max": Quantity(("class",), "largest NC of the class at the end"),
    "norm_mean": Quantity(("class",), "mean feature norm at the end"),
    "variability": Quantity(("class",), "mean of 1 - cos(h, w_k) at the end"),
    "value": Quantity((), "objective at the end"),
    "collapsed": Quantity((), "1 if every sample has reached until_nc, else 0"),
}

CURVES = {
    "time": Quantity(("time",), "recorded times", TIME),
    "nc_curve": Quantity(("time", "class"), "mean NC of the class"),
    "norm_curve": Quantity(("time", "class"), "mean feature norm"),
    "variability_curve": Quantity(("time", "class"), "mean of 1 - cos(h, w_k)"),
    "value_curve": Quantity(("time",), "objective"),
}


class Flow(Kind):
    """Gradient flows of problems with a fixed frame."""

    fields = (*PROBLEM_FIELDS, *DEFAULTS)
    quantities: Mapping[str, Quantity] = {**FROM_TIMES, **PREDICTED, **AT_THE_END, **CURVES}
    group = 16

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """Problem, start and accuracy."""
        problem = problem_of(values)
        if isinstance(problem, Learned):
            raise ValueError("frame='learned' is for kind 'minimum': flows of a sweep keep the frame fixed")
        if alone := [
            name for name in record if name in FROM_TIMES | PREDICTED and not isinstance(problem, CosineProblem)
        ]:
            raise ValueError(f"{', '.join(alone)} of record: for the cosine loss only, and this is loss='mse'")
        said = filled(values, DEFAULTS)
        require_known(said["method"], NAMES, f"method={said['method']!r} is unknown")
        Start(said["start"], said["scale"], said["offset"])
        check_accuracy(said["until_nc"], said["rtol"])
        if any(name in FROM_TIMES for name in record) and (said["t_final"] is not None or said["method"] != "auto"):
            raise ValueError("collapse times are those of the reduced flow until collapse: no method or t_final")
        if said["t_final"] is not None and said["t_final"] <= 0.0:
            raise ValueError(f"t_final={said['t_final']} must be positive")
        if said["n_times"] < 2:
            raise ValueError(f"n_times={said['n_times']} must be at least 2")
        return {"problem": problem.to_dict(), "flow": said, "seed": values["seed"]}

    def run(self, cells: Sequence[dict[str, Any]], record: Sequence[str], folder: Path) -> list[Answer]:
        """Collapse times of all cells together, trajectories one by one."""
        wanted, others = (tuple(n for n in record if (n in FROM_TIMES) == times) for times in (True, False))
        answers = super().run(cells, others, folder) if others else [{} for _ in cells]
        if wanted:
            for answer, times in zip(answers, _times(cells, wanted), strict=True):
                answer |= times
        return answers

    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Predictions and the trajectory."""
        problem, own, start = Problem.from_dict(cell["problem"]), cell["flow"], _start(cell)
        answer: dict[str, Any] = {}
        if "predicted_time" in record:
            answer["predicted_time"] = predict(problem).typical_time(start, own["until_nc"])
        if "predicted_rate" in record:
            answer["predicted_rate"] = predict(problem).typical_rate(start)
        if any(name in AT_THE_END or name in CURVES for name in record):
            options = {name: own[name] for name in ("method", "until_nc", "t_final", "n_times", "rtol")}
            answer |= _from_trajectory(gradient_flow(problem, start=start, seed=cell["seed"], workers=1, **options))
        return answer


def _start(cell: dict[str, Any]) -> Start:
    return Start(*(cell["flow"][name] for name in ("start", "scale", "offset")))


def _times(cells: Sequence[dict[str, Any]], wanted: Sequence[str]) -> list[Answer]:
    """By cell, from times to until_nc sample by sample, and where the rate is wanted also to a hundred times that."""
    found: list[Answer] = [{} for _ in cells]
    accuracies = [(cell["flow"]["until_nc"], cell["flow"]["rtol"]) for cell in cells]
    problems: list[Any] = [Problem.from_dict(cell["problem"]) for cell in cells]
    for nc, rtol in dict.fromkeys(accuracies):
        own = [i for i, pair in enumerate(accuracies) if pair == (nc, rtol)]
        cases = [Case(problems[i], _start(cells[i]), cells[i]["seed"]) for i in own]
        levels = (nc, 100.0 * nc) if "rate" in wanted else (nc,)
        for i, *times in zip(own, *(collapse_times(cases, until_nc=level, rtol=rtol) for level in levels), strict=True):
            found[i] = _from_times(problems[i], wanted, *times)
    return found


def _from_times(
    problem: MultiCenterProblem, wanted: Sequence[str], times: Array, earlier: Array | None = None
) -> Answer:
    def by_class(reduce: Any, values: Array) -> Array:
        return np.array([reduce(values[problem.samples(k)]) for k in range(problem.n_classes)])

    statistics = {"collapse_time": np.max, "collapse_time_median": np.median}
    answer = {name: by_class(reduce, times) for name, reduce in statistics.items() if name in wanted}
    if earlier is not None:
        with np.errstate(invalid="ignore"):  # infinity - infinity, of samples that never collapse
            answer["rate"] = np.log(100.0) / by_class(np.median, times - earlier)
    return answer


def _from_trajectory(trajectory: Trajectory) -> dict[str, Any]:
    by_class = {name: trajectory.class_values(name) for name in ("nc_mean", "nc_max", "norm_mean", "variability")}
    return {
        **{name: values[-1] for name, values in by_class.items()},
        **{f"{name.removesuffix('_mean')}_curve": values for name, values in by_class.items()},
        "value": trajectory.value[-1],
        "collapsed": trajectory.status == "collapsed",
        "time": trajectory.times,
        "value_curve": trajectory.value,
    }


KIND = Flow()
