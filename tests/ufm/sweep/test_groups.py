"""Who gets which cells."""

import numpy as np
import pytest

from ufm.sweep.groups import MOST, SECONDS, SMALL, Groups

CELLS = list(range(10_000))


def test_every_cell_is_handed_out_once_and_what_is_lost_is_known():
    groups, seen = Groups(CELLS, 16, 2), []
    for number, group in groups:
        assert len(group) <= MOST
        if number == 3:
            kept = list(group)
            continue
        seen += groups.done(number, 1e-4 * len(group))
    assert groups.lost() == kept
    assert groups.lost() == []
    assert sorted(seen + kept) == CELLS


@pytest.mark.parametrize("cost", [1e-6, 1e-2, 10.0])
def test_groups_grow_and_shrink_with_the_cost_of_a_cell(cost):
    groups = Groups(CELLS, 16, 2)
    sizes = [len(groups.done(number, cost * len(group))) for number, group in groups]
    assert sizes[0] == 16
    assert sizes[1] == max(1, min(MOST, int(SECONDS / cost)))
    assert cost * sizes[-1] <= max(cost, SECONDS / SMALL)  # at the end no worker has much to do that others could
    assert all(size >= sizes[1] // SMALL for size in sizes[1:-1])  # but it is worth the way


def test_the_first_cells_cost_what_the_rest_does():
    costs = np.linspace(0.001, 0.1, len(CELLS))  # along the grid
    groups, spent, done = Groups(CELLS, 16, 2), 0.0, 0
    for number, group in groups:
        spent += costs[groups.done(number, costs[group].sum())].sum()
        done += len(group)
        if done >= 1000:
            break
    assert spent / done * len(CELLS) == pytest.approx(costs.sum(), rel=0.1)
