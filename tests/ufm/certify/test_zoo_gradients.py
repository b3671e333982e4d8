"""Laws of what is differentiated, over every case of every theorem: complex steps, chords of what has kinks, rotations.

Tolerances are those of rounding. A slope along a direction is a sum of n products, and each of these comes out of sums
of at most n more: on either side its error is at most about 2 n units in the last place. The unit is the gradient, and
what cancels in it: a value, or slopes of 1, over a distance like that of the point from 0.
"""

import numpy as np
import pytest

from tests import strategies
from tests.ufm.certify import by_definition
from tests.ufm.certify.probes import probes
from ufm.certify import zoo
from ufm.minimize.layouts import layout_of

ZOO = zoo.zoo()
EPS = np.finfo(float).eps
KINKED = {
    f"{name}, {case}": model
    for name, entry in ZOO.items()
    for case, model in entry.cases().items()
    if getattr(model, "loss", None) == "hinge"
}
"""Cases of losses that have kinks, where a gradient is one of many."""


def smooth_probes(name):
    """All that is differentiated of the other cases of a theorem."""
    rng = np.random.default_rng(0)
    for case, model in ZOO[name].cases().items():
        if f"{name}, {case}" not in KINKED:
            yield from probes(model, rng)


def rounding(probe, value, gradient):
    """The error of a slope along a direction of length 1."""
    size = np.linalg.norm(gradient) + max(1.0, abs(value)) / np.linalg.norm(probe.x)
    return 4.0 * gradient.size * EPS * probe.factor * size


@pytest.mark.parametrize("name", ZOO)
def test_gradients_are_complex_steps_of_the_definition(name):
    """And a gradient that is a millionth larger is not, unless it is 0."""
    rng = np.random.default_rng(1)
    for probe in smooth_probes(name):
        value, gradient = probe.at(probe.x)
        allowed = rounding(probe, value, gradient)
        drawn = rng.standard_normal((2, gradient.size))
        directions = drawn / np.linalg.norm(drawn, axis=1)[:, None]
        defined, slopes = np.transpose([probe.along(direction) for direction in directions])
        np.testing.assert_allclose(value, defined, rtol=0.0, atol=allowed * np.linalg.norm(probe.x))
        np.testing.assert_allclose(directions @ gradient, slopes, rtol=0.0, atol=allowed)
        if np.linalg.norm(gradient) > allowed:
            assert np.abs(directions @ ((1.0 + 1e-6) * gradient) - slopes).max() > allowed


@pytest.mark.parametrize("name", ZOO)
def test_rotations_of_features_and_weights_turn_gradients_and_nothing_else(name):
    for probe in smooth_probes(name):
        if probe.turned is not None:
            value, gradient = probe.at(probe.x)
            rotation, allowed = strategies.rotation(probe.dim, 2), rounding(probe, value, gradient)
            other, turned = probe.at(probe.turned(probe.x, rotation))
            np.testing.assert_allclose(other, value, rtol=0.0, atol=allowed * np.linalg.norm(probe.x))
            np.testing.assert_allclose(turned, probe.turned(gradient, rotation), rtol=0.0, atol=allowed)


@pytest.mark.parametrize("name", KINKED)
def test_slopes_at_kinks_are_below_the_loss_on_all_chords(name):
    """And on some, too short to meet a kink, a slope that is a millionth larger or smaller is not."""
    model, rng = KINKED[name], np.random.default_rng(0)
    layout, group, root = layout_of(model), layout_of(model).group, np.sqrt(np.array(model.class_sizes))
    shapes, above, gains = (layout.shape, layout.repeats.shape), [], []
    for size in np.repeat([1e-2, 1.0, 30.0], 8):
        here = [root.max() * rng.standard_normal(shape) for shape in shapes]
        there = [part + size * rng.standard_normal(part.shape) for part in here]
        slopes = layout.pulls(layout.loss.at(layout.logits(*here, NOTHING), layout.targets, layout.counts).slopes)
        by = slopes[0], slopes[1] * layout.repeats
        gains.append(sum(np.vdot(slope, b - a) for slope, a, b in zip(by, here, there, strict=True)))
        first, second = (by_definition.program_loss(model, group, (*each, NOTHING), root) for each in (here, there))
        above.append(second - first - gains[-1])
    # a loss is a sum of K^2 hinges of size up to ``root`` over it
    allowed = 4.0 * model.n_classes**2 * EPS * root.max() * max(1.0, np.abs(gains).max())
    assert min(above) >= -allowed
    for factor in (1e-6, -1e-6):
        assert min(np.array(above) - factor * np.array(gains)) < -allowed


NOTHING = np.zeros(0)
"""Cases with kinks have no bias."""
