"""Decisions on synthetic features: what theory describes holds, what it does not is refuted."""

import json

import numpy as np
import pytest

import ufm
from ufm.certify import decided, shifts
from ufm.certify.decided import decide
from ufm.certify.estimates import DRAWS, Estimates, predicted_accuracy
from ufm.certify.finding import PREMISES
from ufm.measure.radius import certified_radius
from ufm.problems.frames import dense, multi_center_frame

K, N = 6, 3000


@pytest.fixture(scope="module")
def frame():
    return multi_center_frame(ufm.Problem((300, 200, 100, 60, 30, 10), (2, 3, 4, 5, 6, 8), 0.4))


def features(frame, r, sigma, seed, n=N, stretch=1.0):
    """n features a class around r_k u_k; the noise along the first mean direction times ``stretch``."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(K), n)
    directions = dense(frame.mean_directions)
    noise = rng.standard_normal((K * n, frame.dim)) * np.broadcast_to(sigma, K)[labels, None]
    noise += (stretch - 1.0) * np.outer(noise @ directions[0], directions[0])
    return np.broadcast_to(r, K)[labels, None] * directions[labels] + noise, labels


def finding(frame, near, far):
    return decide(*features(frame, seed=1, **near), *features(frame, seed=2, **far), frame)


def named(found, *words):
    return [check for check in found.report.checks if all(word in check.name for word in words)]


NEAR = {"r": 1.0, "sigma": 0.03}


def test_collapsed_features_do_what_theory_says(frame):
    found = finding(frame, NEAR, NEAR)
    assert found.report.holds, str(found)
    assert not found.report.early
    assert len(named(found, "median radius")) == 3
    assert found.tables["accuracy"]["none"]["nearest"][0] == 1.0


@pytest.mark.parametrize("centers", [(1, 1, 1, 1), (2, 3, 8, 20)])
@pytest.mark.parametrize("sigma", [1e-6, 0.3])
def test_offsets_of_rcr_where_weights_say_nothing(centers, sigma):
    """At theta = 0 weights are across mean directions, and scores of RCR are noise, however little there is."""
    rng = np.random.default_rng(0)
    nothing = multi_center_frame(ufm.Problem((10,) * 4, centers, 0.0))
    directions = dense(nothing.mean_directions)

    def drawn(*sizes):
        labels = np.repeat(np.arange(4), sizes)
        return directions[labels] + sigma * rng.standard_normal((labels.size, nothing.dim)), labels

    found = decide(*drawn(400, 150, 60, 20), *drawn(100, 100, 100, 100), nothing)
    assert found.report.holds, str(found)


def test_a_class_whose_training_features_are_all_the_same_has_offsets_too(frame):
    """Of a training on clothes: one class at one point near the origin, which the search for offsets gave up on."""
    r, sigma = (0.67, 0.65, 0.65, 0.66, 0.083, 0.6), (0.05, 0.03, 0.06, 0.04, 0.0, 0.1)
    found = finding(frame, {"r": r, "sigma": sigma, "n": 300}, {"r": 0.6, "sigma": 0.2, "n": 300})
    assert all(0.0 < row["offsets"] <= 1.0 for row in found.tables["shift"])


def test_offsets_are_said_and_decide_as_is_said_of_them(frame):
    far = {"r": np.linspace(1.2, 0.6, K), "sigma": 0.35}
    found = decide(*features(frame, seed=1, **far), *features(frame, seed=2, **far), frame)
    z, labels = features(frame, seed=2, **far)
    for row in found.tables["shift"]:
        if row["prior"] == "balanced":
            directions = frame.classifier if row["rule"] == "rcr" else frame.mean_directions
            right = np.argmax(z @ dense(directions).T + row["added"], axis=1) == labels
            assert right.mean() == pytest.approx(row["offsets"], abs=4 * np.sqrt(0.25 / len(z)))  # of a resampled test
            assert row["offsets"] > row["accuracy"] - 0.01
        assert row["added"].sum() == pytest.approx(0.0, abs=1e-12)
    for row in found.tables["shift"]:
        assert f"{row['added'][0]:+.3g}" in str(found)


@pytest.mark.parametrize("far", [{"r": 1.0, "sigma": 0.3}, {"r": np.linspace(1.2, 0.6, K), "sigma": 0.35}])
def test_accuracy_attacks_and_shift_of_noisy_test_features_are_predicted(frame, far):
    found = finding(frame, NEAR, far)
    for check in named(found, "accuracy"):
        assert check.holds == ("as if test" not in check.name), check
    test = Estimates.of(*features(frame, seed=2, **far), frame)
    np.testing.assert_allclose(test.r, np.broadcast_to(far["r"], K), atol=4 * 0.35 / np.sqrt(N))
    np.testing.assert_allclose(test.sigma, far["sigma"], rtol=4 / np.sqrt(2 * N))
    assert test.anisotropy.max() < 1.4
    assert len(named(found, "accuracy, prior")) == 12  # two rules, three priors, with and without offsets


def test_anisotropic_noise_is_refuted(frame):
    found = finding(frame, NEAR, {"r": 1.0, "sigma": 0.1, "stretch": 12.0})
    assert not found.report.early
    assert not named(found, "nearest mean center, accuracy, mean over classes")[0].holds
    assert found.tables["test"]["anisotropy"].min() > 15


def test_premises_one_by_one(frame):
    """Accuracy by less and less of what theory assumes: each fault of the features is seen by what leaves it out."""
    near, isotropic = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.35)
    along = dense(frame.mean_directions)[0]
    leaking = isotropic[0] + 0.6 * along * (isotropic[1] > 0)[:, None]
    stretched, labels = features(frame, seed=3, r=1.0, sigma=0.35, stretch=4.0)
    right = {"plain": 1, "leaking": 2, "stretched": 3}  # from which column on it agrees with what is measured
    for name, test in (("plain", isotropic[0]), ("leaking", leaking), ("stretched", stretched)):
        for row in decide(*near, test, labels, frame).tables["premises"].values():
            measured, *fits = (row[premise] for premise in PREMISES)
            error = 4 * np.sqrt(0.25 / (K * N) + 0.25 / (K * DRAWS))
            agree = [abs(fit - measured) < error for fit in fits]
            assert agree == [column >= right[name] for column in (1, 2, 3)], (name, row)


def test_means_that_leak_into_a_frequent_class_are_refuted(frame):
    near, far = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.2)
    leaking = far[0] + 0.6 * dense(frame.mean_directions)[0] * (far[1] > 0)[:, None]
    found = decide(*near, leaking, far[1], frame)
    for name in ("nearest mean center, accuracy, mean over classes", "nearest mean center, accuracy, prior reversed"):
        assert not named(found, name)[0].holds
    np.testing.assert_allclose(found.tables["test"]["leak"][1:], 0.6, atol=0.02)
    centered, plain = (found.tables["accuracy"][name]["nearest"][0] for name in ("centered", "none"))
    assert centered < plain + 0.1  # training features do not know of the leak: their mean does not repair it


def test_far_features_refute_nothing(frame):
    found = finding(frame, {"r": 1.0, "sigma": 0.3}, {"r": 0.4, "sigma": 0.3, "stretch": 3.0})
    assert found.report.early.startswith("training features are at NC = ")
    assert "NO " not in str(found.report)
    assert any("vacuous" in note for note in found.report.notes)


def test_what_allows_any_accuracy_is_no_evidence(frame):
    """Four features of a class have a tolerance above 1, which 0.3 against 0 would be within."""
    near, (far, labels) = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.5)
    within = np.tile(np.arange(N), K)
    for few, name in (
        ((within < 4) & (labels == K - 1) | (labels < K - 1), "RCR, accuracy: vacuous for classes 5, "),
        (within < 4, "RCR, accuracy: vacuous for classes 0, 1, 2, 3, 4, 5, "),
        (within < 2, "RCR, accuracy, prior reversed: vacuous, "),
    ):
        found = decide(*near, far[few], labels[few], frame)
        assert any(note.startswith(name) for note in found.report.notes), found.report.notes
        for check in named(found, "accuracy"):
            most = check.predicted if check.relation == ">=" else max(check.predicted, 1.0 - check.predicted)
            assert check.tolerance < most, check


def test_attacks_move_features_and_decide_again(frame, monkeypatch):
    """Radii that were wrong would not tell what an attack does."""
    near, far = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.3)
    honest = [each for each in named(decide(*near, *far, frame), "under attacks") if each.relation == "="]

    def twice(*given, **more):
        found = certified_radius(*given, **more)
        return found._replace(radius=2.0 * found.radius)

    monkeypatch.setattr(decided, "certified_radius", twice)
    wrong = named(decide(*near, *far, frame), "under attacks")
    assert [each for each in wrong if each.relation == "="] == honest
    assert len(honest) == 6
    assert all(check.holds for check in honest)
    left = [check.measured for check in named(decide(*near, *far, frame), "nearest", "under attacks")]
    assert left == sorted(left, reverse=True)


def test_offsets_that_lose_more_than_chance_are_refuted_by_few_features_too(frame, monkeypatch):
    """The tolerance of a gain is that of the decisions that differ, not of all."""
    near, far = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.2, n=25)
    monkeypatch.setattr(shifts, "_best_offsets", lambda *_: np.array([0.6, 0.0, 0.0, 0.0, 0.0, 0.0]))
    gains = named(decide(*near, *far, frame), "nearest", "gain >=")
    assert len(gains) == 3
    assert all(not check.holds and -0.33 < check.measured < 0.0 for check in gains if "training" not in check.name)


def test_attacks_on_the_generalized_rule_leave_at_least_what_theory_promises(frame, monkeypatch):
    near, far = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.2)
    checks = named(decide(*near, *far, frame), "GCR, accuracy under attacks")
    assert len(checks) == 3
    assert all(check.holds and 0.0 < check.measured - check.predicted < 0.1 for check in checks)
    sizes = (0.05, 5.0)
    found = decide(*near, *far, frame, sizes=sizes)
    assert any("GCR, accuracy under attacks of 5 >=: vacuous" in note for note in found.report.notes)
    monkeypatch.setattr(shifts, "attacked_norm", lambda norm, cosine, size: norm)
    unmoved = named(decide(*near, *far, frame), "GCR, accuracy under attacks of 0.2")
    assert not unmoved[0].holds


def test_offsets_that_change_no_decision_are_no_evidence(frame, monkeypatch):
    near, far = features(frame, seed=1, **NEAR), features(frame, seed=2, r=1.0, sigma=0.2)
    monkeypatch.setattr(shifts, "_best_offsets", lambda *_: np.full(frame.n_classes, 1e-9))
    found = decide(*near, *far, frame)
    assert not named(found, "gain >=")
    assert sum("gain >=: vacuous, offsets change no decision" in note for note in found.report.notes) == 6


@pytest.mark.filterwarnings("error")
def test_test_features_opposite_to_their_mean_centers(frame):
    found = finding(frame, NEAR, {"r": -1.0, "sigma": 0.1})
    assert not found.report.holds
    assert found.tables["class_accuracy"]["nearest"].max() == 0.0


def test_features_of_another_frame_are_asked_for_theirs(frame):
    rng, labels = np.random.default_rng(5), np.repeat(np.arange(K), 50)
    other = np.linalg.qr(rng.standard_normal((frame.dim, K)))[0].T
    z = other[labels] + 0.1 * rng.standard_normal((50 * K, frame.dim))
    away = np.mean(np.sum(other * dense(frame.mean_directions), axis=1) < 0)
    notes = decide(z, labels, z, labels, frame).report.notes
    assert away >= 0.5
    assert "is this the frame of these features" in notes[0]
    assert not any("is this the frame" in note for note in finding(frame, NEAR, NEAR).report.notes)


def test_class_dependent_norms_cost_the_order(frame):
    """With one norm and noise nothing beats the nearest mean center; with norms against skews RCR does."""
    skew = frame.geometry.alignment
    far = {"r": 0.5 * skew.max() / skew, "sigma": 0.3}
    said = predicted_accuracy(frame, far["r"], np.full(K, far["sigma"]))
    assert said["rcr"].std() < said["nearest"].std()


def test_single_features_are_pooled_and_classes_without_one_refused(frame):
    near, labels = features(frame, seed=1, **NEAR)
    some = (labels < K - 1) | (np.arange(len(labels)) == len(labels) - 1)
    found = Estimates.of(near[some], labels[some], frame)
    assert found.pooled.tolist() == [K - 1]
    assert found.sigma[-1] == pytest.approx(0.03, rel=0.05)
    with pytest.raises(ValueError, match="class 5 has no feature"):
        Estimates.of(near[labels < 5], labels[labels < 5], frame)


def test_from_files(frame, tmp_path, command, refused):
    problem = tmp_path / "problem.json"
    problem.write_text(
        json.dumps({"class_sizes": [300, 200, 100, 60, 30, 10], "centers": [2, 3, 4, 5, 6, 8], "theta": 0.4})
    )
    given = []
    for name, seed in (("features", 1), ("test-features", 2)):
        x, y = features(frame, seed=seed, n=50, **NEAR)
        for kind, values in ((name, x), (name.replace("features", "labels"), y)):
            np.save(tmp_path / f"{kind}.npy", values)
            given += [f"--{kind}", tmp_path / f"{kind}.npy"]
    status, out, _ = command("decide", *given, "--frame", problem, "--json")
    (decision,) = json.loads(out)["decisions"]
    assert status == 0, out
    assert decision["holds"]
    assert set(decision["tables"]["accuracy"]) == {"none", "centered", "scaled", "normalised"}
    refused("--frame is missing", "decide", *given)
    refused("is a file and no folder of a training", "decide", given[1])
    refused("which features?", "decide")
    refused("must be positive", "decide", *given, "--frame", problem, "--eps", "-1")
    refused("is not the folder of a training", "decide", tmp_path)
    refused("files have their features", "decide", *given, "--frame", problem, "--data", tmp_path)
    x, y = np.load(tmp_path / "test-features.npy"), np.load(tmp_path / "test-labels.npy")
    x[3, 0], y[100] = np.nan, 77
    for name, faulty, words in (
        ("test-features", x, "--test-features[3] contains NaN"),
        ("test-features", x[:, :5].real.round(), "--test-features of shape (300, 5) do not fit the frame"),
        ("test-labels", y, "--test-labels: labels[100]=77 is no class"),
    ):
        np.save(tmp_path / "faulty.npy", np.nan_to_num(faulty) if "fit" in words else faulty)
        at = given.index(f"--{name}") + 1
        refused(words, "decide", *given[:at], tmp_path / "faulty.npy", *given[at + 1 :], "--frame", problem)
    straight = tmp_path / "straight.json"  # classifier vectors that are orthogonal to the mean centers, up to rounding
    straight.write_text(problem.read_text().replace('"theta": 0.4', '"theta": 0.0'))
    assert command("decide", *given, "--frame", straight)[0] in (0, 1)


def test_of_a_training(tmp_path, command, refused, monkeypatch):
    pytest.importorskip("torch")
    run = tmp_path / "run"
    command("train", "--smoke", "--network", "mlp", "--threads", "1", "--out", run)
    status, out, err = command("decide", run, "--save", tmp_path / "kept.npz")
    assert status in (0, 1), err
    assert "own rule" in out
    with np.load(tmp_path / "kept.npz") as kept:
        assert kept["features"].shape[0] == kept["labels"].size

    def nowhere(_, root):
        raise FileNotFoundError(f"no images in {root}")

    monkeypatch.setattr("ufm.train.extract.wanted", nowhere)
    refused("no images in elsewhere", "decide", run, "--data", "elsewhere")
