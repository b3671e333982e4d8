import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from tests import oracles, strategies
from theory.multicenter import flows
from theory.multicenter.clock import clock
from ufm import multi_center_frame


@given(strategies.problems(loss="cosine", max_classes=1), strategies.seeds)
def test_reduced_field_is_the_projected_gradient(problem, seed):
    frame = multi_center_frame(problem, seed=seed)
    (f,) = problem.centers
    u = np.random.default_rng(seed).standard_normal(problem.dim)
    u /= np.linalg.norm(u)
    velocity = -oracles.gradient(problem, frame, u, 0)  # at r = 1 clock time is flow time
    m = oracles.mean_direction(problem, frame, 0)
    differences = oracles.class_rows(problem, frame.centers, 0) - m * (m @ frame.centers[0])
    basis = np.linalg.svd(differences)[2][: f - 1] if f > 1 and problem.theta < np.pi / 2 else np.zeros((0, u.size))
    inside = basis.T @ (basis @ u)
    outside = u - m * (m @ u) - inside
    y, z = np.linalg.norm(inside), np.linalg.norm(outside)
    field = flows.reduced_field(m @ u, y, z, f, problem.theta, problem.weights[0])
    assert velocity @ m == pytest.approx(float(field.x), abs=1e-10)
    if y > 1e-6:
        assert velocity @ inside / y == pytest.approx(float(field.y), abs=1e-9)
    assert velocity @ outside / z == pytest.approx(float(field.z), abs=1e-9)


@given(strategies.problems(loss="cosine", max_classes=1), strategies.seeds)
def test_no_direction_has_a_larger_gradient_than_the_bound(problem, seed):
    frame, rng = multi_center_frame(problem, seed=seed), np.random.default_rng(seed)
    (f,) = problem.centers
    bound = float(flows.gradient_bound(f, problem.theta, problem.weights[0]))
    m = oracles.mean_direction(problem, frame, 0)
    across = rng.standard_normal((20, problem.dim))
    across -= np.outer(across @ m, m)
    across[::2] -= across[::2] @ np.linalg.pinv(frame.centers) @ frame.centers  # half of them outside the centers
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosines = rng.uniform(-1, 1, 20)[:, None]
    directions = cosines * m + np.sqrt(1 - cosines**2) * across
    lengths = [np.linalg.norm(oracles.gradient(problem, frame, u, 0)) for u in directions]
    assert max(lengths) <= bound * (1 + 1e-9)
    c = float(frame.centers[0] @ m)
    s = (np.sqrt(1 + 8 * c**2) - 1) / (4 * c)
    worst = oracles.gradient(problem, frame, -s * m + np.sqrt(1 - s**2) * across[0], 0)
    assert np.linalg.norm(worst) == pytest.approx(bound, rel=1e-9)


@given(st.integers(1, 30), st.floats(0, np.pi / 2), st.floats(-0.999, 0.999), st.floats(0, 1), st.floats(0.1, 3))
def test_alignment_only_grows(f, theta, x, share, beta):
    across = np.sqrt(1 - x**2)
    field = flows.reduced_field(x, across * np.sqrt(share), across * np.sqrt(1 - share), f, theta, beta)
    assert field.x >= -1e-12
    motion = x * field.x + across * (np.sqrt(share) * field.y + np.sqrt(1 - share) * field.z)
    assert motion == pytest.approx(0, abs=1e-9 * f * beta)  # the sphere is not left


@given(
    st.integers(1, 25),
    strategies.angles,
    st.floats(0.2, 3.9),
    st.floats(1e-5, 0.1),  # further down the unscaled coordinates of the oracle lose their digits
    st.one_of(st.just(0.0), st.floats(0.01, 3.0), st.just(np.inf)),
    st.floats(0.2, 2),
)
def test_clock_to_nc_against_the_field_it_never_sees(f, theta, nc0, nc, tilt, beta):
    assume(f > 1 or np.isfinite(tilt))
    tau = flows.clock_to_nc(nc, nc0, f, theta, beta, tilt=tilt)
    x = 1 - nc0 / 2
    across = np.sqrt(1 - x**2)
    y = across if np.isinf(tilt) else across * tilt / np.hypot(1, tilt)
    z = 0.0 if np.isinf(tilt) else across / np.hypot(1, tilt)
    start = [x, y if f > 1 and theta < np.pi / 2 else 0.0, z if f > 1 and theta < np.pi / 2 else across]
    end = solve_ivp(
        lambda _, v: flows.reduced_field(*v, f, theta, beta), (0, tau), start, method="LSODA", rtol=1e-11, atol=1e-13
    ).y[:, -1]
    reached = (end[1] ** 2 + end[2] ** 2) * 2 / (1 + end[0])
    assert reached == pytest.approx(nc, rel=1e-4)


@given(st.integers(2, 30), st.floats(0.05, 1.4), st.floats(0.2, 2))
def test_rate_is_the_slope_of_late_collapse(f, theta, beta):
    lived = flows.clock_to_nc(1e-12, 1e-10, f, theta, beta)
    assert np.log(100) / lived == pytest.approx(float(flows.nc_rate(f, theta, beta)), rel=1e-8)


@pytest.mark.parametrize("delta", [1e-3, 1e-6, 2e-7])
@pytest.mark.parametrize("f", [2, 7, 40])
def test_collapse_is_exponential_as_long_as_centers_differ(f, delta):
    """That is, by more than 1e-7."""
    with mpmath.workdps(60):
        theta = mpmath.mpf(np.pi / 2 - delta)
        c = mpmath.sqrt(mpmath.cos(theta) ** 2 / f + mpmath.sin(theta) ** 2)
        exact = float(4 * f * c * (1 - c))
    rate = float(flows.nc_rate(f, np.pi / 2 - delta, 1.0))
    assert rate > 0.0
    assert rate == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(("f", "theta"), [(1, 0.2), (1, 0.0), (5, np.pi / 2)])
def test_coinciding_centers_collapse_algebraically(f, theta):
    assert flows.nc_rate(f, theta, 1.0) == 0
    tau = flows.clock_to_nc(1e-9, 2.0, f, theta, 1.0)
    assert flows.algebraic_nc(tau, f, 1.0) == pytest.approx(1e-9, rel=1e-6)


def test_nearly_coinciding_centers_approach_the_limit():
    exact = flows.clock_to_nc(1e-4, 2.0, 5, np.pi / 2, 1.0)
    near = flows.clock_to_nc(1e-4, 2.0, 5, np.pi / 2 - 1e-5, 1.0)
    assert near == pytest.approx(exact, rel=1e-4)


@given(st.floats(0.05, 60), st.floats(0.01, 1))
def test_time_to_nc_reads_the_clock(r0, lam):
    t = flows.time_to_nc(1e-8, 2.0, r0, 20, 0.2, 0.3, lam)
    assert clock(t, r0, lam) == pytest.approx(flows.clock_to_nc(1e-8, 2.0, 20, 0.2, 0.3), rel=1e-8)


@pytest.mark.parametrize(("nc", "nc0"), [(0.0, 1.0), (2.0, 1.0), (1.0, 4.0), (np.nan, 1.0)])
def test_times_that_do_not_exist(nc, nc0):
    with pytest.raises(ValueError, match="nc0"):
        flows.clock_to_nc(nc, nc0, 5, 0.2, 1.0)


@given(strategies.problems(loss="mse"), strategies.seeds, st.floats(0.3, 2))
def test_mse_rates_are_the_eigenvalues(problem, seed, norm):
    frame = multi_center_frame(problem, seed=seed, norms=norm)
    w = oracles.dense(frame.centers)
    expected = []
    for f in problem.centers:
        rates = flows.mse_rates(f, problem.theta, problem.total, problem.lam_h, norm)
        expected += [float(rates.mean)] + [float(rates.difference)] * (f - 1)
    expected += [problem.lam_h] * (problem.dim - problem.n_centers)
    matrix = w.T @ w / problem.total + problem.lam_h * np.eye(problem.dim)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), np.sort(expected), atol=1e-12 * max(1, norm**2))


@given(
    strategies.problems(loss="mse", max_classes=2, max_size=2), strategies.seeds, st.floats(0, 20), st.floats(0.3, 2)
)
def test_mse_flow_against_the_matrix_exponential(problem, seed, time, norm):
    frame, features = multi_center_frame(problem, seed=seed, norms=norm), strategies.features_of(problem, seed)
    later = oracles.mse_flow(problem, frame, features, time)

    def coordinates(h, k):
        m, own = oracles.mean_direction(problem, frame, k), oracles.class_rows(problem, frame.centers, k)
        differences = np.where(np.abs(own - own.mean(axis=0)) > 1e-12, own - own.mean(axis=0), 0.0)
        inside = np.linalg.pinv(differences, rcond=1e-8) @ (differences @ h)
        w = oracles.dense(frame.centers)
        return flows.Modes(m @ h, inside, h - np.linalg.pinv(w, rcond=1e-8) @ (w @ h))

    for start, end, k in zip(features, later, problem.labels, strict=True):
        f, args = problem.centers[k], (problem.theta, problem.total, problem.lam_h, norm)
        predicted, found = flows.mse_flow(time, coordinates(start, k), f, *args), coordinates(end, k)
        for one, other in zip(predicted, found, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)


@given(st.floats(0.1, 10), st.floats(0, 10))
def test_residue(norm, residue):
    feature = np.array([norm, residue])
    away = feature / np.linalg.norm(feature) - [1, 0]
    assert flows.nc_with_residue(norm, residue) == pytest.approx(away @ away, abs=1e-14)
