"""Three dimensions on paper: spheres, vectors, arcs, and pictures that turn."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from figures.style import styled
from ufm.files.store import write_atomically
from ufm.problems.frames import Array

FRAMES, PER_SECOND = 72, 18
"""Pictures of a full turn, and how many are shown a second."""


def scene(figure: Figure, place: tuple[Any, ...], labels: tuple[str, str, str], view: tuple[float, float]) -> Any:
    """Axes of equal scale in which the unit sphere is a sphere; view is elevation and azimuth, degrees."""
    axis: Any = figure.add_subplot(*place, projection="3d")
    axis.computed_zorder = False  # in the order of drawing: a net that is nearer must not hide what is inside
    axis.view_init(*view)
    axis.set_proj_type("ortho")
    axis.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    axis.set_box_aspect((1, 1, 1), zoom=0.94)
    for side, text in zip((axis.xaxis, axis.yaxis, axis.zaxis), labels, strict=True):
        side.set_ticks([-0.5, 0.5])
        side.set_tick_params(pad=-4 if side is not axis.zaxis else 1)
        side.set_label_text(text)
        side.labelpad = -6 if side is not axis.zaxis else -5
        side.set_pane_color((1.0, 1.0, 1.0, 0.0))
    return axis


def entitle(axis: Any, text: str) -> None:
    """A title that stands next to its picture: the corners above a cube seen from the side are empty."""
    axis.set_title(text, loc="center", y=1.0)


def draw_sphere(axis: Any) -> None:
    """The unit sphere as a faint net."""
    across, up = np.mgrid[0 : 2 * np.pi : 37j, 0 : np.pi : 19j]
    points = np.cos(across) * np.sin(up), np.sin(across) * np.sin(up), np.cos(up)
    axis.plot_wireframe(*points, rstride=3, cstride=3, color="0.85", linewidth=0.3, zorder=0)


def draw_vector(axis: Any, tip: Array, color: Any, text: str = "", away: float = 0.22, **look: Any) -> None:
    """A vector from the origin with its name so far beyond the tip."""
    axis.plot(*np.stack([np.zeros(3), tip], axis=1), color=color, **{"linewidth": 1.4, **look})
    axis.plot(*tip[:, None], ".", color=color, markersize=5)
    if text:
        beyond = tip * (1.0 + away / max(float(np.linalg.norm(tip)), 0.2))
        axis.text(*beyond, text, color=color, ha="center", va="center", fontsize=7)


def arc(first: Array, second: Array, radius: float) -> Array:
    """Points (3, 30) on the circle between the directions of two vectors that are not parallel."""
    a = first / np.linalg.norm(first)
    across = second - (second @ a) * a
    b = across / np.linalg.norm(across)
    angle = np.linspace(0.0, np.arctan2(float(second @ b), float(second @ a)), 30)
    return np.asarray(radius * (a[:, None] * np.cos(angle) + b[:, None] * np.sin(angle)))


def save_animation(figure: Figure, path: Path) -> Path:
    """A full turn of all three-dimensional panels as an animated GIF, written atomically."""
    axes: list[Any] = [axis for axis in figure.axes if axis.name == "3d"]
    views = [(axis.elev, axis.azim) for axis in axes]

    def turn(number: int) -> list[Any]:
        for axis, (elevation, azimuth) in zip(axes, views, strict=True):
            axis.view_init(elevation, azimuth + 360.0 * number / FRAMES)
        return axes

    animation = FuncAnimation(figure, turn, frames=FRAMES, blit=False)

    @styled()
    def write(temporary: Path) -> None:
        animation.save(temporary, writer=PillowWriter(fps=PER_SECOND), dpi=100)

    return write_atomically(path, write)
