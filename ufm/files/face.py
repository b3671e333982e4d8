"""What a result shows of itself: one line; in a notebook a table with small curves; and a picture."""

import html
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 60
"""Rows of a table in a notebook."""

WIDE, TALL = 140, 28
"""Size of a small curve, pixels."""


class Shown(NamedTuple):
    """What people see first of a result."""

    head: str
    """In a line."""
    rows: Sequence[tuple[str, ...]]
    """Cells of a table; the first row names the columns."""
    curves: Mapping[str, Any] = {}
    """Numbers (n,) that are drawn as small as a word, by what they are."""


class Face:
    """Mixed into results: ``repr`` is a line, notebooks show a table, and ``plot()`` draws what a command draws."""

    @abstractmethod
    def shown(self) -> Shown:
        """What people see first; cheap."""

    def __repr__(self) -> str:
        """A line."""
        return f"<{type(self).__name__}: {self.shown().head}>"

    def _repr_html_(self) -> str:
        """A table with small curves, for notebooks."""
        shown = self.shown()
        heads, *rows = shown.rows
        lines = [_row(heads, "th"), *(_row(row, "td") for row in rows[:MOST])]
        more = f"<p>and {len(rows) - MOST} rows more</p>" if len(rows) > MOST else ""
        curves = "".join(f"<p>{html.escape(name)} {curve(values)}</p>" for name, values in shown.curves.items())
        table = f"<table><thead>{lines[0]}</thead><tbody>{''.join(lines[1:])}</tbody></table>"
        return f"<p>{html.escape(shown.head)}</p>{table}{more}{curves}"

    def plot(self) -> "Figure":
        """A picture, as the command that makes such a result draws it."""
        from figures.faces import picture

        return picture(self)


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def curve(values: Any) -> str:
    """Numbers (n,) as a line of SVG in the colour of the text; what is not finite is a gap."""
    y = np.asarray(values, dtype=np.float64)
    known = y[np.isfinite(y)]
    if known.size == 0:
        return ""
    low, span = known.min(), float(np.ptp(known)) or 1.0
    x, up = np.linspace(1, WIDE - 1, len(y)), (TALL - 2) * (1.0 - (y - low) / span) + 1.0
    parts = np.split(np.arange(len(y)), np.flatnonzero(~np.isfinite(y)))
    lines = [" ".join(f"{x[i]:.1f},{up[i]:.1f}" for i in part if np.isfinite(y[i])) for part in parts]
    drawn = "".join(f'<polyline points="{each}"/>' for each in lines if each)
    ends = f"from {y[0]:.3g} to {y[-1]:.3g}"
    look = f'width="{WIDE}" height="{TALL}" fill="none" stroke="currentColor" role="img" aria-label="{ends}"'
    return f"<svg {look}>{drawn}</svg>"
