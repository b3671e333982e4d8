"""What results show of themselves: a line, a table in a notebook, a picture, and a Dataset."""

import html
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure

import ufm
from tests.readable import require_readable
from ufm.files.face import MOST, TALL, WIDE, Face, Shown, curve
from ufm.minimize.phase import Axis, model_diagram, phase_diagram
from ufm.sweep import Results, Sweep
from ufm.sweep.execute import run

SMALL = ufm.Problem((6, 3), (1, 2), 0.3)
LEARNED = ufm.Problem((6, 3), (1, 2), 0.3, loss="mse", lam_h=0.01, lam_w=0.02, frame="learned")
MODEL = ufm.FeatureModel((6, 3, 3), lam_w=0.01, lam_h=0.01)
SWEEP = """
kind = "minimum"
record = ["value"]
base = { n_classes = 3, n_max = 9, tau = 0.4, loss = "mse", lam_w = 0.01 }
axes = { f = [2, 3], lam_h = [0.01, 0.02, 0.03] }
"""


def axes():
    return (Axis(name, name, name, np.array([0.005, 0.02])) for name in ("lam_w", "lam_h"))


def of_p():
    def problem_at(lam_w, lam_h):
        return ufm.Problem((6, 3), (1, 1), 0.3, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")

    return phase_diagram(problem_at, *axes())


def of_model():
    return model_diagram(lambda up, lam: ufm.FeatureModel((6, 3, 3), lam_w=up, lam_h=lam), *axes())


def swept(folder):
    sweep = Sweep.from_toml(SWEEP)
    assert not run(sweep, folder, workers=1).failed
    return Results.load(folder)


def measured():
    labels = np.arange(12) % 3
    return ufm.measure(np.eye(3)[labels] + 0.01 * np.random.default_rng(0).standard_normal((12, 3)), labels)


RESULTS = {
    "Trajectory": lambda _: ufm.gradient_flow(SMALL, n_times=9),
    "FeatureTrajectory": lambda _: ufm.gradient_flow(MODEL, t_final=1.0, n_times=5),
    "Solution": lambda _: ufm.minimize(LEARNED),
    "Geometry": lambda _: ufm.minimize(MODEL),
    "Report": lambda _: ufm.certify(ufm.minimize(MODEL)),
    "Measures": lambda _: measured(),
    "PhaseDiagram": lambda _: of_p(),
    "ModelDiagram": lambda _: of_model(),
    "Results": swept,
}


@pytest.fixture(scope="module", params=RESULTS)
def result(request, tmp_path_factory):
    found = RESULTS[request.param](tmp_path_factory.mktemp("sweep"))
    assert type(found).__name__ == request.param
    return found


def test_a_line(result):
    assert "\n" not in repr(result)
    assert len(repr(result)) < 250
    assert repr(result) == f"<{type(result).__name__}: {result.shown().head}>"


def test_a_table_in_a_notebook(result):
    text = result._repr_html_()
    body = ElementTree.fromstring(f"<div>{text}</div>")
    heads, *rows = result.shown().rows
    cells = [["".join(cell.itertext()) for cell in row] for row in body.iter("tr")]
    assert cells == [list(heads), *map(list, rows)]
    assert len(list(body.iter("svg"))) == len(result.shown().curves)
    assert len(text) < 20_000


@pytest.mark.slow
def test_a_picture(result):
    figure = result.plot()
    assert isinstance(figure, Figure)
    require_readable(figure)


def test_what_is_drawn_is_there_as_a_dataset(result):
    assert isinstance(result.data, xarray.Dataset)
    assert result.data.nbytes > 0


def test_a_trajectory_says_how_it_ended():
    trajectory = RESULTS["Trajectory"](None)
    assert repr(trajectory).startswith("<Trajectory: cosine loss, 9 samples of 2 classes: collapsed at t = ")
    last = trajectory.shown().rows[-1]
    assert last[:3] == ("2", "3", "2")
    assert float(last[3]) == pytest.approx(float(trajectory.data.nc_mean[-1, 1]), rel=1e-3)


def test_nobody_draws_what_is_no_result():
    from figures.faces import picture

    with pytest.raises(TypeError, match="nobody draws a dict"):
        picture({})


class Many(Face):
    def shown(self):
        return Shown("<b>", [("<i>",), *[(str(k),) for k in range(MOST + 7)]])


def test_a_face_escapes_what_it_says_and_ends_long_tables():
    text = Many()._repr_html_()
    assert html.unescape(re.sub("<[^>]*>", "", text)).startswith("<b><i>0")
    assert f"<td>{MOST - 1}</td>" in text
    assert f"<td>{MOST}</td>" not in text
    assert "and 7 rows more" in text


def test_a_small_curve_has_gaps_and_stays_inside():
    drawn = ElementTree.fromstring(curve([1.0, 3.0, np.nan, 2.0, 1.0]))
    lines = [[tuple(map(float, point.split(","))) for point in each.get("points").split()] for each in drawn]
    assert [len(line) for line in lines] == [2, 2]
    assert lines[0][1][1] < lines[1][0][1] < lines[0][0][1]  # up is less in SVG
    assert all(0 <= x <= WIDE and 0 <= y <= TALL for line in lines for x, y in line)
    assert curve([np.nan]) == ""
    assert ElementTree.fromstring(curve([2.0, 2.0])) is not None
