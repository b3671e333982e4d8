"""What the phase picture shows is what was simulated, and what theory says."""

import numpy as np

import ufm
from figures.commands.phase import phase_figure
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, phase_diagram


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
