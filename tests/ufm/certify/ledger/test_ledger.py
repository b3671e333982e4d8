"""The ledger: every verdict is reproduced, and what it refers to exists."""

import ast
import importlib
import json
import pathlib
from dataclasses import replace

import pytest

from theory.derivations import NAMES
from ufm.certify import laboratory, ledger
from ufm.certify.ledger import LEDGER, render
from ufm.certify.ledger.claim import Finding, compare

ROOT = pathlib.Path(__file__).parents[3]
PAPER = {
    *("angles", "gram-spectrum", "proposition-3.1", "chebyshev", "theorem-3.3", "theorem-3.4", "corollary-3.7"),
    *("remark-3.8", "remark-3.9", "class-aware", "cosine-loss", "cosine-gradient", "gradient-bounds"),
    "proposition-c.1",
}


@pytest.mark.parametrize("name", LEDGER)
def test_verdict_is_reproduced(name):
    examination = LEDGER[name].examine(laboratory)
    assert examination.refuted is None
    assert all(finding.holds for finding in examination.findings), [f for f in examination.findings if not f.holds]
    assert examination.reproduced
    for finding in examination.findings:
        if finding.means.startswith("Monte Carlo") and finding.relation == "=":
            assert finding.tolerance <= 4e-3  # four standard errors of at most 1e-3 each


def test_the_ledger_is_complete():
    assert set(LEDGER) >= PAPER | {f"erratum-{i}" for i in range(1, 11)}
    proved = {name for claim in LEDGER.values() for name in claim.derivations}
    assert proved == set(NAMES)
    ids = [name for module in modules() for name in module.EVIDENCE]
    assert sorted(ids) == sorted(LEDGER)


def modules():
    return [getattr(ledger, name) for name in dir(ledger) if hasattr(getattr(ledger, name), "EVIDENCE")]


@pytest.mark.parametrize("name", LEDGER)
def test_references_exist(name):
    claim = LEDGER[name]
    assert set(claim.derivations) <= set(NAMES)
    assert claim.tests
    for dotted in claim.functions:
        module, _, function = dotted.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))
    for test in claim.tests:
        path, _, function = test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


def examined(claim, *findings, **changes):
    return replace(claim, derivations=(), evidence=lambda lab: findings, **changes).examine(laboratory).reproduced


def test_a_verdict_that_the_evidence_does_not_bear_out_is_not_reproduced():
    claim = LEDGER["angles"]
    right, wrong = Finding("x", "by hand", 1.0, 1.0, 0.0), Finding("x", "by hand", 1.0, 1.1, 0.01)
    refuting, agreeing = replace(right, printed=2.0), replace(right, printed=1.0)
    assert examined(claim, right)
    assert not examined(claim)
    assert not examined(claim, right, wrong)
    assert not examined(claim, refuting)
    for verdict in ("fails", "corrected"):
        assert examined(claim, right, refuting, verdict=verdict)
        assert not examined(claim, right, verdict=verdict)
        assert not examined(claim, refuting, agreeing, verdict=verdict)
        assert not examined(claim, replace(refuting, stated=1.5), verdict=verdict)


def test_a_derivation_that_fails_is_named(monkeypatch):
    from theory.derivations.proof import Refuted
    from ufm.certify.ledger import claim as module

    def derive(name):
        raise Refuted(f"{name}: 1 is not 2")

    monkeypatch.setattr(module, "derive", derive)
    examination = LEDGER["erratum-2"].examine(laboratory)
    assert (examination.refuted, examination.reproduced) == ("angles: 1 is not 2", False)
    assert "A DERIVATION FAILS: angles: 1 is not 2" in render.page(LEDGER["erratum-2"], examination)


def test_comparisons():
    worst = compare("x", "by hand", [1.0, 2.0, 3.0], [1.0, 2.2, 3.1], tolerance=0.15)
    assert (worst.found, worst.stated, worst.holds) == (2.0, 2.2, False)
    apart = compare("x", "by hand", [1.0, 2.0], [1.0, 2.0], printed=[1.0, 5.0])
    assert (apart.printed, apart.holds, apart.refutes) == (5.0, True, True)
    assert not compare("x", "by hand", float("nan"), 1.0, tolerance=9.0).holds
    assert compare("x", "by hand", [3.0, 4.0], 2.9, relation=">=").holds
    assert not compare("x", "by hand", [3.0, 4.0], 3.5, relation=">=").holds
    assert compare("x", "by hand", 3.0, 3.0, relation="<=").holds
    assert not compare("x", "by hand", 3.1, 3.0, relation="<=", tolerance=0.05).holds


def test_dictionaries_are_plain():
    claim = LEDGER["erratum-5"]
    plain = claim.details(claim.examine(laboratory))
    assert json.loads(json.dumps(plain)) == plain
    assert plain["reproduced"] is True
    assert plain["findings"][0]["printed"] == 9.0
    assert claim.summary(None)["reproduced"] is None


def test_pages_say_what_is_wrong():
    claim = LEDGER["erratum-9"]
    examination = claim.examine(laboratory)
    bad = examination._replace(
        findings=(replace(examination.findings[0], printed=50.0), Finding("x", "by hand", 1.0, 2.0, 0.0)),
        reproduced=False,
    )
    text = render.page(claim, bad)
    assert "50 (agrees!)" in text
    assert "NO  x" in text
    assert text.endswith("NOT REPRODUCED")
    assert render.page(LEDGER["angles"], LEDGER["angles"].examine(laboratory), unicode=False).isascii()
    assert "NO  erratum-9" in render.listing([claim], {"erratum-9": False})


def test_the_document_is_not_stale():
    disputed = {c.id: c.examine(laboratory) for c in LEDGER.values() if c.verdict in ("corrected", "fails")}
    fresh = render.document(list(LEDGER.values()), disputed)
    assert (ROOT / "CLAIMS.md").read_text() == fresh, "CLAIMS.md is stale: run `make claims`"
    for line in fresh.splitlines():
        for link in line.split("](")[1:]:
            target = link.split(")")[0]
            if not target.startswith("#"):
                assert (ROOT / target).is_file(), target
            else:
                assert f"### {target[1:]}" in fresh.replace(".", "")
