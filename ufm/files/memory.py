"""Refusing what would not fit, before anything is allocated."""

import os
import resource


def available() -> int:
    """Bytes this process may hope to use: physical memory, or its address-space limit if that is smaller."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return physical if limit == resource.RLIM_INFINITY else min(physical, limit)


def readable(n_bytes: float) -> str:
    """``n_bytes`` with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.3g} TiB"


def require(n_bytes: int, what: str, advice: str) -> None:
    """Raise MemoryError saying how much ``what`` needs and what to change, unless it fits."""
    limit = available()
    if n_bytes > limit:
        raise MemoryError(f"{what} needs {readable(n_bytes)} of {readable(limit)} here: {advice}")
