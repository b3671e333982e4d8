"""What a page consists of: sections of paragraphs, tables, and plots whose sliders choose among stored values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Figure = Any
"""A figure of plotly, as plain values: ``data``, a list of traces, and ``layout``. Arrays stay numpy arrays."""


@dataclass(frozen=True)
class Table:
    """Rows under a caption.

    Attributes
    ----------
    caption : what the rows are.
    heads : names of the columns.
    rows : cells, as text.
    marks : "ok", "no", "not converged" or "" for each row; with marks the rows can be filtered by them and by words.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[str, ...] = ()
    template: ClassVar[str] = "table.html"

    def __post_init__(self) -> None:
        """Refuse rows that are not as wide as the head. Raises ValueError."""
        if any(len(row) != len(self.heads) for row in self.rows):
            raise ValueError(f"{self.caption}: each row has {len(self.heads)} cells")
        if self.marks and len(self.marks) != len(self.rows):
            raise ValueError(f"{self.caption}: {len(self.marks)} marks for {len(self.rows)} rows")

    @property
    def tally(self) -> str:
        """How many rows are marked as good, where rows are marked."""
        return f"{self.marks.count('ok')} of {len(self.marks)} hold" if self.marks else ""


@dataclass(frozen=True)
class Slider:
    """A choice among values.

    Attributes
    ----------
    name : by which moves refer to it.
    label : what it is, for people.
    values : each choice as text, in order.
    start : index of the choice at first.
    words : whether the values are names rather than points of a range: a list to choose from, not a slider.
    """

    name: str
    label: str
    values: tuple[str, ...]
    start: int = 0
    words: bool = False


@dataclass(frozen=True)
class Move:
    """What sliders change in a plot: one property of one trace.

    Attributes
    ----------
    trace : number of the trace.
    name : its property, such as "y" or "marker.color".
    sliders : names of those that choose, in the order of the leading dimensions of ``values``.
    values : (choices of the first slider, of the second, ..., and what the property is), numbers or text.
    """

    trace: int
    name: str
    sliders: tuple[str, ...]
    values: NDArray[Any]


@dataclass(frozen=True)
class Plot:
    """A plot of plotly.

    Attributes
    ----------
    title : of the plot.
    caption : what it shows; may be empty.
    said : the same for those who do not see it, with the numbers that matter.
    figure : ``data``, a list of traces, and ``layout``, as plotly has them. What moves is there for its
        shape: the sliders say its values.
    moves : what sliders change.
    """

    title: str
    caption: str
    said: str
    figure: Figure
    moves: tuple[Move, ...] = ()

    @property
    def turns(self) -> bool:
        """Whether it is in three dimensions."""
        return any(trace["type"].endswith("3d") for trace in self.figure["data"])

    def at(self, **choice: int) -> list[dict[str, Any]]:
        """The traces where sliders stand at these indices: what the page shows then."""
        traces = [dict(trace) for trace in self.figure["data"]]
        for move in self.moves:
            trace, *path = traces[move.trace], *move.name.split(".")
            for name in path[:-1]:
                trace[name] = trace = dict(trace[name])
            trace[path[-1]] = move.values[tuple(choice[name] for name in move.sliders)]
        return traces


@dataclass(frozen=True)
class Plots:
    """Plots beside one another that share sliders. Raises ValueError for moves that do not fit the sliders."""

    plots: tuple[Plot, ...]
    sliders: tuple[Slider, ...] = ()
    template: ClassVar[str] = "plots.html"

    @property
    def start(self) -> dict[str, int]:
        """Where the sliders stand at first."""
        return {slider.name: slider.start for slider in self.sliders}

    def __post_init__(self) -> None:
        """See above."""
        choices = {slider.name: len(slider.values) for slider in self.sliders}
        for plot in self.plots:
            for move in plot.moves:
                wanted = tuple(choices[name] for name in move.sliders)
                if np.shape(move.values)[: len(wanted)] != wanted:
                    raise ValueError(f"{plot.title}: {move.name} has shape {np.shape(move.values)}, not {wanted} first")


Part = Table | Plots


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading.

    Attributes
    ----------
    title : the heading.
    about : paragraphs.
    parts : tables and plots, in order.
    source : the file or folder that it was made from, or the command.
    """

    title: str
    about: tuple[str, ...] = ()
    parts: Sequence[Part] = field(default=())
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What there is in it, as plain values."""
        tables = [part for part in self.parts if isinstance(part, Table)]
        plots = [plot.title for part in self.parts if isinstance(part, Plots) for plot in part.plots]
        checks = [mark for table in tables for mark in table.marks]
        said = {"checks": len(checks), "hold": checks.count("ok")} if checks else {}
        return {"title": self.title, "source": self.source, "tables": len(tables), "plots": plots, **said}


def number(value: Any, digits: int = 6) -> str:
    """A number as tables have it; a dash where there is none."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
