"""What an entry of the ledger is: a statement, where it stands, what we find of it, and how to see that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from theory.derivations import derive
from theory.derivations.proof import Proof, Refuted
from theory.multicenter.geometry import Array

Verdict = Literal["holds", "corrected", "fails", "new"]
MEANING: Mapping[Verdict, str] = {
    "holds": "holds",
    "corrected": "holds as corrected",
    "fails": "fails as printed",
    "new": "new",
}
Relation = Literal["=", "<=", ">="]
Fields = Mapping[str, Any]
"""Arguments of an unconstrained-feature problem: class_sizes, centers, theta, and what differs from the defaults."""


class Laboratory(Protocol):
    """Simulations that know no formula: what evidence compares formulas with.

    :mod:`ufm.certify.laboratory` is one; theory does not import it, so that neither side can copy from the other.
    """

    def geometry(self, problem: Fields) -> Any:
        """Measured angles of a frame: mean, alignment, spread, length; (K,)."""
        ...

    def flow(self, problem: Fields, times: ArrayLike, *, scale: float = 1.0, start: str = "gaussian") -> Any:
        """Integrate the flow in all d dimensions: x, y, z, r, turn, nc; (times, samples).

        x is the cosine with the mean center, y and z the lengths of the unit feature's parts in the differences of
        the centers and outside, r the norm, turn the angle by which these parts have turned, as 1 - cosine.
        """
        ...

    def null_space_memory(self, problem: Fields) -> tuple[Array, Array]:
        """NC at the very end of P's flow, and the length of each start's part that no center sees; (N,)."""
        ...

    def descent_defect(self, problem: Fields, *, momentum: float) -> float:
        """Largest difference between steps of descent in d dimensions and in the reduced coordinates."""
        ...

    def minimum(self, problem: Fields, seed: int) -> float:
        """Smallest objective on a frame drawn with a seed."""
        ...

    def ends(self, problem: Fields, n_starts: int) -> Any:
        """Where minimisers end: nc, norm, value; (K, n_starts)."""
        ...

    def learned_ends(self, problem: Fields, n_starts: int) -> Any:
        """The same for P with a learned frame: square_norms, feature_norms (n_starts, K), value, nc (n_starts,)."""
        ...

    def trained_together(self, problem: Fields, times: ArrayLike) -> Any:
        """Flow of a learned frame with the features of all samples: curves nc, defect, moved, ...; value (times,)."""
        ...

    def free_centers(self, problem: Fields) -> Any:
        """Descent over unit centers without orthogonality, classes close to each other: value, between."""
        ...

    def critical_points(self, problem: Fields, n_starts: int) -> Sequence[Any]:
        """Zeros of the gradient: k, nc, lowest and highest curvature."""
        ...

    def choice_rates(self, problem: Fields, rule: str, *, noise: float = 1.0, mean_centers: bool = False) -> Any:
        """How often a rule gives hard-to-predict features to each class: mean, standard_error (K,)."""
        ...

    def accuracy(self, problem: Fields, rule: str, probabilities: Sequence[float]) -> Any:
        """How often a rule is right on hard-to-predict features: mean, standard_error."""
        ...

    def preference(self, problem: Fields, lead: float, noise: float) -> Any:
        """How often GCR prefers class 0 to class 1 at a given lead under RCR: mean, standard_error."""
        ...


@dataclass(frozen=True)
class Finding:
    """One number that was found, next to what the claim says it is.

    Attributes
    ----------
    name : what the number is.
    means : how it was found.
    found, stated, tolerance : numbers; the tolerance is absolute.
    relation : in which ``found`` stands to ``stated`` if the claim is right.
    printed : what the paper's formula gives in place of ``stated``, where the two differ.
    """

    name: str
    means: str
    found: float
    stated: float
    tolerance: float
    relation: Relation = "="
    printed: float | None = None

    def _agrees(self, value: float) -> bool:
        gap = self.found - value
        if self.relation == "=":
            return bool(abs(gap) <= self.tolerance)
        return bool(gap <= self.tolerance if self.relation == "<=" else -gap <= self.tolerance)

    @property
    def holds(self) -> bool:
        """Whether the statement agrees with what was found."""
        return self._agrees(self.stated)

    @property
    def refutes(self) -> bool:
        """Whether what the paper prints disagrees with what was found."""
        return self.printed is not None and not self._agrees(self.printed)


def compare(
    name: str,
    means: str,
    found: ArrayLike,
    stated: ArrayLike,
    *,
    tolerance: ArrayLike = 0.0,
    relative: float = 0.0,
    relation: Relation = "=",
    printed: ArrayLike | None = None,
) -> Finding:
    """A finding of arrays (broadcast): of the entry that is worst in units of its tolerance.

    With ``printed`` of the entry that tells the two formulas apart best, provided that all others agree.
    """
    truth, ours = np.asarray(found, dtype=np.float64), np.asarray(stated, dtype=np.float64)
    theirs = np.full(truth.shape, np.nan) if printed is None else np.asarray(printed, dtype=np.float64)
    allowed = np.asarray(tolerance, dtype=np.float64) + relative * np.abs(ours)
    truth, ours, theirs, allowed = (a.ravel() for a in np.broadcast_arrays(truth, ours, theirs, allowed))
    signed = {"=": np.abs(truth - ours), "<=": truth - ours, ">=": ours - truth}[relation]
    excess = np.where(np.isnan(signed), np.inf, signed) / np.maximum(allowed, np.finfo(float).tiny)
    place = int(np.argmax(excess))
    if printed is not None and np.all(signed <= allowed):
        place = int(np.argmax(np.abs(truth - theirs)))
    other = None if printed is None else float(theirs[place])
    return Finding(name, means, float(truth[place]), float(ours[place]), float(allowed[place]), relation, other)


def sampled(name: str, estimate: Any, stated: ArrayLike, *, printed: ArrayLike | None = None) -> Finding:
    """A finding by Monte Carlo, which must agree within four standard errors."""
    means = f"Monte Carlo, {estimate.n:.0e} draws, standard error {np.max(estimate.standard_error):.0e}"
    return compare(name, means, estimate.mean, stated, tolerance=4.0 * estimate.standard_error, printed=printed)


Evidence = Callable[[Laboratory], Iterable[Finding]]


class Examination(NamedTuple):
    """What became of a claim when its evidence was computed."""

    findings: tuple[Finding, ...]
    refuted: str | None
    """The step of its derivations that sympy does not find to be true, if any."""
    reproduced: bool


@dataclass(frozen=True)
class Claim:
    """One statement.

    Attributes
    ----------
    id : its name in the ledger.
    section : what it is about.
    statement : in plain words, as we find it to be true; for "fails", what the paper says and what is true.
    latex : the formula.
    source : where it stands in the paper, or "new".
    hypotheses : what is assumed.
    verdict : "holds", "corrected", "fails" or "new"; :data:`MEANING` spells them out.
    printed : the paper's formula, as printed, where it differs.
    evidence : computes findings; run with a laboratory.
    derivations : modules of :mod:`theory.derivations` that prove it.
    functions : dotted names of the numpy that computes it.
    tests : "path::name" of the tests that hold it.
    """

    id: str
    section: str
    statement: str
    latex: str
    source: str
    hypotheses: str
    verdict: Verdict
    evidence: Evidence
    derivations: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    printed: str | None = None

    def proofs(self) -> tuple[Proof, ...]:
        """Its derivations, run. Raises :class:`theory.derivations.proof.Refuted`."""
        return tuple(derive(name) for name in self.derivations)

    def examine(self, laboratory: Laboratory) -> Examination:
        """Run derivations and evidence, and see whether they bear out the verdict.

        A claim is reproduced if every step of its derivations and every finding holds; for "corrected" and "fails"
        every formula of the paper that was evaluated must also disagree with what was found, and one must have been.
        """
        try:
            self.proofs()
            refuted = None
        except Refuted as error:
            refuted = str(error)
        findings = tuple(self.evidence(laboratory))
        printed = [finding for finding in findings if finding.printed is not None]
        wrong = bool(printed) and all(finding.refutes for finding in printed)
        expected = self.verdict in ("corrected", "fails")
        good = bool(findings) and all(finding.holds for finding in findings)
        reproduced = refuted is None and good and wrong == expected
        return Examination(findings, refuted, reproduced)

    def summary(self, examination: Examination | None) -> dict[str, Any]:
        """id, source, statement, verdict, and whether it was reproduced (None where it was not examined)."""
        plain = {name: getattr(self, name) for name in ("id", "source", "statement", "verdict")}
        return plain | {"reproduced": None if examination is None else examination.reproduced}

    def details(self, examination: Examination) -> dict[str, Any]:
        """The summary, and everything else as plain values."""
        plain = {name: getattr(self, name) for name in ("section", "latex", "printed", "hypotheses")}
        findings = [asdict(f) | {"holds": f.holds} for f in examination.findings]
        return self.summary(examination) | plain | {"refuted": examination.refuted, "findings": findings}
