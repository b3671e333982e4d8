"""Radii of decisions against quadratic programs in d dimensions, and against moving the features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import ufm
from tests import oracles, strategies
from tests.timed import seconds
from ufm.files.blas import one_thread
from ufm.measure import radius, rules


def programs(z, mine, others):
    """The shortest move that brings z to where a row of ``others`` beats all of ``mine``: one program for each."""
    best, move = np.inf, None
    for rival in others:
        normals = rival - mine
        if np.all(normals == 0):
            continue
        found = optimize.minimize(
            lambda x: 0.5 * x @ x,
            np.zeros(z.size),
            jac=lambda x: x,
            constraints={"type": "ineq", "fun": lambda x, n=normals: n @ (z + x), "jac": lambda x, n=normals: n},
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 500},
        )
        inside = np.min(normals @ (z + found.x)) > -1e-7
        if inside and np.linalg.norm(found.x) < best:
            best, move = float(np.linalg.norm(found.x)), found.x
    return best, move


def split(problem, frame, k):
    """Centers of a class, and all others."""
    rows = [oracles.class_rows(problem, frame.centers, j) for j in range(problem.n_classes)]
    return rows[k], np.concatenate([each for j, each in enumerate(rows) if j != k])


@st.composite
def decided(draw, n_features=3, scattered=False):
    """A frame, of the paper or any, and features near some of its centers."""
    problem = draw(strategies.problems(min_classes=2, max_centers=4))
    seed = draw(strategies.seeds)
    rng = np.random.default_rng(seed)
    norms = draw(st.sampled_from([1.0, "different"]))
    norms = 0.5 + rng.random(problem.n_classes) if norms == "different" else norms
    frame = ufm.multi_center_frame(problem, seed=seed, norms=norms)
    if scattered:
        centers = oracles.dense(frame.centers) + 0.3 * rng.standard_normal(frame.centers.shape)
        frame = ufm.Frame.from_centers(centers, problem.centers)
    rows = oracles.dense(frame.centers)
    z = rows[rng.integers(len(rows), size=n_features)] + 0.3 * rng.standard_normal((n_features, frame.dim))
    return problem, frame, z


def test_an_upper_bound_sees_own_centers_that_overtake_on_the_way():
    frame = ufm.Frame.from_centers([[1, 0], [-1, 0.1], [0, -0.01]], (2, 1))
    exact, rough = (ufm.certified_radius([[1.0, 1.0]], frame, "gcr", exact=each) for each in (True, False))
    assert exact.radius == pytest.approx([np.sqrt(2)], abs=1e-9)
    assert rough.radius <= exact.radius <= rough.upper
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((8, 4))
    frame = ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (3, 3, 2))
    z = rng.standard_normal((400, 4))
    exact, rough = (ufm.certified_radius(z, frame, "gcr", exact=each) for each in (True, False))
    assert np.all(rough.upper >= exact.radius * (1 - 1e-12))
    assert np.isfinite(rough.upper).mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("scattered", [False, True])
@settings(max_examples=15)
@given(data=st.data())
def test_gcr_is_the_least_of_quadratic_programs(scattered, data):
    problem, frame, z = data.draw(decided(scattered=scattered))
    found = ufm.certified_radius(z, frame, "gcr")
    np.testing.assert_array_equal(found.decision, rules.generalized(z, frame))
    np.testing.assert_array_equal(found.radius, found.upper)
    rough = ufm.certified_radius(z, frame, "gcr", exact=False)
    assert np.all(rough.radius <= found.radius * (1 + 1e-12))
    assert np.all(rough.upper >= found.radius * (1 - 1e-12))
    for i in range(len(z)):
        best, move = programs(z[i], *split(problem, frame, int(found.decision[i])))
        assert found.radius[i] == pytest.approx(best, abs=1e-6)  # SLSQP's own precision
        if best > 1e-3:
            (beyond,) = rules.generalized((z[i] + (1 + 1e-4) * move)[None], frame)
            assert beyond != found.decision[i]


@pytest.mark.parametrize("rule", rules.RULES)
@given(data=st.data())
def test_no_move_inside_the_radius_changes_a_decision(rule, data):
    _, frame, z = data.draw(decided(scattered=data.draw(st.booleans())))
    found = ufm.certified_radius(z, frame, rule)
    rng = np.random.default_rng(0)
    for i in range(len(z)):
        moves = rng.standard_normal((200, frame.dim))
        moves += 3.0 * (oracles.dense(frame.centers)[rng.integers(frame.centers.shape[0], size=200)] - z[i])
        moves *= 0.999 * min(found.radius[i], 1e6) / np.linalg.norm(moves, axis=1, keepdims=True)
        assert set(rules.RULES[rule](z[i] + moves, frame)) <= {found.decision[i]}


@given(strategies.problems(min_classes=2), strategies.seeds, st.booleans())
def test_half_spaces_are_left_just_outside(problem, seed, biased):
    rng = np.random.default_rng(seed)
    rows, z = rng.standard_normal((problem.n_classes, 5)), rng.standard_normal((4, 5))
    bias = rng.standard_normal(problem.n_classes) if biased else None
    shift = 0.0 if bias is None else bias
    found = ufm.certified_radius(z, rows, bias=bias)
    np.testing.assert_array_equal(found.decision, np.argmax(z @ rows.T + shift, axis=1))
    normals = rows[found.rival] - rows[found.decision]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for share in (1 - 1e-9, 1 + 1e-9):
        moved = z + share * found.radius[:, None] * normals
        kept = np.argmax(moved @ rows.T + shift, axis=1) == found.decision
        assert np.all(kept == (share < 1))
    nearest = ufm.certified_radius(z, rows, "nearest")
    distances = np.linalg.norm(z[:, None] - rows, axis=2)
    np.testing.assert_array_equal(nearest.decision, distances.argmin(axis=1))
    own, squares = rows[nearest.decision], distances**2
    apart = np.linalg.norm(own[:, None] - rows, axis=2)
    with np.errstate(invalid="ignore"):  # of a class to itself
        bisectors = (squares - squares.min(axis=1, keepdims=True)) / (2.0 * apart)
    np.testing.assert_allclose(nearest.radius, np.nanmin(bisectors, axis=1), rtol=1e-9, atol=1e-12)


@given(decided(), st.sampled_from([1e-7, 1e5]))
def test_the_scale_of_a_frame_does_not_matter(drawn, scale):
    _, frame, z = drawn
    scaled = ufm.Frame(frame.counts, scale * frame.centers, scale * frame.classifier, scale * frame.auxiliary)
    for rule in rules.RULES:
        expected = ufm.certified_radius(z, frame, rule).radius
        np.testing.assert_allclose(ufm.certified_radius(z, scaled, rule).radius, expected, rtol=1e-10, atol=1e-12)


@given(decided(), st.integers(-300, 300))
def test_the_length_of_features_is_that_of_radii(drawn, exponent):
    """Rules of a frame have no unit: lengths whose squares are no numbers are as good as others."""
    _, frame, z = drawn
    for rule in rules.RULES:
        expected, found = (ufm.certified_radius(each, frame, rule) for each in (z, z * 10.0**exponent))
        np.testing.assert_array_equal(found.decision, expected.decision)
        np.testing.assert_allclose(found.radius / 10.0**exponent, expected.radius, rtol=1e-9, atol=1e-10)


@given(strategies.seeds, st.integers(-250, 250))
def test_rows_may_be_of_any_length(seed, exponent):
    """Where squares of differences are 0, it is not as if there were no other class, and an infinite radius."""
    rng, size = np.random.default_rng(seed), 10.0**exponent
    rows, z, bias = rng.standard_normal((4, 5)), rng.standard_normal((6, 5)), rng.standard_normal(4)
    for one, other, unit in (
        (ufm.certified_radius(z, rows, bias=bias), ufm.certified_radius(z, rows * size, bias=bias * size), 1.0),
        (ufm.certified_radius(z, rows, "nearest"), ufm.certified_radius(z * size, rows * size, "nearest"), size),
    ):
        np.testing.assert_array_equal(other.decision, one.decision)
        np.testing.assert_array_equal(other.rival, one.rival)
        np.testing.assert_allclose(other.radius / unit, one.radius, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(other.upper, other.radius)


def test_radii_at_collapse():
    """Closed forms r/sqrt2, r cos rho/sqrt2 and r c/sqrt(1 + c^2), against the vectors of a frame."""
    frame = ufm.multi_center_frame(ufm.Problem((1,) * 4, 20, 0.2), norms=1.0)
    z = np.array([frame.direction(k) for k in range(4)])
    found = {rule: ufm.certified_radius(z, frame, rule).radius for rule in rules.RULES}
    cosine = np.sqrt(np.cos(0.2) ** 2 / 20 + np.sin(0.2) ** 2)
    np.testing.assert_allclose(found["nearest"], 1 / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(found["rcr"], np.sin(0.2) / cosine / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(found["gcr"], cosine / np.sqrt(1 + cosine**2), rtol=1e-12)


def test_batches_and_bases_agree(monkeypatch):
    problem = ufm.Problem((1,) * 3, (1, 4, 2), 0.4)
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    z = np.random.default_rng(0).standard_normal((40, frame.dim))
    for rule in rules.RULES:
        whole = ufm.certified_radius(z, frame, rule)
        full = ufm.Frame(frame.counts, frame.centers.toarray(), frame.classifier.toarray())
        other = ufm.certified_radius(z, full, rule)
        monkeypatch.setattr(rules, "BATCH", 30)
        parts = ufm.certified_radius(z, frame, rule)
        monkeypatch.undo()
        for one, two, three in zip(whole, other, parts, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-14)
            np.testing.assert_array_equal(one, three)


def test_limits():
    alone = ufm.multi_center_frame(ufm.Problem((1,), 3, 0.2))
    for rule in rules.RULES:
        found = ufm.certified_radius(np.ones((2, alone.dim)), alone, rule)
        assert found.radius.tolist() == found.upper.tolist() == [np.inf, np.inf]
        assert found.rival.tolist() == [-1, -1]
    twins = ufm.certified_radius([[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]])
    assert (twins.radius[0], twins.decision[0]) == (0.0, 0)
    assert ufm.certified_radius([[1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]], bias=[1.0, 0.0]).radius[0] == np.inf
    for centers in ([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.1], [1.0, 0.0]]):
        same = ufm.Frame.from_centers(centers, (1, 1))
        assert ufm.certified_radius([[1.0, 0.0]], same, "gcr").radius[0] == pytest.approx(0.0, abs=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("rule", rules.RULES)
def test_ten_thousand_features_of_a_hundred_classes_take_two_seconds(rule):
    """On a machine that multiplies them with all centers in 1.3; on a slower one, half as much again as that takes."""
    frame = ufm.multi_center_frame(ufm.Problem((1,) * 100, 20, 0.2), basis="random")
    z = np.random.default_rng(0).standard_normal((10_000, frame.dim))
    with one_thread():
        product = seconds(lambda: z @ frame.centers.T)
        assert seconds(lambda: ufm.certified_radius(z, frame, rule)) < max(2.0, 1.5 * product)


FRAME = ufm.multi_center_frame(ufm.Problem((1, 1), 2, 0.3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: radius.certified_radius(np.ones((2, 3)), np.eye(3), "gcr"), "a frame is needed, not rows"),
        (lambda: radius.certified_radius(np.ones((2, 3)), np.eye(3), "rcrr"), "'rcrr' is unknown"),
        (lambda: radius.certified_radius(np.ones((2, 3)), np.eye(2)), r"\(2, 3\) do not fit"),
        (lambda: radius.certified_radius(np.ones((2, 6)), FRAME, "gcr", bias=[0, 0]), "bias: rule='gcr' has none"),
        (lambda: radius.certified_radius(np.ones((2, 3)), np.eye(3), bias=[0.0]), r"bias of shape \(1,\) must be K=3"),
        (lambda: radius.certified_radius(np.ones((2, 3)), np.ones(3)), "must be finite rows"),
        (lambda: radius.certified_radius(np.full((2, 3), np.nan), np.eye(3)), r"features\[0\] contains NaN"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
