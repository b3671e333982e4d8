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


def put(terms: Any, lane: Any, b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
    """Write s_k = V_(k-1) / k into the terms of a lane, from coefficients of B, G and V and the ones before of P."""


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


@by_type(put)
def _put(terms: Any, lane: Any, b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
    k, own, share = len(v), 1.0 / len(v), -1.0 / len(v)
    if k == ORDER:

        def last(terms: Any, lane: Any, b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
            terms[k * LANES + lane] = own * v[-1]

        return last

    def longer(terms: Any, lane: Any, b: Any, g: Any, v: Any, p: Any, near: Any, pull: Any) -> Any:
        terms[k * LANES + lane] = own * v[-1]
        known = (*p, b[-1] - square(b))
        b_k = share * product(known, v)
        g_k = share * pull * (g[-1] - square(g))
        b, g = (*b, b_k), (*g, g_k)
        put(terms, lane, b, g, (*v, near * b_k + pull * (g_k - 2.0 * product(g, b))), known, near, pull)

    return longer
