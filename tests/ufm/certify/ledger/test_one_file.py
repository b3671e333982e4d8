"""A theorem is one file: put into the folder, it is in the ledger, on the command line and in the document."""

import json

import pytest

import theory.zoo
from theory import derivations
from theory.derivations import derive
from ufm.certify.ledger import claims, ledger
from ufm.commands.main import main

THEOREM = '''\
"""An integer and its square are both even or both odd, on whichever
side of zero it lies.
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, compare

CLAIM = Claim(
    id="theorem-99.1",
    section="Numbers",
    verdict="new",
    source="made up for a test",
    latex=r"""
        n^2 \\equiv n
        \\pmod 2
    """,
    hypotheses="n an integer.",
    derivations=("parity_of_squares",),
)


def evidence():
    n = np.arange(-50, 51)
    yield compare("n^2 modulo 2", "enumeration", n**2 % 2, n % 2)
'''
DERIVATION = '''\
"""Two integers in a row have an even product."""

import sympy

from theory.derivations.proof import Proof


def derive():
    """With n even, or odd."""
    proof = Proof("Products of neighbours")
    m = sympy.Symbol("m", integer=True)
    proof.equal("n even", 2 * m * (2 * m + 1), 2 * (2 * m**2 + m))
    proof.equal("n odd", (2 * m + 1) * (2 * m + 2), 2 * (2 * m + 1) * (m + 1))
    return proof
'''


@pytest.fixture
def theorem(drop):
    drop(claims, "theorem_99_1", THEOREM)
    drop(derivations, "parity_of_squares", DERIVATION)


def test_the_ledger_has_it_last_as_its_section_is_new(theorem):
    assert [*ledger()][-1] == "theorem-99.1"
    claim = ledger()["theorem-99.1"]
    assert claim.statement == "An integer and its square are both even or both odd, on whichever side of zero it lies."
    assert claim.latex == r"n^2 \equiv n \pmod 2"
    assert claim.examine().reproduced


def test_the_command_line_lists_shows_and_checks_it(theorem, capsys):
    assert main(["claims"]) == 0
    assert " ".join(capsys.readouterr().out.splitlines()[-1].split()) == "theorem-99.1 new made up for a test"
    assert main(["claims", "theorem-99.1"]) == 0
    page = capsys.readouterr().out
    assert "Derivation: Products of neighbours" in page
    assert "ok  n^2 modulo 2" in page
    assert page.endswith("\nreproduced\n")
    assert main(["claims", "--check", "theorem-99.1", "--json"]) == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["id"], claim["reproduced"]) == ("theorem-99.1", True)


def test_the_document_has_it(theorem, capsys, tmp_path, monkeypatch):
    """Of a ledger and a zoo that hold nothing else: what is examined for the document, and how, test_ledger holds."""
    monkeypatch.setattr(claims, "__path__", [str(tmp_path / claims.__name__)])
    monkeypatch.setattr(theory.zoo, "__path__", [])
    assert main(["claims", "--markdown"]) == 0
    document = capsys.readouterr().out
    assert "| [theorem-99.1](#theorem-991) | new | made up for a test |" in document
    assert document[document.index("\n## Numbers\n") :].splitlines()[3] == "### theorem-99.1"
    assert "[parity_of_squares](theory/derivations/parity_of_squares.py)" in document


def test_evidence_that_disagrees_is_seen(drop, capsys):
    drop(derivations, "parity_of_squares", DERIVATION)
    drop(claims, "theorem_99_1", THEOREM.replace("n % 2)", "(n + (n == 7)) % 2)"))
    assert main(["claims", "--check", "theorem-99.1", "--json"]) == 1
    said = capsys.readouterr()
    assert [claim["reproduced"] for claim in json.loads(said.out)["claims"]] == [False]
    assert said.err == "0 of 1 verdicts reproduced; not: theorem-99.1\n"
    assert main(["claims", "theorem-99.1"]) == 1
    assert "NO  n^2 modulo 2" in capsys.readouterr().out


def test_a_derivation_that_is_wrong_is_seen(drop, capsys):
    drop(claims, "theorem_99_1", THEOREM)
    drop(derivations, "parity_of_squares", DERIVATION.replace("2 * (2 * m**2 + m)", "2 * m**2"))
    assert main(["claims", "theorem-99.1"]) == 1
    assert "A DERIVATION FAILS: Products of neighbours: n even" in capsys.readouterr().out


def test_a_derivation_is_found_by_lying_there(drop):
    with pytest.raises(ValueError, match="'parity_of_squares' is unknown: angles, "):
        derive("parity_of_squares")
    drop(derivations, "parity_of_squares", DERIVATION)
    assert derive("parity_of_squares").title == "Products of neighbours"
    assert "proof" not in derivations.derivations()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("helper", "x = 1", r"helper\.py states no claim: it lacks __doc__"),
        ("helper", '"""A lemma."""', r"helper\.py states no claim: it lacks CLAIM"),
        ("theorem_99_1", THEOREM.replace("def evidence", "def numbers"), "it lacks evidence"),
        ("theorem_99_2", THEOREM, "id='theorem-99.1' belongs in a file named as it"),
        ("theorem_99_1", THEOREM.replace('"new"', '"nwe"'), "verdict='nwe' is unknown: did you mean 'new'"),
    ],
)
def test_a_file_that_states_no_claim_is_refused_by_its_name(drop, name, text, message):
    drop(claims, name, text)
    with pytest.raises(ValueError, match=message):
        ledger()
