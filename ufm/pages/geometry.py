"""Frames, flows and clouds of a problem with multiple centers, in three dimensions that turn."""

from typing import Any

import numpy as np

from figures.new import sphere
from figures.paper import hard_to_predict
from ufm.measure import metrics, montecarlo, rules
from ufm.pages.content import Move, Plot, Plots, Slider
from ufm.pages.draw import as_figure, matrices, moved, net, points, scene, some, vectors
from ufm.pages.palette import GREY, ordered
from ufm.problems.frames import Array, Frame, dense, multi_center_frame
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import MultiCenterProblem

CENTER, MEAN, CLASSIFIER = ordered(3)
"""Colours of the vectors of a class."""

TOP = np.array([[0.0, 0.0, 1.0]])
"""Where features end that collapse."""

CLOUD, COUNTED, NOISE = 300, 20_000, 0.2
"""Features that are shown, those that shares are counted from, and their noise in each direction."""

MOMENTS, SAMPLES = 41, 400
"""At most so many moments, and samples at each, are shown."""


def centers(problem: MultiCenterProblem) -> Plots:
    """Centers, mean center and classifier vector of one class at a time: see :func:`vectors_of`."""
    frame = multi_center_frame(problem, basis="coordinate")
    shown = some(problem.n_classes)
    most = max(problem.centers[k] for k in shown)
    placed = [own_coordinates(frame, k, most) for k in shown]
    tips, mean, classifier = (np.stack(parts) for parts in zip(*placed, strict=True))
    angles = _angles(problem, mean, classifier, shown)
    plot = vectors_of(("class",), tips, mean, classifier, f"Angles of mean center and classifier vector: {angles}.")
    names = tuple(f"{k + 1}: n = {problem.class_sizes[k]}, f = {problem.centers[k]}" for k in shown)
    return Plots((plot,), (Slider("class", "Class", names),))


def vectors_of(sliders: tuple[str, ...], tips: Array, mean: Array, classifier: Array, said: str) -> Plot:
    """The vectors of a class in coordinates of its own, for each choice of sliders.

    The plane of mean center and classifier is exact. Of the differences of centers one is shown, so that those of a
    class with more than two are shadows, shorter than 1.

    tips, mean, classifier : (choices..., f, 3), (choices..., 1, 3) twice, from :func:`own_coordinates`.
    """
    traces, moves = [net()], []
    for name, color, at, width in (
        ("centers", CENTER, tips, 2),
        ("mean center", MEAN, mean, 7),
        ("classifier vector", CLASSIFIER, classifier, 7),
    ):
        lines = vectors(at)
        moves += moved(len(traces), sliders, lines)
        traces.append(points(lines[(0,) * len(sliders)], name, color, **_ends(color, width)))
    return Plot(
        "Centers of a class",
        "Its centers, their mean and its classifier vector. The plane of the last two is exact; of the directions in "
        "which centers differ one is shown, so that centers may look shorter than 1.",
        said,
        as_figure(traces, scene("auxiliary mean", "difference", "classifier")),
        tuple(moves),
    )


def _ends(color: str, width: float) -> dict[str, Any]:
    """The look of vectors."""
    return {"mode": "lines+markers", "line": {"color": color, "width": width}, "marker": {"color": color, "size": 3}}


def own_coordinates(frame: Frame, k: int, most: int) -> tuple[Array, Array, Array]:
    """Centers (most, 3), NaN behind the last, mean center (1, 3) and classifier (1, 3) of a class."""
    own, w = frame.occupied(k)
    around = 2.0 * np.pi * np.arange(len(own)) / len(own)
    mean = own.mean(axis=0)
    across = np.cos(around) @ (own - mean) if len(own) > 1 else np.zeros_like(w)
    basis = np.stack([_direction(mean - (mean @ w) * w), _direction(across), w])
    tips = np.full((most, 3), np.nan)
    tips[: len(own)] = own @ basis.T
    return tips, (mean @ basis.T)[None], (w @ basis.T)[None]


def _direction(vector: Array) -> Array:
    size = float(np.linalg.norm(vector))
    return vector / size if size > 1e-9 else np.zeros_like(vector)


def _angles(problem: MultiCenterProblem, mean: Array, classifier: Array, shown: list[int]) -> str:
    cosines = np.einsum("kid,kid->k", mean, classifier) / np.linalg.norm(mean, axis=2)[:, 0]
    degrees = np.degrees(np.arccos(np.minimum(cosines, 1.0)))
    pairs = zip(shown, degrees, strict=True)
    return "; ".join(f"class {k + 1} with {problem.centers[k]} centers {each:.1f}°" for k, each in pairs)


def flow(problem: CosineProblem) -> Plots:
    """The flow of the cosine loss on the sphere for the class with the most centers, from many starts, over time."""
    k = int(np.argmax(problem.centers))
    said = sphere.settings(quick=True) | {"f": problem.centers[k], "theta": problem.theta}
    said["beta"] = float(problem.weights[k])
    data = sphere.paths(said | {"dim": problem.centers[k] + 2})
    xyz = data.coordinate.values[:, :, [1, 2, 0]]  # up is along the mean center
    late = int(np.argmax(np.all(data.nc.values < 1e-6, axis=1))) or len(xyz) - 1
    frames = some(late + 1, MOMENTS)
    paths = np.concatenate([xyz[: late + 1], np.full((1, *xyz.shape[1:]), np.nan)]).transpose(1, 0, 2).reshape(-1, 3)
    thin = {"mode": "lines", "line": {"color": GREY, "width": 2}, "hoverinfo": "skip", "hovertemplate": ""}
    now = np.array([xyz[i] for i in frames])
    traces = [
        net(),
        {**points(paths, "paths"), **thin},
        points(now[0], "features now", CENTER, marker={"color": CENTER, "size": 6}),
        points(TOP, "mean center", MEAN, marker={"color": MEAN, "size": 8, "symbol": "diamond"}),
    ]
    plot = Plot(
        f"The flow on the sphere, class {k + 1}",
        f"Features of a class with f = {problem.centers[k]} centers, theta = {problem.theta:g}, from many starts. Up "
        "is the mean center; else only two parts move: that in the differences of centers, and the rest.",
        f"All {now.shape[1]} features come within NC 1e-6 of the mean center by t = {float(data.time[late]):.3g}.",
        as_figure(traces, scene("in differences", "outside", "along mean center")),
        tuple(moved(2, ("time",), now)),
    )
    return Plots((plot,), (times("time", data.time.values[frames]),))


def times(name: str, values: Array, label: str = "Flow time t", start: int = 0) -> Slider:
    """A slider over moments, that stands at the first, or at ``start``."""
    return Slider(name, label, tuple(f"{float(t):.4g}" for t in values), start)


def cloud(problem: MultiCenterProblem) -> Plots:
    """Features close to no class, between the first and the last class, and what each rule makes of them."""
    counts = (problem.centers[0], problem.centers[-1])
    frame = multi_center_frame(CosineProblem((1, 1), counts, problem.theta), basis="coordinate")
    basis, _ = hard_to_predict.onto_classifier(frame)
    drawn = montecarlo.hard_to_predict(frame, CLOUD, NOISE, np.random.default_rng(0))
    used = {"RCR": rules.RULES["rcr"], "GCR": rules.RULES["gcr"]}
    shares = {name: montecarlo.choice_rates(frame, rule, COUNTED, noise=NOISE).mean[1] for name, rule in used.items()}
    colors = np.array(ordered(2))
    chosen = np.stack([colors[rule(drawn, frame)] for rule in used.values()])
    traces = [points(drawn @ basis.T, "features", marker={"color": chosen[0].tolist(), "size": 3})]
    for k, color in enumerate(colors.tolist()):
        own = dense(frame.class_centers(k)) @ basis.T
        line: dict[str, Any] = {"mode": "lines", "line": {"color": color, "width": 2}}
        traces.append(points(vectors(own), f"centers of class {(1, problem.n_classes)[k]} (f = {counts[k]})", **line))
    plot = Plot(
        "Features close to no class",
        "The mean of all directions of the first and the last class plus noise, coloured by the class that a rule "
        "gives them to. The nearest classifier vector (RCR) is exact in this picture; the nearest center (GCR) is "
        "not: what decides it lies outside of the picture.",
        "Shares of the last class: " + ", ".join(f"{name} {share:.3f}" for name, share in shares.items()) + ".",
        as_figure(traces, scene("first classifier", "last classifier", "rest of the middle", 1.3)),
        (Move(0, "marker.color", ("rule",), chosen),),
    )
    names = tuple(f"{name}: {100 * share:.1f} % to the last class" for name, share in shares.items())
    return Plots((plot,), (Slider("rule", "Rule", names, words=True),))


def kept(frame: Frame, labels: Any, moments: Array, features: Array) -> Plots:
    """What a run with features at all times shows: each sample on the sphere, and cosines between class means.

    features : (T, N, d), of which at most :data:`MOMENTS` and :data:`SAMPLES` are shown; labels : (N,).
    """
    when, who = some(len(moments), MOMENTS), np.array(some(len(labels), SAMPLES))
    xyz = np.stack([_reduced(frame, features[i][who], labels[who]) for i in when])
    colors = ordered(frame.n_classes)
    marker = {"color": [colors[k] for k in labels[who]], "size": 3}
    words = [f"class {k + 1}" for k in labels[who]]
    traces = [
        net(),
        points(xyz[0], "samples", text=words, hover="%{text}", marker=marker),
        points(TOP, "mean center of each class", GREY, marker={"color": GREY, "size": 7}),
    ]
    flight = Plot(
        "Features on the sphere",
        "The direction of each sample: up along the mean center of its class, and the lengths of its parts in the "
        "differences of the centers and outside of them. Collapse is at the top.",
        f"{len(who)} of {len(labels)} samples; their least cosine with the mean center ends at "
        f"{xyz[-1, :, 2].min():.6f}.",
        as_figure(traces, scene("in differences", "outside", "along mean center")),
        tuple(moved(1, ("time",), xyz)),
    )
    grams = np.stack([metrics.gram(metrics.class_means(features[i], labels)) for i in when])
    gram = matrices("Cosines between class means", "Red is 1, white 0, blue -1.", "class", grams, "time")
    return Plots((flight, gram), (times("time", moments[when]),))


def _reduced(frame: Frame, h: Array, labels: Any) -> Array:
    """Of directions of h, (n, 3): lengths in the differences of their class's centers and outside, part along the mean.

    Exact for each sample: the squares of the three add up to 1.
    """
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    up = dense(frame.mean_directions)
    found = np.empty((len(h), 3))
    for k in np.unique(labels):
        own = unit[labels == k]
        _, sizes, rows = np.linalg.svd(dense(frame.class_centers(int(k))), full_matrices=False)
        inside, along = np.linalg.norm(own @ rows[sizes > RANK].T, axis=1), own @ up[k]
        found[labels == k] = np.stack([_rest(inside, along), _rest(np.ones(len(own)), inside), along], axis=1)
    return found


RANK = 1e-6
"""Singular values of unit centers above which they differ by more than rounding."""


def _rest(whole: Array, part: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(whole**2 - part**2, 0.0)))
