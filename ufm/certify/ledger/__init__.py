"""The ledger: every claim of the paper, and every new one, with a verdict and the evidence for it.

``LEDGER["theorem-3.4"].examine(ufm.certify.laboratory)`` runs the sympy derivations of one claim and computes its
evidence: numbers found by means that do not know the formula, next to the formula, and next to what the paper prints
where that differs. ``ufm claims`` is the same from the command line, and CLAIMS.md is the ledger to read.

What a claim says is in ledger.toml; the modules of this package hold the evidence, by the ids used there.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from ufm.certify.ledger import angles, decisions, dynamics, errata, optima
from ufm.certify.ledger.claim import MEANING, Claim, Evidence, Examination, Finding, Laboratory

__all__ = ["LEDGER", "MEANING", "Claim", "Examination", "Finding", "Laboratory"]


def _load() -> dict[str, Claim]:
    evidence: dict[str, Evidence] = {}
    for module in (angles, optima, dynamics, decisions, errata):
        evidence |= module.EVIDENCE
    text = resources.files(__name__).joinpath("ledger.toml").read_text(encoding="utf-8")
    claims = {}
    for entry in tomllib.loads(text)["claim"]:
        # prose is wrapped in the file; lists are references
        fields: dict[str, Any] = {
            key: " ".join(value.split()) if isinstance(value, str) else tuple(value) for key, value in entry.items()
        }
        claims[entry["id"]] = Claim(**fields, evidence=evidence[entry["id"]])
    return claims


LEDGER: Mapping[str, Claim] = _load()
"""All claims by id, in the order in which they are read."""
