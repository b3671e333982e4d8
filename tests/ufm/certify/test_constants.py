"""From where to where a check is made: its limits, each from both sides."""

import numpy as np
import pytest

import ufm
from ufm.certify.ends import CLOSED
from ufm.measure import metrics

P = ufm.Problem((3, 2), (2, 3), 0.3, 9, loss="mse", lam_h=0.02, lam_w=0.02)
NC = "direction: NC of the minimiser"


def failing(report):
    return {check.name for check in report.checks if not check.holds}


@pytest.mark.slow
@pytest.mark.parametrize(("until_nc", "coarse"), [(9e-5, False), (3e-4, True)])
def test_what_is_too_coarse_to_tell_where_it_ends(until_nc, coarse):
    report = ufm.certify(ufm.gradient_flow(P, until_nc=until_nc))
    assert any("too coarse" in note for note in report.notes) == coarse


@pytest.mark.parametrize("theta", [np.pi / 2, np.pi / 2 - 3e-3])
@pytest.mark.parametrize(("factor", "fails"), [(0.3, set()), (3.0, {NC})])
def test_a_quartic_minimum_is_known_to_the_root_of_its_value(theta, factor, fails, monkeypatch):
    """beta f NC^2 / 4 = 1e-9 where centers coincide, and where they nearly do: 4 (1 - c) below that NC."""
    solution = ufm.minimize(ufm.Problem((3, 2), (2, 3), theta, 9))
    said = ufm.predict(solution.problem)
    reach = np.sqrt(4.0 * CLOSED / (said.sizes * said.weights * said.counts))
    assert np.all(4.0 * said.center_gap < reach)
    assert np.all(400.0 * said.center_gap > reach) == (theta < np.pi / 2)
    monkeypatch.setattr(metrics, "collapse", lambda *given: factor * reach)
    assert failing(ufm.certify(solution)) == fails


def test_a_minimum_that_is_not_quartic_is_known_better(monkeypatch):
    solution = ufm.minimize(ufm.Problem((3, 2), (2, 3), np.pi / 2 - 3e-2, 9))
    monkeypatch.setattr(metrics, "collapse", lambda *given: np.full(2, 3e-10))
    assert failing(ufm.certify(solution)) == {NC}


@pytest.mark.parametrize(("distance", "told"), [(3e-5, False), (3e-4, True)])
def test_how_near_its_threshold_a_class_may_live_or_die(distance, told):
    problem = ufm.Problem((100, 10, 5), (3, 1, 2), 1.2, loss="mse", lam_h=1.0, lam_w=1.0, frame="learned")
    weight = float(ufm.predict(problem).clearance[1]) * (1.0 - distance)
    solution = ufm.minimize(problem.replace(lam_h=weight, lam_w=weight))
    solution.__dict__["living"] = solution.living ^ np.array([False, True, False])
    assert ("classes that live or die against theory" in failing(ufm.certify(solution))) == told


@pytest.mark.parametrize(("error", "known"), [(3e-8, True), (3e-7, False)])
def test_how_far_a_frame_may_be_from_a_multi_center_frame(error, known):
    right = ufm.multi_center_frame(P)
    angle = P.theta + error
    rows, owner = right.auxiliary, np.repeat(np.arange(2), P.centers)
    centers = np.cos(angle) * rows + np.sin(angle) * right.classifier[owner]
    frame = ufm.Frame(right.counts, centers, right.classifier)
    flow = ufm.gradient_flow(P, frame=frame, t_final=1.0)
    if known:
        assert ufm.certify(flow).checks
    else:
        with pytest.raises(ValueError, match="no prediction"):
            ufm.certify(flow)


@pytest.mark.parametrize(("error", "fails"), [(3e-16, set()), (3e-15, {"value at the end"})])
def test_a_value_of_nearly_nothing_is_known_to_the_rounding_of_the_one_at_0(error, fails):
    t = ufm.gradient_flow(P.replace(lam_h=1e-12, lam_w=0.0))
    t.curves.sums["value"][-1] = [ufm.predict(t.problem).value - error, 0.0]
    assert failing(ufm.certify(t)) == fails


def test_norms_that_never_agree_have_no_clock_in_common():
    """Without a penalty of norms they stay as different as they begin, by a tenth: no mean stands for them."""
    t = ufm.gradient_flow(ufm.Problem((30, 20), (2, 3), 0.3, 40, lam=0.0), seed=1)
    report = ufm.certify(t)
    assert report.holds, str(report)
    assert any("collapse rate of 2 classes: what they start from was not kept" in note for note in report.notes)


@pytest.mark.slow
def test_a_mean_norm_stands_for_all_once_they_differ_by_less_than_a_percent():
    """Long features collapse while their norms are still apart: the clock of the mean is not theirs yet."""
    problem = ufm.Problem((30, 20), (2, 3), 0.3, 9, lam=0.01)
    t = ufm.gradient_flow(problem, seed=1, start=ufm.Start(scale=3.0), t_eval=np.linspace(0.0, 270.0, 60))
    report = ufm.certify(t)
    assert report.holds, str(report)
    assert any(check.name.startswith("rate of collapse") for check in report.checks)


@pytest.mark.parametrize(("f", "allowed"), [(6, 0.00275), (16, 0.0650), (20, None)])
def test_a_rate_is_known_as_well_as_the_odds_of_the_start(f, allowed):
    """Many centers: their differences fade late. Where more than a tenth of the rate is in doubt there is no check."""
    t = ufm.gradient_flow(ufm.Problem((30,), (f,), 0.6, 3 * f), seed=1, start="sphere")
    report = ufm.certify(t)
    assert report.holds, str(report)
    shares = [check.tolerance / check.predicted for check in report.checks if check.name.startswith("rate of")]
    assert shares == ([] if allowed is None else [pytest.approx(allowed, rel=0.01)])


@pytest.mark.parametrize(("above", "there"), [(3e-10, True), (3e-9, False)])
def test_how_near_its_minimum_a_training_has_ended(above, there):
    problem = P.replace(frame="learned")
    t = ufm.gradient_flow(problem, t_final=600.0, frame_rate=1.0, n_times=5)
    t.curves.sums["value"][-1, 0] += above - (t.value[-1] - ufm.predict(problem).value)
    report = ufm.certify(t)
    assert any(check.name == "|w_k|^2" for check in report.checks) == there


@pytest.mark.slow
@pytest.mark.parametrize(("offset", "followed"), [(1e-6, True), (3e-8, False)])
def test_how_near_the_antipode_the_slow_means_follow(offset, followed):
    t = ufm.gradient_flow(ufm.Problem((3, 2), (2, 3), 0.3, 9), start=ufm.Start("antipode", offset=offset), keep="final")
    report = ufm.certify(t)
    assert report.holds, str(report)
    assert any(check.name.startswith("reduced = full") for check in report.checks) == followed


def test_the_time_of_features_that_begin_nearly_collapsed():
    problem = ufm.Problem((3, 2), (2, 3), 0.3, 9)
    frame = ufm.multi_center_frame(problem)
    near = frame.mean_directions[problem.labels] + 1e-5 * np.random.default_rng(0).standard_normal((5, 9))
    report = ufm.certify(ufm.gradient_flow(problem, frame=frame, features=near, until_nc=1e-14, keep="final"))
    assert report.holds, str(report)
    (check,) = (check for check in report.checks if check.name.startswith("time to NC"))
    assert 0.0 < check.predicted < 10.0
