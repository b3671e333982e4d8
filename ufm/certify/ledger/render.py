"""The ledger as text: a list, a page for one claim, and the document CLAIMS.md, whose second part is the zoo."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ufm.certify.ledger.claim import MEANING, Claim, Examination, Verdict
from ufm.certify.ledger.questions import QUESTIONS, Question
from ufm.certify.report import Check
from ufm.certify.zoo import Examined
from ufm.files.text import columns
from ufm.minimize.learned import CLOSED

if TYPE_CHECKING:
    from theory.derivations.proof import Proof

PREAMBLE = """\
Every statement of *Neural Collapse To Multiple Centers For Imbalanced Data* (Yan, Qian, Peng, Luo, Zhu, Li; NeurIPS
2024) that the toolkit relies on, and every one that it adds. A claim counts as reproduced if each step of its
derivation is found true by sympy, and each number of its evidence, found by means that do not know the formula
(simulation, optimisation, quadrature, enumeration), agrees with the formula. For claims that the paper gets wrong both
formulas are evaluated, and the printed one must disagree.
"""

SMALL = f"{CLOSED:.0e}".replace("-0", "-")
"""Below what a gap is closed."""

ZOO = f"""\
What the field has proved of where training ends under weight decay, if features are free: a theorem each. It counts as
reproduced if a solver that knows none of these formulas agrees with it in every case, on both sides of each threshold,
with the gap between the minimum and its lower bound closed, below {SMALL}, wherever such a bound is known; and if a
case that breaks one of the hypotheses does not agree. "{MEANING["new"].capitalize()}" says that a part of the statement
is derived here: the source tells which, and the rest is that of the paper.
"""


def listing(claims: Iterable[Claim], reproduced: Mapping[str, bool] | None = None) -> str:
    """One line per claim: id, verdict, source, and whether its evidence was reproduced if that was checked."""
    rows = [("", "claim", "verdict", "source")]
    for claim in claims:
        mark = "" if reproduced is None else "ok" if reproduced[claim.id] else "NO"
        rows.append((mark, claim.id, MEANING[claim.verdict], claim.source))
    return "\n".join(columns(rows))


def page(claim: Claim, examination: Examination, *, unicode: bool = True) -> str:
    """Everything about one claim: statement, derivations step by step (in Unicode or ASCII art), evidence."""
    lines = [
        f"{claim.id}: {MEANING[claim.verdict]} ({claim.source})",
        "",
        *wrapped(claim.statement),
        "",
        f"    {claim.latex}",
    ]
    if claim.printed is not None:
        lines += ["", "As printed:", f"    {claim.printed}"]
    lines += ["", *wrapped(f"Hypotheses: {claim.hypotheses}")]
    if examination.refuted is None:
        for proof in claim.proofs():
            lines += ["", *derivation(proof, unicode)]
    else:
        lines += ["", f"A DERIVATION FAILS: {examination.refuted}"]
    lines += ["", "Evidence", "", *evidence(examination.checks)]
    for title, names in (("Computed by", claim.functions), ("Held by", claim.tests)):
        if names:
            lines += ["", title, *(f"    {name}" for name in names)]
    lines += ["", "reproduced" if examination.reproduced else "NOT REPRODUCED"]
    return "\n".join(lines)


def wrapped(text: str) -> list[str]:
    """Lines of a paragraph, none of which begins as a list, a quotation or a heading does."""
    lines = textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)
    return [re.sub(r"^(?=[-+>=#])", r"\\", line) for line in lines]


def derivation(proof: "Proof", unicode: bool) -> list[str]:
    """The steps of a proof, numbered, as lines."""
    import sympy

    lines = [f"Derivation: {proof.title}"]
    for number, step in enumerate(proof.steps, 1):
        lines += ["", *textwrap.wrap(step.text, 100, initial_indent=f"{number:3}. ", subsequent_indent="     ")]
        formula = sympy.pretty(step.formula, use_unicode=unicode, wrap_line=False)
        lines += [f"        {row}".rstrip() for row in formula.split("\n")]
    return lines


def evidence(checks: Sequence[Check]) -> list[str]:
    """A table of checks; a last column says what the paper prints where it differs."""
    printed = any(check.printed is not None for check in checks)
    rows = [("", "", "found", "", "stated", "tolerance", *(["printed"] if printed else []), "found by")]
    for c in checks:
        cells = ["ok" if c.holds else "NO", c.name, f"{c.measured:.6g}", c.relation, f"{c.predicted:.6g}"]
        cells.append(f"{c.tolerance:.0e}")
        if printed:
            cells.append("" if c.printed is None else f"{c.printed:.6g}" + ("" if c.refutes else " (agrees!)"))
        rows.append((*cells, c.means))
    return columns(rows)


def document(
    claims: Sequence[Claim], examinations: Mapping[str, Examination], theorems: Sequence[Examined] = ()
) -> str:
    """CLAIMS.md: the ledger as a short paper.

    Parameters
    ----------
    claims : the first part.
    examinations : of the claims that the paper gets wrong, by id.
    theorems : the second part, with what became of their cases.
    """
    lines = [
        "# The ledger of claims",
        "",
        "<!-- Generated by `make claims` from ufm/certify/ledger/claims and theory/zoo: edit the files there. -->",
        "",
        *wrapped(PREAMBLE),
        "",
        f"{_counted('claims', [claim.verdict for claim in claims])}. `ufm claims --check` recomputes all of them,",
        "`ufm claims ID` shows one with its derivation and evidence. Last comes the zoo: theorems of other papers.",
        "",
        "| claim | verdict | source |",
        "|---|---|---|",
        *(f"| {_anchored(c.id)} | {MEANING[c.verdict]} | {c.source} |" for c in claims),
    ]
    for section, members in groupby(claims, key=lambda claim: claim.section):
        lines += ["", f"## {section}"]
        for claim in members:
            lines += ["", *_entry(claim, examinations.get(claim.id))]
    return "\n".join(lines + _open(claims) + _zoo(theorems)) + "\n"


def _open(claims: Sequence[Claim]) -> list[str]:
    """What the paper leaves open, and where it is answered: by claims, as links, or by folders."""
    listed = {claim.id for claim in claims}

    def row(question: Question) -> str:
        where = [_anchored(name) if name in listed else name for name in question.claims]
        where += [f"`{room}`" for room in question.rooms]
        return f"| {question.paper} | {question.answer} | {', '.join(where)} |"

    return [
        *("", "## What the paper leaves open", ""),
        *("Limitations that it names and work that it leaves to the future, and where they are answered.", ""),
        *("| the paper | what is known | where |", "|---|---|---|"),
        *map(row, QUESTIONS),
    ]


def _counted(things: str, verdicts: Sequence[Verdict]) -> str:
    """How many have each verdict; those that none has are left out."""
    counts = Counter(verdicts)
    return f"{len(verdicts)} {things}: " + ", ".join(f"{counts[v]} {MEANING[v]}" for v in MEANING if counts[v])


def _zoo(theorems: Sequence[Examined]) -> list[str]:
    """The second part."""
    lines = [
        *("", "## The zoo", ""),
        *wrapped(ZOO),
        "",
        f"{_counted('theorems', [each.entry.theorem.verdict for each in theorems])}. `ufm zoo --check` recomputes all",
        "of them, `ufm zoo NAME` shows one with its derivation and its cases.",
        "",
        "| theorem | verdict | cases | gap | source |",
        "|---|---|---|---|---|",
    ]
    for each in theorems:
        about, cases = each.entry.theorem, len(each.reports)
        cells = (_anchored(each.entry.name), MEANING[about.verdict], str(cases), _gap(each), about.source)
        lines.append(f"| {' | '.join(cells)} |")
    for each in theorems:
        lines += ["", *_theorem(each)]
    return lines


def _theorem(examined: Examined) -> list[str]:
    entry, about = examined.entry, examined.entry.theorem
    lines = [f"### {entry.name}", "", f"**{MEANING[about.verdict].capitalize()}** · {about.source}", ""]
    lines += [*wrapped(entry.statement)]
    for formula in about.formulas:
        lines += ["", "```math", formula, "```"]
    lines += ["", *wrapped(f"*Holds for:* {' '.join(about.hypotheses.split())}")]
    found = "Reproduced" if examined.reproduced else "Not reproduced"
    module = entry.module.__name__
    said = [f"{found}: {len(examined.reports)} cases, and a broken one", f"Gap: {_gap(examined)}"]
    if about.derivations:
        said.append(
            "Derivation: " + ", ".join(_link(f"theory/derivations/{name}.py", name) for name in about.derivations)
        )
    said += [f"Code: {_link(module.replace('.', '/') + '.py', module)}", f"`ufm zoo {entry.name}`"]
    return [*lines, "", " · ".join(said)]


def _gap(examined: Examined) -> str:
    """The largest gap, as a word: its digits are rounding, and differ between machines."""
    if np.isnan(examined.gap):
        return "no bound known"
    return "closed" if abs(examined.gap) < CLOSED else f"open: {examined.gap:.0e}"


def _anchored(name: str) -> str:
    return f"[{name}](#{name.replace('.', '')})"


def _entry(claim: Claim, examination: Examination | None) -> list[str]:
    lines = [f"### {claim.id}", "", f"**{MEANING[claim.verdict].capitalize()}** · {claim.source}", ""]
    lines += [*wrapped(claim.statement), "", "```math", claim.latex, "```"]
    if claim.printed is not None:
        lines += ["", "As printed:", "", "```math", claim.printed, "```"]
    lines += ["", *wrapped(f"*Hypotheses:* {claim.hypotheses}")]
    against = [check for check in examination.checks if check.printed is not None] if examination else []
    if against:
        lines += ["", "| | found | ours | printed | found by |", "|---|---|---|---|---|"]
        for check in against:
            numbers = (_four(value) for value in (check.measured, check.predicted, check.printed))
            name, how = check.name.replace("|", r"\|"), check.means.split(", ")[0]
            lines.append(f"| {' | '.join([name, *numbers, how])} |")
    links = [("Derivation", [_link(f"theory/derivations/{name}.py", name) for name in claim.derivations])]
    links += [("Code", [_link(_file(name), name) for name in claim.functions])]
    links += [("Tests", [_link(path, name) for path, _, name in (test.partition("::") for test in claim.tests)])]
    said = " · ".join(f"{title}: {', '.join(each)}" for title, each in links if each)
    return [*lines, "", f"{said} · `ufm claims {claim.id}`"]


def _four(value: float | None) -> str:
    """Four digits; what is rounding is 0, so that the document is the same on every machine."""
    return "" if value is None else f"{0.0 if abs(value) < 1e-9 else value:.4g}"


def _link(path: str, name: str) -> str:
    return f"[{name}]({path})"


def _file(function: str) -> str:
    return function.rpartition(".")[0].replace(".", "/") + ".py"
