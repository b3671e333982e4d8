import json
import pathlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.certify import job as verify
from ufm.certify.report import Check, Report
from ufm.problems.presets import preset

ROOT = pathlib.Path(__file__).parents[3]


def failing(report):
    return {check.name.split(",")[0] for check in report.checks if not check.holds}


@pytest.mark.slow
@settings(max_examples=25)
@given(strategies.problems(theta=st.one_of(st.just(0.0), st.just(np.pi / 2), st.floats(0.1, 1.3))), strategies.seeds)
def test_every_prediction_holds_for_every_flow(problem, seed):
    t = ufm.gradient_flow(problem, seed=seed, until_nc=1e-8, keep="final")
    report = ufm.certify(t, seed=seed)
    assert report.holds, str(report)


@given(strategies.problems(), strategies.seeds)
def test_every_prediction_holds_for_every_minimiser(problem, seed):
    report = ufm.certify(ufm.minimize(problem, seed=seed))
    assert report.holds, str(report)


@pytest.mark.parametrize("method", ["full", "span", "reduced"])
def test_by_every_method(method):
    problem = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)
    report = ufm.certify(ufm.gradient_flow(problem, method=method, keep="final"))
    assert report.holds, str(report)
    assert any("rate" in check.name for check in report.checks)


PROBLEM = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)


class TestCertificationCanFail:
    """Each prediction, contradicted."""

    def test_what_never_collapsed(self, monkeypatch):
        monkeypatch.setattr(ufm.simulate.blocks, "MAX_STEPS", 10)
        report = ufm.certify(ufm.gradient_flow(PROBLEM, method="full"))
        assert "share of the records that were reached" in failing(report)
        assert any("after 10 steps" in note for note in report.notes)

    @pytest.mark.parametrize(
        ("claimed", "check"),
        [
            ({"lam": 0.11}, "mean norm at all times"),
            ({"beta": 0.5}, "rate of collapse"),
            ({"beta": 0.5}, "value at the end"),
        ],
    )
    def test_another_problem(self, claimed, check):
        t = ufm.gradient_flow(PROBLEM, keep="final")
        assert check in failing(replace_problem(t, claimed))

    def test_rising_energy(self):
        t = ufm.gradient_flow(PROBLEM, keep="final")
        t.curves.sums["value"][10] += 1.0
        assert "largest rise of the objective" in failing(ufm.certify(t))

    def test_skewed_features(self):
        t = ufm.gradient_flow(PROBLEM, keep="final")
        t.final[: PROBLEM.class_sizes[0]] += 0.1 * t.final[-1]
        assert "cosine between class means" in failing(ufm.certify(t))

    def test_another_flow_of_p(self):
        mse = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse", lam_h=0.01)
        t = ufm.gradient_flow(mse, keep="final")
        assert ufm.certify(t).holds
        wrong = failing(replace_problem(t, {"lam_h": 0.011}))
        assert {"norm at the end", "rate of collapse"} <= wrong
        t.initial[:] *= 1.1
        t.final[:] *= 1.01
        assert "flow = matrix exponential" in failing(ufm.certify(t))

    def test_null_space_without_regularisation(self):
        mse = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse")
        t = ufm.gradient_flow(mse, keep="final")
        assert ufm.certify(t).holds
        t.initial[:] *= 1.01
        assert "null-space part of the start stays" in failing(ufm.certify(t))

    def test_a_wrong_minimiser(self):
        solution = ufm.minimize(PROBLEM)
        solution.class_features[0, -1] += 0.01
        assert "direction: NC of the minimiser" in failing(ufm.certify(solution))


def replace_problem(t, changes):
    """Certify a trajectory as if it belonged to a problem with other weights."""
    claimed = ufm.Problem(**{**t.problem.to_dict(), **changes})
    return ufm.certify(replace(t, problem=claimed))


def test_frames_without_prediction():
    centers = np.random.default_rng(0).standard_normal((11, 16))
    frame = ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (2, 3, 6))
    with pytest.raises(ValueError, match="there is no prediction"):
        ufm.certify(ufm.gradient_flow(PROBLEM, frame=frame, t_final=1.0))


def test_a_run_that_was_asked_to_end_early_is_not_held_against_the_end():
    report = ufm.certify(ufm.gradient_flow(PROBLEM, t_final=5.0, keep="final"))
    assert report.holds, str(report)
    assert any("the run ended before" in note for note in report.notes)
    coarse = ufm.certify(ufm.gradient_flow(PROBLEM, until_nc=0.5))
    assert any("too coarse" in note for note in coarse.notes)


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        # one direction outside the centers: some samples start almost in their differences
        (ufm.Problem((6,), 6, 0.0, 7, lam=0.0), {"seed": 352, "until_nc": 1e-8}),
        # norms of their own that stay: some samples are rounding while others are on their way
        (ufm.Problem((23, 4, 9), (1, 2, 1), 0.3233210706412704, 14, lam=0.0), {"seed": 980737, "until_nc": 1e-4}),
        # P far beyond the last digit
        (ufm.Problem((25,), 3, 0.2254, 11, loss="mse", lam_h=0.6757), {"t_final": 1822.0, "n_times": 25}),
        # short features next to the antipode, in a frame that the slow method turns in fast
        (
            ufm.Problem((4, 27, 5, 4), (11, 1, 11, 24), 1.0930633539282226, 52, lam=3.0990685744945385, beta=0.0111),
            {"seed": 500739, "start": ufm.Start("antipode", 0.010632, 0.021087), "n_times": 6, "until_nc": 1e-12},
        ),
        # short features that stay short: the slow method needs small steps
        (
            ufm.Problem((5, 13, 25, 28), (2, 1, 2, 2), 1e-6, 12, lam=0.0),
            {"seed": 713295, "start": ufm.Start("sphere", 0.030287), "n_times": 5, "until_nc": 1e-12},
        ),
        # P as far as was asked for, which is not far
        (
            ufm.Problem((21, 7, 26, 8, 15), (2, 1, 2, 2, 1), 1e-6, 30, loss="mse", lam_h=8.434e-05, lam_w=0.0163),
            {"seed": 110803, "start": ufm.Start("antipode", 0.32539, 0.071636), "n_times": 33, "until_nc": 1e-4},
        ),
        # exponents of 1e10 in the exponential of a matrix
        (
            ufm.Problem((11, 5, 13, 13), (10, 5, 17, 4), 1.5707, 62, loss="mse"),
            {"seed": 835713, "start": ufm.Start("antipode", 25.0, 4e-5), "n_times": 15, "until_nc": 1e-12},
        ),
    ],
)
def test_true_predictions_hold_at_the_edges(problem, options):
    report = ufm.certify(ufm.gradient_flow(problem, keep="final", **options))
    assert report.holds, str(report)


def test_large_weights_are_rounding_at_a_minimum():
    problem = ufm.Problem((25, 7, 10, 24, 19), (24, 27, 15, 21, 7), 1e-6, 117, lam=0.69, beta=57.017592888587565)
    assert ufm.certify(ufm.minimize(problem, seed=125604)).holds
    nearly = ufm.Problem((2, 23), (2, 1), 1.5707, 29, lam=0.0768, frame="learned")
    assert ufm.certify(ufm.minimize(nearly, seed=40788)).holds


def test_momentum_delays_the_end():
    problem = ufm.Problem((11, 17, 7, 1), (13, 1, 22, 25), 1.5707, 66, loss="mse", lam_h=0.053)
    options = {"start": ufm.Start("antipode", 1.13, 0.04), "step_size": 3.8, "momentum": 0.9, "n_steps": 1138}
    assert ufm.certify(ufm.gradient_descent(problem, seed=264653, keep="final", **options)).holds


@pytest.mark.parametrize("offset", [1e-2, 1e-5, 1e-7])
def test_next_to_the_antipode(offset):
    t = ufm.gradient_flow(PROBLEM, start=ufm.Start("antipode", offset=offset), keep="final")
    report = ufm.certify(t)
    assert report.holds, str(report)
    assert any("time to NC" in check.name for check in report.checks)


@pytest.mark.parametrize("theta", [1.5, 1.5707, 1.570796, 1.5707963])
def test_next_to_a_right_angle(theta):
    report = ufm.certify(ufm.gradient_flow(ufm.Problem((4, 3), (2, 4), theta, 12), seed=13, keep="final"))
    assert report.holds, str(report)


def test_starts_that_need_no_flow():
    frame = ufm.multi_center_frame(PROBLEM)
    there = np.repeat(frame.mean_centers, PROBLEM.class_sizes, axis=0)
    assert ufm.certify(ufm.gradient_flow(PROBLEM, frame=frame, features=there, keep="final")).holds
    mse = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, loss="mse")
    inside = np.random.default_rng(0).standard_normal((16, 11)) @ frame.centers
    report = ufm.certify(ufm.gradient_flow(mse, frame=frame, features=inside, keep="final"))
    assert report.holds, str(report)


def test_momentum_may_overshoot():
    t = ufm.gradient_descent(PROBLEM, step_size=0.1, momentum=0.9, keep="final")
    assert ufm.certify(t).holds


LEARNED = {"loss": "mse", "lam_h": 0.1, "lam_w": 0.1, "frame": "learned"}


@pytest.mark.parametrize("weights", [{}, {"loss": "mse"}, {"loss": "mse", "lam_h": 0.1}, LEARNED])
def test_a_descent_whose_steps_are_spent_is_not_held_against_the_end(weights):
    problem = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16, **weights)
    report = ufm.certify(ufm.gradient_descent(problem, step_size=0.1, n_steps=20, keep="final"))
    assert report.holds, str(report)
    lost = ufm.certify(ufm.gradient_descent(problem, step_size=1e200, n_steps=20))
    assert failing(lost) == {"share of the records that were reached"}
    assert lost.checks[0].measured < 1.0


def test_a_loss_of_your_own_has_no_prediction():
    t = ufm.gradient_flow(PROBLEM, loss=ufm.TorchLoss(lambda h, y: (h**2).sum(dim=1)), t_final=0.1)
    with pytest.raises(ValueError, match="one of your own"):
        ufm.certify(t)


def test_what_was_not_kept_is_noted():
    report = ufm.certify(ufm.gradient_flow(PROBLEM))
    assert report.holds
    assert any("keep='final'" in note for note in report.notes)
    descent = ufm.certify(ufm.gradient_descent(PROBLEM, step_size=0.2, n_steps=5000))
    assert descent.holds
    assert any("descent" in note for note in descent.notes)


def test_report():
    good = Check.compare("a", "x", [1.0, 2.0], [1.0, 2.1], relative=0.1)
    bad = Check.compare("b", "y", 0.0, [0.0, np.nan], absolute=1.0)
    assert (good.holds, good.predicted, good.measured) == (True, 2.0, 2.1)
    assert not bad.holds
    report = Report("title", (good, bad), ("something",))
    assert not report.holds
    assert not Report("empty", ()).holds
    parsed = json.loads(report.to_json())
    assert [c["holds"] for c in parsed["checks"]] == [True, False]
    assert set(parsed["checks"][0]) == {"name", "source", "predicted", "measured", "tolerance", "holds"}
    text = str(ufm.combine("all", [report]))
    assert "title: a" in text
    assert "not checked: title: something" in text
    assert text.count("NO") == 1


def test_nothing_is_within_an_infinite_tolerance():
    """What is predicted to be infinite must be so, and nothing else is near it."""
    assert Check.compare("never", "x", [np.inf, 1.0], [np.inf, 1.0], relative=1e-6).holds
    assert not Check.compare("never", "x", np.inf, 5.0, relative=1e-6).holds
    assert not Check.compare("now", "x", 5.0, np.inf, relative=1e-6).holds
    assert not Check.compare("anything", "x", 5.0, 6.0, absolute=np.inf).holds
    assert not Check.compare("no number", "x", np.nan, np.nan, absolute=1.0).holds


def test_main_job_names_the_sizes_of_the_paper():
    jobs = {name: job for name, job in verify.main_job().items() if job.problem.frame == "fixed"}
    assert len(jobs) == 8
    assert {job.problem.n_samples for job in jobs.values()} == {12406, 10847}
    assert all(
        job.problem.theta == 0.2 and job.problem.n_centers == 20 * job.problem.n_classes for job in jobs.values()
    )
    learned = set(verify.main_job()) - set(jobs)
    assert all(verify.main_job()[name].problem.frame == "learned" for name in learned)
    assert len(set(verify.main_job(full=True)) - set(verify.main_job())) == 2


def test_verify_small():
    jobs = {name: verify.Job(preset("toy", loss=loss)) for name, loss in (("cosine", "cosine"), ("P", "mse"))}
    results = verify.run(jobs, seed=1)
    assert [len(result.reports) for result in results.values()] == [2, 2]
    assert all(report.holds for result in results.values() for report in result.reports)


@pytest.mark.slow
def test_verify_main_job():
    reports = [report for result in verify.run(verify.main_job(), seed=3).values() for report in result.reports]
    assert len(reports) > len(verify.main_job())
    assert all(report.holds for report in reports), "\n".join(map(str, reports))
    count = sum(len(report.checks) for report in reports)
    assert f"`make verify` prints {count} checks" in (ROOT / "README.md").read_text()


def test_presets():
    assert preset("cifar100-lt").n_samples == 10847
    assert preset("cifar100-lt", centers="uniform").centers == (20,) * 100
    assert preset("stl10-lt", tau=0.02).n_samples == 1394
    assert preset("cifar10-lt", loss="mse").lam_h == pytest.approx(5e-4 / 12406)
    with pytest.raises(ValueError, match="did you mean 'svhn-lt'"):
        preset("svhn")
    with pytest.raises(ValueError, match="centers 'many' is unknown"):
        preset("toy", centers="many")
