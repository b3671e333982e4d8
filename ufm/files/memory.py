"""Refusing what would not fit or not end, before anything is allocated."""

import os
import resource
import warnings

NOTICED, ENDLESS = 60.0, 7 * 86400.0
"""Seconds: what takes longer than the first is said before, what takes longer than the second is refused."""


class DoesNotFit(MemoryError):
    """What would need more memory than there is, found before it was begun."""


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
    """Raise DoesNotFit saying how much ``what`` needs and what to change, unless it fits."""
    limit = available()
    if n_bytes > limit:
        raise DoesNotFit(f"{what} needs {readable(n_bytes)} of {readable(limit)} here: {advice}")


def readable_time(seconds: float) -> str:
    """``seconds`` in the unit that suits them."""
    for unit, size in (("years", 365 * 86400.0), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"


def require_time(seconds: float, what: str, advice: str) -> None:
    """Warn of what will take long by an estimate; raise ValueError for what nobody waits for."""
    said = f"{what} takes about {readable_time(seconds)}: {advice}"
    if seconds > ENDLESS:
        raise ValueError(said)
    if seconds > NOTICED:
        warnings.warn(said, stacklevel=3)
