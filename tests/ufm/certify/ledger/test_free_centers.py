"""Centers that are free of each other."""

import numpy as np
import pytest

import ufm
from tests import oracles
from theory.multicenter import minimum
from ufm.certify.ledger.free_centers import train_free_centers

COSINE = ufm.Problem((5, 4, 3), (2, 4, 3), 0.3)
P = ufm.Problem((5, 4, 3), (2, 4, 3), 0.3, loss="mse", lam_h=1e-2)


@pytest.mark.slow
def test_free_centers_reach_zero_on_one_direction_and_orthogonal_frames_cannot():
    problem = ufm.Problem((50, 20, 5), (2, 4, 3), 0.3)
    together = train_free_centers(problem, common=20.0, seed=0)
    assert together.value[-1] < 1e-4
    assert np.all(np.diff(together.value) <= 1e-12)
    assert together.within > 0.999
    assert together.between[1] > 0.99  # every class, on one direction
    apart = train_free_centers(problem, common=0.0, seed=0)
    assert apart.value[-1] < 1e-3
    assert apart.between[1] < 0.5  # nothing pushes classes together or apart
    least = minimum.cosine_minimum(problem.centers, problem.theta, problem.weights)
    assert np.dot(problem.class_sizes, least) > 1.0
    aligned = np.ones((9, problem.dim)) / np.sqrt(problem.dim)
    frame = ufm.Frame.from_centers(aligned, problem.centers)
    assert oracles.objective(problem, frame, aligned[:1].repeat(problem.n_samples, axis=0)) < 1e-20


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [(P, {}, "loss='mse'"), (COSINE, {"common": -1.0}, "common"), (COSINE, {"n_steps": 0}, "n_steps")],
)
def test_free_centers_refused(problem, options, message):
    with pytest.raises(ValueError, match=message):
        train_free_centers(problem, **{"common": 1.0, **options})
