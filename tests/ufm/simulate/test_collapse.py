import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests.strategies import problems, seeds
from ufm.simulate.collapse import Case, collapse_times

cases = st.builds(
    Case,
    problems(loss="cosine", theta=st.floats(0.05, 1.2)),
    st.builds(ufm.Start, st.sampled_from(["gaussian", "sphere", "antipode"]), st.floats(0.05, 2.0)),
    seeds,
)


@pytest.mark.slow
@given(st.lists(cases, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_a_case_knows_nothing_of_the_others_in_any_bit(several, shuffle):
    together = collapse_times(several, until_nc=1e-6)
    for case, times in zip(several, together, strict=True):
        np.testing.assert_array_equal(times, collapse_times([case], until_nc=1e-6)[0])
    order = list(range(len(several)))
    shuffle.shuffle(order)
    shuffled = collapse_times([several[i] for i in order], until_nc=1e-6)
    for place, i in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], together[i])


@given(cases)
def test_the_flow_is_just_there_at_the_time_of_its_slowest_sample(case):
    (times,) = collapse_times([case], until_nc=1e-6)
    latest = float(times.max())
    if not 0.0 < latest < np.inf:
        return
    flow = ufm.gradient_flow(
        case.problem, start=case.start, seed=case.seed, method="reduced", t_eval=[0.999 * latest, latest], until_nc=1e-6
    )
    before, at_the_end = flow.class_values("nc_max").max(axis=1)
    assert at_the_end == pytest.approx(1e-6, rel=1e-3)
    assert before > at_the_end


def test_many_small_problems_are_the_same_as_one_large_chunk():
    sizes = ufm.long_tailed_sizes(10, 4000, 0.1)  # more samples than one chunk holds
    big = Case(ufm.Problem(sizes, 3, 0.3))
    small = [Case(ufm.Problem((50, 5), 2, 0.4), seed=seed) for seed in range(5)]
    together = collapse_times([*small[:3], big, *small[3:]])
    assert [len(times) for times in together] == [55, 55, 55, sum(sizes), 55, 55]
    np.testing.assert_array_equal(together[3], collapse_times([big])[0])
    np.testing.assert_array_equal(together[5], collapse_times([small[4]])[0])


def test_without_a_norm_penalty_time_is_that_of_the_clock_times_the_squared_norm():
    slow, fast = (Case(ufm.Problem((20, 5), 3, 0.3, lam=0.0), ufm.Start("sphere", scale)) for scale in (2.0, 1.0))
    twice, once = collapse_times([slow, fast])
    np.testing.assert_allclose(twice, 4.0 * once, rtol=1e-12)


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (ufm.Problem((3, 2), 2, 0.2, loss="mse"), {}, "for the cosine loss and a fixed frame"),
        (ufm.Problem((3, 2), 2, 0.2, frame="learned"), {}, "for the cosine loss and a fixed frame"),
        (ufm.Problem((3, 2), 2, 0.2), {"until_nc": 4.0}, "until_nc=4.0 is outside"),
        (ufm.Problem((3, 2), 2, 0.2), {"until_nc": 1e-301}, "until_nc=1e-301 is below"),
        (ufm.Problem((3, 2), 2, 0.2), {"rtol": 0.0}, "rtol=0.0 is outside"),
    ],
)
def test_refused(problem, options, message):
    with pytest.raises(ValueError, match=message):
        collapse_times([Case(problem)], **options)
    assert collapse_times([]) == []
