"""Bounds that a stranger can check: weak duality at any multiplier, and what is stored is enough to verify."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.files import store
from ufm.minimize.certificate import RidgeBound, SphereBound, bound_of, certify_bound

COSINE = ufm.Problem((4, 3), (2, 3), 0.4, 12)
RIDGE = ufm.Problem((4, 3), (2, 3), 0.4, 12, loss="mse", lam_h=0.05, lam_w=0.2)
LEARNED = ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")


def skew_frame(dim=12):
    centers = np.random.default_rng(0).standard_normal((5, dim))
    return ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (2, 3))


@given(strategies.problems(), strategies.seeds, st.floats(0.1, 3.0))
def test_any_multiplier_is_below_any_value(problem, seed, scale):
    frame, bound = ufm.multi_center_frame(problem, seed=seed), bound_of(problem)
    rng = np.random.default_rng(seed)
    features = scale * rng.standard_normal((problem.n_samples, problem.dim))
    value = oracles.objective(problem, frame, features)
    best = bound.multiplier(frame, scale * rng.standard_normal((problem.n_classes, problem.dim)))
    for multiplier in (best, best * rng.uniform(0.0, 2.0, best.shape)):
        assert bound.value(multiplier, frame) <= value + 1e-12 * max(1.0, abs(value))


@pytest.mark.parametrize("problem", [COSINE, RIDGE], ids=["sphere", "ridge"])
def test_any_frame_is_bounded_and_tight(problem):
    solution = ufm.minimize(problem, frame=skew_frame())
    assert solution.status == "optimal"
    assert ufm.verify(solution.certificate, problem, frame=solution.frame) == solution.bound
    # a certificate of another frame proves less about this one, but nothing that is false
    assert bound_of(problem).value(solution.certificate.multiplier, None) <= ufm.minimize(problem).value


@pytest.mark.parametrize("problem", [COSINE, RIDGE, LEARNED, COSINE.replace(frame="learned")])
def test_a_stored_solution_is_verified_from_its_file(problem, tmp_path):
    solution = ufm.minimize(problem)
    stored = store.load(store.save(solution.data, tmp_path / "solution.nc")).to_dataset()
    certificate = ufm.Certificate.from_json(stored.attrs["certificate"])
    again = ufm.verify(certificate, ufm.Problem.from_json(stored.attrs["problem"]))
    assert again == pytest.approx(solution.bound, abs=1e-13)
    assert float(stored.value) - again < 1e-9
    assert json.loads(certificate.to_json())["statement"] == bound_of(problem).statement


def test_the_bound_of_a_sphere_by_hand():
    """min |W u - 1|^2 over unit u is not below f - mu - b' (G + mu)^-1 b, formed in all d coordinates."""
    frame, mu = skew_frame(), np.array([0.3, 1.7])
    expected = 0.0
    for k, (n, beta) in enumerate(zip(COSINE.class_sizes, COSINE.weights, strict=True)):
        own = frame.class_centers(k)
        b = own.sum(axis=0)
        solved = np.linalg.solve(own.T @ own + mu[k] * np.eye(12), b)
        expected += n * beta * (len(own) - mu[k] - b @ solved)
    assert SphereBound(COSINE).value(mu, frame) == pytest.approx(expected, rel=1e-12)


def test_without_regularisation_only_zero_proves_anything():
    free = RIDGE.replace(lam_h=0.0, lam_w=0.0)
    bound = RidgeBound(free)
    assert bound.value(bound.multiplier(skew_frame(), np.ones((2, 12))), None) == 0.0
    with pytest.raises(ValueError, match="proves nothing"):
        bound.value(np.full(5, 0.1), None)


@pytest.mark.parametrize(
    ("problem", "multiplier", "message"),
    [
        (COSINE, [-0.1, 0.1], "a negative multiplier, -0.1"),
        (COSINE, [0.1], r"finite numbers of shape \(2,\)"),
        (COSINE, [0.1, np.nan], "finite numbers"),
        (RIDGE, [0.1, 0.2], r"finite numbers of shape \(5,\) or \(2, 5\)"),
        (LEARNED, [1e9, 0.0, 0.0], r"multiplier 1e\+09 of class 0 is larger than"),
    ],
)
def test_what_proves_nothing(problem, multiplier, message):
    made = certify_bound(problem, ufm.minimize(problem).frame, ufm.minimize(problem).class_features)
    forged = ufm.Certificate(made.statement, np.array(multiplier), made.bound + 1.0, problem.key)
    with pytest.raises(ValueError, match=message):
        ufm.verify(forged, problem)


def test_a_forged_bound_is_found_out():
    solution = ufm.minimize(LEARNED)
    forged = ufm.Certificate.from_json(solution.certificate.to_json().replace(LEARNED.key, COSINE.key))
    with pytest.raises(ValueError, match="is about problem"):
        ufm.verify(forged, LEARNED)
    proud = ufm.Certificate(forged.statement, forged.multiplier, solution.bound + 0.1, LEARNED.key)
    assert ufm.verify(proud, LEARNED) == pytest.approx(solution.bound)
    with pytest.raises(ValueError, match="a certificate has statement, multiplier, bound, problem"):
        ufm.Certificate.from_json('{"bound": 1}')


def test_a_frame_of_another_problem_is_refused():
    made = ufm.minimize(COSINE).certificate
    with pytest.raises(ValueError, match="the frame has centers"):
        ufm.verify(made, COSINE, frame=ufm.multi_center_frame(COSINE.replace(centers=1)))
    with pytest.raises(ValueError, match="of this multiplier is -inf: it proves nothing"):
        ufm.verify(ufm.Certificate(made.statement, np.full(5, 1e200), 0.0, RIDGE.key), RIDGE)


@pytest.mark.parametrize("change", [{"bound": None}, {"multiplier": {"a": 1}}, {"multiplier": [[1], [1, 2]]}])
def test_a_certificate_without_numbers_is_refused(change):
    made = json.loads(ufm.minimize(COSINE).certificate.to_json())
    with pytest.raises(ValueError, match="multiplier and bound of a certificate are numbers"):
        ufm.Certificate.from_json(json.dumps({**made, **change}))


def test_tiny_and_huge_numbers_survive_the_file():
    numbers = np.array([5e-324, -1.7976931348623157e308, 0.1, 1 / 3])
    again = ufm.Certificate.from_json(ufm.Certificate("s", numbers, 1 / 3, "k").to_json())
    np.testing.assert_array_equal(again.multiplier, numbers)
    assert again.bound == 1 / 3


def test_a_kind_without_a_bound_says_so():
    with pytest.raises(TypeError, match="no lower bound is known for a int"):
        bound_of(3)
