"""Where training ends: what ``ufm geometry --json`` prints, and the Dataset of a solution."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.measure import metrics
from ufm.pages import runs
from ufm.pages.content import Part, Plot, Plots, Section, Table, number
from ufm.pages.draw import as_figure, heatmap, points, scene, some, square, vectors
from ufm.pages.palette import ordered
from ufm.problems.frames import Array

if TYPE_CHECKING:
    import xarray

VARIABLES = ("class_features", "classifier", "bound")
KEYS = ("value", "bound", "status", "classes", "cosines")


def of_object(values: Mapping[str, Any], source: Path) -> Iterator[Section]:
    """A geometry: checks, norms and margins of each group of classes, and cosines."""
    report = values.get("report")
    parts: list[Part] = [runs.checks(report)] if report else []
    heads = tuple(map(str, values["classes"][0]))
    rows = tuple(tuple(number(row[name]) for name in heads) for row in values["classes"])
    cosines = np.array([[np.nan if each is None else each for each in row] for row in values["cosines"]], dtype=float)
    alone = np.isnan(np.diag(cosines))  # groups of one class, which have no pair
    cosines[alone, alone] = 1.0
    parts += [Table("Groups of equal classes", heads, rows), cosines_of("Cosines between weights", cosines, "group")]
    about = proof(values["value"], values["bound"], str(values["status"])) + f", rank {values['rank']}."
    of = [f"{values['model']}."] if "model" in values else []
    yield Section(f"Geometry: {source.stem}", (*of, about, *runs.notes(report or {})), parts, str(source))


def of_data(data: "xarray.Dataset", source: Path) -> Iterator[Section]:
    """A solution with a frame: norms of each class, Gram matrices, and vectors in three dimensions."""
    features, classifier = data.class_features.values, data.classifier.values
    heads = ("class", "samples", "centers", "|w|", "|h|", "alive")
    rows = tuple(
        (str(k + 1), f"{int(n)}", f"{int(f)}", number(float(w)), number(float(np.linalg.norm(h))), number(bool(alive)))
        for k, (n, f, w, h, alive) in enumerate(
            zip(data.class_size, data.centers, data.classifier_norm, features, data.living, strict=True)
        )
    )
    problem = runs.problem_of(data)
    about = (runs.described(problem), proof(float(data.value), float(data.bound), data.attrs["status"]) + ".")
    certificate = json.loads(data.attrs["certificate"]).get("statement", "")
    parts: list[Part] = [
        Table("Classes", heads, rows),
        cosines_of("Cosines between class means", metrics.gram(features), "class"),
        cosines_of("Cosines between classifier vectors", metrics.gram(classifier), "class"),
        vectors_in_space(features, classifier),
    ]
    yield Section(
        f"Solution: {source.stem}", (*about, *([str(certificate)] if certificate else [])), parts, str(source)
    )


def proof(value: float, bound: float | None, status: str) -> str:
    """The value, and what is proved of it."""
    return f"Value {value:.10g}" + (f", at least {bound:.10g}" if bound is not None else "") + f": {status}"


def cosines_of(title: str, values: Array, side: str) -> Plots:
    """A matrix of cosines."""
    known = values[np.isfinite(values) & ~np.eye(len(values), dtype=bool)]
    said = f"Off the diagonal between {known.min():.4g} and {known.max():.4g}." if known.size else "One row."
    plot = Plot(
        title,
        "Red is 1, white 0, blue -1.",
        said,
        as_figure([heatmap(values, cosines=True)], square(side, len(values))),
    )
    return Plots((plot,))


def vectors_in_space(features: Array, classifier: Array) -> Plots:
    """Class means and classifier vectors in the three directions that hold most of them."""
    rows = [*some(len(features))]
    both = np.concatenate([_unit(features[rows]), _unit(classifier[rows])])
    _, sizes, basis = np.linalg.svd(both, full_matrices=False)
    axes = np.zeros((3, both.shape[1]))
    axes[: min(3, len(basis))] = basis[:3]
    held = float((sizes[:3] ** 2).sum() / max(float((sizes**2).sum()), 1e-300))
    parts = both @ axes.T
    traces = _lines(parts[: len(rows)], rows, "mean of class", 6) + _lines(
        parts[len(rows) :], rows, "classifier of class", 2
    )
    plot = Plot(
        "Directions of means and classifier vectors",
        f"In the three directions that hold most of them: {100 * held:.0f} % of the squared length of {len(rows)} "
        "classes. Thick: class means, thin: classifier vectors.",
        f"{len(rows)} pairs of vectors.",
        as_figure(traces, scene("first", "second", "third")),
    )
    return Plots((plot,))


def _unit(rows: Array) -> Array:
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, sizes, out=np.zeros_like(rows), where=sizes > 0)


def _lines(tips: Array, rows: Sequence[int], what: str, width: float) -> list[dict[str, Any]]:
    look: dict[str, Any] = {"mode": "lines", "showlegend": False}
    return [
        points(vectors(tip[None]), f"{what} {k + 1}", line={"color": color, "width": width}, **look)
        for tip, k, color in zip(tips, rows, ordered(len(rows)), strict=True)
    ]
