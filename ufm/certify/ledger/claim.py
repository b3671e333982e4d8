"""What an entry of the ledger is: a statement, where it stands, what we find of it, and how to see that."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify.report import Check, Relation
from ufm.measure.montecarlo import Estimate

if TYPE_CHECKING:
    from theory.derivations.proof import Proof

Verdict = Literal["holds", "corrected", "fails", "new"]
MEANING: Mapping[Verdict, str] = {
    "holds": "holds",
    "corrected": "holds as corrected",
    "fails": "fails as printed",
    "new": "new",
}
Evidence = Iterator[Check]
"""What evidence is: checks, one after another."""


def compare(
    name: str,
    means: str,
    found: ArrayLike,
    stated: ArrayLike,
    *,
    absolute: ArrayLike = 0.0,
    relative: float = 0.0,
    relation: Relation = "=",
    printed: ArrayLike | None = None,
) -> Check:
    """:meth:`ufm.Check.compare` as evidence has it: what was found, and by what means, next to what the claim says."""
    allowed: dict[str, Any] = {"absolute": absolute, "relative": relative, "relation": relation}
    return Check.compare(name, "", stated, found, **allowed, printed=printed, means=means)


def sampled(
    name: str,
    estimate: Estimate,
    stated: ArrayLike,
    *,
    relation: Relation = "=",
    printed: ArrayLike | None = None,
) -> Check:
    """The same of what was found by Monte Carlo, which must agree within four standard errors."""
    allowed: Any = 4.0 * estimate.standard_error
    return compare(name, drawn(estimate), estimate.mean, stated, absolute=allowed, relation=relation, printed=printed)


def drawn(estimate: Estimate) -> str:
    """The means of whatever rests on draws: how many, and their standard error."""
    return f"Monte Carlo, {estimate.n:.0e} draws, standard error {np.max(estimate.standard_error):.1e}"


class Examination(NamedTuple):
    """What became of a claim when its evidence was computed."""

    checks: tuple[Check, ...]
    refuted: str | None
    """The step of its derivations that sympy does not find to be true, if any."""
    reproduced: bool


@dataclass(frozen=True)
class Claim:
    """One statement: the file that it is found in gives statement and evidence, and sets down the rest as ``CLAIM``.

    Attributes
    ----------
    id : its name in the ledger; the file is named the same, with _ for - and .
    section : what it is about; sections that are new come last.
    latex : the formula.
    hypotheses : what is assumed.
    verdict : "holds", "corrected", "fails" or "new"; :data:`MEANING` spells them out.
    source : where it stands in the paper, or "new".
    printed : the paper's formula, as printed, where it differs.
    derivations : modules of :mod:`theory.derivations` that prove it.
    functions : dotted names of the numpy that computes it.
    tests : "path::name" of the tests that hold it.
    statement : in plain words, as we find it to be true; for "fails", what the paper says and what is true.
    evidence : computes checks, with numbers that are found by means that do not know the formula.
    """

    id: str
    section: str
    latex: str
    hypotheses: str
    verdict: Verdict = "new"
    source: str = "new"
    printed: str | None = None
    derivations: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    statement: str = ""
    evidence: Callable[[], Iterable[Check]] = tuple

    def proofs(self) -> tuple["Proof", ...]:
        """Its derivations, run. Raises :class:`theory.derivations.proof.Refuted`."""
        from theory.derivations import derive

        return tuple(derive(name) for name in self.derivations)

    def examine(self) -> Examination:
        """Run derivations and evidence, and see whether they bear out the verdict.

        A claim is reproduced if every step of its derivations and every check holds; for "corrected" and "fails"
        every formula of the paper that was evaluated must also disagree with what was found, and one must have been.
        """
        from theory.derivations.proof import Refuted

        try:
            self.proofs()
            refuted = None
        except Refuted as error:
            refuted = str(error)
        checks = tuple(replace(check, source=self.source) for check in self.evidence())
        printed = [check for check in checks if check.printed is not None]
        wrong = bool(printed) and all(check.refutes for check in printed)
        expected = self.verdict in ("corrected", "fails")
        good = bool(checks) and all(check.holds for check in checks)
        reproduced = refuted is None and good and wrong == expected
        return Examination(checks, refuted, reproduced)

    def summary(self, examination: Examination | None) -> dict[str, Any]:
        """id, source, statement, verdict, and whether it was reproduced (None where it was not examined)."""
        plain = {name: getattr(self, name) for name in ("id", "source", "statement", "verdict")}
        return plain | {"reproduced": None if examination is None else examination.reproduced}

    def details(self, examination: Examination) -> dict[str, Any]:
        """The summary, and everything else as plain values."""
        plain = {name: getattr(self, name) for name in ("section", "latex", "printed", "hypotheses")}
        findings = [{WORDS.get(name, name): getattr(check, name) for name in SHOWN} for check in examination.checks]
        return self.summary(examination) | plain | {"refuted": examination.refuted, "findings": findings}


SHOWN = ("name", "means", "measured", "predicted", "tolerance", "relation", "printed", "holds")
WORDS = {"measured": "found", "predicted": "stated"}
"""What is said of each check of a claim, and where the ledger has words of its own."""
