"""Error against time: the toolkit's methods, and the loops that people write."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures import loops
from figures.recorded import having, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from ufm.files.blas import one_thread
from ufm.measure.metrics import unit_rows
from ufm.problems.frames import Array, multi_center_frame
from ufm.problems.problem import Problem
from ufm.problems.sizes import long_tailed_sizes
from ufm.simulate.flow import gradient_flow

ABOUT = "error against time: our methods, and usual loops"

OURS = ("reduced", "span", "full")

NAMES = {
    "reduced": "reduced: three coordinates a sample",
    "span": "span: centers of the class and the start",
    "full": "full: DOP853 class by class",
    "DOP853": "loop: scipy DOP853, one state vector",
    "RK45": "loop: scipy RK45, one state vector",
    "steps": "loop: gradient descent with small steps",
}

FINEST = 1e-13
"""Tolerance of the reference."""

SHORT, REPEATS = 1.0, 5
"""Runs of fewer seconds are made so many times; the fastest counts."""


def settings(quick: bool) -> dict[str, Any]:
    """Uniform centers; tolerances of the integrators, and numbers of steps of the loop."""
    large: dict[str, Any] = {"n_classes": 10, "n_max": 500, "tau": 0.01, "f": 20, "dim": 256}
    small: dict[str, Any] = {"n_classes": 4, "n_max": 50, "tau": 0.1, "f": 5, "dim": 64}
    return {
        **(small if quick else large),
        "theta": 0.2,
        "lam": 0.1,
        "t": 15.0,
        "tolerances": [1e-4, 1e-6, 1e-8, 1e-10] if quick else [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11],
        "steps": [100, 1000] if quick else [50, 100, 200, 500, 1000, 2000, 4000],
        "seed": 0,
    }


def _sizes(said: dict[str, Any]) -> tuple[int, ...]:
    return long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])


def _solvers(said: dict[str, Any]) -> dict[str, Callable[[Any], Array]]:
    """By method: features at the end, from a tolerance, or a number of steps."""
    problem = Problem(_sizes(said), said["f"], said["theta"], said["dim"], lam=said["lam"])
    frame = multi_center_frame(problem, seed=said["seed"])
    _ = frame.geometry  # measured once, for all
    features = np.random.default_rng(said["seed"]).standard_normal((problem.n_samples, said["dim"]))
    given = (problem, frame, features, said["t"])

    def ours(method: Any, rtol: float) -> Array:
        options: dict[str, Any] = {"features": features, "t_eval": [said["t"]], "keep": "final", "workers": 1}
        return np.asarray(gradient_flow(problem, frame=frame, method=method, rtol=rtol, **options).final)

    return {
        **{method: partial(ours, method) for method in OURS},
        **{scheme: partial(loops.scipy_flow, *given, scheme) for scheme in ("DOP853", "RK45")},
        "steps": partial(loops.gradient_steps, *given),
    }


def _timed(run: Callable[[], Array]) -> tuple[Array, float]:
    """Unit features at the end, and the fastest processor time."""
    seconds: list[float] = []
    while not seconds or (seconds[0] < SHORT and len(seconds) < REPEATS):
        began = time.process_time()
        found = run()
        seconds.append(time.process_time() - began)
    return unit_rows(found), min(seconds)


def _distance(found: Array, exact: Array) -> float:
    return float(np.linalg.norm(found - exact, axis=1).max())


def data(quick: bool) -> Dataset:
    """Error (largest distance of any unit feature from the reference) and processor seconds of every run."""
    said = settings(quick)
    solvers, rows = _solvers(said), []
    with one_thread():
        exact = unit_rows(solvers["reduced"](FINEST))
        between = _distance(unit_rows(solvers["full"](FINEST)), exact)
        for method, solve in solvers.items():
            for level in said["steps" if method == "steps" else "tolerances"]:
                found, seconds = _timed(partial(solve, level))
                rows.append((method, level, _distance(found, exact), seconds))
    methods, tolerances, errors, spent = map(list, zip(*rows, strict=True))
    variables = {
        "error": ("run", errors),
        "seconds": ("run", spent, {"units": "processor seconds"}),
        "tolerance": ("run", tolerances),
        "between": ((), between),
    }
    return recorded(said, variables, {"method": ("run", methods)})


@styled()
def plot(data: Dataset) -> Figure:
    """One line per method, a point per tolerance; the reference's own uncertainty is shaded."""
    figure = canvas(0.8 * TWO_COLUMNS, 3.2)
    axis = figure.subplots()
    for place, (method, text) in enumerate(NAMES.items()):
        part = having(data, "method", method)
        dashes = "-" if method in OURS else "--"
        axis.plot(part.seconds, part.error, "os^vDP"[place], linestyle=dashes, color=f"C{place}", label=text)
    low = max(float(data.between), 1e-16)
    axis.axhspan(low / 100, low, color="0.9", linewidth=0, label="below what two references agree on")
    axis.set(xscale="log", yscale="log", xlabel="processor time (s), one thread")
    axis.set(ylabel="largest error of a unit feature", ylim=(low / 100, 3.0))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def time_to_reach(data: Dataset, method: str, error: float) -> float:
    """Fewest processor seconds in which a method gets at least so near; NaN if it does not."""
    part = having(data, "method", method)
    return float(part.seconds.where(part.error <= error).min())


def caption(data: Dataset) -> str:
    """Problem, what is measured, and seconds to a given accuracy."""
    said = settings_of(data)
    target = 1e-6
    fastest = time_to_reach(data, "reduced", target)
    rows = []
    for method, text in NAMES.items():
        seconds = time_to_reach(data, method, target)
        if np.isfinite(seconds):
            rows.append(f"{text}: {number(seconds)} s, {number(seconds / fastest)} times that of reduced.")
        else:
            best = having(data, "method", method).error.min()
            rows.append(f"{text}: not reached; {number(best, 2)} at best.")
    return markdown(
        f"""**Work and precision.** Cosine loss, K = {said["n_classes"]}, f = {said["f"]}, d = {said["dim"]}, N =
        {sum(_sizes(said))}, theta = {said["theta"]:g}, Gaussian start, until flow time {said["t"]:g}. Error: largest
        distance of any unit feature from a run of method reduced at tolerance {FINEST:g}, which method full, in all d
        coordinates, confirms to {number(data.between, 1)}. Time: of the processor, one thread, fastest of {REPEATS}
        for short runs; it is that of the machine that drew this. The loops have the gradient in closed form; automatic
        differentiation would be slower. No theory here beyond the reduction itself.

        To an error of {target:g}:""",
        rows,
    )
