"""NRC1-3 against loops, and at the minimum that theory and solver agree on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, optimize

import ufm
from tests import strategies
from theory.zoo import regression as theorem
from ufm.measure import arrays


def by_loops(h, y, w=None, b=None):
    """From the definitions, gamma by trying many."""
    y = y.reshape(len(y), -1)
    n, h_mean = y.shape[1], np.mean(h, axis=0)
    units = [(x - h_mean) / np.linalg.norm(x - h_mean) for x in h]
    principal = np.linalg.svd(h - h_mean)[2][:n]
    found = {"nrc1": np.mean([np.linalg.norm(u - sum((v @ u) * v for v in principal)) ** 2 for u in units])}
    if w is None:
        return found
    onto = np.linalg.pinv(w) @ w
    found["nrc2"] = np.mean([np.linalg.norm(u - onto @ u) ** 2 for u in units])
    found["mse"] = np.mean([np.sum((w @ x + b - t) ** 2) for x, t in zip(h, y, strict=True)])
    covariance = np.cov(y.T, bias=True).reshape(n, n)
    root, gram = linalg.sqrtm(covariance).real, w @ w.T / np.linalg.norm(w @ w.T)

    def apart(gamma):
        shifted = root - np.sqrt(gamma) * np.eye(n)
        return np.linalg.norm(gram - shifted / np.linalg.norm(shifted)) ** 2

    grid = np.linspace(0.0, linalg.eigvalsh(covariance)[0] * (1 - 1e-9), 200)
    best = int(np.argmin([apart(g) for g in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, 199)]
    found["nrc3"] = min(optimize.minimize_scalar(apart, bounds=around, method="bounded").fun, *map(apart, around))
    return found


@st.composite
def networks(draw):
    n, d = draw(st.integers(1, 3)), draw(st.integers(3, 6))
    rng = np.random.default_rng(draw(strategies.seeds))
    y = rng.normal(size=(draw(st.integers(5, 30)), n)) * rng.uniform(0.3, 2.0, size=n)
    w, b = rng.normal(size=(n, d)), rng.normal(size=n)
    return y @ np.linalg.pinv(w).T + 0.3 * rng.normal(size=(len(y), d)) + 5.0, y, w, b


@given(networks())
def test_against_loops(drawn):
    found, expected = ufm.measure_regression(*drawn), by_loops(*drawn)
    for name in ("nrc1", "nrc2", "mse"):
        assert getattr(found, name) == pytest.approx(expected[name], rel=1e-9, abs=1e-13), name
    assert found.nrc3 == pytest.approx(expected["nrc3"], abs=1e-6)
    assert found.nrc3 <= expected["nrc3"] + 1e-12


@given(networks(), st.integers(1, 200))
def test_chunks_order_and_libraries(drawn, chunk):
    torch = pytest.importorskip("torch")
    h, y, w, b = drawn
    order = np.random.default_rng(0).permutation(len(h))
    one = ufm.measure_regression(h, y, w, b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK", chunk)
        patch.setattr(arrays, "NARROW", 1)
        others = [ufm.measure_regression(h[order], y[order], w, b)]
        others.append(ufm.measure_regression(*(torch.tensor(x) for x in (h, y, w, b))))
    for other in others:
        for name in ("nrc1", "nrc2", "nrc3", "mse"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-11, abs=1e-13), name


def misses(solution, targets):
    return np.sum((solution.class_logits + solution.class_bias - targets) ** 2, axis=1) / 2


@pytest.mark.parametrize("case", ["free bias", "one target"])
def test_at_the_minimum(case):
    """What theorem and solver say of the end of training is collapse, and gamma is N lambda^2."""
    fields = {**theorem.CASES[case], "bias": "free"}
    model = ufm.FeatureModel(**fields)
    solution = ufm.minimize(model)
    targets = np.array(model.targets)
    weights = linalg.sqrtm(solution.weight_gram).real
    means = np.linalg.solve(weights, solution.class_logits.T).T
    which = np.repeat(np.arange(len(targets)), model.class_sizes)
    turned = strategies.rotation(6, 0)[: weights.shape[1]]
    found = ufm.measure_regression((means @ turned)[which], targets[which], weights @ turned, solution.class_bias)
    assert found.nrc1 == pytest.approx(0.0, abs=1e-12)
    assert found.nrc2 == pytest.approx(0.0, abs=1e-12)
    assert found.nrc3 == pytest.approx(0.0, abs=1e-12)
    assert found.mse / 2 == pytest.approx(np.mean(misses(solution, targets)[which]), rel=1e-9)
    predicted = theorem.predict(model)
    if weights.shape[0] > 1:
        assert found.gamma == pytest.approx(len(which) * solution.strength**2, rel=1e-5)
    np.testing.assert_allclose(weights @ weights.T, predicted["weight_gram"], atol=1e-6)


def test_what_is_left_out():
    h, y = np.random.default_rng(0).normal(size=(9, 4)), np.random.default_rng(1).normal(size=9)
    found = ufm.measure_regression(h, y.tolist())
    assert found.nrc1 == pytest.approx(by_loops(h, y)["nrc1"])
    assert set(found.left_out) == {"nrc2", "nrc3", "gamma", "mse"}
    assert "same" in ufm.measure_regression(np.ones((9, 4)), y).left_out["nrc1"]
    dead = ufm.measure_regression(h, y, np.zeros((1, 4)))
    assert dead.left_out == {"nrc3": "weights are 0", "gamma": "weights are 0"}
    assert dead.nrc2 == 1.0
    assert dead.to_dict()["samples"] == 9


H, Y = np.ones((3, 2)), np.ones((3, 1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((H, Y[:2]), r"features \(3, 2\) and targets \(2, 1\) do not match"),
        ((H, Y, H), r"weights of shape \(3, 2\) do not fit 1 targets"),
        ((H, Y, H[0][:, None]), "transposed"),
        ((H, Y, None, [1.0]), "a bias goes with weights"),
        ((H, Y, H[:1], [1.0, 2.0]), r"bias of shape \(2,\) does not fit 1 targets"),
        ((H * np.nan, Y), r"features\[0\] contains NaN"),
        ((np.vstack([H, [[np.inf, 0]]]), np.ones(4)), r"features\[3\] contains NaN"),
        ((H, Y * np.inf), r"targets\[0\] contains NaN"),
        ((H, Y[None]), r"targets has shape \(1, 3, 1\): \(N, n\)"),
        ((H, ["a", "b", "c"]), "targets has dtype"),
        ((H[:0], Y[:0]), "nothing to measure"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValueError, match=message):
        ufm.measure_regression(*given)
