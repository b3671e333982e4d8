import numpy as np
import pytest

import ufm
from figures import style
from figures.commands import simulate
from theory.multicenter import geometry

RUNS = {
    "cosine": ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16), keep="final"),
    "P": ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse", lam_h=0.01), keep="final"),
    "P without": ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse"), keep="final"),
    "metrics only": ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)),
}


def panels(figure, count):
    return np.array(figure.axes[: 3 * count]).reshape(count, 3)


def test_collapse_curves_are_the_data():
    axes = panels(simulate.collapse_figure(RUNS), len(RUNS))
    for row, (name, t) in zip(axes, RUNS.items(), strict=True):
        assert row[0].get_title(loc="left") == name
        for axis, key in zip(row, ("nc_mean", "norm_mean", "variability"), strict=True):
            assert axis.get_xlabel() == "flow time $t$"
            assert axis.get_ylabel()
            curves = [line for line in axis.lines if len(line.get_xdata()) == len(t.times)]
            assert len(curves) == t.problem.n_classes
            for k, line in enumerate(curves):
                expected = np.maximum(t.class_values(key)[:, k], 1e-30 if key == "nc_mean" else 0)
                np.testing.assert_allclose(line.get_ydata(), expected)
        assert "class 1: n=8, f=2" in [text.get_text() for text in row[1].get_legend().get_texts()]


def test_time_is_logarithmic_where_classes_collapse_at_times_far_apart():
    far = ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 1, 6), 0.3, 16))
    every = panels(simulate.collapse_figure({"cosine": RUNS["cosine"], "far": far}), 2)
    assert {axis.get_xscale() for axis in every[0]} == {"linear"}
    assert {axis.get_xscale() for axis in every[1]} == {"log"}
    assert every[1][0].get_xlim() == pytest.approx((far.times[1], far.times[-1]))
    assert every[1][2].get_ylim()[1] > far.class_values("variability").max()  # which has no bound but 2
    over = ufm.gradient_flow(ufm.Problem((8, 5), 3, 0.3), t_eval=[0.0, 1e3, 1e5])  # at its first record
    assert simulate.collapse_figure({"over": over}).axes[0].get_xlim() == pytest.approx((1e3, 1e5))


def test_geometry_panels_are_the_data():
    figure = simulate.geometry_figure(RUNS)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert all(f"{name}: Gram of class means" in titles for name in RUNS)
    lines = {line.get_label(): line for axis in figure.axes[:3] for line in axis.lines}
    problem = RUNS["cosine"].problem
    np.testing.assert_allclose(lines["theory"].get_ydata(), geometry.classifier_cosine(problem.centers, problem.theta))
    np.testing.assert_allclose(lines["simulation"].get_ydata(), lines["theory"].get_ydata(), atol=1e-4)
    written = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert "no collapse" in written
    assert "features were not kept" in written


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_pictures_are_written_and_nothing_is_clipped(tmp_path, ending):
    figure = simulate.collapse_figure({"cosine": RUNS["cosine"]})
    path = style.save_figure(figure, tmp_path / f"a.{ending}")
    assert path.stat().st_size > 5_000
    figure.canvas.draw()
    renderer, frame = figure.canvas.get_renderer(), figure.bbox
    for axis in figure.axes:
        for label in (axis.xaxis.label, axis.yaxis.label, axis.title):
            box = label.get_window_extent(renderer)
            assert box.x0 >= frame.x0 - 1
            assert box.x1 <= frame.x1 + 1
            assert box.y0 >= frame.y0 - 1
            assert box.y1 <= frame.y1 + 1
