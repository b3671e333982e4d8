"""What the phase picture shows is what was simulated, and what theory says."""

import numpy as np
import pytest

import ufm
from figures.commands.phase import model_phase_figure, phase_figure
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, model_diagram, model_grid, phase_diagram


def problem_at(lam_w, lam_h):
    return ufm.Problem((40, 4), (1, 2), 0.4, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")


def test_phase_figure():
    weights = np.geomspace(1e-3, 1.0, 5)
    diagram = phase_diagram(problem_at, Axis("lam_w", "$w$", "$w$", weights), Axis("lam_h", "$h$", "$h$", weights))
    left, right, _ = phase_figure(diagram).axes
    dots = left.collections[0]
    np.testing.assert_array_equal(np.asarray(dots.get_array()), diagram.living.sum(axis=-1).ravel())
    np.testing.assert_allclose(dots.get_offsets()[1], (weights[1], weights[0]))
    assert len(left.collections) > 1  # theory's boundaries
    assert (left.get_xlabel(), left.get_ylabel()) == ("$h$", "$w$")
    lines = right.get_lines()
    for k in range(2):
        fine, simulated = lines[2 * k], lines[2 * k + 1]
        np.testing.assert_allclose(simulated.get_ydata(), diagram.square_norms[2, :, k])
        first = predict(problem_at(weights[2], weights[0])).square_norm[k]
        np.testing.assert_allclose(fine.get_ydata()[0], first)


@pytest.mark.slow
def test_phases_of_a_loss():
    def model_of(sizes, lam_w, lam_h):
        return ufm.FeatureModel(sizes, lam_w=lam_w, lam_h=lam_h)

    diagram = model_diagram(*model_grid(model_of, (100, 100, 10, 10), "lam,tau", 6))
    left, right, _ = model_phase_figure(diagram).axes
    np.testing.assert_array_equal(np.asarray(left.collections[0].get_array()), diagram.rank.ravel())
    assert len(left.get_lines()[0].get_xdata()) == diagram.merged.any(axis=-1).sum()
    assert len(left.collections) == 4  # theory: the rank where classes are equal, all dead, merged
    rank, _, merged, theory, dead = right.get_lines()
    np.testing.assert_array_equal(rank.get_ydata(), diagram.rank[3])
    np.testing.assert_array_equal(merged.get_ydata(), diagram.merged[3].sum(axis=-1))
    small, total = diagram.problems[3][0].class_sizes[-1], diagram.problems[3][0].n_samples
    x, y = theory.get_xdata(), theory.get_ydata()
    np.testing.assert_allclose(x[np.argmax(y > 0)], np.sqrt(small) / total, rtol=0.03)
    assert dead.get_xdata()[0] > x[np.argmax(y > 0)]
