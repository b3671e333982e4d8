"""Keeping BLAS from starting threads that cost more than they bring."""

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

LARGE = 1_000_000
"""Numbers in a matrix from which BLAS's own threads pay; below, they mostly wait for one another."""


_controller = functools.cache(ThreadpoolController)
"""One for all: making it looks through every library that is loaded."""


def one_thread(size: int = 0) -> AbstractContextManager[object]:
    """A context in which BLAS has one thread, unless matrices of ``size`` numbers are large."""
    limit = None if size >= LARGE else 1
    context: AbstractContextManager[object] = _controller().limit(limits=limit, user_api="blas")
    return context
