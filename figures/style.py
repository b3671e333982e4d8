"""What all figures share: style, panels, colours of classes, and writing to disk."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files.store import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("ncmc.mplstyle")

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.8
"""Widths of a figure in a journal of two columns, inches."""


def styled() -> AbstractContextManager[None]:
    """A context in which matplotlib has our style over its own defaults, whatever the user's settings are."""
    import matplotlib

    return matplotlib.rc_context(fname=STYLE)


def canvas(width: float, height: float) -> "Figure":
    """An empty figure, inches, whose panels make room for their labels when it is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(rows: int, columns: int, width: float, height: float) -> tuple["Figure", Any]:
    """A grid of panels with fixed margins in inches (fitting them to their labels would take longer than the plots)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide, tall = width * columns, height * rows
    figure = Figure(figsize=(wide, tall))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(
        left=0.7 / wide, right=1 - 0.45 / wide, top=1 - 0.3 / tall, bottom=0.45 / tall, wspace=0.45, hspace=0.55
    )
    return figure, figure.subplots(rows, columns, squeeze=False)


def class_colors(count: int) -> Any:
    """One colour per class, dark to light."""
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0.0, 0.92, count))


def shown_classes(count: int) -> list[int]:
    """At most ten classes, first and last among them."""
    return sorted({int(k) for k in np.round(np.linspace(0, count - 1, min(count, 10)))})


def save_figure(figure: "Figure", path: str | Path, dpi: int = 110) -> Path:
    """Write a picture atomically; the ending chooses the format."""

    def write(temporary: Path) -> None:
        with styled():
            figure.savefig(temporary, dpi=dpi)

    return write_atomically(path, write)
