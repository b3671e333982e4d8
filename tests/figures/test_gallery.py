"""What ``ufm figures`` draws: the numbers in the pictures, and the captions."""

import json
import re

import numpy as np
import pytest
import xarray
from scipy.integrate import solve_ivp

from figures import gallery, loops, style
from figures.new import allocation, decisions, gcr, measures, networks, rates, sphere, work_precision
from figures.paper import centers, class_features, class_means, collapse, hard_to_predict, null_space
from tests.readable import require_readable
from theory.decision import hard
from theory.multicenter import flows, geometry
from ufm.files import store
from ufm.problems.frames import dense, multi_center_frame
from ufm.problems.presets import preset
from ufm.problems.problem import Problem

GALLERY = gallery.found()
SIMULATED = [name for name, entry in GALLERY.items() if entry.trainings != "only"]


def lines(axis):
    """Lines with data; those without stand for entries of a legend."""
    return [line for line in axis.lines if len(line.get_xdata())]


def units(axis):
    return [text for text in (axis.get_xlabel(), axis.get_ylabel()) if "flow time" in text or "(" in text]


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED)
def test_every_figure_is_readable_and_says_how_well_theory_agrees(data, name):
    found, module = data(name), GALLERY[name].module
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
    assert GALLERY[name].module.data(True).equals(data(name))


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


def test_cases_of_different_sizes_stand_next_to_each_other():
    def case(times, classes):
        curves = {name: (("time", "class"), np.ones((times, classes))) for name in collapse.CURVES}
        rest = {"limit": ("class", np.ones(classes)), "class_size": ("class", np.full(classes, 7))}
        return xarray.Dataset({**curves, **rest, "time_axis": ("time", np.arange(2.0, 2.0 + times))})

    found = collapse._together([case(3, 4), case(5, 2)], ["long", "short"], {"trainings": ["a", "b"]}, "epoch")
    assert dict(found.sizes) == {"case": 2, "time": 5, "class": 4}
    assert np.isfinite(found.nc_mean).sum(("time", "class")).values.tolist() == [12, 10]
    np.testing.assert_array_equal(found.time_axis, [[2, 3, 4, np.nan, np.nan], [2, 3, 4, 5, 6]])
    left, right = np.array(collapse.plot(found).axes).reshape(3, 2)[2]
    assert [len([line for line in axis.lines if len(line.get_xdata()) == 5]) for axis in (left, right)] == [4, 2]


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
    predicted = hard.frame_choice((1, 2), 0.4)
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
    ideal = [100 * (hard.gcr_accuracy(own, share) - 0.1) for own in found.centers.values]
    np.testing.assert_allclose(gain.lines[0].get_ydata(), ideal, atol=1e-10)
    drawn = next(line for line in price.lines if line.get_marker() == ".")
    np.testing.assert_allclose(drawn.get_ydata(), 100 * (found.choice.isel(f=-1, cloud=0) - 0.1))
    best = hard.tradeoff(share, 200)
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


def test_measures_of_a_simplex_end_at_0_but_for_the_duality(data):
    found = data("measures")
    last, said = found.isel(time=-1), json.loads(found.attrs["settings"])
    assert max(float(last[name]) for name in ("nc1", "nc2_equinorm", "nc2_equiangle")) < 1e-4
    # at collapse, from the frame alone: class means are the directions of the mean centers
    frame = multi_center_frame(measures._problem(said))
    means = dense(frame.mean_directions)
    rows, centered = dense(frame.classifier), means - means.mean(axis=0)
    own = np.sum(rows * centered, axis=1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(centered, axis=1)
    np.testing.assert_allclose(measures.cosines(said), own, rtol=1e-12)
    apart = np.linalg.norm(rows / np.linalg.norm(rows) - centered / np.linalg.norm(centered))
    assert measures.duality(said) == pytest.approx(apart, rel=1e-12)
    np.testing.assert_allclose(last.nc3_cosine_of_class, own, atol=1e-4)
    np.testing.assert_allclose(found.nc_mean, found.recorded_nc, rtol=1e-9, atol=1e-15)
    simplex, angle, frame = measures.plot(found).axes
    np.testing.assert_array_equal(simplex.lines[0].get_ydata(), found.nc1)
    np.testing.assert_array_equal(lines(angle)[0].get_ydata(), found.nc3_cosine_of_class[:, 0])


def test_networks_of_decisions_have_the_mark_of_their_training(data):
    found = data("decisions")
    said = json.loads(found.attrs["settings"])["networks"]
    figure = decisions.plot(found)
    drawn = [len(line.get_xdata()) for line in figure.axes[4].lines if line.get_marker() != "None"]
    assert sum(drawn) == len(said) * len(decisions.RULES)
    (legend,) = figure.legends
    assert {title.partition(" on ")[0] for title in said} <= {text.get_text() for text in legend.get_texts()}


def test_under_other_priors_decisions_are_those_of_theory(data):
    found = data("decisions")
    plain, best, rcr, rcr_best = found.shifted.values
    assert np.ptp(plain) < 1e-9 < np.ptp(rcr)  # one accuracy for all classes, so under any prior
    assert np.all(best >= plain - 1e-9)
    assert np.all(rcr_best >= rcr - 1e-9)
    assert np.all(best >= rcr_best - 1e-9)  # Bayes
    learned, corrected, known = found.few.values
    assert np.all(np.diff(learned) > 0)
    assert np.all((learned < corrected) & (corrected < known))


@pytest.mark.slow
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
