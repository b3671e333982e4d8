"""What cannot be read in print is seen."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from figures import style
from tests.readable import SMALLEST, letters_in_print, require_readable


def figure(kind):
    """A picture with an exponent, an index and an axis of powers."""
    with style.styled():
        drawn = kind(figsize=(style.ONE_COLUMN, 2.0), layout="constrained")
        FigureCanvasAgg(drawn)
        axis = drawn.subplots()
        axis.plot([1.0, 2.0], [1e-9, 10.0])
        axis.set(yscale="log", yticks=[1e-7, 1e-3, 10.0], xlabel=r"$\sqrt{n_W}$", ylabel="$a^2$")
    return drawn


def test_exponents_and_indices_are_seen_and_ours_can_be_read():
    small = {letters for letters, points in letters_in_print(figure(style.Figure)) if points < SMALLEST}
    assert {"W", "2"} <= small
    ours = figure(style.Legible)
    require_readable(ours)
    assert {letters for letters, _ in letters_in_print(ours)} >= {"W", "2", "1e-7", "0.001", "10"}


def test_a_small_index_fails():
    with pytest.raises(AssertionError, match="too small"):
        require_readable(figure(style.Figure))
