"""Classification rules against loops, and their frequencies against the loops' own counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.measure import montecarlo, rules


def by_loops(features, problem, frame, rule):
    chosen = []
    for z in features:
        scores = []
        for k in range(problem.n_classes):
            rows = {
                "rcr": oracles.dense(frame.classifier)[k : k + 1],
                "gcr": oracles.class_rows(problem, frame.centers, k),
                "nearest": oracles.mean_direction(problem, frame, k)[None],
            }[rule]
            scores.append(max(float(np.dot(row, z)) for row in rows))
        chosen.append(int(np.argmax(scores)))
    return chosen


@pytest.mark.parametrize("rule", rules.RULES)
@given(problem=strategies.problems(), seed=strategies.seeds, basis=st.sampled_from(["random", "coordinate"]))
def test_rules_are_their_definitions(rule, problem, seed, basis):
    frame = ufm.multi_center_frame(problem, basis=basis, seed=seed)
    features = strategies.features_of(problem, seed)
    assert rules.RULES[rule](features, frame).tolist() == by_loops(features, problem, frame, rule)


@given(problem=strategies.problems(min_classes=2), seed=strategies.seeds)
def test_a_picked_frame_is_the_frame_of_those_classes(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    picked = frame.pick((1, 0))
    for position, k in enumerate((1, 0)):
        np.testing.assert_array_equal(picked.class_centers(position), frame.class_centers(k))
        np.testing.assert_array_equal(picked.classifier_row(position), frame.classifier_row(k))


@pytest.fixture(name="frame")
def small_frame():
    return ufm.multi_center_frame(ufm.Problem((3, 2), (1, 3), 0.3, dim=8), seed=2)


def test_batches_are_seamless(frame, monkeypatch):
    features = np.random.default_rng(0).standard_normal((50, 8))
    whole = rules.generalized(features, frame)
    monkeypatch.setattr(rules, "BATCH", 12)
    np.testing.assert_array_equal(rules.generalized(features, frame), whole)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones((3, 7)), r"features of shape \(3, 7\) do not fit the frame: \(N, d\) with d=8"),
        (np.ones(8), "do not fit the frame"),
        (np.full((2, 8), np.nan), r"features\[0\] contains NaN"),
        (np.ones((2, 8), dtype=complex), "not real numbers"),
    ],
)
def test_features_that_do_not_fit_are_refused(frame, features, message):
    with pytest.raises(ValueError, match=message):
        rules.regular(features, frame)


def test_frequencies_are_counts(frame):
    rates = montecarlo.choice_rates(frame, rules.generalized, 4000, noise=0.5, seed=3)
    drawn = montecarlo.hard_to_predict(frame, 4000, 0.5, np.random.default_rng(3))
    np.testing.assert_allclose(rates.mean, np.bincount(rules.generalized(drawn, frame), minlength=2) / 4000)
    np.testing.assert_allclose(rates.standard_error, np.sqrt(rates.mean * (1 - rates.mean) / 4000), rtol=1e-2)
    assert rates.n == 4000


def test_standard_errors_are_honest(frame):
    means = [float(montecarlo.accuracy(frame, rules.regular, (0.3, 0.7), 400, seed=s).mean) for s in range(300)]
    claimed = float(montecarlo.accuracy(frame, rules.regular, (0.3, 0.7), 400, seed=0).standard_error)
    assert np.std(means) == pytest.approx(claimed, rel=0.2)  # five standard errors of a standard deviation
    assert montecarlo.accuracy(frame, lambda z, _: np.zeros(len(z), int), (1.0, 0.0), 50).standard_error > 0


def test_conditioned_features_have_the_lead(frame, monkeypatch):
    seen = []

    def spy(z, pair):
        seen.append(z @ (pair.classifier_row(0) - pair.classifier_row(1)))
        return rules.generalized(z, pair)

    monkeypatch.setattr(montecarlo, "generalized", spy)
    montecarlo.preference(frame, 1, 0, 0.7, 100)
    np.testing.assert_allclose(np.concatenate(seen), 0.7, atol=1e-12)


def test_middles_of_clouds(frame):
    far = montecarlo.hard_to_predict(frame, 1, 1e-12, np.random.default_rng(0))
    products = np.concatenate([frame.auxiliary, frame.classifier]) @ far[0]
    np.testing.assert_allclose(products, 1 / 6, atol=1e-10)
    near = montecarlo.hard_to_predict(frame, 1, 1e-12, np.random.default_rng(0), "mean_centers")
    np.testing.assert_allclose(near[0], frame.mean_centers.mean(axis=0), atol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n": 0}, "n=0"), ({"noise": 0.0}, "noise=0.0"), ({"around": "nowhere"}, "'nowhere' is unknown")],
)
def test_clouds_that_cannot_be_drawn(frame, change, message):
    arguments = {"n": 1, "noise": 1.0, "around": "directions", **change}
    with pytest.raises(ValueError, match=message):
        montecarlo.hard_to_predict(frame, rng=np.random.default_rng(0), **arguments)
    bare = ufm.Frame.from_centers(frame.centers, frame.counts)
    with pytest.raises(ValueError, match="knows no auxiliary directions"):
        montecarlo.hard_to_predict(bare, 1, 1.0, np.random.default_rng(0))
