"""Proofs by sympy, one module per result: every step is checked when it is taken.

``derive("angles")`` runs one and returns its steps and closed forms. The closed forms are what the numpy of
:mod:`theory` computes; tests compare the two at 50 digits. A module that is put here, with a function ``derive`` that
returns a :class:`~theory.derivations.proof.Proof`, is found.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping

from theory.derivations.proof import Proof


def derivations() -> Mapping[str, Callable[[], Proof]]:
    """The derivations that lie here, by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: module.derive for name, module in modules.items() if hasattr(module, "derive")}


def derive(name: str) -> Proof:
    """Run a derivation, once. Raises ValueError for an unknown name, :class:`theory.derivations.proof.Refuted`."""
    known = derivations()
    if name not in known:
        raise ValueError(f"derivation {name!r} is unknown: {', '.join(known)}")
    return _run(known[name])


@functools.cache
def _run(derivation: Callable[[], Proof]) -> Proof:
    return derivation()
