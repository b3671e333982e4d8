"""Flows of problems with multiple centers: curves by class, and their geometry in three dimensions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.certify.predict import predict
from ufm.pages import geometry
from ufm.pages.content import Plots, Section, Table, number
from ufm.pages.draw import by_class
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.simulate.flow import over_decades

if TYPE_CHECKING:
    import xarray

LEAST, COLLAPSED = 1e-30, 1e-22
"""NC below the first is drawn as that; below the second nothing happens any more."""

NEEDED = ("time", "nc_mean", "norm_mean", "variability")
"""Variables that the Dataset of a trajectory has."""


def problem_of(data: "xarray.Dataset") -> MultiCenterProblem:
    """The problem that a trajectory or a solution is of. Raises ValueError, TypeError, KeyError."""
    found: MultiCenterProblem = Problem.from_json(data.attrs["problem"])
    return found


def curves(data: "xarray.Dataset", problem: MultiCenterProblem) -> Plots:
    """NC, norms and variability of each class over time, with what theory says that the last one ends in."""
    about = [
        f"class {k}: n = {n}, f = {f}"
        for k, (n, f) in enumerate(zip(problem.class_sizes, problem.centers, strict=True), start=1)
    ]
    time = ("flow time t", data.time.values)
    nc = np.maximum(data.nc_mean.values, LEAST)
    done = np.flatnonzero(nc.max(axis=1) < COLLAPSED)
    until = [0.0, float(data.time.values[done[0] if done.size and done[0] else -1])]
    decades = over_decades(data.time.values)
    shown: dict[str, Any] = {"about": about, "until": None if decades else until, "decades": decades}
    small: dict[str, Any] = {"type": "log", "range": [float(np.log10(COLLAPSED)), 0.8]}
    norms: dict[str, Any] = {"type": "log", "dtick": "D2"}
    said = "1 - cosine of feature and classifier vector, mean over the class; dotted: where theory says it ends."
    ends: dict[str, Any] = {"limits": predict(problem).variability, "type": "linear"}
    return Plots(
        (
            by_class("Collapse", "Mean NC of each class.", time, ("NC", nc), **shown, **small),
            by_class("Norms", "Mean length of features.", time, ("|h|", data.norm_mean.values), **shown, **norms),
            by_class("Variability", said, time, ("variability", data.variability.values), **shown, **ends),
        )
    )


def described(problem: MultiCenterProblem) -> str:
    """A problem in a sentence."""
    sizes = f"{max(problem.class_sizes)} to {min(problem.class_sizes)} samples"
    weights = {name: getattr(problem, name) for name in ("lam", "lam_h", "lam_w") if hasattr(problem, name)}
    said = ", ".join(f"{name} = {number(value)}" for name, value in weights.items())
    head = f"{problem.loss} loss, {problem.n_classes} classes of {sizes}, {problem.n_centers} centers"
    return f"{head}, theta = {problem.theta:g}, d = {problem.dim}, {said}."


def section(title: str, data: "xarray.Dataset", source: str, *, scenes: bool = True) -> Section:
    """A section of a trajectory. ``scenes``: also its geometry in three dimensions."""
    problem = problem_of(data)
    parts = [curves(data, problem), *(geometries(problem) if scenes else [])]
    return Section(title, (described(problem), ended(data)), parts, source)


def ended(data: "xarray.Dataset") -> str:
    """How a trajectory ended, in a sentence."""
    nc = float(data.nc_max.values[-1].max()) if "nc_max" in data else float(data.nc_mean.values[-1].max())
    return f"Status: {data.attrs.get('status', 'unknown')} at t = {float(data.time[-1]):.4g}, largest NC {nc:.2g}."


def geometries(problem: MultiCenterProblem) -> list[Plots]:
    """Frame, flow on the sphere, and features close to no class, as far as the problem has them."""
    found = [geometry.centers(problem)]
    if isinstance(problem, CosineProblem) and max(problem.centers) > 1 and problem.theta < np.pi / 2:
        found.append(geometry.flow(problem))
    if problem.n_classes > 1:
        found.append(geometry.cloud(problem))
    return found


def checks(report: Mapping[str, Any], title: str = "Checks") -> Table:
    """The checks of a report, as :meth:`ufm.certify.report.Report.to_dict` has them. Raises KeyError, TypeError."""
    heads = ("check", "predicted", "measured", "tolerance", "source")
    rows = tuple(
        (
            *(str(each["name"]), number(each["predicted"]), number(each["measured"])),
            *(number(each["tolerance"], 2), str(each["source"])),
        )
        for each in report["checks"]
    )
    marks = tuple(
        "ok" if check["holds"] else "not converged" if check.get("not_converged") else "no"
        for check in report["checks"]
    )
    return Table(title, heads, rows, marks)


def notes(report: Mapping[str, Any]) -> tuple[str, ...]:
    """What a report could not check, and why it refutes nothing where that is so."""
    early = [f"Not converged, which refutes nothing: {report['not_converged']}"] if "not_converged" in report else []
    return (*early, *(f"Not checked: {note}" for note in report.get("notes", ())))
