"""What all figures share: style, canvases, colours of classes, matrices of cosines, and writing to disk."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, LogFormatterMathtext, MaxNLocator

from ufm.files.store import write_atomically

STYLE = Path(__file__).with_name("ncmc.mplstyle")

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.8
"""Widths of a figure in a journal of two columns, inches."""

RESOLUTION = 200
"""Dots per inch of pictures that are not vectors."""

SMALLEST = 7.0
"""Points: letters, exponents and indices that are smaller cannot be read in print."""


@contextmanager
def styled() -> Iterator[None]:
    """Our style over matplotlib's own defaults, whatever the user's settings are: a context, or a decorator."""
    with matplotlib.rc_context(fname=STYLE):
        yield


class _PlainLog(LogFormatter):
    """Ticks of a logarithmic axis without exponents that are set small: 1e-5."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return super().__call__(x, pos) and (f"{x:g}" if 1e-3 <= x < 1e4 else re.sub("e[+]?(-?)0*", r"e\1", f"{x:.0e}"))


class Legible(Figure):
    """A figure without a letter below SMALLEST: matplotlib sets exponents and indices at 0.7 of their text."""

    def draw(self, renderer: Any) -> None:
        """First logarithmic axes get plain numbers, and texts with indices grow until these are legible."""
        for axis in self.axes:
            for side in (axis.xaxis, axis.yaxis):
                if isinstance(side.get_major_formatter(), LogFormatterMathtext):
                    side.set_major_formatter(_PlainLog())
                if isinstance(side.get_minor_formatter(), LogFormatterMathtext):
                    side.set_minor_formatter(_PlainLog(labelOnlyBase=False))
        texts: list[Any] = self.findobj(Text)
        for text in texts:
            size = text.get_fontsize()
            if "$" in text.get_text() and (least := _smallest(text.get_text(), size)) < SMALLEST:
                text.set_fontsize(size * SMALLEST / least)
        super().draw(renderer)


def _smallest(text: str, size: float) -> float:
    """Points of the smallest letter of a text with formulas; the sign of a root is none."""
    parser, font = MathTextParser("path"), FontProperties(size=size)
    glyphs = [glyph for line in text.splitlines() for glyph in parser.parse(line, prop=font).glyphs]
    return min(points for _, points, letter, *_ in glyphs if letter != ord("√"))


def canvas(width: float, height: float, layout: Any = "constrained") -> Figure:
    """An empty figure, inches, whose panels make room for their labels when it is drawn."""
    figure = Legible(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def panels(
    rows: int,
    columns: int,
    width: float,
    height: float,
    *,
    right: float = 0.45,
    below: float = 0.0,
    between: float = 0.45,
    **shared: Any,
) -> tuple[Figure, Any]:
    """A grid of panels with fixed margins in inches (fitting them to their labels would take longer than the plots).

    right : margin, for labels or for :func:`legend_beside`. below : room for :func:`legend_below`.
    between : columns, over the width of one. shared : of axes.
    """
    wide, tall = width * columns, height * rows + below
    figure = canvas(wide, tall, layout=None)
    figure.subplots_adjust(
        **{"left": 0.7 / wide, "right": 1 - right / wide, "wspace": between},
        **{"top": 1 - 0.3 / tall, "bottom": (0.45 + below) / tall, "hspace": 0.55},
    )
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def legend_below(figure: Figure, axis: Any, ncols: int = 6, **look: Any) -> None:
    """The legend of a panel below all of them, where it covers nothing."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(ncols, len(labels)), borderaxespad=0.2, **look)


def legend_beside(axis: Any, **look: Any) -> None:
    """A legend right of a panel, where it covers nothing."""
    axis.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, **look)


def class_colors(count: int) -> Any:
    """One colour per class, dark to light."""
    return matplotlib.colormaps["viridis"](np.linspace(0.0, 0.92, count))


def shown_classes(count: int) -> list[tuple[int, Any]]:
    """At most ten classes, first and last among them, and their colours."""
    shown = sorted({int(k) for k in np.round(np.linspace(0, count - 1, min(count, 10)))})
    return list(zip(shown, class_colors(len(shown)), strict=True))


def draw_classes(axis: Any, x: Any, curves: Any, *, limits: Any = None, labels: Sequence[str] | None = None) -> None:
    """Curves (points, classes) of :func:`shown_classes`; the limit of each is dotted."""
    for k, color in shown_classes(curves.shape[1]):
        axis.plot(x, curves[:, k], color=color, label=labels and labels[k])
        if limits is not None:
            axis.axhline(limits[k], color=color, linestyle=":", linewidth=0.8)


def draw_cosines(axis: Any, matrix: Any, limit: float = 1.0) -> Any:
    """A matrix of cosines, rows and columns counted from 1: red is 1 (or the limit and above), white 0, blue -1."""
    rows, columns = matrix.shape
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(MaxNLocator(5, integer=True))
    return axis.imshow(matrix, vmin=-limit, vmax=limit, cmap="RdBu_r", extent=(0.5, columns + 0.5, rows + 0.5, 0.5))


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a picture atomically; the ending chooses the format."""

    @styled()
    def write(temporary: Path) -> None:
        figure.savefig(temporary, dpi=RESOLUTION)

    return write_atomically(path, write)
