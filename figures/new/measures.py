"""What ``ufm measure`` says along a flow: the measures of a simplex, and those of the frame that it ends in."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

import ufm
from figures.recorded import gap, markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, draw_classes, styled
from theory.multicenter.centers import class_aware
from ufm.certify.predict import predict
from ufm.problems.frames import Array, dense, multi_center_frame
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.sizes import long_tailed_sizes
from ufm.simulate.flow import gradient_flow

ABOUT = "measures of collapse along a flow: which of a simplex's end at 0, and which of the frame's"

SHOWN = {"nc1": "NC1", "nc2_equinorm": "NC2, norms", "nc2_equiangle": "NC2, angles", "nc3_duality": "NC3, duality"}
"""Measures that are 0 at collapse to a simplex with weights that are dual to it."""

LOWEST = 1e-10
"""The lower end of the axes."""


def settings(quick: bool) -> dict[str, Any]:
    """A long tail, and how often it is measured."""
    return {
        "n_classes": 10,
        "n_max": 100,
        "tau": 0.05,
        "f": 5,
        "theta": 0.3,
        "dim": 64,
        "lam": 0.1,
        "t_final": 40.0,
        "n_times": 11 if quick else 81,
        "seed": 0,
    }


def _problem(said: dict[str, Any]) -> MultiCenterProblem:
    sizes = long_tailed_sizes(said["n_classes"], said["n_max"], said["tau"])
    return Problem(sizes, class_aware(sizes, said["f"]), said["theta"], said["dim"], lam=said["lam"])


def data(quick: bool) -> Dataset:
    """Measures (time) and, by class, (time, class): of :func:`ufm.measure`, and NC as the flow records it itself."""
    said = settings(quick)
    problem = _problem(said)
    frame = multi_center_frame(problem)
    times = np.linspace(0.0, said["t_final"], said["n_times"])
    run = gradient_flow(problem, frame=frame, seed=said["seed"], t_eval=times.tolist(), keep="features")
    weights = dense(frame.classifier)
    found = [ufm.measure(each, problem.labels, weights, frame=frame) for each in np.asarray(run.features)]
    by_class = {name: np.array([each.by_class[name] for each in found]) for name in ("nc_mean", "nc3_cosine_of_class")}
    variables: dict[str, Any] = {
        name: ("time", [each.metrics[name] for each in found]) for name in (*SHOWN, "nc4_agreement")
    }
    variables |= {name: (("time", "class"), values) for name, values in by_class.items()}
    variables["recorded_nc"] = (("time", "class"), run.class_values("nc_mean"))
    return recorded(said, variables, {"time": ("time", run.times, {"units": "flow time"})})


def cosines(said: dict[str, Any]) -> Array:
    """Where theory has the cosine of a class mean, less the global mean, to its row of the classifier: (K,).

    Class means end on orthonormal directions, each with the cosine cos rho_k to its own row and none to another; taking
    off the global mean leaves sqrt(1 - 1/K) of it.
    """
    return np.asarray(predict(_problem(said)).classifier_cosine) * np.sqrt(1.0 - 1.0 / said["n_classes"])


def duality(said: dict[str, Any]) -> float:
    """Where theory has NC3: two matrices of Frobenius norm 1, whose inner product is the mean of :func:`cosines`.

    The rows of one have the same length, 1 / sqrt(K), and so have those of the other.
    """
    return float(np.sqrt(2.0 - 2.0 * cosines(said).mean()))


@styled()
def plot(data: Dataset) -> Figure:
    """Left measures of a simplex, middle cosines to the classifier, right NC of each class; theory dotted."""
    said = settings_of(data)
    figure = canvas(TWO_COLUMNS, 2.6)
    simplex, angle, frame = figure.subplots(1, 3)
    for place, (name, label) in enumerate(SHOWN.items()):
        simplex.plot(data.time, data[name], color=f"C{place}", label=label)
    simplex.axhline(duality(said), color="C3", linestyle=":", linewidth=0.8)
    simplex.set(yscale="log", ylim=(LOWEST, 30.0), ylabel="measure", title="of a simplex")
    draw_classes(angle, data.time, data.nc3_cosine_of_class.values, limits=cosines(said))
    angle.set(ylabel="cosine", ylim=(-0.6, 1.0), title="class mean to its weights")
    names = ["class with the most samples", *[""] * (data.sizes["class"] - 2), "class with the fewest"]
    draw_classes(frame, data.time, np.maximum(data.nc_mean.values, LOWEST / 10.0), labels=names)
    frame.set(yscale="log", ylim=(LOWEST, 30.0), ylabel="NC, mean of the class", title="of the centers")
    for axis in (simplex, angle, frame):
        axis.set(xlabel="flow time $t$", xlim=(0.0, said["t_final"]))
    figure.legend(*simplex.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    (dotted,) = angle.plot([], [], color="0.4", linestyle=":", linewidth=0.8, label="theory")
    figure.legend(handles=[frame.lines[0], frame.lines[-1], dotted], loc="outside lower right", ncols=2)
    return figure


def caption(data: Dataset) -> str:
    """Which measures vanish, which end elsewhere, and how near theory is."""
    said, last = settings_of(data), data.isel(time=-1)
    small = {label: last[name] for name, label in SHOWN.items() if name != "nc3_duality"}
    away, other = gap(last.nc3_cosine_of_class, cosines(said)), gap(data.nc_mean, data.recorded_nc)
    return markdown(
        f"""**Measures along a flow** (`ufm measure`). K = {said["n_classes"]}, class-aware centers (f = {said["f"]}),
        theta = {said["theta"]:g}, cosine loss, d = {said["dim"]}, a Gaussian start; `ufm.measure` of all features at
        {data.sizes["time"]} times. Left: what is measured of any network. Features and means become those of a simplex,
        NC1 and NC2 go to 0; NC3 does not, for the weights of this frame are not dual to the means: each mean ends at an
        angle to its row of the classifier (middle), which the number of its centers decides. Right: NC to the mean
        centers, which knows this frame, goes to 0 in every class. Dotted: theory.""",
        [
            f"At the end: {', '.join(f'{label} {number(value, 2)}' for label, value in small.items())}; NC4 "
            f"{number(last.nc4_agreement)}.",
            f"NC3 ends at {number(last.nc3_duality, 4)}, by theory at {number(duality(said), 4)}.",
            f"Cosines to the classifier end within {number(away, 1)} of theory.",
            f"NC of `ufm.measure` is within {number(other, 1)} of what the flow recorded.",
        ],
    )
