"""Keeping BLAS from starting threads that cost more than they bring."""

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController

LARGE = 1_000_000
"""Numbers in a matrix from which BLAS's own threads pay; below, they mostly wait for one another."""


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread(size: int = 0) -> AbstractContextManager[object]:
    """A context in which BLAS has one thread, unless matrices of ``size`` numbers are large."""
    limit = None if size >= LARGE else 1
    context: AbstractContextManager[object] = _controller().limit(limits=limit, user_api="blas")
    return context
