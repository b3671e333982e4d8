"""Functions compiled to machine code, once a machine: numba keeps them beside their source or in the user's cache.

Whoever uses this imports numba, which takes a third of a second: import it where the first number is needed.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.extending import overload

F = TypeVar("F", bound=Callable[..., Any])

_ARITHMETIC: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
"""Threads side by side; 1/0 is infinite; a product and a sum may be one operation. No other freedom."""


def compiled(function: F) -> F:
    """Compile at the first call. Where nothing can be kept, as on a read-only disk, each process compiles anew."""
    try:
        return cast(F, njit(cache=True, **_ARITHMETIC)(function))
    except RuntimeError:  # numba found no folder to write to
        return cast(F, njit(**_ARITHMETIC)(function))


def inlined(function: F) -> F:
    """Compile into each compiled function that calls this one: for what is called so often that a call costs."""
    return cast(F, njit(forceinline=True, **_ARITHMETIC)(function))


def by_type(function: Callable[..., Any]) -> Callable[[F], F]:
    """Decorate what chooses, from the types of the arguments, the code that compiled calls of ``function`` become.

    A tuple's type says how long it is, so a recursion over shorter and shorter tuples unrolls into straight code.
    """

    def register(choose: F) -> F:
        choose.__annotations__ = {}  # numba compares both signatures, annotations included

        @functools.wraps(choose)
        def chosen(*types: Any) -> Any:
            code = choose(*types)
            code.__annotations__ = {}
            return code

        return cast(F, overload(function, jit_options=_ARITHMETIC | {"forceinline": True})(chosen))

    return register
