"""Whether a picture can be read."""

import html
import io
import re

import matplotlib
import numpy as np
from matplotlib.collections import PathCollection

from figures import style


def visible(figure):
    return [axis for axis in figure.axes if axis.get_visible() and axis.axison]


def texts(axis):
    sides = [axis.xaxis, axis.yaxis, *([axis.zaxis] if axis.name == "3d" else [])]
    legend = axis.get_legend().get_texts() if axis.get_legend() else []
    titles = [axis.title, axis._left_title, *(side.label for side in sides), *axis.texts, *legend]
    return [text for text in titles if text.get_visible() and text.get_text()]


COUNTED = ("class", "number", "epoch", "centers,")
"""Words that labels of integers begin with."""

SMALLEST = 7.0
"""Points: what is smaller cannot be read in print."""

KINDS = 12
"""So many kinds of marks in a panel can be told apart."""


def ticks(side):
    """Texts of the ticks of a side that are seen."""
    low, high = sorted(side.get_view_interval())
    return [t.label1 for t in side.get_major_ticks() if low <= t.get_loc() <= high and t.label1.get_text()]


def require_integers(axis):
    """What is counted has integers for ticks."""
    for side in (axis.xaxis, axis.yaxis):
        if side.label.get_text().partition(" ")[0] in COUNTED and side.get_scale() == "linear":
            found = [text.get_text() for text in ticks(side)]
            assert all("." not in text for text in found), f"{side.label.get_text()}: ticks {found}"


def drawn(axis):
    """Lines with data, and clouds of points without a scale of colours."""
    lines = [line for line in axis.lines if len(line.get_xdata())]
    return lines, [each for each in axis.collections if isinstance(each, PathCollection)]


def marks(axis):
    """Kinds of marks: shape and colours, of those that no scale explains."""
    lines, clouds = drawn(axis)
    kinds = {(line.get_marker(), str(line.get_color())) for line in lines if line.get_marker() not in ("", "None")}
    for cloud in (each for each in clouds if each.get_array() is None):
        shape, edge = len(cloud.get_paths()[0].vertices), cloud.get_edgecolors().tobytes()
        kinds |= {(shape, edge, face.tobytes()) for face in cloud.get_facecolors()}
    return kinds


def covered(axis, box):
    """Lines and clouds of which something lies in a box."""
    lines, clouds = drawn(axis)
    for line in lines:
        path, joined = line.get_transform().transform_path(line.get_path()), line.get_linestyle() not in ("None", "")
        if box.count_contains(path.vertices) or (joined and path.intersects_bbox(box, filled=False)):
            yield line
    yield from (each for each in clouds if box.count_contains(axis.transData.transform(each.get_offsets())))


def require_legend_beside(figure, axis, renderer):
    """Legends lie outside of panels with data."""
    if axis.has_data():
        for legend in [*figure.legends, *filter(None, [other.get_legend() for other in figure.axes])]:
            box = legend.get_window_extent(renderer)
            shared = box.intersection(box, axis.get_window_extent(renderer)) if axis.name != "3d" else None
            assert shared is None or min(shared.width, shared.height) < 1, (
                f"a legend lies in {axis.get_title(loc='left')!r}"
            )


PRINTED = re.compile(r"<(?:text|tspan)\b[^>]*font(?:-size)?: (?:[a-z]+ )*([\d.]+)px[^>]*>([^<]+)<")
"""By size or, as matplotlib 3.9 has it, by all there is to say of a font, the size after words for its style."""


def letters_in_print(figure):
    """What an SVG says of each run of letters, exponents and indices too: the letters, and their points."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(written := io.StringIO(), format="svg")
    for points, letters in PRINTED.findall(written.getvalue()):
        if letters != "√":  # a sign, put together from parts of a larger font
            yield html.unescape(letters), float(points)


def require_readable(figure):
    """Labels on every side, something in every panel, no text beyond the edge or too small; integers for what is
    counted, few kinds of marks, and no legend over a curve."""
    figure.set_dpi(style.RESOLUTION)
    figure.draw_without_rendering()  # as savefig does: layout and labels in three dimensions move while drawn
    figure.canvas.draw()
    renderer, frame = figure.canvas.get_renderer(), figure.bbox
    for axis in visible(figure):
        assert axis.has_data() or axis.texts, "an empty panel"
        if axis.get_label() != "<colorbar>":
            assert any(other.get_xlabel() for other in axis.get_shared_x_axes().get_siblings(axis))
            row = [axis, *axis.get_shared_y_axes().get_siblings(axis), *([figure.axes[0]] if axis.images else [])]
            assert any(other.get_ylabel() for other in row)
        require_integers(axis)
        assert len(marks(axis)) <= KINDS, f"{len(marks(axis))} kinds of marks"
        require_legend_beside(figure, axis, renderer)
        if axis.get_legend():
            hidden = [each.get_label() for each in covered(axis, axis.get_legend().get_window_extent(renderer))]
            assert not hidden, f"a legend covers {hidden}"
        flat = [] if axis.name == "3d" else [*ticks(axis.xaxis), *ticks(axis.yaxis)]
        for text in [*texts(axis), *flat]:
            box = text.get_window_extent(renderer)
            inside = (frame.x0 - 1 <= box.x0, box.x1 <= frame.x1 + 1, frame.y0 - 1 <= box.y0, box.y1 <= frame.y1 + 1)
            assert all(inside), f"{text.get_text()!r} is clipped"
    for legend in figure.legends:
        box = legend.get_window_extent(renderer)
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
    small = {letters: points for letters, points in letters_in_print(figure) if points < SMALLEST}
    assert not small, f"too small, in points: {small}"
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    edge = np.concatenate([picture[[0, -1]].ravel(), picture[:, [0, -1]].ravel()])
    assert edge.min() == 255, "something reaches over the edge"
