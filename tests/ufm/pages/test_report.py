"""`ufm report` without a browser: what is on the page, what is escaped, and what is refused."""

import base64
import html
import json
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray

import ufm
from ufm.certify.report import Check, Report, combine
from ufm.files import store
from ufm.pages import found, palette, runs, write
from ufm.pages.content import Move, Plot, Plots, Section, Slider, Table, number
from ufm.pages.draw import as_figure, flat, line, some
from ufm.pages.kinds import watched


def text_of(page):
    """What stands in tables and headings, as a reader reads it."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style)[^>]*>.*?</\1>", " ", page, flags=re.S)))


def stored(page):
    """The JSON of all groups of plots."""
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)]


@pytest.mark.slow
def test_a_verify_folder(command, verified, tmp_path):
    status, out, _ = command("report", verified, "--out", tmp_path / "page.html", "--json")
    said = json.loads(out)
    assert (status, out.count("\n")) == (0, 1)
    assert said["bytes"] == (tmp_path / "page.html").stat().st_size < 6_000_000
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    report = json.loads((verified / "report.json").read_text())
    for check in report["checks"]:
        assert check["name"] in text_of(page)
        assert number(check["measured"]) in text_of(page)
    assert said["sections"][0]["checks"] == said["sections"][0]["hold"] == len(report["checks"])
    assert said["sections"][1]["plots"][:3] == ["Collapse", "Norms", "Variability"]


@pytest.mark.slow
def test_the_page_of_a_whole_verify_run_takes_less_than_five_seconds(command, tmp_path):
    """Of a processor: what others do on this machine meanwhile does not count."""
    assert command("verify", "--out", tmp_path / "run")[0] == 0
    began = time.process_time()
    assert command("report", tmp_path / "run", "--out", tmp_path / "page.html")[0] == 0
    assert time.process_time() - began < 5.0
    assert (tmp_path / "page.html").stat().st_size > 4_000_000


@pytest.mark.slow
def test_a_key_is_no_heading(command, verified, tmp_path):
    keyed = shutil.copytree(verified, tmp_path / "mine" / "0123456789abcdef")
    assert command("report", verified, keyed, keyed, "--out", tmp_path / "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.findall("<h1[^>]*>(.*?)</h1>", page) == [f"{verified.name}, mine"]


def test_layers_are_words_and_those_without_a_number_are_not_drawn():
    layers = ["1", "3", "input of 4"]
    values = {"nc1": [[0.4, 0.6, 0.5], [0.3, 0.2, 0.1]], "accuracy": [[np.nan, np.nan, 0.8], [np.nan, np.nan, 0.9]]}
    measured = {name: (("epoch", "layer"), each) for name, each in values.items()}
    (section,) = watched.of_data(xarray.Dataset(measured, {"epoch": [1, 2], "layer": layers}), Path("r.nc"))
    figures = {plot.title: plot.figure for part in section.parts for plot in part.plots}
    assert list(figures) == ["nc1", "nc1, by layer", "accuracy"]
    by_layer = figures["nc1, by layer"]
    assert by_layer["layout"]["xaxis"]["type"] == "category"
    assert by_layer["layout"]["yaxis"]["title"] == {"text": "nc1"}
    assert by_layer["data"][0]["x"].tolist() == layers
    assert [trace["name"] for trace in figures["accuracy"]["data"]] == ["input of 4"]


@pytest.mark.slow
def test_kept_features_are_on_the_sphere_and_end_on_top(kept):
    _, features = found.sections(kept)
    sphere = features.parts[0].plots[0]
    last = len(features.parts[0].sliders[0].values) - 1
    x, y, z = (np.asarray(sphere.at(time=last)[1][name]) for name in "xyz")
    np.testing.assert_allclose(x**2 + y**2 + z**2, 1.0, atol=1e-12)
    assert z.min() > 1.0 - 1e-9  # NC = 2 - 2 z of every sample was below 1e-10
    data = store.load(kept / "trajectory.nc").to_dataset()
    start = np.asarray(sphere.at(time=0)[1]["z"])
    for k in range(2):
        own = ufm.Problem.from_json(data.attrs["problem"]).labels == k
        assert 2.0 - 2.0 * start[own].mean() == pytest.approx(float(data.nc_mean[0, k]), abs=1e-12)


def test_time_is_logarithmic_where_classes_collapse_at_times_far_apart():
    for centers, kind in (((3, 1, 2), "log"), ((3, 4, 2), None)):
        problem = ufm.Problem((9, 6, 4), centers, 0.2)
        for plot in runs.curves(ufm.gradient_flow(problem).data, problem).plots:
            assert plot.figure["layout"]["xaxis"].get("type") == kind


def test_some_of_many_have_both_ends():
    assert some(3) == [0, 1, 2]
    assert (some(100)[0], some(100)[-1], len(some(100))) == (0, 99, 10)


@pytest.mark.parametrize("count", [1, 2, 7, 10, 100])
def test_colours_are_seen_on_white_and_on_black(count):
    """At least 3 to 1, as WCAG 2.2 (1.4.11) asks of what is drawn."""

    def luminance(color):
        parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    colors = palette.ordered(count)
    assert len(set(colors)) == len(colors) == count
    for color in (*colors, palette.GREY):
        assert (luminance(palette.LIGHT) + 0.05) / (luminance(color) + 0.05) >= 3.0
        assert (luminance(color) + 0.05) / (luminance(palette.DARK) + 0.05) >= 3.0


EVIL = "</script><script>alert(1)</script>&<b>{{ 7*7 }}"


def test_what_comes_from_files_is_text_and_nothing_else():
    plot = Plot(
        EVIL,
        EVIL,
        EVIL,
        as_figure([line([1.0], [2.0], EVIL)], flat({}, {})),
        (Move(0, "name", ("a",), np.array([EVIL])),),
    )
    table = Table(EVIL, (EVIL,), ((EVIL,),), ("ok",))
    group = Plots((plot,), (Slider("a", EVIL, (EVIL,), words=True),))
    page = write.page(EVIL, [Section(EVIL, (EVIL,), (table, group), EVIL)] * 2, (EVIL,))
    assert len(re.findall(r"<script", page)) == 2 + 2  # plotly, ours, and plots twice
    assert "alert(1)</script>" not in page
    assert page.count("<b>") == write.page("t", []).count("<b>")  # in plotly's own code
    assert text_of(page).count(EVIL) > 10
    (one, _) = stored(page)
    shown = one["plots"][0]
    assert html.unescape(shown["data"][0]["name"]) == html.unescape(shown["moves"][0]["values"]["words"][0]) == EVIL
    assert "<" not in shown["data"][0]["name"]  # plotly would read it as markup


def test_numbers_survive():
    values = np.array([1.0, -2.5, np.nan, 1e-200, 0.0])
    plot = Plot("t", "", "", as_figure([line(values, values.astype(np.float32), "n")], flat({}, {})))
    (group,) = stored(write.page("t", [Section("s", (), (Plots((plot,)),))]))
    for name in "xy":
        packed = group["plots"][0]["data"][0][name]
        kind = {"f4": "<f4", "f8": "<f8"}[packed["dtype"]]
        again = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=kind)
        np.testing.assert_array_equal(again, plot.figure["data"][0][name])


@pytest.mark.parametrize(
    ("sections", "plots", "said"),
    [(1, 1, "1 section, 1 plot; "), (1, 2, "1 section, 2 plots; "), (2, 0, "2 sections, 0 plots; ")],
)
def test_what_is_written_is_counted(sections, plots, said, tmp_path):
    plot = Plot("t", "", "", as_figure([line(np.arange(2.0), np.arange(2.0), "n")], flat({}, {})))
    parts = (Plots((plot,) * plots),) if plots else ()
    there = [Section("s", (), parts)] * sections
    assert write.written(tmp_path / "p.html", "t", there, json=False).startswith(said)


def test_a_page_that_nobody_could_send_is_refused():
    rng = np.random.default_rng(0)
    plot = Plot("t", "", "", as_figure([line(rng.random(200_000), rng.random(200_000), "n")], flat({}, {})))
    with pytest.raises(write.TooLarge, match=r"the page would have [67]\.\d MB, more than 6: show less"):
        write.page("t", [Section("s", (), (Plots((plot,)),))])


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="each row has 2 cells"):
        Table("t", ("a", "b"), (("1",),))
    with pytest.raises(ValueError, match="1 marks for 2 rows"):
        Table("t", ("a",), (("1",), ("2",)), ("ok",))
    plot = Plot("t", "", "", as_figure([line([1.0], [1.0], "n")], {}), (Move(0, "y", ("a",), np.ones((3, 1))),))
    with pytest.raises(ValueError, match=r"t: y has shape \(3, 1\), not \(2,\) first"):
        Plots((plot,), (Slider("a", "A", ("0", "1")),))


@pytest.mark.slow
def test_a_page_says_of_what_it_is(every):
    """A co-author has nothing but the page."""
    (geometry,) = found.sections(every["geometry"])
    assert geometry.about[0].startswith("ce, K=2, N=55, ")
    assert "lam_w=" in geometry.about[0]
    diagonal = np.diag(geometry.parts[2].plots[0].figure["data"][0]["z"])
    assert np.all(diagonal == 1.0)  # each group is one class: a vector with itself
    (phase,), (merging,) = (found.sections(every[name]) for name in ("phase", "merging"))
    assert phase.about[0].endswith("2 classes: 1 of 9, 1 of 3 samples.")
    assert merging.about[0].endswith("4 classes: 9 to 1 samples.")  # over tau


@pytest.mark.slow
def test_measured_matrices_are_shown_and_a_spectrum_begins_at_nothing(every):
    plots = {
        plot.title: plot for part in found.sections(every["measure"])[0].parts for plot in getattr(part, "plots", ())
    }
    own = store.load(every["measure"] / "measures.nc").to_dataset()
    np.testing.assert_array_equal(
        plots["Cosines between centered class means"].figure["data"][0]["z"], own.mean_cosines
    )
    (spectrum,) = (plot for title, plot in plots.items() if title.startswith("spectrum"))
    assert spectrum.figure["layout"]["yaxis"]["rangemode"] == "tozero"


@pytest.mark.slow
def test_a_damaged_configuration_is_not_shown(refused, every, tmp_path):
    shutil.copytree(every["train"], tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("{")
    refused("config.json", "report", tmp_path / "run")


def damaged(path):
    path.write_bytes(path.read_bytes()[:-100] + b"0" * 100)


@pytest.mark.slow
def test_wrong_input_is_one_line_and_leaves_nothing(refused, verified, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused("of what? ufm report PATH...", "report")
    (tmp_path / "empty").mkdir()
    refused("empty has no run in it: none of ", "report", "empty")
    refused(f"{verified.parent} has no run in it: did you mean {verified.parent}/", "report", verified.parent)
    refused("ufm: nowhere: no such file or folder\n", "report", "nowhere")
    (tmp_path / "words.json").write_text("{}")
    refused("words.json holds nothing that a page could show: an empty object", "report", "words.json")
    (tmp_path / "noise.json").write_bytes(b"\xff\x00")
    refused("noise.json is no file that a page could show: noise.json is not a text file", "report", "noise.json")
    (tmp_path / "list.json").write_text("[1]")
    refused("list.json is a JSON object", "report", "list.json")
    (tmp_path / "checks.json").write_text('{"title": "t", "holds": true, "checks": [{"name": "a"}]}')
    refused("checks.json is damaged, or was written as something else: KeyError 'predicted'", "report", "checks.json")
    earlier = '{"designs": [{"pareto": true}], "recommended": {}, "sigma": 1.0, "prior": [1.0]}'
    (tmp_path / "design.json").write_text(earlier)
    refused("of an earlier version: run ufm design --json again", "report", "design.json")
    shutil.copytree(verified, "broken")
    damaged(tmp_path / "broken" / "trajectories.nc")
    refused("trajectories.nc is damaged", "report", "broken")
    refused("out=empty", "report", verified, "--out", "empty")
    (tmp_path / "page.html").mkdir()
    refused("has a folder in it where a file is to be written: page.html", "report", verified, "--out", "page.html")
    refused("--out=page.txt must be a file that ends in .html or .htm", "report", verified, "--out", "page.txt")
    store.save(xarray.Dataset({"a": 1.0}), tmp_path / "other.nc")
    refused("other.nc holds nothing that a page could show: a", "report", "other.nc")
    assert not [path for path in tmp_path.rglob("*.html") if path.is_file()]


def test_help_teaches(capsys):
    from ufm.commands.main import main

    with pytest.raises(SystemExit) as stop:
        main(["report", "--help"])
    assert stop.value.code == 0
    assert "Example: ufm report runs/verify" in " ".join(capsys.readouterr().out.split())


def test_what_refutes_nothing_is_not_called_wrong(tmp_path):
    check = Check.compare("NC", "theory", 0.0, 1.0)
    early = Report("early", (check, replace(check, name="NC0", always=True)), early="accuracy is 0.5")
    late = Report("late", (check, Check.compare("b", "theory", 1.0, 1.0)))
    path = store.save_json(tmp_path / "checks.json", combine("confirm", [early, late]).to_dict())
    (section,) = found.sections(path)
    (table,) = section.parts
    assert table.marks == ("not converged", "no", "no", "ok")
    assert ">not converged</td>" in write.page("t", [section])


@pytest.mark.slow
def test_every_kind_is_shown(every):
    shown = {name: found.sections(path) for name, path in every.items()}
    titles = {
        name: [plot.title for section in sections for part in section.parts for plot in getattr(part, "plots", ())]
        for name, sections in shown.items()
    }
    assert titles["phase"][0] == "Classes that live"
    assert {"Classes that are merged", "Rank"} <= set(titles["merging"])
    assert titles["sweep"] == ["value", "square norm"]
    assert {"Collapse", "Variability", "test accuracy, %", "Cosines between class means"} <= set(titles["train"])
    epochs = [each for part in shown["train"][0].parts for each in getattr(part, "sliders", ()) if each.name == "epoch"]
    assert [each.start for each in epochs] == [len(each.values) - 1 for each in epochs] != []  # as training ends
    assert titles["design"] == ["Accuracy and speed", "Accuracy on rarest and speed", "Radius / r and speed"]
    assert titles["geometry"] == ["Cosines between weights"]
    assert titles["solution"][-1] == "Directions of means and classifier vectors"
    assert [part.caption for part in shown["measure"][0].parts if isinstance(part, Table)] == ["Measures", "Classes"]
    phase = store.load(every["phase"] / "phase.nc").to_dataset()
    wanted = phase.living.sum("class").transpose("lam_w", "lam_h").values
    colours, line = shown["phase"][0].parts[0].plots[0].figure["data"]
    np.testing.assert_array_equal(colours["z"], wanted)
    np.testing.assert_array_equal(line["z"], phase.theory_alive)
    assert [
        "contour" in [trace["type"] for trace in part.plots[0].figure["data"]] for part in shown["merging"][0].parts
    ] == [title in ("Classes that live", "Classes that are merged", "Rank") for title in titles["merging"]]


@pytest.mark.slow
def test_what_a_plot_holds_plotly_knows(every):
    """Plotly's own description of figures refuses properties that it does not know."""
    import plotly.graph_objects as go

    for path in every.values():
        for section in found.sections(path):
            for part in section.parts:
                for plot in getattr(part, "plots", ()):
                    go.Figure(plot.figure)
                    assert all(move.trace < len(plot.figure["data"]) for move in plot.moves)


@pytest.mark.slow
def test_a_class_called_like_a_script_is_shown_as_it_is_called(every):
    page = write.page("t", found.sections(every["measure"]))
    assert "<script>x()</script>" in text_of(page)
    assert "<script>x()" not in page


@pytest.mark.slow
def test_a_file_is_known_wherever_it_lies(every, tmp_path):
    again = shutil.copy(every["simulate"] / "trajectory.nc", tmp_path / "mine.nc")
    assert [each.title for each in found.sections(again)] == ["mine", "Features of mine"]
    assert len(found.sections(every["phase"] / "phase.nc")) == 1
    again = shutil.copy(every["verify"] / "report.json", tmp_path / "checks.json")
    assert found.sections(again)[0].parts[0].tally == found.sections(every["verify"])[0].parts[0].tally
