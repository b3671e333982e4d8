"""Which cells a worker gets next: groups that take about half a second, from all over the grid."""

import math
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from ufm.sweep.description import Cell

SECONDS = 0.5
"""How long a group should take: long next to handing it out, short next to what anybody waits for."""

MOST = 256
"""Largest group."""

SMALL = 10
"""No group but the last takes less than this part of SECONDS: handing it out costs some milliseconds."""


class Groups:
    """Cells waiting for a worker. Iterating hands out numbered groups, and stops when none waits.

    The cost of a cell changes along the axes. So neighbours, which share frames, stay together in runs of ``first``
    cells, but the runs come in random order: the mean cost of those done is that of those to come, the size of groups
    follows it, and so does whoever says how long the rest will take.
    """

    def __init__(self, cells: Sequence[Cell], first: int, workers: int) -> None:
        """``first`` is the size of groups as long as nothing is known."""
        self.first, self.workers = first, workers
        begins = first * np.random.default_rng(0).permutation(math.ceil(len(cells) / first))
        self.waiting = deque(cell for begin in begins.tolist() for cell in cells[begin : begin + first])
        self.handed: dict[int, list[Cell]] = {}
        self.count, self.seconds, self.answered = 0, 0.0, 0

    def __iter__(self) -> Iterator[tuple[int, list[Cell]]]:
        while self.waiting:
            group = [self.waiting.popleft() for _ in range(self.size())]
            self.count += 1
            self.handed[self.count] = group
            yield self.count, group

    def size(self) -> int:
        """Of the next group: no worker should have much to do when others have run out of it, or next to nothing."""
        wanted = self.first
        if self.answered:
            wanted = min(int(SECONDS * self.answered / max(self.seconds, 1e-9)), MOST)
        fair = math.ceil(len(self.waiting) / (2 * self.workers))
        return min(max(1, min(wanted, fair), wanted // SMALL), len(self.waiting))

    def done(self, number: int, seconds: float) -> list[Cell]:
        """The cells of a group that was answered in so many seconds."""
        group = self.handed.pop(number)
        self.seconds += seconds
        self.answered += len(group)
        return group

    def lost(self) -> list[Cell]:
        """The cells that were handed out and not answered; they are no longer this object's business."""
        cells = [cell for group in self.handed.values() for cell in group]
        self.handed.clear()
        return cells
