"""The flow of the cosine loss on the sphere: where features go from many starts, and how fast they arrive."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures import turning
from figures.recorded import gap, having, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, class_colors, styled
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.problems.frames import Array, Frame, dense, multi_center_frame
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.simulate.flow import gradient_flow

ABOUT = "the cosine flow on the sphere, and its rates"
TURNS = True

WINDOW = (1e-18, 1e-12)
"""Rates are measured while NC is in here: late enough for the asymptote, early enough to be more than rounding."""


def settings(quick: bool) -> dict[str, Any]:
    """One class of unit features, and a grid of starts: longitudes between differences and rest, latitudes to wbar."""
    count = 4 if quick else 7
    return {
        "f": 5,
        "theta": 0.3,
        "dim": 12,
        "beta": 1.0,
        "longitudes": np.linspace(0.0, np.pi / 2, count).tolist(),
        "latitudes": [-1.45, -0.9, -0.3],
        "t_final": 16.0,
        "n_times": 161 if quick else 641,
    }


def _problem(said: dict[str, Any]) -> MultiCenterProblem:
    starts = len(said["longitudes"]) * len(said["latitudes"])
    return Problem((starts,), (said["f"],), said["theta"], said["dim"], beta=said["beta"], lam=0.0)


def _basis(frame: Frame) -> Array:
    """Unit vectors (3, d): the mean center, a combination of the differences of centers, one outside all centers."""
    rng = np.random.default_rng(0)
    centers = dense(frame.class_centers(0))
    difference = rng.standard_normal(len(centers))
    inside = (difference - difference.mean()) @ centers
    span = np.linalg.qr(centers.T)[0]
    outside = rng.standard_normal(frame.dim)
    outside -= span @ (span.T @ outside)
    unit = [part / np.linalg.norm(part) for part in (inside, outside)]
    return np.stack([dense(frame.mean_directions)[0], *unit])


def data(quick: bool) -> Dataset:
    """The paths of :func:`settings`."""
    return paths(settings(quick))


def paths(said: dict[str, Any]) -> Dataset:
    """Coordinates (time, start, axis) along the mean center, in the differences of centers, and outside all centers.

    said : as :func:`settings` has it; several centers, and ``dim`` at least two more than these. The flow is that of
    all ``dim`` coordinates (method "full"), from which x, y and z are then read off.
    """
    problem = _problem(said)
    frame = multi_center_frame(problem, seed=0)
    basis = _basis(frame)
    around, up = (each.ravel() for each in np.meshgrid(said["longitudes"], said["latitudes"], indexing="ij"))
    start = np.stack([np.sin(up), np.cos(up) * np.cos(around), np.cos(up) * np.sin(around)], axis=1) @ basis
    times = np.linspace(0.0, said["t_final"], said["n_times"])
    run = gradient_flow(problem, frame=frame, features=start, method="full", t_eval=times, keep="features", rtol=1e-12)
    features = np.asarray(run.features)
    nc = ((features - basis[0]) ** 2).sum(axis=-1)  # features have norm 1 and keep it
    theory: CosinePrediction = predict(problem)
    slow, fast = theory.rate, theory.rate + theory.tilt_rate  # fast: nothing outside the centers
    variables = {
        "coordinate": (("time", "start", "axis"), features @ basis.T),
        "nc": (("time", "start"), nc),
        "rate": (("start",), np.array([_rate(times, curve) for curve in nc.T])),
        "predicted_rate": (("start",), np.where(around == 0.0, fast, slow)),
        "longitude": (("start",), around),
    }
    return recorded(said, variables, {"time": ("time", times, {"units": "flow time"}), "axis": ["x", "y", "z"]})


def _rate(times: Array, nc: Array) -> float:
    """Slope of -ln NC in the window."""
    inside = (nc > WINDOW[0]) & (nc < WINDOW[1])
    return -float(np.polyfit(times[inside], np.log(nc[inside]), 1)[0]) if inside.sum() > 2 else np.nan


def tilt_gap(data: Dataset) -> float:
    r"""Largest relative distance of y / z from theory's :math:`(y_0 / z_0) e^{-2 \beta \cos^2\theta\, \tau}`."""
    y, z = (np.abs(data.coordinate.sel(axis=name).values) for name in "yz")
    mixed = (y[0] > 1e-9) & (z[0] > 1e-9)
    decay = np.exp(-predict(_problem(settings_of(data))).tilt_rate / 2.0 * data.time.values[:, None])
    known = np.minimum(y, z)[:, mixed] > 1e-10  # of unit vectors: the rest is rounding
    return gap(np.where(known, y[:, mixed] / z[:, mixed] / ((y[0] / z[0])[mixed] * decay), np.nan), 1.0)


@styled()
def plot(data: Dataset) -> Figure:
    """Left the paths, right NC over time with theory's slopes."""
    figure = canvas(TWO_COLUMNS, 3.1)
    axis = turning.scene(figure, (1, 2, 1), ("y: differences", "z: outside", r"x: along $\bar w$"), (14, 38))
    turning.draw_sphere(axis)
    right: Any = figure.add_subplot(1, 2, 2)
    longitudes = np.unique(data.longitude.values)
    colors = dict(zip(longitudes.tolist(), class_colors(len(longitudes)), strict=True))
    for start, longitude in enumerate(data.longitude.values.tolist()):
        color = colors[longitude]
        x, y, z = data.coordinate.isel(start=start).values.T
        axis.plot(y, z, x, color=color, linewidth=0.9)
        axis.plot(y[:1], z[:1], x[:1], ".", color=color, markersize=4)
        right.plot(data.time, data.nc.isel(start=start), color=color, linewidth=0.8)
    axis.plot([0], [0], [1], "k*", markersize=7)
    turning.entitle(axis, "paths to the mean center (star)")
    _draw_slopes(right, data)
    end = 1.15 * float(data.time[int(np.argmax(data.nc.values.max(axis=1) < WINDOW[0]))])  # all have left the window
    right.set(yscale="log", xlabel="flow time $t$", ylabel="NC", ylim=(1e-20, 30.0), xlim=(0.0, end))
    right.set_title("colour: dark starts in the differences, light outside")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=2)
    return figure


def _draw_slopes(axis: Any, data: Dataset) -> None:
    """Theory's slopes through the last recorded point in the window, one per rate."""
    for rate, dashes in zip(np.unique(data.predicted_rate.values)[::-1], ("--", ":"), strict=True):
        curve = data.nc.values[:, int(np.flatnonzero(data.predicted_rate.values == rate)[0])]
        place = int(np.flatnonzero(curve > WINDOW[1])[-1])
        line = curve[place] * np.exp(-rate * (data.time - data.time[place]))
        axis.plot(data.time, line, color="k", linestyle=dashes, linewidth=0.9, label=f"slope of theory, {rate:.3g}")


def caption(data: Dataset) -> str:
    """Setting, rates, and the law of the tilt."""
    said = settings_of(data)
    rows = []
    for rate, where in zip(np.unique(data.predicted_rate.values), ("general starts", "no part outside"), strict=True):
        off = gap(having(data, "predicted_rate", rate).rate / rate, 1.0)
        rows.append(f"{where}: rate {number(rate, 5)} by theory; measured within {number(100 * off, 2)} % of it.")
    return markdown(
        f"""**The cosine flow on the sphere.** One class, f = {said["f"]}, theta = {said["theta"]:g}, beta =
        {said["beta"]:g}, unit features in d = {said["dim"]}, simulated in all d coordinates. Left: x along the mean
        center, y in the differences of centers, z outside all centers; these three are all that moves, since the
        directions of the last two parts never change. Right: NC of the same features, and slopes by theory: collapse
        is exponential with rate 4 beta f c (1 - c), faster for starts that have no part outside the centers.""",
        [
            *rows,
            f"y/z decays as exp(-2 beta cos^2(theta) t): largest relative departure {number(tilt_gap(data), 1)}.",
        ],
    )
