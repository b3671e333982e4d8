"""Error against time: the toolkit's methods, and the loops that people write."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from figures import loops
from figures.recorded import number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from ufm.files.blas import one_thread
from ufm.measure.metrics import unit_rows
from ufm.problems.frames import Array, multi_center_frame
from ufm.problems.problem import Problem
from ufm.problems.sizes import long_tailed_sizes
from ufm.simulate.flow import gradient_flow

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

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


def _runs(said: dict[str, Any]) -> Iterator[tuple[str, float, Callable[[], Array]]]:
    """Method, tolerance (or number of steps), and what computes the features at the end."""
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    problem = Problem(sizes, said["f"], said["theta"], said["dim"], lam=said["lam"])
    frame = multi_center_frame(problem, seed=said["seed"])
    _ = frame.geometry  # measured once, for all
    features = np.random.default_rng(said["seed"]).standard_normal((problem.n_samples, said["dim"]))
    end = said["t"]

    def ours(method: Any, rtol: float) -> Callable[[], Array]:
        def run() -> Array:
            flow = gradient_flow(
                problem, frame=frame, features=features, method=method, t_eval=[end], keep="final", rtol=rtol, workers=1
            )
            assert flow.final is not None
            return flow.final

        return run

    yield "reference", FINEST, ours("reduced", FINEST)
    yield "check", FINEST, ours("full", FINEST)
    for method in OURS:
        for rtol in said["tolerances"]:
            yield method, rtol, ours(method, rtol)
    for scheme in ("DOP853", "RK45"):
        for rtol in said["tolerances"]:
            yield (
                scheme,
                rtol,
                lambda s=scheme, r=rtol: loops.scipy_flow(  # type: ignore[misc]
                    problem, frame, features, end, method=s, rtol=r
                ),
            )
    for count in said["steps"]:
        yield "steps", count, lambda n=count: loops.gradient_steps(problem, frame, features, end, n)  # type: ignore[misc]


def _timed(run: Callable[[], Array]) -> tuple[Array, float]:
    """Unit features at the end, and the fastest processor time."""
    seconds: list[float] = []
    while not seconds or (seconds[0] < SHORT and len(seconds) < REPEATS):
        began = time.process_time()
        found = run()
        seconds.append(time.process_time() - began)
    return unit_rows(found), min(seconds)


def data(quick: bool) -> "xarray.Dataset":
    """Error (largest distance of any unit feature from the reference) and processor seconds of every run."""
    said = settings(quick)
    methods, tolerances, errors, spent = [], [], [], []
    reference, between = np.empty(0), np.nan
    with one_thread():
        for method, tolerance, run in _runs(said):
            found, seconds = _timed(run)
            if method == "reference":
                reference = found
                continue
            error = float(np.linalg.norm(found - reference, axis=1).max())
            if method == "check":
                between = error
                continue
            methods.append(method)
            tolerances.append(tolerance)
            errors.append(error)
            spent.append(seconds)
    variables = {
        "error": ("run", errors),
        "seconds": ("run", spent, {"units": "processor seconds"}),
        "tolerance": ("run", tolerances),
        "between": ((), between),
    }
    return recorded(said, variables, {"method": ("run", methods)})


def _of(data: "xarray.Dataset", method: str) -> "xarray.Dataset":
    return data.isel(run=np.flatnonzero(data.method.values == method))


def plot(data: "xarray.Dataset") -> "Figure":
    """One line per method, a point per tolerance; the reference's own uncertainty is shaded."""
    with styled():
        figure = canvas(0.8 * TWO_COLUMNS, 3.2)
        axis = figure.subplots()
        for place, (method, text) in enumerate(NAMES.items()):
            part = _of(data, method)
            dashes = "-" if method in OURS else "--"
            axis.plot(part.seconds, part.error, "os^vDP"[place], linestyle=dashes, color=f"C{place}", label=text)
        low = max(float(data.between), 1e-16)
        axis.axhspan(low / 100, low, color="0.9", linewidth=0, label="below what two references agree on")
        axis.set(xscale="log", yscale="log", xlabel="processor time (s), one thread")
        axis.set(ylabel="largest error of a unit feature", ylim=(low / 100, 3.0))
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def time_to_reach(data: "xarray.Dataset", method: str, error: float) -> float:
    """Fewest processor seconds in which a method gets at least so near; NaN if it does not."""
    part = _of(data, method)
    good = part.seconds.values[part.error.values <= error]
    return float(good.min()) if good.size else float("nan")


def caption(data: "xarray.Dataset") -> str:
    """Problem, what is measured, and seconds to a given accuracy."""
    said = settings_of(data)
    samples = sum(long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"]))
    target = 1e-6
    fastest = time_to_reach(data, "reduced", target)
    rows = []
    for method, text in NAMES.items():
        seconds = time_to_reach(data, method, target)
        if np.isfinite(seconds):
            rows.append(f"- {text}: {number(seconds)} s, {number(seconds / fastest)} times that of reduced.")
        else:
            rows.append(f"- {text}: not reached; {number(_of(data, method).error.min(), 2)} at best.")
    return (
        f"**Work and precision.** Cosine loss, K = {said['n_classes']}, f = {said['f']}, d = {said['dim']}, N = "
        f"{samples}, "
        f"theta = {said['theta']:g}, Gaussian start, until flow time {said['t']:g}. Error: largest distance of any "
        "unit "
        f"feature from a run of method reduced at tolerance {FINEST:g}, which method full, in all d coordinates, "
        "confirms "
        f"to {number(data.between, 1)}. Time: of the processor, one thread, fastest of {REPEATS} for short runs; it is "
        "that of "
        "the machine that drew this. The loops have the gradient in closed form; automatic differentiation would be "
        f"slower. No theory here beyond the reduction itself.\n\nTo an error of {target:g}:\n\n" + "\n".join(rows)
    )
