"""The theorems of the zoo, each examined once a run however many tests look at the outcome."""

import functools

from ufm.certify import zoo


@functools.cache
def examined_theorem(name: str) -> zoo.Examined:
    """All cases of a theorem, solved and held against it."""
    return zoo.examine(zoo.find(name))
