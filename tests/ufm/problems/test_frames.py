import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.files import memory
from ufm.problems import frames

norms = st.floats(0.2, 5.0)


@given(strategies.problems(), strategies.seeds, st.sampled_from(["random", "coordinate"]), norms)
def test_frames_are_what_the_definition_says(problem, seed, basis, norm):
    frame = ufm.multi_center_frame(problem, basis=basis, seed=seed, norms=norm)
    v, w0 = oracles.dense(frame.auxiliary), oracles.dense(frame.classifier)
    rows = np.concatenate([v, w0]) / norm
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-12)
    np.testing.assert_allclose(
        oracles.dense(frame.centers), oracles.centers_by_definition(problem, v, w0), atol=1e-12 * norm
    )
    means = [oracles.class_rows(problem, frame.centers, k).mean(axis=0) for k in range(problem.n_classes)]
    np.testing.assert_allclose(oracles.dense(frame.mean_centers), means, atol=1e-12 * norm)
    assert frames.isotropic(frame)
    assert frames.orthogonal(frame)
    assert frames.unit(frame) == (abs(norm - 1) < 1e-9)


@given(strategies.problems(), strategies.seeds)
def test_given_classifier(problem, seed):
    lengths = 0.5 + np.random.default_rng(seed).random(problem.n_classes)
    classifier = lengths[:, None] * strategies.rotation(problem.dim, seed)[: problem.n_classes]
    frame = ufm.multi_center_frame(problem, classifier=classifier, seed=seed)
    np.testing.assert_allclose(frame.classifier, classifier, atol=1e-13)
    np.testing.assert_allclose(frame.auxiliary @ frame.classifier.T, 0, atol=1e-12)
    owner = np.repeat(np.arange(problem.n_classes), problem.centers)
    np.testing.assert_allclose(frame.auxiliary @ frame.auxiliary.T, np.diag(lengths[owner] ** 2), atol=1e-12)


@given(strategies.problems(), strategies.seeds)
def test_measured_geometry(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    measured = frame.geometry
    for k, f in enumerate(problem.centers):
        gram = oracles.class_rows(problem, frame.centers, k) @ oracles.class_rows(problem, frame.centers, k).T
        assert measured.mean[k] == pytest.approx(np.sqrt(gram.mean()), abs=1e-12)
        values = np.linalg.eigvalsh(gram)
        coincide = f == 1 or problem.theta == np.pi / 2
        assert measured.spread[k] == pytest.approx(0.0 if coincide else values[0], abs=1e-12)
        assert measured.rank[k] == (0 if coincide else f - 1)


def test_seeds():
    problem = ufm.Problem((3, 2), 2, 0.2)
    one, same, other = (ufm.multi_center_frame(problem, seed=s).centers for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_norms_per_class():
    problem = ufm.Problem((3, 2), (2, 3), 0.4)
    frame = ufm.multi_center_frame(problem, norms=[2.0, 0.5])
    np.testing.assert_allclose(np.linalg.norm(frame.centers, axis=1), [2, 2, 0.5, 0.5, 0.5])


def test_any_frame():
    centers = np.random.default_rng(0).standard_normal((5, 4))
    frame = ufm.Frame.from_centers(centers, (2, 3))
    np.testing.assert_allclose(frame.classifier, frame.mean_centers)
    assert not frames.isotropic(frame)
    assert not frames.orthogonal(ufm.Frame.from_centers([[1.0, 0], [1.0, 1.0]], (1, 1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"basis": "fourier"}, "basis='fourier'"),
        ({"norms": 0.0}, "norms=0.0"),
        ({"norms": [1.0, np.nan]}, "norms="),
        ({"norms": [1.0, 2.0, 3.0]}, "one number or K=2"),
        ({"classifier": np.eye(2, 5)}, r"shape \(2, 5\), not \(K, d\) = \(2, 6\)"),
        ({"classifier": np.ones((2, 6))}, "not orthogonal"),
        ({"classifier": np.zeros((2, 6))}, "0 or not finite"),
        ({"classifier": np.full((2, 6), np.nan)}, "0 or not finite"),
    ],
)
def test_frames_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ufm.multi_center_frame(ufm.Problem((3, 2), 2, 0.2), **arguments)


@pytest.mark.parametrize(
    ("centers", "counts", "message"),
    [
        (np.ones((3, 2)), (2, 2), "do not split"),
        (np.ones(3), (3,), "do not split"),
        (np.eye(5), (2.9, 3.2), "counts contains 2.9"),
        (np.eye(2) * 1j, (2,), "not real numbers"),
        (np.full((2, 2), np.inf), (2,), "NaN or infinity"),
    ],
)
def test_given_centers_refused(centers, counts, message):
    with pytest.raises(ValueError, match=message):
        ufm.Frame.from_centers(centers, counts)


def test_centers_that_average_to_nothing_have_no_direction():
    frame = ufm.Frame.from_centers([[1.0, 0.0], [-1.0, 0.0]], (2,))
    with pytest.raises(ValueError, match="class 0 average to 0"):
        _ = frame.mean_directions


def test_a_frame_that_would_not_fit_is_refused_before_it_is_made(monkeypatch):
    problem = ufm.Problem((1,) * 100, 20, 0.2)
    monkeypatch.setattr(memory, "available", lambda: 10 * 2**20)
    with pytest.raises(MemoryError, match=r"needs .* MiB of 10 MiB here: use basis='coordinate'"):
        ufm.multi_center_frame(problem)
    assert ufm.multi_center_frame(problem, basis="coordinate").dim == 2100
