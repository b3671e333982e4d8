"""The flow of the cosine loss on the sphere: where features go from many starts, and how fast they arrive."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures import turning
from figures.recorded import gap, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, class_colors, styled
from theory.multicenter.flows import nc_rate
from theory.multicenter.geometry import squared_cosine
from theory.multicenter.minimum import cosine_curvatures
from ufm.problems.frames import dense, multi_center_frame
from ufm.problems.problem import Problem
from ufm.simulate.flow import gradient_flow

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

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


def data(quick: bool) -> "xarray.Dataset":
    """Coordinates (start, time) along the mean center, in the differences of centers, and outside all centers.

    The flow is that of all ``dim`` coordinates (method "full"), from which x, y and z are then read off.
    """
    said = settings(quick)
    angles = [(latitude, longitude) for longitude in said["longitudes"] for latitude in said["latitudes"]]
    problem = Problem((len(angles),), (said["f"],), said["theta"], said["dim"], beta=said["beta"], lam=0.0)
    frame = multi_center_frame(problem, seed=0)
    mean = dense(frame.mean_directions)[0]
    rng = np.random.default_rng(0)
    centers = dense(frame.class_centers(0))
    difference = rng.standard_normal(said["f"])
    inside = (difference - difference.mean()) @ centers
    span = np.linalg.qr(centers.T)[0]
    outside = rng.standard_normal(said["dim"])
    outside -= span @ (span.T @ outside)
    basis = np.stack([mean, inside / np.linalg.norm(inside), outside / np.linalg.norm(outside)])
    latitude, longitude = np.array(angles).T
    start = np.stack(
        [np.sin(latitude), np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)], axis=1
    )
    times = np.linspace(0.0, said["t_final"], said["n_times"])
    run = gradient_flow(
        problem, frame=frame, features=start @ basis, method="full", t_eval=times, keep="features", rtol=1e-12
    )
    assert run.features is not None
    coordinates = run.features @ basis.T
    nc = ((run.features - mean) ** 2).sum(axis=-1)  # features have norm 1 and keep it
    variables = {
        "coordinate": (("time", "start", "axis"), coordinates),
        "nc": (("time", "start"), nc),
        "rate": (("start",), _rates(times, nc)),
        "predicted_rate": (("start",), _predicted(said, longitude)),
        "longitude": (("start",), longitude),
    }
    return recorded(said, variables, {"time": ("time", times, {"units": "flow time"}), "axis": ["x", "y", "z"]})


def _rates(times: Any, nc: Any) -> Any:
    """Slope of -ln NC in the window, for every start."""
    found = []
    for curve in nc.T:
        inside = (curve > WINDOW[0]) & (curve < WINDOW[1])
        found.append(-np.polyfit(times[inside], np.log(curve[inside]), 1)[0] if inside.sum() > 2 else np.nan)
    return np.array(found)


def _predicted(said: dict[str, Any], longitude: Any) -> Any:
    """The rate outside the centers; on the differences alone the larger one, twice the curvature there."""
    slow = float(nc_rate(said["f"], said["theta"], said["beta"]))
    fast = 2.0 * float(cosine_curvatures(said["f"], said["theta"], said["beta"], 0.0).difference)
    return np.where(longitude == 0.0, fast, slow)


def tilt_gap(data: "xarray.Dataset") -> float:
    r"""Largest relative distance of y / z from theory's :math:`(y_0 / z_0) e^{-2 \beta \cos^2\theta\, \tau}`."""
    said = settings_of(data)
    y, z = (np.abs(data.coordinate.sel(axis=name).values) for name in "yz")
    mixed = (y[0] > 1e-9) & (z[0] > 1e-9)
    law = (y[0] / z[0])[mixed] * np.exp(
        -2.0 * said["beta"] * float(squared_cosine(said["theta"])) * data.time.values[:, None]
    )
    known = np.minimum(y, z)[:, mixed] > 1e-10  # of unit vectors: the rest is rounding
    return gap(np.where(known, y[:, mixed] / z[:, mixed] / law, np.nan), 1.0)


def plot(data: "xarray.Dataset") -> "Figure":
    """Left the paths, right NC over time with theory's slopes."""
    said = settings_of(data)
    longitudes = said["longitudes"]
    with styled():
        figure = canvas(TWO_COLUMNS, 3.1)
        grid = figure.add_gridspec(1, 2, width_ratios=(1.0, 1.0))
        axis = turning.scene(figure, (grid[0],), ("y: differences", "z: outside", r"x: along $\bar w$"), (14, 38))
        turning.draw_sphere(axis)
        right: Any = figure.add_subplot(grid[1])
        colors = class_colors(len(longitudes))
        for number_of, longitude in enumerate(data.longitude.values):
            color = colors[int(np.argmin(np.abs(np.array(longitudes) - longitude)))]
            x, y, z = data.coordinate.isel(start=number_of).values.T
            axis.plot(y, z, x, color=color, linewidth=0.9)
            axis.plot(y[:1], z[:1], x[:1], ".", color=color, markersize=4)
            right.plot(data.time, data.nc.isel(start=number_of), color=color, linewidth=0.8)
        axis.plot([0], [0], [1], "k*", markersize=7)
        turning.entitle(axis, "paths to the mean center (star)")
        _draw_slopes(right, data)
        right.set(yscale="log", xlabel="flow time $t$", ylabel="NC", ylim=(1e-20, 30.0), xlim=(0.0, _end(data)))
        right.set_title("colour: dark starts in the differences, light outside")
        right.legend(loc="upper right")
        return figure


def _end(data: "xarray.Dataset") -> float:
    """When the last start has left the window."""
    return 1.15 * float(data.time[int(np.argmax(data.nc.values.max(axis=1) < WINDOW[0]))])


def _draw_slopes(axis: Any, data: "xarray.Dataset") -> None:
    """Theory's slopes through the last recorded point in the window, one per rate."""
    for rate, dashes in zip(np.unique(data.predicted_rate.values)[::-1], ("--", ":"), strict=True):
        curve = data.nc.values[:, int(np.flatnonzero(data.predicted_rate.values == rate)[0])]
        place = int(np.flatnonzero(curve > WINDOW[1])[-1])
        axis.plot(
            data.time,
            curve[place] * np.exp(-rate * (data.time - data.time[place])),
            color="k",
            linestyle=dashes,
            linewidth=0.9,
            label=f"slope of theory, {rate:.3g}",
        )


def caption(data: "xarray.Dataset") -> str:
    """Setting, rates, and the law of the tilt."""
    said = settings_of(data)
    rows = []
    for rate, where in zip(np.unique(data.predicted_rate.values), ("general starts", "no part outside"), strict=True):
        off = gap(data.rate.values[data.predicted_rate.values == rate] / rate, 1.0)
        rows.append(f"- {where}: rate {number(rate, 5)} by theory; measured within {number(100 * off, 2)} % of it.")
    return (
        f"**The cosine flow on the sphere.** One class, f = {said['f']}, theta = {said['theta']:g}, beta = "
        f"{said['beta']:g}, unit features in d = {said['dim']}, simulated in all d coordinates. Left: x along the mean "
        "center, y in the differences of centers, z outside all centers; these three are all that moves, since the "
        "directions of the last two parts never change. Right: NC of the same features, and slopes by theory: collapse "
        "is exponential with rate 4 beta f c (1 - c), faster for starts that have no part outside the centers.\n\n"
        + "\n".join(rows)
        + f"\n- y/z decays as exp(-2 beta cos^2(theta) t): largest relative departure {number(tilt_gap(data), 1)}."
    )
