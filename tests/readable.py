"""Whether a picture can be read."""

import io

import numpy as np
from PIL import Image

from figures import gallery


def visible(figure):
    return [axis for axis in figure.axes if axis.get_visible() and axis.axison]


def texts(axis):
    sides = [axis.xaxis, axis.yaxis, *([axis.zaxis] if axis.name == "3d" else [])]
    legend = axis.get_legend().get_texts() if axis.get_legend() else []
    titles = [axis.title, axis._left_title, *(side.label for side in sides), *axis.texts, *legend]
    return [text for text in titles if text.get_visible() and text.get_text()]


def require_readable(figure):
    """Labels on every side, something in every panel, no text beyond the edge."""
    figure.set_dpi(gallery.RESOLUTION)
    figure.canvas.draw()
    renderer, frame = figure.canvas.get_renderer(), figure.bbox
    for axis in visible(figure):
        assert axis.has_data(), "an empty panel"
        if axis.get_label() != "<colorbar>":
            assert any(other.get_xlabel() for other in axis.get_shared_x_axes().get_siblings(axis))
            row = [axis, *axis.get_shared_y_axes().get_siblings(axis), *([figure.axes[0]] if axis.images else [])]
            assert any(other.get_ylabel() for other in row)
        for text in texts(axis):
            box = text.get_window_extent(renderer)
            inside = (frame.x0 - 1 <= box.x0, box.x1 <= frame.x1 + 1, frame.y0 - 1 <= box.y0, box.y1 <= frame.y1 + 1)
            assert all(inside), f"{text.get_text()!r} is clipped"
    for legend in figure.legends:
        box = legend.get_window_extent(renderer)
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
    # Labels in three dimensions are placed while they are drawn: look at the edge of the picture itself.
    file = io.BytesIO()
    figure.savefig(file, dpi=gallery.RESOLUTION)
    picture = np.asarray(Image.open(file).convert("L"))
    edge = np.concatenate([picture[[0, -1]].ravel(), picture[:, [0, -1]].ravel()])
    assert edge.min() == 255, "something reaches over the edge"
