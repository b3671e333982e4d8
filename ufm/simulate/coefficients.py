"""Coefficients of the Taylor series of :mod:`ufm.simulate.series`: one from those before it, in registers.

What :func:`put` does is written out, one line a coefficient, by the formulas there: loops over coefficients would keep
them in memory, and recursion over tuples of known lengths takes numba three times as long to compile.
"""

from typing import Any

from ufm.files.compiled import inlined

ORDER = 12
"""Of the series: higher orders take longer steps and more work for each, and around this it is all the same."""

LANES = 16
"""Samples side by side: enough to fill the registers of any processor."""


def product(a: str, b: str, k: int) -> str:
    """Coefficient k of the product of two series: sum of a_i b_(k-i), the last terms first."""
    return " + (".join(f"{a}{i} * {b}{k - i}" for i in range(k + 1)) + ")" * k


def square(a: str, k: int) -> str:
    """Coefficient k of the square of a series."""
    pairs = [f"2.0 * ({a}{i} * {a}{k - i})" for i in range((k + 1) // 2)] + [f"{a}{k // 2} * {a}{k // 2}"] * (1 - k % 2)
    return " + (".join(pairs) + ")" * (len(pairs) - 1)


def source() -> str:
    """The code of :func:`put`."""
    lines = ["def put(terms, lane, b0, g0, v0, near, pull):"]
    for k in range(1, ORDER):
        lines += [
            f"p{k - 1} = b{k - 1} - ({square('b', k - 1)})",
            f"b{k} = {-1.0 / k!r} * ({product('p', 'v', k - 1)})",
            f"g{k} = {-1.0 / k!r} * pull * (g{k - 1} - ({square('g', k - 1)}))",
            f"v{k} = near * b{k} + pull * (g{k} - 2.0 * ({product('g', 'b', k)}))",
        ]
    return "\n    ".join(lines + [f"terms[{k * LANES} + lane] = {1.0 / k!r} * v{k - 1}" for k in range(1, ORDER + 1)])


_written: dict[str, Any] = {}
exec(source(), _written)
put = inlined(_written["put"])
"""Write the terms s_k = V_(k-1) / k of a lane, from B, G and V at its beginning, b and sigma."""
