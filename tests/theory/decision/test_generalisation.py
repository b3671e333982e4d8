"""The bound by margins: its complexity against the supremum in matrices, and its bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import rotation, seeds
from theory.decision import generalisation


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(1, 20), seeds)
def test_complexity_bounds_the_supremum_over_all_maps(n_classes, n, seed):
    rng = np.random.default_rng(seed)
    classifier = rotation(8, seed)[:n_classes]
    inputs = rng.standard_normal((n, 5))
    inputs *= 2.0 * rng.random((n, 1)) / np.linalg.norm(inputs, axis=1, keepdims=True)
    signs = rng.choice([-1.0, 1.0], (400, n, n_classes))
    # the supremum over |A| <= 3 of a linear function is 3 times the norm of its gradient
    gradients = np.einsum("rik,kd,ij->rdj", signs, classifier, inputs)
    suprema = 3.0 * np.linalg.norm(gradients, axis=(1, 2)) / n
    error = suprema.std() / 20.0
    assert suprema.mean() <= generalisation.complexity(3.0, 2.0, n_classes, n) + 5.0 * error


def test_margins_and_samples_help():
    at = {"margin_error": 0.1, "margin": 0.5, "norm": 1.0, "radius": 1.0, "n_classes": 10, "n": 10**5}
    here = generalisation.margin_bound(**at)
    assert here == pytest.approx(0.1 + 8.0 * 0.01 + 3.0 * np.sqrt(np.log(40.0) / 2e5))
    for better in ({"margin": 0.6}, {"n": 10**6}, {"norm": 0.5}, {"n_classes": 2}, {"delta": 0.2}):
        assert generalisation.margin_bound(**{**at, **better}) < here


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": 0.0}, "margin=0.0 must be positive"),
        ({"margin_error": 1.5}, "margin_error=1.5 and delta=0.05 must be at most 1"),
        ({"delta": 1.0}, "delta=1.0"),
        ({"n": 0}, "n=0 must be integers"),
        ({"norm": -1.0}, "norm=-1.0"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"margin_error": 0.1, "margin": 0.5, "norm": 1.0, "radius": 1.0, "n_classes": 10, "n": 100, **change}
    with pytest.raises(ValueError, match=message):
        generalisation.margin_bound(**given)
