"""Simulations that are right, at the edges where a certificate once said that they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from theory.multicenter.minimum import alive_threshold
from ufm.simulate.modes import Exact

pytestmark = pytest.mark.slow

P = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)
M = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse", lam_h=0.01)


def inside(problem, frame, seed=0):
    """Features in the span of the centers of their own class."""
    rng = np.random.default_rng(seed)
    blocks = [rng.standard_normal((n, f)) for n, f in zip(problem.class_sizes, problem.centers, strict=True)]
    return np.concatenate([block @ frame.class_centers(k) for k, block in enumerate(blocks)])


FLOWS = {
    "records begin late": (P, {"t_eval": [1.0, 5.0, 20.0, 30.0]}),
    "records begin late, P": (M, {"t_eval": [10.0, 50.0, 400.0]}),
    "records begin late, norms known": (P, {"t_eval": [2.0, 30.0], "keep": "features"}),
    "beyond the last digit": (P, {"until_nc": 1e-100}),
    "P, to the last digit": (M, {"until_nc": Exact.floor}),
    "P, coarse end": (M, {"until_nc": 1e-4}),
    "P, tiny start": (M, {"start": ufm.Start(scale=1e-8)}),
    "P, huge start": (M, {"start": ufm.Start(scale=1e6)}),
    "P, huge start, long": (M, {"start": ufm.Start(scale=1e6), "t_final": 1e5}),
    "P, hardly regularised": (M.replace(lam_h=1e-12), {}),
    "P, not regularised": (M.replace(lam_h=0.0), {"t_final": 30.0}),
}


@pytest.mark.parametrize("keep", ["final", "metrics"])
@pytest.mark.parametrize(("problem", "options"), FLOWS.values(), ids=FLOWS)
def test_flows(problem, options, keep):
    report = ufm.certify(ufm.gradient_flow(problem, **{"keep": keep, **options}))
    assert report.holds, str(report)


@pytest.mark.parametrize("keep", ["final", "metrics"])
@pytest.mark.parametrize("problem", [P, M], ids=["cosine", "P"])
def test_starts_inside_the_span_of_their_centers(problem, keep):
    frame = ufm.multi_center_frame(problem, seed=1)
    for share in (0.0, 1e-6, 1e-2):
        features = inside(problem, frame) + share * np.random.default_rng(1).standard_normal((16, 16))
        report = ufm.certify(ufm.gradient_flow(problem, frame=frame, features=features, keep=keep))
        assert report.holds, str(report)


@pytest.mark.parametrize("lam_h", [0.0, 0.01])
@pytest.mark.parametrize(("theta", "length"), [(0.3, 1.0), (0.05, 1e6)])
def test_p_has_settled_when_what_it_began_with_has(theta, length, lam_h):
    """Features in the span of their own centers collapse at its rate, and the longer ones are the later ones."""
    problem = ufm.Problem((3, 2), (2, 3), theta, 9, loss="mse", lam_h=lam_h)
    said, frame = ufm.predict(problem), ufm.multi_center_frame(problem, seed=1)
    slowest = min(said.mean_rate.min(), said.difference_rate.min())
    noise = (lam_h == 0.0) * np.random.default_rng(1).standard_normal((5, 9))
    for features in (inside(problem, frame), frame.mean_directions[problem.labels]):
        start = length * features + noise
        t = ufm.gradient_flow(problem, frame=frame, features=start, t_final=20.5 / slowest, keep="final")
        report = ufm.certify(t)
        assert report.holds, str(report)


@pytest.mark.slow
@given(strategies.problems(), strategies.seeds, st.floats(0.0, 20.0))
def test_records_may_begin_at_any_time(problem, seed, first):
    times = first + np.array([0.0, 1.0, 7.0])
    report = ufm.certify(ufm.gradient_flow(problem, seed=seed, t_eval=times, keep="final"))
    assert report.holds, str(report)


@pytest.mark.parametrize("distance", [1e-12, 1e-9, 1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("theta", "centers"), [(0.3, 1), (1.2, (3, 1, 2))])
def test_classes_next_to_their_threshold(theta, centers, sign, distance):
    problem = ufm.Problem((100, 10, 5), centers, theta, loss="mse", lam_h=1.0, lam_w=1.0, frame="learned")
    predicted = ufm.predict(problem)
    # the threshold is proportional to sqrt(lam_h lam_w): the second class is put next to it
    weight = float(predicted.clearance[1]) * (1.0 + sign * distance)
    at = problem.replace(lam_h=weight, lam_w=weight)
    assert ufm.predict(at).clearance[1] == pytest.approx(1.0, abs=2 * distance)
    assert alive_threshold(at.centers[1], 10, at.total, weight, weight) > 0
    report = ufm.certify(ufm.minimize(at))
    assert report.holds, str(report)


EXTREME = {"lam_h": 1.4079465840582825e-08, "lam_w": 400746.8293046006, "loss": "mse", "frame": "learned"}
HARDLY = ufm.Problem((100, 1, 10), (2, 5, 1), 0.5841077924538587, **EXTREME)


@pytest.mark.parametrize("method", ["auto", "means", "full"])
@pytest.mark.parametrize("seed", [5, 6])
def test_weights_of_very_different_size(method, seed):
    """The way from norms of 1 is a long valley; a class lives for 5e-11 of the value."""
    valley = ufm.Problem((1, 2), (2, 3), np.pi / 2, loss="mse", lam_h=1e-8, lam_w=3e-2, frame="learned")
    assert ufm.certify(ufm.minimize(valley, method=method, seed=seed)).holds
    lam_h, lam_w = 1.4079465840582825e-08, 400746.8293046006
    hardly = ufm.Problem(
        (100, 1, 10), (2, 5, 1), 0.5841077924538587, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned"
    )
    solution = ufm.minimize(hardly, method=method, seed=seed)
    assert solution.status == "optimal"
    assert solution.living.tolist() == [True, False, False]
    assert ufm.certify(solution).holds


def test_a_class_that_ought_to_live_for_very_little_is_missed(monkeypatch):
    """From the saddle where it is dead, the gap says so."""
    lam_h, lam_w = 1.4079465840582825e-08, 400746.8293046006
    problem = ufm.Problem(
        (100, 1, 10), (2, 5, 1), 0.5841077924538587, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned"
    )
    rows = np.eye(problem.n_centers + 3, problem.dim)
    solution = ufm.minimize(problem, start=(rows, np.full(3, 1e-12), np.zeros((3, problem.dim))))
    assert not solution.living.any()
    assert solution.status != "optimal"
