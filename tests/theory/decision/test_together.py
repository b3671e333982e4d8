"""Many classes at once: the same as one at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.decision import accuracy, shift, together

KINDS = st.lists(st.tuples(st.integers(1, 3), st.floats(0.05, 2.0), st.floats(-1, 1)), min_size=2, max_size=4)


@given(KINDS, st.one_of(st.floats(0.05, 2.0), st.lists(st.floats(0.05, 2.0), min_size=4, max_size=4)))
def test_offsets(kinds, noise):
    noise = np.broadcast_to(noise, 4)[: len(kinds)]
    copies, mean, offsets = (np.array(each) for each in zip(*kinds, strict=True))
    stated = shift.offset_accuracy(np.repeat(mean, copies), np.repeat(noise, copies), np.repeat(offsets, copies))
    found = together.offset_accuracies(mean, noise, offsets, copies)
    np.testing.assert_allclose(np.repeat(found, copies), stated, atol=1e-11)


@pytest.mark.parametrize("lowest", [-300.0, -1e18, -np.inf])
def test_a_class_that_is_never_chosen_takes_no_work(lowest):
    found = together.offset_accuracies([200.0, 1.0, 150.0], 1.0, [0.0, 0.5, lowest], [1, 1, 1])
    np.testing.assert_allclose(found, shift.offset_accuracy([200.0, 1.0, 150.0], 1.0, [0.0, 0.5, -np.inf]), atol=1e-12)


@pytest.mark.parametrize("theta", [0.0, 0.02, 0.3, 1.2, np.pi / 2])
@pytest.mark.parametrize("ratio", [0.1, 3.0, 40.0, 1e6])
@pytest.mark.parametrize(("f", "copies"), [((2, 4, 9), (1, 1, 1)), ((1, 20, 400), (50, 40, 10)), ((1,), (3,))])
def test_the_generalized_rule(theta, ratio, f, copies):
    stated = accuracy.class_accuracies(f, theta, ratio, copies).gcr
    np.testing.assert_allclose(together.gcr_accuracies(f, theta, ratio, copies), stated, atol=1e-5)


def test_the_generalized_rule_where_every_class_has_its_own_noise():
    f, ratio, copies = (2, 9, 9, 4), (1.0, 3.0, 2.0, 40.0), (3, 1, 2, 1)
    stated = accuracy.class_accuracies(f, 0.3, ratio, copies).gcr
    np.testing.assert_allclose(together.gcr_accuracies(f, 0.3, ratio, copies), stated, atol=1e-5)


def test_wrong_numbers():
    with pytest.raises(ValueError, match=r"noise=0.0 must be positive"):
        together.offset_accuracies([1.0, 1.0], 0.0, [0.0, 0.0], [1, 1])
    with pytest.raises(ValueError, match=r"mean=\[1.0, -10.0\] must not be negative"):
        together.offset_accuracies([1.0, -10.0], 1.0, 0.0, [1, 1])
    with pytest.raises(ValueError, match=r"ratio=0.0 must be positive"):
        together.gcr_accuracies([1, 2], 0.3, 0.0, [1, 1])


def test_where_every_class_is_left_out_none_is_right():
    assert together.offset_accuracies([1.0, 2.0], 1.0, -np.inf, [1, 1]).tolist() == [0.0, 0.0]
