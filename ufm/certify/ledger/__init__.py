"""The ledger: every claim of the paper, and every new one, with a verdict and the evidence for it.

``ledger()["theorem-3.4"].examine()`` runs the sympy derivations of one claim and computes its evidence: numbers found
by means that do not know the formula, next to the formula, and next to what the paper prints where that differs.
``ufm claims`` is the same from the command line, and CLAIMS.md is the ledger to read.

A claim is one file of ``claims``, with all that is to be said of it. The modules next to that folder hold what several
of them share: problems to look at, simulations, and slow ways to a number.
"""

import re
from dataclasses import replace
from types import ModuleType
from typing import Any

from ufm.certify.ledger import claims
from ufm.certify.ledger.claim import MEANING, Claim, Examination
from ufm.files.folder import modules_in
from ufm.files.text import suggestion

__all__ = ["MEANING", "Claim", "Examination", "ledger"]

SECTIONS = ("The frame", "Minimisers", "Gradients and flows", "Decisions", "Errata")
"""In the order in which they are read; others follow by name."""


def ledger() -> dict[str, Claim]:
    """All claims by id, in the order in which they are read: what lies in the folder now.

    Raises
    ------
    ValueError : naming a file of the folder that states no claim, and what it lacks.
    """
    found = [_stated(module) for module in modules_in(claims).values()]
    return {claim.id: claim for claim in sorted(found, key=_place)}


def _stated(module: ModuleType) -> Claim:
    """What a file of the folder states, each text on one line however it is wrapped there."""
    for part in ("__doc__", "CLAIM", "evidence"):
        if getattr(module, part, None) is None:
            raise ValueError(f"{module.__file__} states no claim: it lacks {part}")
    claim = replace(module.CLAIM, statement=module.__doc__, evidence=module.evidence)
    if module.__name__.rpartition(".")[2] != re.sub("[-.]", "_", claim.id):
        raise ValueError(f"{module.__file__}: id={claim.id!r} belongs in a file named as it, with _ for - and .")
    if claim.verdict not in MEANING:
        raise ValueError(f"{module.__file__}: verdict={claim.verdict!r} is unknown{suggestion(claim.verdict, MEANING)}")
    texts: dict[str, Any] = {name: value for name, value in vars(claim).items() if isinstance(value, str)}
    return replace(claim, **{name: " ".join(text.split()) for name, text in texts.items()})


def _place(claim: Claim) -> tuple[int, str, list[str | int]]:
    """Section, and within it the id, with numbers by their value: erratum-2 comes before erratum-10."""
    section = SECTIONS.index(claim.section) if claim.section in SECTIONS else len(SECTIONS)
    parts = re.split(r"(\d+)", claim.id)
    return section, claim.section, [int(part) if part.isdigit() else part for part in parts]
