"""One object says everything: it agrees with the closed forms, names its sources, and covers every kind."""

import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import LinearConstraint, minimize

import ufm
from tests import strategies
from theory.decision import hard
from theory.multicenter import flows, geometry, minimum
from ufm.certify.prediction import CosinePrediction, LearnedMSEPrediction, MSEPrediction


@given(strategies.problems(loss="cosine"))
def test_the_cosine_loss(problem):
    said = ufm.predict(problem)
    assert isinstance(said, CosinePrediction)
    own = problem.centers, problem.theta
    np.testing.assert_array_equal(said.rate, flows.nc_rate(*own, problem.weights))
    np.testing.assert_array_equal(said.variability, 1.0 - geometry.classifier_cosine(*own))
    least = np.asarray(problem.class_sizes) @ minimum.cosine_minimum(*own, problem.weights)
    assert said.value == pytest.approx(float(least))
    assert isinstance(ufm.predict(problem.replace(frame="learned", lam=0.1)), CosinePrediction)


@given(strategies.problems(loss="mse"))
def test_p(problem):
    said = ufm.predict(problem, lengths=2.0)
    assert isinstance(said, MSEPrediction)
    rates = flows.mse_rates(problem.centers, problem.theta, problem.total, problem.lam_h, 2.0)
    np.testing.assert_array_equal(said.mean_rate, rates.mean)
    solution = ufm.minimize(problem, frame=ufm.multi_center_frame(problem, norms=2.0))
    assert said.value == pytest.approx(solution.value, abs=1e-9)


@given(strategies.learned_problems(loss="mse"))
def test_p_with_a_learned_frame(problem):
    said = ufm.predict(problem)
    assert isinstance(said, LearnedMSEPrediction)
    np.testing.assert_array_equal(said.living, said.square_norm > 0.0)
    np.testing.assert_allclose(
        problem.lam_w * said.square_norm, np.asarray(problem.class_sizes) * problem.lam_h * said.feature_norm**2
    )
    assert said.value <= 0.5 + 1e-12  # P at zero


def test_every_statement_has_a_source_and_a_row():
    for problem in (
        ufm.Problem((30, 10), (2, 6), 0.3),
        ufm.Problem((30, 10), (2, 6), 0.3, loss="mse", lam_h=0.1),
        ufm.Problem((30, 10), (2, 6), 0.3, loss="mse", lam_h=0.1, lam_w=0.1, frame="learned"),
    ):
        said = ufm.predict(problem)
        plain = said.to_dict()
        assert set(plain) == set(said.sources)
        for name, statement in plain.items():
            assert np.all(np.isfinite(statement["value"])), name
            assert statement["source"]
            assert name in str(said)


def test_angles_and_shares():
    problem = ufm.Problem((30, 10), (2, 6), 0.3)
    angles = geometry.equal_skew_angles(problem.centers, 4, 0.3)
    said = ufm.predict(problem, theta=angles)
    np.testing.assert_allclose(np.ptp(said.classifier_cosine), 0.0, atol=1e-15)
    np.testing.assert_array_equal(said.weights, geometry.center_cosine(problem.centers, angles))
    assert said.gain((0.25, 0.75)) == pytest.approx(hard.gcr_accuracy((2, 6), (0.25, 0.75)) - 0.5)
    own = ufm.predict(problem)
    assert own.frame_gain((0.25, 0.75)) < own.gain((0.25, 0.75))


@pytest.mark.parametrize("options", [{"theta": [0.1, 0.2, 0.3]}, {"theta": np.nan}, {"theta": 2.0}, {"lengths": -1.0}])
def test_angles_and_lengths_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ufm.predict(ufm.Problem((3, 2), (1, 2), 0.3, loss="mse"), **options).to_dict()


def test_the_choice_is_that_of_the_angle_that_was_given():
    problem, other = (ufm.Problem((3, 2), (1, 2), theta) for theta in (0.3, 0.6))
    np.testing.assert_array_equal(ufm.predict(problem, theta=0.6).frame_choice, ufm.predict(other).frame_choice)
    with pytest.raises(ValueError, match="differs between classes"):
        ufm.predict(problem, theta=(0.3, 0.6)).frame_choice  # noqa: B018


def test_typical_times_are_those_of_a_typical_sample():
    problem = ufm.Problem((200, 200), (2, 6), 0.3, 64)
    times = ufm.collapse_times([ufm.Case(problem)], until_nc=1e-6)[0]
    medians = [np.median(times[problem.samples(k)]) for k in range(2)]
    np.testing.assert_allclose(ufm.predict(problem).typical_time(ufm.Start(), 1e-6), medians, rtol=0.02)


def test_nothing_is_said_of_what_is_no_problem():
    with pytest.raises(TypeError, match="not of type str"):
        ufm.predict("cosine")
    with pytest.raises(TypeError, match="int cannot be certified"):
        ufm.certify(5)


def test_the_radii_are_those_of_the_nearest_other_decision():
    """Quadratic programs over the points that another class is decided for, which know no formula."""
    problem = ufm.Problem((9, 5, 2), (3, 5, 9), 0.4)
    frame = ufm.multi_center_frame(problem, basis="random")
    found = ufm.predict(problem).radii
    means = np.asarray(frame.mean_directions)
    for k in range(3):
        other = (k + 1) % 3
        pairs = {
            "nearest": (means[[k]], means[[other]]),
            "rcr": (np.asarray(frame.classifier_row(k))[None], np.asarray(frame.classifier_row(other))[None]),
            "gcr": (np.asarray(frame.class_centers(k)), np.asarray(frame.class_centers(other))[:1]),
        }
        for rule, (own, foreign) in pairs.items():
            solved = minimize(
                lambda x: (x @ x, 2 * x),
                np.zeros(means.shape[1]),
                jac=True,
                constraints=LinearConstraint(foreign - own, (own - foreign) @ means[k], np.inf),
                method="SLSQP",
                options={"ftol": 1e-14, "maxiter": 500},
            )
            np.testing.assert_allclose(np.sqrt(solved.fun), found[rule][k], rtol=1e-6)
