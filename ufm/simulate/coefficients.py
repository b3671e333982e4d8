"""Coefficients of the Taylor series of :mod:`ufm.simulate.series`: one from those before it, in registers.

Series are tuples of numbers, whose lengths a compiler knows: what stands here is unrolled for each of them.
"""

from typing import Any

from ufm.files.compiled import by_type

ORDER = 12
"""Of the series: higher orders take longer steps and more work for each, and around this it is all the same."""

LANES = 16
"""Samples side by side: enough to fill the registers of any processor."""


def product(a: Any, b: Any) -> Any:
    """The last coefficient of the product of two series that are given as far as that: sum of a_i b_(k-i)."""


def square(a: Any) -> Any:
    """The last coefficient of the square of a series."""


def velocities(b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
    """Coefficients of V from those of B, G and V that are known and the ones before of P."""


def put(terms: Any, lane: Any, v: Any) -> Any:
    """Write s_k = V_(k-1) / k into the terms of a lane."""


@by_type(product)
def _product(a: Any, b: Any) -> Any:
    if len(a) == 1:
        return lambda a, b: a[0] * b[0]
    return lambda a, b: a[0] * b[-1] + product(a[1:], b[:-1])


@by_type(square)
def _square(a: Any) -> Any:
    if len(a) <= 2:
        return (lambda a: a[0] * a[0]) if len(a) == 1 else lambda a: 2.0 * (a[0] * a[1])
    return lambda a: 2.0 * (a[0] * a[-1]) + square(a[1:-1])


@by_type(velocities)
def _velocities(b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
    if len(v) == ORDER:
        return lambda b, g, v, p, near, pull: v
    share = -1.0 / len(v)

    def longer(b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
        known = (*p, b[-1] - square(b))
        b_k = share * product(known, v)
        g_k = share * pull * (g[-1] - square(g))
        b, g = (*b, b_k), (*g, g_k)
        return velocities(b, g, (*v, near * b_k + pull * (g_k - 2.0 * product(g, b))), known, near, pull)

    return longer


@by_type(put)
def _put(terms: Any, lane: Any, v: Any) -> Any:
    if len(v) == 0:
        return lambda terms, lane, v: None
    k, share = len(v), 1.0 / len(v)

    def last_first(terms: Any, lane: Any, v: Any) -> Any:
        terms[k * LANES + lane] = share * v[-1]
        put(terms, lane, v[:-1])

    return last_first
