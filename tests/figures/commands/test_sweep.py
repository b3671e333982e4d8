import numpy as np
import pytest
import xarray
from matplotlib.colors import LogNorm

from figures.commands.sweep import sweep_figure
from ufm.sweep.description import Sweep
from ufm.sweep.picture import Picture

SWEEP = Sweep.from_mapping(
    {
        "kind": "flow",
        "record": ["collapse_time", "predicted_time", "value", "nc_curve", "time"],
        "base": {"class_sizes": [9, 3]},
        "axes": {"f": [2, 3, 4], "theta": [0.1, 0.2], "start": ["gaussian", "sphere"]},
        "seeds": 3,
    }
)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    dims = SWEEP.dims
    times = np.broadcast_to(np.arange(5.0), (*SWEEP.shape, 5))
    variables = {
        "collapse_time": ((*dims, "class"), rng.uniform(1, 2, (*SWEEP.shape, 2)), {"units": "flow time"}),
        "predicted_time": ((*dims, "class"), rng.uniform(1, 2, (*SWEEP.shape, 2)), {"units": "flow time"}),
        "value": (dims, rng.uniform(1, 2, SWEEP.shape)),
        "nc_curve": ((*dims, "time", "class"), rng.uniform(1e-6, 1, (*SWEEP.shape, 5, 2))),
        "time": ((*dims, "time"), times, {"units": "flow time"}),
    }
    coordinates = {axis.name: [point[0] for point in axis.values] for axis in SWEEP.axes}
    return xarray.Dataset(variables, coords=coordinates | {"seed": [0, 1, 2]})


def lines(axis):
    return [line for line in axis.lines if len(line.get_xdata()) > 0]


def test_lines_are_means_and_bands_reach_from_smallest_to_largest(data):
    picture = Picture("value", x="f", lines="theta", select={"start": "sphere"})
    (axis,) = sweep_figure(data, SWEEP, picture).axes
    for line, band, theta in zip(lines(axis), axis.collections, (0.1, 0.2), strict=True):
        own = data.value.sel(theta=theta, start="sphere")
        np.testing.assert_allclose(line.get_xdata(), [2, 3, 4])
        np.testing.assert_allclose(line.get_ydata(), own.mean("seed"))
        edges = band.get_paths()[0].get_extents()
        assert (edges.ymin, edges.ymax) == pytest.approx((float(own.min()), float(own.max())))
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["0.1", "0.2"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("centers, mean $f$", "objective")
    assert axis.get_title(loc="left") == "start = sphere"


def test_classes_are_numbered_from_one_and_units_are_said(data):
    axis, other = sweep_figure(data, SWEEP, Picture("collapse_time", "f", panels="start", select={"class": 0})).axes
    assert axis.get_ylabel() == "collapse time (flow time)"
    assert axis.get_title(loc="left") == "start = gaussian, class 1 of 2"
    assert other.get_title(loc="left") == "start = sphere, class 1 of 2"
    assert axis.get_ylim() == other.get_ylim()
    own = data.collapse_time.isel({"class": 0}).sel(theta=0.1, start="sphere").mean("seed")
    np.testing.assert_allclose(lines(other)[0].get_ydata(), own)


def test_curves_run_over_the_recorded_times_on_a_logarithmic_scale(data):
    (axis,) = sweep_figure(data, SWEEP, Picture("nc_curve", select={"f": "3", "theta": "0.19", "start": "sphere"})).axes
    own = data.nc_curve.sel(f=3, theta=0.2, start="sphere").mean("seed")
    assert axis.get_yscale() == "log"
    assert axis.get_xlabel() == "flow time"
    for k, line in enumerate(lines(axis)):
        np.testing.assert_allclose(line.get_xdata(), np.arange(5))
        np.testing.assert_allclose(line.get_ydata(), own.isel({"class": k}))


def test_what_is_0_or_1_says_no_or_yes(data):
    said = data.assign(value=(data.value > 1.5).astype(float)).isel(seed=[0])
    assert 0.0 < said.value.mean() < 1.0
    select = {"start": "sphere"}
    (axis,) = sweep_figure(said, SWEEP, Picture("value", x="f", lines="theta", select=select)).axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["no", "yes"]
    figure = sweep_figure(said, SWEEP, Picture("value", x="f", y="theta", select=select))
    figure.canvas.draw()
    mesh, bar = figure.axes[0].collections[0], figure.axes[1]
    assert [text.get_text() for text in bar.get_yticklabels()] == ["no", "yes"]
    assert len({tuple(color) for color in mesh.to_rgba(mesh.get_array()).reshape(-1, 4)}) == 2
    (axis,) = sweep_figure(data, SWEEP, Picture("value", x="f", lines="theta", select=select)).axes
    assert "yes" not in [text.get_text() for text in axis.get_yticklabels()]


def test_a_second_quantity_is_dashed_and_the_first_stands_on_it_as_dots(data):
    picture = Picture("collapse_time", "theta", lines="f", against="predicted_time", select={"start": "gaussian"})
    (axis,) = sweep_figure(data, SWEEP, picture).axes
    dashed = [line for line in lines(axis) if line.get_linestyle() == "--"]
    own = data.predicted_time.sel(start="gaussian").isel({"class": -1}).mean("seed")
    for f, line in zip((2, 3, 4), dashed, strict=True):
        np.testing.assert_allclose(line.get_ydata(), own.sel(f=f))
    dots = [line for line in lines(axis) if line.get_marker() == "."]
    assert [line.get_linestyle() for line in dots] == ["None"] * 3


def test_classes_with_the_same_values_are_one_line(data):
    """Neighbours that are equal in all panels; the lines of answers do not lie on one another."""
    one = np.array([0.0, 0.0, 1.0])[:, None, None, None]
    said = data.isel({"class": [0, 0, 1, 1]})[["value", "collapse_time"]].isel(seed=[0])
    said["collapse_time"] = (
        said.collapse_time.dims,
        np.stack([0 * one, 0 * one, one, 0 * one], -1) + np.zeros((3, 2, 2, 1, 4)),
    )
    select = {"theta": "0.1", "start": "sphere"}
    axis, other = (
        sweep_figure(each, SWEEP, Picture("collapse_time", "f", lines="class", select=select)).axes[0]
        for each in (said, said.isel({"class": [0, 1, 2, 2]}))
    )
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["1 to 2", "3", "4"]
    assert [text.get_text() for text in other.get_legend().get_texts()] == ["1 to 2", "3 to 4"]
    lower, upper = lines(other)
    assert not set(lower.get_ydata()) & set(upper.get_ydata())
    np.testing.assert_array_equal(np.round(upper.get_ydata()), [0, 0, 1])


def test_lists_are_counted_and_names_are_words():
    sizes = ["[9, 3, 3]", "[9, 9, 3]"]
    sweep = Sweep.from_mapping({"kind": "flow", "record": ["nc_mean"], "axes": {"class_sizes": [[9, 3, 3], [9, 9, 3]]}})
    nc = xarray.Dataset({"nc_mean": (("class_sizes", "seed", "class"), np.ones((2, 1, 3)))}, {"class_sizes": sizes})
    figure = sweep_figure(nc, sweep, Picture("nc_mean", x="class", panels="class_sizes"))
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["class sizes = 9, 2 x 3", "class sizes = 2 x 9, 3"]
    assert figure.axes[0].get_ylabel() == "NC, mean of the class"


def test_scatter_has_every_cell_and_the_diagonal(data):
    (axis,) = sweep_figure(
        data, SWEEP, Picture("collapse_time", against="predicted_time", scatter=True, lines="f")
    ).axes
    *points, diagonal = lines(axis)
    drawn = {(x, y) for line in points for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}
    assert drawn == set(zip(data.predicted_time.values.ravel(), data.collapse_time.values.ravel(), strict=True))
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())


def test_a_map_has_the_values_in_their_places(data):
    picture = Picture("value", x="f", y="theta", select={"start": "gaussian"})
    figure = sweep_figure(data, SWEEP, picture)
    axis, bar = figure.axes
    (mesh,) = axis.collections
    np.testing.assert_allclose(mesh.get_array(), data.value.sel(start="gaussian").mean("seed").transpose("theta", "f"))
    assert bar.get_ylabel() == "objective"
    wide = data.assign(value=10.0 ** (3 * data.value))
    (mesh,) = sweep_figure(wide, SWEEP, picture).axes[0].collections
    assert isinstance(mesh.norm, LogNorm)
    with pytest.raises(ValueError, match="has words for points"):
        sweep_figure(data, SWEEP, Picture("value", x="f", y="start"))


def test_words_are_ticks(data):
    (axis,) = sweep_figure(data, SWEEP, Picture("value", x="start", lines="f")).axes
    assert [text.get_text() for text in axis.get_xticklabels()] == ["gaussian", "sphere"]


def test_missing_cells_leave_gaps_and_none_at_all_is_refused(data):
    holed = data.copy(deep=True)
    holed.value[1] = np.nan
    (axis,) = sweep_figure(holed, SWEEP, Picture("value", "f", lines="theta", select={"start": "sphere"})).axes
    assert np.isnan(lines(axis)[0].get_ydata()).tolist() == [False, True, False]
    holed.value[:] = np.nan
    with pytest.raises(ValueError, match="no cell has a finite value"):
        sweep_figure(holed, SWEEP, Picture("value", "f"))
    with pytest.raises(ValueError, match="class 2 of select: there are 2"):
        sweep_figure(data, SWEEP, Picture("collapse_time", "f", lines="theta", select={"class": 2}))
    with pytest.raises(ValueError, match="start=nowhere of select: there are gaussian, sphere"):
        sweep_figure(data, SWEEP, Picture("value", "f", select={"start": "nowhere"}))
