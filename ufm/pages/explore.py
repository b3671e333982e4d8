"""A page on which sliders choose among designs: number of centers, angle, allocation, and noise of the test."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.pages.content import Move, Plot, Plots, Section, Slider
from ufm.pages.draw import as_figure, axis, flat, line, some
from ufm.pages.geometry import own_coordinates, vectors_of
from ufm.pages.palette import ordered
from ufm.problems.frames import multi_center_frame
from ufm.problems.problem import Problem

if TYPE_CHECKING:
    import xarray

DESIGN = ("allocation", "f", "theta")
RULES = {"nearest": "nearest mean center", "rcr": "nearest classifier vector (RCR)", "gcr": "nearest center (GCR)"}
COLORS = dict(zip(RULES, ordered(3), strict=True))


def sections(data: "xarray.Dataset") -> list[Section]:
    """The page of what :func:`ufm.certify.explored.explored` computed."""
    plots = (_collapse(data), *_by_class(data), _over_noise(data), _accuracies(data), _trade(data), _frame(data))
    sizes = data.class_size.values
    about = (
        f"{len(sizes)} classes of {sizes.max()} to {sizes.min()} samples. Everything here is theory for features that "
        "have collapsed, computed by Python when this page was made: sliders choose among these values.",
        "f is the mean number of centers per class, theta says how far they lean towards the classifier vector of "
        "their class (pi/2: they coincide with it), r / sigma the norm of a test feature's mean over its noise in each "
        "direction. Test classes are equally frequent.",
    )
    return [Section("What follows from the frame", about, (Plots(plots, sliders(data)),))]


def sliders(data: "xarray.Dataset") -> tuple[Slider, ...]:
    """One for each of the four, at first in the middle."""
    said = {"f": "Centers per class f", "theta": "Angle theta", "ratio": "r / sigma"}
    ways = Slider("allocation", "Centers are spent", tuple(map(str, data.allocation.values)), words=True)
    ranges = (
        Slider(name, label, tuple(f"{value:g}" for value in data[name].values), data.sizes[name] // 2)
        for name, label in said.items()
    )
    return (ways, *ranges)


def _first(values: "xarray.DataArray", *dims: str) -> Any:
    """Values where the sliders for these dimensions stand at first."""
    start = {"allocation": 0, **{name: values.sizes[name] // 2 for name in dims if name != "allocation"}}
    return values.isel({name: start[name] for name in dims}).values


def _classes(data: "xarray.Dataset") -> list[int]:
    """The classes on the page: of many some, as each has numbers for every design and noise."""
    return some(data.sizes["class"])


def _of_all(data: "xarray.Dataset") -> str:
    """What a caption says where these are not all."""
    shown = len(_classes(data))
    return f" {shown} of {data.sizes['class']} classes." if shown < data.sizes["class"] else ""


def _collapse(data: "xarray.Dataset") -> Plot:
    """NC over clock time, a line a class."""
    shown, levels = _classes(data), data.level.values[1:]
    curves = data.clock.isel(level=slice(1, None))
    traces: list[Any] = []
    moves: list[Move] = []
    for i, (k, color) in enumerate(zip(shown, ordered(len(shown)), strict=True)):
        own = curves.isel({"class": k}).transpose(*DESIGN, "level")
        hover = f"class {k + 1}, n = {int(data.class_size[k])}"
        traces.append(line(_first(own, *DESIGN), levels, f"{k + 1}", color, hover))
        moves.append(Move(i, "x", DESIGN, own.values))
    layout = flat(axis("clock time", type="log", dtick=1), axis("NC", type="log"), "class")
    return Plot(
        "Collapse",
        "NC of a feature that begins at a right angle to its mean center, with the paper's weights. A class with one "
        "center collapses algebraically, which takes far longer." + _of_all(data),
        f"{len(shown)} lines that fall from NC 2 to 1e-10.",
        as_figure(traces, layout),
        tuple(moves),
    )


def _by_class(data: "xarray.Dataset") -> list[Plot]:
    """Centers, angle and rate of each class."""
    return [
        _over_classes(data, "centers", "Centers of each class", "centers", "How the centers are spent."),
        _over_classes(
            data, "angle", "Angle of mean center and classifier", "degrees", "What RCR loses, and variability ends in."
        ),
        _over_classes(
            data, "rate", "Rate of collapse", "rate", "Of ln NC in clock time, so at one learning rate for all designs."
        ),
    ]


def _over_classes(data: "xarray.Dataset", name: str, title: str, unit: str, caption: str) -> Plot:
    there = data.isel({"class": _classes(data)})
    classes, first = np.array(_classes(data)) + 1, _first(there[name], *DESIGN)
    hover = "class %{x}, n = %{customdata}"
    trace = line(classes, first, unit, hover=hover, mode="lines+markers", customdata=there.class_size.values)
    move = Move(0, "y", DESIGN, there[name].transpose(*DESIGN, "class").values.astype(np.float64))
    said = f"At first {first[0]:.4g} for the first class and {first[-1]:.4g} for the last."
    caption += _of_all(data)
    return Plot(title, caption, said, as_figure([trace], flat(axis("class"), axis(unit, rangemode="tozero"))), (move,))


def _over_noise(data: "xarray.Dataset") -> Plot:
    """Accuracy over r / sigma, a line a rule, and marks where the slider stands."""
    mean, ratio = data.accuracy.mean("class"), data.ratio.values.astype(np.float64)
    traces: list[Any] = []
    moves: list[Move] = []
    for name, label in RULES.items():
        curves = 100.0 * mean.sel(rule=name).transpose(*DESIGN, "ratio")
        own, first = curves.values, _first(curves, *DESIGN)
        place = len(traces)
        traces.append(line(ratio, first, label, COLORS[name]))
        at = data.sizes["ratio"] // 2
        mark: Any = {"mode": "markers", "marker": {"color": COLORS[name], "size": 11}, "showlegend": False}
        traces.append(line(ratio[[at]], first[[at]], f"{label}, now", COLORS[name], **mark))
        across = np.broadcast_to(ratio, own.shape)[..., None]
        moves += [Move(place, "y", DESIGN, own), Move(place + 1, "y", (*DESIGN, "ratio"), own[..., None])]
        moves.append(Move(place + 1, "x", (*DESIGN, "ratio"), across))
    layout = flat(axis("r / sigma", type="log", dtick="D2"), axis("accuracy, %", range=[0, 103]), "rule")
    caption = "Mean over classes, on collapsed features with this noise; dots: where the slider stands."
    return Plot(
        "Accuracy over noise", caption, "Three lines that rise to 100 %.", as_figure(traces, layout), tuple(moves)
    )


def _accuracies(data: "xarray.Dataset") -> Plot:
    """Accuracy of each class at the chosen noise, a line a rule."""
    shown = _classes(data)
    classes = np.array(shown) + 1
    traces: list[Any] = []
    moves: list[Move] = []
    for i, (name, label) in enumerate(RULES.items()):
        own = 100.0 * data.accuracy.sel(rule=name).isel({"class": shown}).transpose(*DESIGN, "ratio", "class")
        traces.append(line(classes, _first(own, *DESIGN, "ratio"), label, COLORS[name], mode="lines+markers"))
        moves.append(Move(i, "y", (*DESIGN, "ratio"), own.values))
    caption = "Without offsets: GCR favours classes with many centers or with few, by the frame and the noise."
    caption += _of_all(data)
    said = "Three lines over the classes, one for each rule."
    layout = flat(axis("class"), axis("accuracy, %", range=[0, 103]), "rule")
    return Plot("Accuracy of each class", caption, said, as_figure(traces, layout), tuple(moves))


def _trade(data: "xarray.Dataset") -> Plot:
    """Accuracy over the speed of the slowest class, a dot for each design and rule, and where the sliders stand."""
    slowest, mean = data.speed.transpose(*DESIGN), 100.0 * data.accuracy.mean("class")
    words = _words(data)
    traces: list[Any] = []
    moves: list[Move] = []
    for name, label in RULES.items():
        own = mean.sel(rule=name).transpose("ratio", *DESIGN).values
        place, at = len(traces), data.sizes["ratio"] // 2
        dots: Any = {"mode": "markers", "text": words, "marker": {"color": COLORS[name], "size": 6, "opacity": 0.45}}
        hover = "%{text}, %{fullData.name}"
        traces.append(line(slowest.values.ravel(), own[at].ravel(), label, COLORS[name], hover, **dots))
        moves.append(Move(place, "y", ("ratio",), own.reshape(len(own), -1)))
        star: Any = {
            "mode": "markers",
            "marker": {"color": COLORS[name], "size": 15, "symbol": "star"},
            "showlegend": False,
        }
        traces.append(line([0.0], [0.0], f"{label}, now", COLORS[name], **star))
        moves.append(Move(place + 1, "x", DESIGN, slowest.values[..., None]))
        moves.append(Move(place + 1, "y", ("ratio", *DESIGN), own[..., None]))
    caption = "A dot for each design and rule at the chosen noise; stars: where the sliders stand. Speed is the rate "
    caption += "per step, each design at a learning rate of its own; 0 where collapse is algebraic."
    layout = flat(axis("speed of the slowest class, per step"), axis("accuracy, %", range=[0, 103]), "rule")
    said = f"{len(words)} designs; the numbers of each are below."
    return Plot("What is paid for speed", caption, said, as_figure(traces, layout), tuple(moves))


def _words(data: "xarray.Dataset") -> list[str]:
    """Each design in words, in the order of its values."""
    return [
        f"{way}, f = {f}, theta = {theta:g}"
        for way in data.allocation.values
        for f in data.f.values
        for theta in data.theta.values
    ]


def _frame(data: "xarray.Dataset") -> Plot:
    """The vectors of a class with f centers at the angle theta."""
    counts, angles = data.f.values.tolist(), data.theta.values.tolist()
    placed = [own_coordinates(_alone(f, theta), 0, max(counts)) for f in counts for theta in angles]
    shape = (len(counts), len(angles))
    tips, mean, w = (np.stack(part).reshape(*shape, *part[0].shape) for part in zip(*placed, strict=True))
    return vectors_of(("f", "theta"), tips, mean, w, "A class with f centers, as the sliders for f and theta say.")


def _alone(f: int, theta: float) -> Any:
    return multi_center_frame(Problem((1,), (f,), theta), basis="coordinate")
