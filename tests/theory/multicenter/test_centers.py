import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.multicenter import centers
from theory.multicenter.centers import apportioned, centers_for_margin, class_aware, margin_centers
from theory.multicenter.geometry import classifier_cosine

sizes = st.lists(st.integers(1, 5000), min_size=1, max_size=30)
means = st.integers(1, 40)
angles = st.floats(0.0, math.pi / 2)


def test_worked_example_of_the_paper():
    assert class_aware((1, 3, 3), 3) == (4, 4, 1)


def test_the_printed_strategy_is_not_monotone_and_the_repair_is():
    assert class_aware((3, 3, 1), 3) == (2, 4, 3)  # equal classes differ by 2, the rarest has not the most
    assert apportioned((3, 3, 1), 3) == (2, 2, 5)


def test_cifar10_lt():
    assert class_aware((5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50), 20) == (
        *(2, 3, 4, 5, 7),
        *(11, 17, 28, 46, 77),
    )


@pytest.mark.parametrize("rule", [class_aware, apportioned, margin_centers])
@given(sizes=sizes, f=means, theta=angles)
def test_sum_and_minimum(rule, sizes, f, theta):
    counts = rule(sizes, f, theta) if rule is margin_centers else rule(sizes, f)
    assert len(counts) == len(sizes)
    assert sum(counts) == f * len(sizes)
    assert min(counts) >= 1


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=20, unique=True), means, st.randoms())
def test_distinct_sizes_in_any_order(sizes, f, random):
    shuffled = sizes.copy()
    random.shuffle(shuffled)
    monotone = sorted(sizes, reverse=True)
    for rule in (class_aware, apportioned):
        by_size = dict(zip(monotone, rule(monotone, f), strict=True))
        if rule is class_aware and shuffled == sorted(sizes):
            continue  # an ascending list is taken as it stands: the paper's own example
        assert rule(shuffled, f) == tuple(by_size[n] for n in shuffled)


@given(sizes, means)
def test_repair_is_monotone_and_fair_to_equals(sizes, f):
    counts = apportioned(sizes, f)
    ranked = sorted(zip(sizes, counts, strict=True), key=lambda pair: (pair[0], -pair[1]))
    for (n, a), (m, b) in pairwise(ranked):
        assert a >= b if n < m else a - b <= 1
    assert max(c for n, c in ranked if n == min(sizes)) == max(counts)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), st.integers(1, 8))
def test_no_transfer_brings_two_classes_closer_to_proportion(sizes, f):
    counts = apportioned(sizes, f)

    def imbalance(i, j, a, b):  # how far f_i n_i : f_j n_j is from 1, as an exact fraction above 1
        left, right = a * sizes[i], b * sizes[j]
        return (max(left, right), min(left, right))

    for i in range(len(sizes)):
        for j in range(len(sizes)):
            if i == j or counts[i] == 1:
                continue
            (p, q), (r, s) = imbalance(i, j, counts[i], counts[j]), imbalance(i, j, counts[i] - 1, counts[j] + 1)
            assert p * s <= r * q


def one_at_a_time(n_classes, mean, price):
    counts = [1] * n_classes
    for _ in range((mean - 1) * n_classes):
        cheapest = min(range(n_classes), key=lambda k: price(k, counts[k]))
        counts[cheapest] += 1
    return tuple(counts)


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=9), f=st.integers(1, 25), theta=angles)
def test_what_is_given_at_once_is_what_one_at_a_time_would_have_given(sizes, f, theta):
    taken = [apportioned(sizes, f), margin_centers(sizes, f, theta)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(centers, "_handed_out", one_at_a_time)
        assert taken == [apportioned(sizes, f), margin_centers(sizes, f, theta)]


def test_handing_out_takes_steps_by_classes_not_by_centers():
    asked = []
    centers._handed_out(100, 10_000, lambda k, a: asked.append(k) or (k + 1.0) ** 2 * a * (a + 1))
    assert len(asked) <= 4 * 100  # the first prices, those of a start, and two a class


@pytest.mark.parametrize("rule", [class_aware, apportioned])
@pytest.mark.parametrize(("sizes", "f"), [([], 2), ([0, 1], 2), ([-3], 2), ([2.5, 1], 2), ([2, 1], 0), ([2, 1], 1.5)])
def test_bad_input(rule, sizes, f):
    with pytest.raises(ValueError, match=r"class_sizes|f="):
        rule(sizes, f)


@given(sizes, means, angles)
def test_margin_centers_are_monotone_and_fair_to_equals(sizes, f, theta):
    counts = margin_centers(sizes, f, theta)
    for n, a in zip(sizes, counts, strict=True):
        for m, b in zip(sizes, counts, strict=True):
            assert a >= b if n < m else n > m or abs(a - b) <= 1


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=4), st.floats(0.05, 1.2))
def test_margins_fall_like_the_fourth_root_up_to_rounding(sizes, theta):
    """Found by bisection in C, where margins C n^(-1/4) take f K centers in all; the first center is everybody's."""
    low, high, f = 0.0, min(sizes) ** 0.25, 2000
    for _ in range(200):
        middle = (low + high) / 2
        margins = [middle * n**-0.25 for n in sizes]
        wanted = [centers_for_margin(margin, theta) if margin < 1 else math.inf for margin in margins]
        low, high = (middle, high) if sum(wanted) < f * len(sizes) else (low, middle)
    for count, exact in zip(margin_centers(sizes, f, theta), wanted, strict=True):
        assert abs(count - exact) <= len(sizes)


@given(st.integers(1, 1000), st.floats(0.01, 1.5))
def test_centers_for_the_margin_of_f_centers_are_f(f, theta):
    assert centers_for_margin(classifier_cosine(f, theta), theta) == pytest.approx(f, rel=1e-9)


@pytest.mark.parametrize(("margin", "theta"), [(1.0, 0.2), (-0.1, 0.2), (0.5, 0.0), (0.5, 1.6), (float("nan"), 0.2)])
def test_margins_that_no_number_of_centers_has(margin, theta):
    with pytest.raises(ValueError, match="must be in"):
        centers_for_margin(margin, theta)
