"""What ``ufm figures`` draws: the numbers in the pictures, the captions, and the manners of the command."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.integrate import solve_ivp

from figures import gallery, style, turning
from figures.gallery import GALLERY
from figures.new import allocation, gcr, networks, rates, sphere, work_precision
from figures.paper import centers, class_features, class_means, collapse, hard_to_predict, null_space
from theory import decision, flows, geometry
from ufm import cli, loops, store
from ufm.frames import multi_center_frame
from ufm.presets import preset
from ufm.problem import Problem
from ufm.train.run import Run

SIMULATED = [name for name, entry in GALLERY.items() if entry.trainings != "only"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Quick data of any figure, computed once."""
    folder = tmp_path_factory.mktemp("data")
    return lambda name: gallery.data_of(GALLERY[name], True, folder)[0]


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "cal"
    flags = ("train", "--smoke", "--network", "mlp", "--threads", "1", "--method", "CAL", "--out", str(folder))
    assert cli.main(flags) == 0
    return folder


def figures(capsys, *arguments):
    status = cli.main(["figures", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def lines(axis):
    """Lines with data; those without stand for entries of a legend."""
    return [line for line in axis.lines if len(line.get_xdata())]


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


def units(axis):
    return [text for text in (axis.get_xlabel(), axis.get_ylabel()) if "flow time" in text or "(" in text]


@pytest.mark.parametrize("name", SIMULATED)
def test_every_figure_is_readable_and_says_how_well_theory_agrees(data, name):
    found, module = data(name), GALLERY[name].load()
    figure = module.plot(found)
    require_readable(figure)
    width = figure.get_size_inches()[0]
    assert width <= style.TWO_COLUMNS + 1e-9
    text = module.caption(found)
    assert text.startswith("**")
    assert len(re.findall(r"\d", text)) > 10
    assert "nan" not in text
    assert json.loads(found.attrs["settings"]) == json.loads(store.to_json(module.settings(True)))


@pytest.mark.parametrize("name", ["centers", "null-space", "class-means", "gcr"])
def test_data_are_deterministic(data, name):
    assert GALLERY[name].load().data(True).equals(data(name))


def test_pictures_have_our_style_whatever_the_user_has():
    import matplotlib

    with matplotlib.rc_context({"font.size": 30}):
        with style.styled():
            figure = style.canvas(style.ONE_COLUMN, 2.0)
            axis = figure.subplots()
            axis.plot([0, 1])
        assert matplotlib.rcParams["font.size"] == 30
    assert axis.xaxis.label.get_size() == 8
    assert axis.lines[0].get_color() == "#0072B2"
    first, last = style.class_colors(10)[[0, -1]]
    assert first[:3].sum() < last[:3].sum()  # dark to light


def test_collapse_draws_the_curves_and_theorys_limits(data):
    found = data("collapse")
    axes = np.array(collapse.plot(found).axes).reshape(3, found.sizes["case"])
    for column, (name, rule) in enumerate(collapse.RULES.items()):
        case = found.isel(case=column)
        problem = preset("cifar10-lt", tau=0.01, centers=rule)
        assert axes[0, column].get_title(loc="left") == f"{name}, CIFAR-10-LT\nn = 5,000 to 50"
        assert axes[2, column].get_xlabel() == "flow time $t$"
        for row, quantity in enumerate(collapse.CURVES):
            drawn = [line for line in lines(axes[row, column]) if len(line.get_xdata()) == found.sizes["time"]]
            np.testing.assert_array_equal([line.get_ydata() for line in drawn], case[quantity].values.T)
        dotted = [line.get_ydata()[0] for line in lines(axes[2, column]) if line.get_linestyle() == ":"]
        np.testing.assert_allclose(dotted, 1.0 - geometry.classifier_cosine(problem.centers, problem.theta))
        np.testing.assert_allclose(case.variability[-1], dotted, atol=1e-6)
        np.testing.assert_allclose(collapse.measured_times(case), case.predicted_time, rtol=0.02)
    assert f"{float(found.nc_mean[0, -1].max()):.2g}" in collapse.caption(found)


def test_gram_matrices_become_identity_and_ones(data):
    for name, module, goal in (("class-means", class_means, np.eye(10)), ("class-features", class_features, 1.0)):
        found = data(name)
        figure = module.plot(found)
        images = [axis.images[0].get_array() for axis in figure.axes if axis.images]
        np.testing.assert_array_equal(images[: found.sizes["panel"]], found.gram.values)
        np.testing.assert_allclose(images[3] - goal, 0.0, atol=1e-6)
        assert np.abs(images[0] - goal).max() > 0.3  # there was something to do
    away = class_means.from_identity(data("class-means"))
    assert f"{away[1]:.2g} (flow time t = 8)" in class_means.caption(data("class-means"))


def test_hard_to_predict_decisions_are_those_of_the_picture(data):
    found = data("hard-to-predict")
    # In their projections the rules are plain nearest vectors, without a look at the other dimensions.
    for rule, vectors, owner in (("rcr", "classifier", [0, 1]), ("gcr", "center", found.owner.values)):
        part = found.sel(rule=rule)
        nearest = np.argmax(part.features.values @ part[vectors].values.T, axis=1)
        np.testing.assert_array_equal(np.asarray(owner)[nearest], part.chosen)
    predicted = decision.frame_choice((1, 2), 0.4)
    assert abs(found.share.sel(rule="gcr").values - predicted).max() < 5 * float(found.share_error.max())
    left, right = hard_to_predict.plot(found).axes
    assert len(left.lines[0].get_data_3d()[0]) == int((found.chosen.sel(rule="rcr") == 0).sum())
    assert (
        right.get_title() == f"GCR gives {100 * found.share.sel(rule='gcr')[0]:.0f} % : {100 * found.share[1, 1]:.0f} %"
    )


def test_centers_have_honest_lengths_and_angles(data):
    found = data("centers")
    few = found.isel({"class": 0}).center.values[:2]
    np.testing.assert_allclose(np.linalg.norm(few, axis=1), 1.0)  # exact: nothing is projected
    assert np.all(np.linalg.norm(found.isel({"class": 1}).center.values, axis=1) < 1.0)
    np.testing.assert_allclose(few[0] @ few[1], np.sin(0.4) ** 2)
    for k, count in enumerate((2, 12)):
        mean, w = found.mean_center.values[k], found.classifier.values[k]
        np.testing.assert_allclose(np.linalg.norm(mean), geometry.center_cosine(count, 0.4))
        np.testing.assert_allclose(mean @ w / np.linalg.norm(mean), geometry.classifier_cosine(count, 0.4))
    degrees = np.degrees(np.arccos(float(found.cosine[0])))
    assert f"{degrees:.1f}°" in centers.plot(found).axes[0].get_title()


def test_null_space_ends_where_theory_says(data):
    found = data("null-space")
    last = found.isel(time=-1, seed=0)
    np.testing.assert_allclose(last.nc.mean("class"), last.predicted.mean("class"), rtol=0.02)
    assert float(last.nc.sel(lam_h=0.0).min()) > 0.1
    left, _ = null_space.plot(found).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), found.nc.isel(lam_h=0, tau=0).mean(("seed", "class")))
    np.testing.assert_allclose(left.lines[1].get_ydata(), found.predicted.isel(lam_h=0, tau=0).mean("class"))
    assert units(left) == ["flow time $t$"]


def test_sphere_follows_the_reduced_field(data):
    found = data("sphere")
    said = json.loads(found.attrs["settings"])
    start = found.coordinate.isel(time=0, start=4).values

    def field(_, state):
        return flows.reduced_field(*state, said["f"], said["theta"], said["beta"])

    solved = solve_ivp(field, (0, 2), start, rtol=1e-10, atol=1e-12, t_eval=found.time.values[found.time.values <= 2])
    np.testing.assert_allclose(found.coordinate.isel(start=4).values[: len(solved.t)], solved.y.T, atol=1e-8)
    np.testing.assert_allclose(found.rate, found.predicted_rate, rtol=1e-4)
    assert sphere.tilt_gap(found) < 1e-4
    globe, right = sphere.plot(found).axes
    x, y, z = found.coordinate.isel(start=0).values.T
    np.testing.assert_array_equal(globe.lines[0].get_data_3d(), (y, z, x))
    np.testing.assert_array_equal(right.lines[0].get_ydata(), found.nc.isel(start=0))
    slopes = [line for line in right.lines if "slope" in str(line.get_label())]
    fall = [-np.diff(np.log(line.get_ydata()))[0] / float(found.time[1]) for line in slopes]
    np.testing.assert_allclose(sorted(fall), np.unique(found.predicted_rate))


def test_rates_tend_to_theory_and_nothing_is_left_out_silently(data):
    found = data("rates")
    worst = [float(np.abs(rates.departure(found).isel(level=i)).max()) for i in range(3)]
    assert worst[0] > worst[1] > worst[2]
    assert worst[2] < 1e-4
    left, right = rates.plot(found).axes
    drawn = np.concatenate([line.get_ydata() for line in left.lines[1:]])
    wanted = found.rate.isel(level=-1).values
    np.testing.assert_allclose(np.sort(drawn[np.isfinite(drawn)]), np.sort(wanted[np.isfinite(wanted)]))
    np.testing.assert_allclose(right.lines[0].get_ydata(), (found.rate[:, 0] / found.predicted_rate).values.ravel())
    assert f"{int(np.isfinite(found.predicted_rate.values).sum())} classes" in rates.caption(found)
    assert len(units(left)) == 2


def test_gcr_draws_what_was_drawn_and_theory(data):
    found = data("gcr")
    apart = np.abs(found.choice - found.predicted_choice) / found.choice_error
    assert float(apart.max()) < 5.0
    gain, price, front = gcr.plot(found).axes
    share = found.share.values
    ideal = [100 * (decision.gcr_accuracy(own, share) - 0.1) for own in found.centers.values]
    np.testing.assert_allclose(gain.lines[0].get_ydata(), ideal, atol=1e-10)
    drawn = next(line for line in price.lines if line.get_marker() == ".")
    np.testing.assert_allclose(drawn.get_ydata(), 100 * (found.choice.isel(f=-1, cloud=0) - 0.1))
    best = decision.tradeoff(share, 200)
    np.testing.assert_allclose(front.lines[0].get_ydata(), 100 * best.accuracy)
    on_line = np.interp(found.rule_worst, best.worst, best.accuracy)
    assert np.all(found.rule_accuracy <= on_line + 1e-12)  # nothing beats the best


def test_the_error_of_a_gain_is_that_of_repeated_draws(data):
    found = data("gcr").isel(f=-1)
    rng = np.random.default_rng(0)
    n = json.loads(found.attrs["settings"])["drawn"]
    draws = rng.multinomial(n, found.choice.isel(cloud=0), size=4000) / n @ found.share.values
    np.testing.assert_allclose(gcr.gain_error(found).isel(cloud=0), draws.std(), rtol=0.06)


def test_allocation_violations(data):
    assert allocation.violations((3, 3, 1), (2, 4, 3)).tolist() == [1, 1, 1]  # the worked example, sorted
    assert allocation.violations((3, 3, 1), (2, 2, 5)).tolist() == [0, 0, 0]
    found = data("allocation")
    assert float(found.violation.sel(rule="apportioned").max()) == 0
    assert float(found.share.sel(rule="apportioned").max()) == 0
    assert float(found.share.sel(rule="as printed").max()) > 0.1
    axis = allocation.plot(found).axes[1]
    wrong = found.violation.isel(list=1).sel(rule="as printed").values > 0
    assert wrong.any()
    ringed = axis.lines[1]
    np.testing.assert_array_equal(ringed.get_xdata(), np.flatnonzero(wrong) + 1)
    np.testing.assert_array_equal(ringed.get_ydata(), found.centers.isel(list=1, rule=0).values[wrong])


def test_networks_shows_the_committed_results(data):
    found = data("networks")
    left, middle, right = networks.plot(found).axes
    own = found.isel(training=found.method.values == "AL")
    np.testing.assert_array_equal(left.lines[0].get_ydata(), own.variability.values.ravel())
    np.testing.assert_allclose(left.lines[0].get_xdata(), 1.0 - geometry.classifier_cosine(20, 0.2))
    cal = found.isel(training=found.method.values == "CAL")
    np.testing.assert_array_equal(middle.lines[0].get_ydata(), cal.nc.values.ravel())
    np.testing.assert_array_equal(right.lines[0].get_ydata(), 100 * cal.gain.values.ravel())
    assert f"{networks.correlations(found).mean():.2g}" in networks.caption(found)


def test_work_precision_errors_fall_with_the_tolerance(data):
    found = data("work-precision")
    assert float(found.between) < 1e-11
    for name in ("reduced", "span", "full", "DOP853", "RK45", "steps"):
        part = found.isel(run=found.method.values == name)
        assert np.all(np.diff(part.error) < 0)
        assert float(part.seconds.min()) > 0
    figure = work_precision.plot(found)
    drawn = {line.get_label(): line for line in figure.axes[0].lines}
    part = found.isel(run=found.method.values == "RK45")
    np.testing.assert_array_equal(drawn[work_precision.NAMES["RK45"]].get_ydata(), part.error)
    good = part.seconds.values[part.error.values <= 1e-6].min()
    assert work_precision.time_to_reach(found, "RK45", 1e-6) == good
    assert np.isnan(work_precision.time_to_reach(found, "steps", 1e-12))


def test_loops_are_of_first_order_and_of_high_order():
    problem = Problem((3, 2), (2, 3), 0.3, 12)
    frame = multi_center_frame(problem)
    h = np.random.default_rng(0).standard_normal((5, 12))
    exact = loops.scipy_flow(problem, frame, h, 2.0, method="DOP853", rtol=1e-12)
    errors = [np.abs(loops.gradient_steps(problem, frame, h, 2.0, n) - exact).max() for n in (200, 400)]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)


def test_trainings_are_drawn_from_their_records(training, tmp_path, capsys):
    status, out, _ = figures(capsys, "--run", training, "--run", training, "--out", tmp_path, "--json")
    assert status == 0
    made = json.loads(out)["figures"]
    assert [each["name"] for each in made] == ["collapse", "architectures", "class-means", "class-features"]
    assert (tmp_path / "architectures-run.png").stat().st_size > 10_000
    record, said = Run(training).evidence()
    found = collapse.trained([training])
    axes = np.array(collapse.plot(found).axes).reshape(3, 1)
    curve = record.data.nc_mean.sel(split="train").isel({"class": 0})
    np.testing.assert_array_equal(axes[0, 0].lines[0].get_ydata(), curve)
    assert axes[2, 0].get_xlabel() == "epoch"
    limits = next(each["predicted"] for each in said["predictions"] if each["quantity"] == "variability")
    np.testing.assert_allclose(found.limit[0], limits)
    gram = class_means.trained([training]).gram.isel(panel=-1)
    np.testing.assert_allclose(gram, record.data.gram.isel(epoch=-1).sel(split="train")[:10, :10])
    for module in (collapse, class_means, class_features):
        require_readable(module.plot(module.trained([training])))
        assert "from trainings" in module.caption(module.trained([training]))


def test_a_folder_that_lacks_something_is_refused_before_anything_is_drawn(training, tmp_path, capsys):
    broken = tmp_path / "broken"
    shutil.copytree(training, broken)
    record = Run(broken).record().data.drop_vars("class_gram")
    store.save(record, broken / "metrics.nc")
    out = tmp_path / "out"
    status, _, err = figures(capsys, "class-features", "--run", broken, "--out", out)
    assert status == 2
    assert "has no class_gram in its record" in err
    status, _, err = figures(capsys, "--run", tmp_path, "--out", out)
    assert status == 2
    assert "is not the folder of a training" in err
    store.save(record.isel(epoch=slice(1)), broken / "metrics.nc")
    status, _, err = figures(capsys, "collapse", "--run", broken, "--out", out)
    assert "needs at least 2" in err
    assert not list(out.glob("*.png"))


def test_files_cache_and_damage(tmp_path, capsys, monkeypatch):
    calls = []
    original = centers.data
    monkeypatch.setattr(centers, "data", lambda quick: calls.append(quick) or original(quick))

    def make():
        status, out, _ = figures(capsys, "centers", "--quick", "--format", "png,svg,pdf", "--out", tmp_path, "--json")
        assert status == 0
        return json.loads(out)["figures"][0]

    first = make()
    assert not first["cached"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "data",
        *(f"centers.{e}" for e in ("png", "svg", "pdf", "md")),
    }
    assert (tmp_path / "centers.md").read_text().startswith("**Figure 3")
    assert make()["cached"]
    assert calls == [True]
    (stored,) = (tmp_path / "data").iterdir()
    good = stored.read_bytes()
    stored.write_bytes(good[: len(good) // 2])
    assert not make()["cached"]
    assert stored.read_bytes()[-71:] == good[-71:]  # the same bytes again
    assert calls == [True, True]


def test_other_settings_are_other_data(tmp_path, monkeypatch):
    entry = GALLERY["centers"]
    assert gallery.data_of(entry, True, tmp_path)[1] is False
    monkeypatch.setattr(centers, "settings", lambda quick: {"centers": [2, 5], "theta": 0.4})
    found, cached = gallery.data_of(entry, True, tmp_path)
    assert not cached
    assert found.sizes["number"] == 5


def test_a_failing_figure_is_reported_and_the_others_are_made(tmp_path, capsys, monkeypatch):
    def broken(quick):
        raise RuntimeError("no luck\ntoday")

    monkeypatch.setattr(centers, "data", broken)
    status, out, err = figures(capsys, "centers", "class-means", "--quick", "--out", tmp_path, "--json")
    assert status == 1
    failed, made = json.loads(out)["figures"]
    assert (failed["name"], failed["status"], failed["reason"]) == ("centers", "failed", "RuntimeError: no luck today")
    assert made["status"] == "made"
    assert err.strip() == "ufm: no figure centers: RuntimeError: no luck today"
    assert (tmp_path / "class-means.png").exists()
    assert not (tmp_path / "centers.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("colapse",), "did you mean 'collapse'?"),
        (("architectures",), "needs --run"),
        (("rates", "--run", "here"), "shows trainings: --run has no use"),
        (("centers", "--format", "png,jpeg"), "format 'jpeg' is unknown"),
        (("centers", "--out", "/dev/null/here"), "cannot be written to"),
        (("centers", "--out", "/dev/null"), "is not a folder"),
    ],
)
def test_wrong_input(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = figures(capsys, *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_list(capsys):
    status, out, _ = figures(capsys, "--list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(GALLERY)
    assert "needs --run" in out
    assert json.loads(figures(capsys, "--list", "--json")[1])["figures"].keys() == GALLERY.keys()


def test_animation_turns(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(turning, "FRAMES", 3)
    status, _, _ = figures(capsys, "centers", "--quick", "--animate", "--out", tmp_path)
    assert status == 0
    with Image.open(tmp_path / "centers.gif") as picture:
        assert picture.n_frames == 3
        frames = []
        for number in range(3):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB"), dtype=int))
    assert np.abs(frames[0] - frames[1]).max() > 100
