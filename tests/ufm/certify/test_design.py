import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_ndtr

import ufm
from figures.commands.design import design_figure
from tests.readable import require_readable
from theory.decision import accuracy, shift, together
from ufm.certify import design as designs
from ufm.certify.design import CRITERIA, Design, Setting, evaluate, rank
from ufm.certify.noise import estimated_noise
from ufm.problems.frames import dense

SIZES = (200, 60, 20, 6)
TRAINING = tuple(n / 286 for n in SIZES)
EVEN = Setting(SIZES, (0.25,) * 4, 0.4)
UNEVEN = Setting(SIZES, TRAINING, 0.4)
OWN_NOISE = Setting(SIZES, (0.25,) * 4, (0.2, 0.3, 0.5, 0.7))


@pytest.mark.parametrize("setting", [EVEN, UNEVEN, OWN_NOISE], ids=["balanced", "training", "own noise"])
@pytest.mark.parametrize("choice", [("class-aware", 6, 0.3), ("uniform", 3, 0.8), ("apportioned", 4, 0.1)])
def test_a_design_says_what_drawn_features_find(choice, setting):
    n, rng = 100_000, np.random.default_rng(0)
    for said in evaluate(*choice, setting):
        frame = ufm.multi_center_frame(ufm.Problem(SIZES, said.centers, said.theta, said.dim), basis="coordinate")
        means, b = dense(frame.mean_directions), np.array(said.each_class["offsets"])
        w = np.array([frame.classifier_row(k) for k in range(4)])
        assert said.angle == pytest.approx(np.degrees(np.arccos(np.min(np.sum(w * means, axis=1)))))
        labels = rng.choice(4, n, p=setting.prior)
        z = means[labels] + setting.noise[labels, None] * rng.standard_normal((n, frame.dim))
        centers = np.repeat(np.arange(4), said.centers)
        if said.rule == "gcr":
            scores = z @ dense(frame.centers).T
            decided = centers[np.argmax(scores, axis=1)]
        else:
            decided = np.argmax(z @ (means if said.rule == "nearest" else w).T + b, axis=1)
        right = decided == labels
        assert said.accuracy == pytest.approx(right.mean(), abs=4 * np.sqrt(0.25 / n))
        for k, stated in enumerate(said.by_class):
            own = right[labels == k]
            assert stated == pytest.approx(own.mean(), abs=5 * np.sqrt(0.25 / own.size))
        rare = right[labels == 3]
        assert said.rare == pytest.approx(rare.mean(), abs=4 * np.sqrt(0.25 / rare.size))


def test_nearest_mean_centers_with_their_offsets_are_as_good_as_any():
    found = [d for f in (2, 6) for theta in (0.2, 0.8) for d in evaluate("class-aware", f, theta, UNEVEN)]
    best = rank(found)[0]
    assert (best.rule, best.offset) == ("nearest", True)
    stated = shift.offset_accuracy(1.0, 0.4, shift.nmc_offsets(TRAINING, 1.0, 0.4))
    assert best.accuracy == pytest.approx(np.dot(TRAINING, stated), abs=1e-10)
    np.testing.assert_allclose(np.ptp(best.offsets), 0.16 * np.log(200 / 6))


@pytest.mark.parametrize("setting", [EVEN, UNEVEN, OWN_NOISE], ids=["balanced", "training", "own noise"])
def test_no_other_offsets_are_better(setting):
    """Brute force: a search that knows no derivative, from the plain rule and from the offsets of the design."""
    found = evaluate("class-aware", 6, 0.3, setting)
    for said in found[:-1]:
        mean = designs.mean_scores(said)

        def accuracy_lost(b, mean=mean):
            return -np.dot(setting.prior, shift.offset_accuracy(mean, setting.noise, np.append(b, 0.0)))

        best = max(
            [d for d in evaluate("class-aware", 6, 0.3, setting) if d.rule == said.rule], key=lambda d: d.accuracy
        )
        for start in (np.zeros(3), np.subtract(best.each_class["offsets"], best.each_class["offsets"][3])[:3]):
            climbed = minimize(accuracy_lost, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
            assert -climbed.fun <= best.accuracy + 1.1e-4  # less than DIGITS decides against offsets


@given(st.floats(0.15, 1.0), st.floats(0.0, 0.3), st.sampled_from(["class-aware", "apportioned", "margins"]))
def test_no_rule_on_any_centers_has_more_of_the_rarest_right_at_the_same_accuracy(sigma, cost, way):
    setting = Setting(SIZES, (0.25,) * 4, sigma)
    found = evaluate(way, 8, 0.7, setting)
    best = rank(found)[0]
    tilted = designs.favouring_rarest(best, setting, best.accuracy - cost)
    assert tilted.accuracy <= best.accuracy + 1e-12
    for other in found:
        assert not (other.accuracy > tilted.accuracy + 2e-5 and other.rare > tilted.rare + 2e-5)
    if tilted.accuracy > best.accuracy - cost + 1e-6:  # no tilt costs that much: it decides for the rarest only
        assert tilted.rare == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("prior", "sigma"), [((0.3, 0.65, 0.05), 0.6), ((0.5, 0.45, 0.05), 1 / 3)])
def test_rarest_classes_of_one_size_and_different_priors(prior, sigma):
    """No offsets from anywhere have as much accuracy and more of the rarest right."""
    setting = Setting((500, 5, 5), prior, sigma)
    nearest = max(evaluate("uniform", 1, 0.7, setting)[:2], key=lambda d: d.accuracy)
    tilted = designs.favouring_rarest(nearest, setting, nearest.accuracy - 0.02)
    assert tilted.accuracy == pytest.approx(nearest.accuracy - 0.02, abs=1e-8)
    rng = np.random.default_rng(0)
    for size in 10.0 ** rng.uniform(-3, 0, 400):
        by_class = shift.offset_accuracy(1.0, sigma, tilted.offsets + size * rng.normal(size=3))
        assert prior @ by_class < tilted.accuracy + 1e-9 or by_class[1:].mean() < tilted.rare + 1e-7


@pytest.mark.parametrize("noise", [(0.205, 0.818, 0.983), (0.983, 0.4, 0.3)])
def test_under_noises_that_differ_the_rarest_get_all_that_may_be_given_up(noise):
    setting = Setting((500, 50, 5), (1 / 3,) * 3, noise)
    nearest = max(evaluate("uniform", 1, 0.7, setting)[:2], key=lambda d: d.accuracy)
    tilted = designs.favouring_rarest(nearest, setting, nearest.accuracy - 0.01)
    assert tilted.accuracy == pytest.approx(nearest.accuracy - 0.01, abs=1e-8)
    assert tilted.rare > nearest.rare + 0.02


def test_classes_that_do_not_differ_in_centers_and_prior_are_integrated_once(monkeypatch):
    """Work: values of ln Phi per accuracy, for 300 classes of 300 sizes and for as many of the 12 that they come to."""
    values = []
    monkeypatch.setattr(together, "log_ndtr", lambda x: values.append(x.shape[0]) or log_ndtr(x))
    sizes = tuple(range(1, 301))
    found = evaluate("class-aware", 4, 0.5, Setting(sizes, (1 / 300,) * 300, 0.4))
    distinct = len(set(found[0].centers))
    assert distinct < 40
    assert max(values) == distinct  # of RCR; the nearest mean center has one kind of class
    assert min(values) == 1


def test_rate_orders_steps_at_one_learning_rate_and_speed_at_a_rate_for_each():
    """Gradient descent from one start: the steepest loss is fastest only where all take its step."""
    steep, plain = (evaluate("uniform", f, theta, EVEN)[0] for f, theta in ((10, 0.667), (4, 0.2)))
    assert (steep.rate > plain.rate, steep.speed > plain.speed) == (True, False)

    def steps(found, size):
        problem = ufm.Problem((1, 1), found.centers[:2], found.theta, dim=24, beta="weighted", lam=0.1)
        start = ufm.Start(scale=1 / np.sqrt(24))
        path = ufm.gradient_descent(problem, step_size=size, n_steps=500, every=4, until_nc=1e-6, start=start)
        assert path.status == "collapsed"
        return path.times[-1] / size

    step, own = ((2 * found.rate / found.speed) ** -1 for found in (steep, plain))
    assert steps(steep, step) < steps(plain, step)
    assert steps(steep, step) > steps(plain, own)


def test_limits():
    few, certain = (Setting((5, 5), (0.5, 0.5), sigma) for sigma in (1e300, 1e-9))
    for d in [*evaluate("uniform", 3, 0.3, few), *evaluate("class-aware", 3, 0.3, Setting((9, 3), (0.5, 0.5), 1e300))]:
        assert d.accuracy == pytest.approx(0.5, abs=1e-5)
    for d in evaluate("uniform", 3, 0.3, certain):
        assert d.accuracy == pytest.approx(1.0, abs=1e-5)
    at_right_angle = evaluate("class-aware", 6, np.pi / 2, EVEN)
    stated = accuracy.nmc_accuracy(2.5, 4)
    np.testing.assert_allclose([d.accuracy for d in at_right_angle], stated, atol=1e-5)
    np.testing.assert_allclose([d.radius for d in at_right_angle], np.sqrt(0.5))


SEVERAL = st.builds(
    Design,
    st.sampled_from(["uniform", "class-aware"]),
    st.integers(1, 9),
    st.floats(0, 1.5),
    st.sampled_from(designs.RULES),
    st.just((1, 2)),
    *(st.integers(0, 3).map(float) for _ in range(6)),
    st.integers(1, 4),
)


@given(st.lists(SEVERAL, min_size=1, max_size=12), st.sampled_from(list(CRITERIA)))
def test_ranking_keeps_all_and_marks_what_nothing_beats(several, by):
    ranked = rank(several, by)
    assert len(ranked) == len(several)
    scores = [[score(d) for score in CRITERIA.values()] for d in ranked]
    for own, d in zip(scores, ranked, strict=True):
        beaten = any(all(a <= b for a, b in zip(o, own, strict=True)) and o != own for o in scores)
        assert d.pareto == (not beaten)
    values = [CRITERIA[by](d) for d in ranked]
    keys = [(value, not d.pareto) for value, d in zip(values, ranked, strict=True)]
    assert keys == sorted(keys)
    assert ranked[0].pareto
    assert min(designs.costs(ranked[0], ranked).values()) >= 0
    assert designs.costs(ranked[0], ranked)[by] == 0


@pytest.mark.parametrize(("fewest", "within"), [(40, 0.04), (1, 0.2)])  # 4 standard errors of the mean distances
def test_sigma_of_features_that_follow_the_model(fewest, within):
    rng, labels = np.random.default_rng(1), np.repeat(np.arange(5), [4000, 2000, 500, 100, fewest])
    features = 3.0 * np.eye(40)[labels] + 7.0 + 0.6 * rng.standard_normal((labels.size, 40))
    assert estimated_noise(features, labels).pooled == pytest.approx(0.2, rel=within)


def test_features_without_noise_are_refused():
    with pytest.raises(ValueError, match="all the same"):
        estimated_noise(np.eye(3)[[0, 0, 1, 2]], [0, 0, 1, 2])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([[1.0], [np.nan], [2.0]], r"features\[1\] contains NaN"),
        ([[1.0], [1j], [2.0]], "real numbers are needed"),
        ([["a"], ["b"], ["c"]], "real numbers are needed"),
        ([1.0, 2.0, 3.0], r"\(N, d\) is needed"),
        ([[1e200], [2e200], [0.0]], r"features\[1\] is of size 2e\+200"),
        ([[1.0], [2.0]], "3 labels for 2 features"),
    ],
)
def test_features_that_noise_is_not_estimated_from(features, message):
    with pytest.raises(ValueError, match=message):
        estimated_noise(np.array(features), [0, 0, 1])


def test_of_few_features_noise_is_not_taken_for_distance():
    """Two samples a class in 400 dimensions: half of what lies between class means is noise."""
    sigma, draws = 0.07, 300
    rng, labels, found = np.random.default_rng(2), np.repeat(np.arange(4), 2), np.empty(draws)
    for i in range(draws):
        found[i] = estimated_noise(np.eye(400)[labels] + sigma * rng.standard_normal((8, 400)), labels).pooled ** 2
    # 1 / r^2 is 1 % too large in the mean, as r^2 = 1 has a standard error of 0.08 in each draw
    assert found.mean() == pytest.approx(sigma**2, abs=4 * found.std() / np.sqrt(draws) + 0.01 * sigma**2)
    assert found.std() / np.sqrt(draws) < 0.04 * sigma**2


@pytest.mark.parametrize("sigma", [1e-3, 2e-4, 1e-9])
def test_under_little_noise_a_small_angle_is_no_smaller_than_it_is(sigma):
    """Skews of a thousandth are as large as noise of a thousandth, which no rule but RCR knows of."""
    said = next(
        found
        for found in evaluate("uniform", 4, 7e-4, Setting((30, 20, 10), (1 / 3,) * 3, sigma))
        if found.rule == "rcr"
    )
    stated = float(accuracy.rcr_accuracy(4, 7e-4, 1.0 / sigma, 3))
    assert said.accuracy == pytest.approx(stated, abs=1e-12)


def test_under_little_noise_offsets_help_the_radius():
    """They even out what the angles to the classifier took: every pair of classes is as far apart as its mean."""
    prior, sigma = (0.9, 0.1), 0.01
    plain, better = (
        found for found in evaluate("class-aware", 20, 0.2, Setting((500, 5), prior, sigma)) if found.rule == "rcr"
    )
    assert round(better.accuracy - plain.accuracy, 12) == 0.0
    mean = designs.mean_scores(plain)
    offset = shift.pair_offset(prior, mean, sigma)
    assert better.offsets[0] - better.offsets[1] == pytest.approx(offset, abs=1e-3 * sigma**2)
    assert better.radius == pytest.approx(min(mean[0] + offset, mean[1] - offset) / np.sqrt(2.0), abs=1e-6)
    assert better.radius > plain.radius + 0.01


@pytest.mark.parametrize("sigma", [1 / 50, 1 / 190])
def test_little_noise_is_taken_as_it_is(sigma):
    """Where classifier vectors are nearly at right angles to the mean centers, even that makes mistakes."""
    theta, sizes = 1.5 * sigma, (40, 20, 20)
    found = evaluate("uniform", 4, theta, Setting(sizes, (1 / 3,) * 3, sigma))[1]
    stated = accuracy.rcr_accuracy(4, theta, 1 / sigma, 3)
    assert (found.rule, found.offset) == ("rcr", False)
    np.testing.assert_allclose(found.by_class, stated, atol=1e-9)
    assert 0.9 < stated < 0.99  # with twice the noise it would be less than 0.9
    assert accuracy.rcr_accuracy(4, theta, 0.5 / sigma, 3) < 0.9


def test_the_picture_shows_every_design():
    several = rank([d for f in (2, 4) for d in evaluate("class-aware", f, 0.5, UNEVEN)])
    figure = design_figure(several)
    for axis, value in zip(
        figure.axes, (lambda d: 100 * d.accuracy, lambda d: 100 * d.rare, lambda d: d.radius), strict=True
    ):
        drawn = {tuple(np.round(point, 9)) for part in axis.collections for point in part.get_offsets()}
        assert drawn == {tuple(np.round((d.speed, value(d)), 9)) for d in several}
    require_readable(figure)
