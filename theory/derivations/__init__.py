"""Proofs by sympy, one module per result: every step is checked when it is taken.

``derive("angles")`` runs one and returns its steps and closed forms. The closed forms are what the numpy of
:mod:`theory` computes; tests compare the two at 50 digits.
"""

import functools
import importlib

from theory.derivations.proof import Proof

NAMES = (
    "angles",
    "cosine_gradient",
    "cosine_minimum",
    "cosine_hessian",
    "radius_clock",
    "reduced_flow",
    "collapse_speed",
    "mse_fixed",
    "mse_learned",
    "mse_flow",
    "gcr",
    "surrogate",
)


@functools.cache
def derive(name: str) -> Proof:
    """Run the derivation of a module of this package. Raises :class:`theory.derivations.proof.Refuted`."""
    if name not in NAMES:
        raise ValueError(f"derivation {name!r} is unknown: {', '.join(NAMES)}")
    proof: Proof = importlib.import_module(f"theory.derivations.{name}").derive()
    return proof
