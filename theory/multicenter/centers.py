r"""How many centers a class gets.

:func:`class_aware` is the paper's strategy step by step; :func:`apportioned` is the repair that keeps the
promise "the rarer the class, the more centers" for every list of sizes; :func:`margin_centers` gives classes the
margins that LDAM asks for. The first two use integer arithmetic only, so no rounding decides who gets a center. All
return as many counts as there are classes, in the caller's order, summing to ``f * K``.
"""

import heapq
import math
import operator
from collections.abc import Callable, Sequence
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
    # 1 / priority^2 = n^2 a (a + 1) is an integer, so comparisons are exact.
    return _handed_out(len(sizes), mean, lambda k, a: sizes[k] ** 2 * a * (a + 1))


def _handed_out(n_classes: int, mean: int, price: Callable[[int, int], float]) -> tuple[int, ...]:
    r"""One center for every class, and the others one at a time to the lowest price(k, centers), the first if tied.

    Prices must be :math:`w_k a (a + 1)`. Fewer than :math:`\sqrt{\lambda / w_k}` of class k are below
    :math:`\lambda`, and all but one of these are: with :math:`\lambda` such that these roots add up to
    what there is to hand out, all those are given at once, and at most 2 K one at a time.
    """
    spare = (mean - 1) * n_classes
    roots = [price(k, 1) ** -0.5 for k in range(n_classes)]
    scale = spare * (1.0 - 1e-12) / sum(roots)  # rounding must not give one too many
    counts = [max(1, int(scale * root)) for root in roots]
    queue = [(price(k, count), k) for k, count in enumerate(counts)]
    heapq.heapify(queue)
    for _ in range(spare + n_classes - sum(counts)):
        _, k = queue[0]
        counts[k] += 1
        heapq.heapreplace(queue, (price(k, counts[k]), k))
    return tuple(counts)


def centers_for_margin(margin: float, theta: float) -> float:
    r"""Number of centers, not rounded, at which a collapsed class has a margin under RCR.

    At its mean center a feature's score for its own class is :math:`\cos\rho_k = \sin\theta / c_k`, and 0 for every
    other, :math:`c_k^2 = \sin^2\theta + \cos^2\theta / f_k`. That is :math:`\gamma` for

    .. math:: f = \cot^2\theta\, \frac{\gamma^2}{1 - \gamma^2}.

    Parameters
    ----------
    margin : gamma in [0, 1).
    theta : radians in (0, pi/2]; at its end every class has margin 1, and no center is needed for a smaller one.

    Raises
    ------
    ValueError : a number out of range.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"margin={margin} must be in [0, 1): it is a cosine")
    if not 0 < theta <= math.pi / 2:
        raise ValueError(f"theta={theta} must be in (0, pi/2] radians: at 0 no class has a margin")
    return margin**2 / ((1.0 - margin**2) * math.tan(theta) ** 2)


def margin_centers(class_sizes: Sequence[int], f: int, theta: float) -> tuple[int, ...]:
    r"""Centers per class that give collapsed classes the margins of LDAM (Cao et al. 2019) under RCR.

    LDAM's margins are :math:`\gamma_k = C n_k^{-1/4}`. By :func:`centers_for_margin` they take, where the rarest class
    has :math:`f_1` centers,

    .. math:: f_k = \frac{q_k f_1}{1 + f_1 \tan^2\theta\, (1 - q_k)}, \qquad q_k = \sqrt{n_1 / n_k},

    and :math:`f_1` is such that they are f on average. A small theta makes that :math:`f_k \propto n_k^{-1/2}`, between
    :func:`apportioned` and the same for all; a large one gives nearly everything to the rarest class; at theta = 0.2
    and f = 20 it comes close to :func:`class_aware`. Rounded as :func:`apportioned` is: counts never increase with the
    class size, and equal sizes differ by at most one.

    Parameters, returns and errors are those of :func:`class_aware`; ``theta`` is in radians, in [0, pi/2].

    Examples
    --------
    >>> margin_centers((5000, 500, 50), f=20, theta=0.2)
    (2, 7, 51)
    """
    exact = exact_margin_centers(class_sizes, f, theta)
    return _handed_out(len(exact), f, lambda k, a: a * (a + 1) / exact[k] ** 2)


def exact_margin_centers(class_sizes: Sequence[int], f: int, theta: float) -> list[float]:
    r"""The numbers of :func:`margin_centers` before rounding, K floats > 0 with sum f K.

    Rounding cannot go below 1. So where a class wants much less than one center its margin, at least
    :math:`\sin\theta`, is larger than its share: no centers at this angle have LDAM's margins.

    Examples
    --------
    >>> [round(f, 2) for f in exact_margin_centers((5000, 500, 50), f=20, theta=0.2)]
    [1.77, 6.66, 51.57]
    >>> [round(f, 2) for f in exact_margin_centers((5000, 500, 50), f=20, theta=0.8)]
    [0.1, 0.43, 59.47]
    """
    sizes, mean = _validated(class_sizes, f)
    if not 0 <= theta <= math.pi / 2:
        raise ValueError(f"theta={theta} is outside [0, pi/2]")
    shares = [math.sqrt(min(sizes) / n) for n in sizes]

    def wanted(rarest: float) -> list[float]:
        return [q * rarest / (1.0 + rarest * math.tan(theta) ** 2 * (1.0 - q)) for q in shares]

    total = mean * len(sizes)
    from scipy.optimize import brentq  # here: it takes long to load

    return wanted(brentq(lambda rarest: sum(wanted(rarest)) - total, mean, total, xtol=1e-12 * total))
