"""Cells that follow a gradient flow: how long collapse takes, where it ends, and curves on the way."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ufm.certify.predict import predict
from ufm.files.text import suggestion
from ufm.problems.build import FIELDS as PROBLEM_FIELDS
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem, Learned
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.start import Start
from ufm.simulate.collapse import Case, collapse_times
from ufm.simulate.flow import RTOL, check_accuracy, gradient_flow
from ufm.simulate.methods import NAMES
from ufm.simulate.trajectory import Trajectory
from ufm.sweep.kinds.base import Answer, Quantity, checked, one_per_class, problem_of

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

_CURVES = {"nc_curve": "nc_mean", "norm_curve": "norm_mean", "variability_curve": "variability"}


class Flow:
    """Gradient flows of problems with a fixed frame."""

    fields = (*PROBLEM_FIELDS, *DEFAULTS)
    quantities: Mapping[str, Quantity] = {**FROM_TIMES, **PREDICTED, **AT_THE_END, **CURVES}
    group = 16
    parallel = True

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """Problem, start and accuracy."""
        problem = problem_of(values)
        if isinstance(problem, Learned):
            raise ValueError("frame='learned' is for kind 'minimum': flows of a sweep keep the frame fixed")
        if alone := [
            name for name in record if name in FROM_TIMES | PREDICTED and not isinstance(problem, CosineProblem)
        ]:
            raise ValueError(f"{', '.join(alone)} of record: for the cosine loss only, and this is loss='mse'")
        said = {**DEFAULTS, **{name: value for name, value in checked(values).items() if name in DEFAULTS}}
        if said["method"] not in NAMES:
            raise ValueError(f"method={said['method']!r} is unknown{suggestion(str(said['method']), NAMES)}")
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
        problems = [Problem.from_dict(cell["problem"]) for cell in cells]
        starts = [Start(*(cell["flow"][name] for name in ("start", "scale", "offset"))) for cell in cells]
        answers: list[Answer] = [{} for _ in cells]
        if wanted := [name for name in record if name in FROM_TIMES]:
            for answer, problem, times in zip(answers, problems, _times(cells, problems, starts, wanted), strict=True):
                answer.update(_from_times(problem, times, wanted))
        for answer, cell, problem, start in zip(answers, cells, problems, starts, strict=True):
            own = cell["flow"]
            if "predicted_time" in record:
                answer["predicted_time"] = predict(problem).typical_time(start, own["until_nc"])
            if "predicted_rate" in record:
                answer["predicted_rate"] = predict(problem).typical_rate(start)
            if any(name in AT_THE_END or name in CURVES for name in record):
                trajectory = gradient_flow(
                    problem,
                    start=start,
                    seed=cell["seed"],
                    workers=1,
                    **{name: own[name] for name in ("method", "until_nc", "t_final", "n_times", "rtol")},
                )
                answer.update(_from_trajectory(trajectory, record))
        return answers


def _times(
    cells: Sequence[dict[str, Any]], problems: Sequence[Any], starts: list[Start], wanted: list[str]
) -> list[tuple[Array, ...]]:
    """Sample by sample: times to until_nc, and where the rate is wanted also to a hundred times that."""
    found: list[tuple[Array, ...]] = [()] * len(cells)
    accuracies = [(cell["flow"]["until_nc"], cell["flow"]["rtol"]) for cell in cells]
    for nc, rtol in dict.fromkeys(accuracies):
        own = [i for i, pair in enumerate(accuracies) if pair == (nc, rtol)]
        cases = [Case(problems[i], starts[i], cells[i]["seed"]) for i in own]
        levels = (nc, 100.0 * nc) if "rate" in wanted else (nc,)
        for i, *times in zip(own, *(collapse_times(cases, until_nc=level, rtol=rtol) for level in levels), strict=True):
            found[i] = tuple(times)
    return found


def _from_times(problem: MultiCenterProblem, times: tuple[Array, ...], wanted: list[str]) -> Answer:
    def by_class(reduce: Any, values: Array) -> Array:
        return np.array([reduce(values[problem.samples(k)]) for k in range(problem.n_classes)])

    answer = {}
    if "collapse_time" in wanted:
        answer["collapse_time"] = by_class(np.max, times[0])
    if "collapse_time_median" in wanted:
        answer["collapse_time_median"] = by_class(np.median, times[0])
    if "rate" in wanted:
        with np.errstate(invalid="ignore"):  # infinity - infinity, of samples that never collapse
            answer["rate"] = np.log(100.0) / by_class(np.median, times[0] - times[1])
    return answer


def _from_trajectory(trajectory: Trajectory, record: Sequence[str]) -> Answer:
    answer: Answer = {}
    for name in record:
        if name == "time":
            answer[name] = trajectory.times
        elif name == "value":
            answer[name] = trajectory.value[-1:].reshape(())
        elif name == "value_curve":
            answer[name] = trajectory.value
        elif name == "collapsed":
            answer[name] = np.array(float(trajectory.status == "collapsed"))
        elif name in AT_THE_END:
            answer[name] = one_per_class(trajectory.problem, trajectory.class_values(name)[-1])
        elif name in _CURVES:
            answer[name] = trajectory.class_values(_CURVES[name])
    return answer


KIND = Flow()
