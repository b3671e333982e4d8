r"""How many centers a class gets.

:func:`class_aware` is the paper's strategy step by step; :func:`apportioned` is the repair that keeps the
promise "the rarer the class, the more centers" for every list of sizes. Both use integer arithmetic only, so
no rounding decides who gets a center. Both return as many counts as there are classes, in the caller's order,
summing to ``f * K``.
"""

import heapq
import operator
from collections.abc import Sequence
from itertools import pairwise


def _validated(class_sizes: Sequence[int], f: int) -> tuple[list[int], int]:
    try:
        sizes = [operator.index(n) for n in class_sizes]
        mean = operator.index(f)
    except TypeError as error:
        raise ValueError(f"class_sizes={list(class_sizes)!r} and f={f!r} must be integers") from error
    if not sizes:
        raise ValueError("class_sizes is empty: at least one class is needed")
    if min(sizes) < 1:
        raise ValueError(f"class_sizes contains {min(sizes)}: every class needs at least one sample")
    if mean < 1:
        raise ValueError(f"f={mean} must be at least 1: every class needs a center")
    return sizes, mean


def class_aware(class_sizes: Sequence[int], f: int) -> tuple[int, ...]:
    r"""Centers per class by the paper's class-aware strategy, as printed (section 4).

    1. Sort the sizes in descending order.
    2. :math:`a_k = \lfloor (f - 1) K n_k / N \rfloor + 1`.
    3. Reverse the list, so that the rarest class gets what the most frequent one earned.
    4. Add 1 to each entry from the left until the sum is :math:`f K`.

    The worked example in the paper skips step 1: its sizes (1, 3, 3) ascend. A list that is already monotone
    is therefore taken as it stands, which reproduces both the example and the rule; any other list is sorted
    (stably, descending) and the answer is given back in the caller's order.

    The strategy is not monotone: equal classes can get different counts, and the rarest need not get the
    most. :func:`apportioned` repairs that.

    Parameters
    ----------
    class_sizes : K integers >= 1.
    f : mean number of centers per class, integer >= 1.

    Returns
    -------
    K integers >= 1 with sum ``f * K``.

    Raises
    ------
    ValueError : a size or ``f`` that is not a positive integer.

    Examples
    --------
    >>> class_aware((1, 3, 3), f=3)
    (4, 4, 1)
    >>> class_aware((3, 3, 1), f=3)
    (2, 4, 3)
    """
    sizes, mean = _validated(class_sizes, f)
    n_classes, n_samples = len(sizes), sum(sizes)
    monotone = all(a <= b for a, b in pairwise(sizes)) or all(a >= b for a, b in pairwise(sizes))
    order = list(range(n_classes)) if monotone else sorted(range(n_classes), key=lambda k: -sizes[k])
    counts = [(mean - 1) * n_classes * sizes[k] // n_samples + 1 for k in order][::-1]
    for position in range(mean * n_classes - sum(counts)):
        counts[position] += 1
    answer = dict(zip(order, counts, strict=True))
    return tuple(answer[k] for k in range(n_classes))


def apportioned(class_sizes: Sequence[int], f: int) -> tuple[int, ...]:
    r"""Centers per class in proportion to :math:`1/n_k`, rounded by the Huntington-Hill apportionment.

    The ``f * K`` centers are handed out one at a time, each to the class with the largest priority
    :math:`(1/n_k) / \sqrt{a (a + 1)}`, where :math:`a` counts the centers it already has; every class starts
    with one. This is the method of equal proportions: no transfer of a center between two classes brings
    their ratio :math:`f_k n_k : f_l n_l` closer to 1 (Huntington 1928; Balinski and Young 1982). Hence counts
    never increase with the class size, equal sizes differ by at most one (the earlier class is served first),
    and the order of the input does not matter otherwise.

    Parameters, returns and errors are those of :func:`class_aware`.

    Examples
    --------
    >>> apportioned((1, 3, 3), f=3)
    (5, 2, 2)
    >>> apportioned((3, 3, 1), f=3)
    (2, 2, 5)
    """
    sizes, mean = _validated(class_sizes, f)
    counts = [1] * len(sizes)
    # 1 / priority^2 = n^2 a (a + 1) is an integer, so comparisons are exact; ties go to the lower index.
    queue = [(2 * n * n, k) for k, n in enumerate(sizes)]
    heapq.heapify(queue)
    for _ in range((mean - 1) * len(sizes)):
        _, k = queue[0]
        counts[k] += 1
        heapq.heapreplace(queue, (sizes[k] ** 2 * counts[k] * (counts[k] + 1), k))
    return tuple(counts)
