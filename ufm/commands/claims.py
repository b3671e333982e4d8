"""``ufm claims``: the ledger."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from ufm.files import store
from ufm.files.process import FAILS, OK, interactive, unicode
from ufm.files.text import require_known

if TYPE_CHECKING:
    from ufm.certify.ledger import Claim, Examination


@dataclass
class Command:
    """List the claims of the paper, and new ones, with verdicts.

    The ledger: every claim, with a verdict and the evidence for it. Without arguments: the list. With an id: statement,
    derivation step by step, and evidence, recomputed.

    Example: ufm claims theorem-3.4

    Example: ufm claims --check

    Example: ufm claims --check erratum-1 erratum-7 --json
    """

    group = "Theorems"

    ids: tyro.conf.Positional[tuple[str, ...]] = ()
    """Claims; all of them if left out."""
    check: bool = False
    """Recompute derivations and evidence, one line per claim; status 1 if a verdict is not reproduced."""
    markdown: bool = False
    """The document CLAIMS.md on stdout: all claims, and the theorems of the zoo with their cases minimised again."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, show or check."""
        from ufm.certify.ledger import ledger

        known = ledger()
        for name in self.ids:
            require_known(name, known, f"claim {name!r} is not in the ledger", n=3)
        if self.markdown and (self.ids or self.check or self.json):
            raise ValueError("--markdown is the whole document: it goes with nothing else")
        claims = [known[name] for name in self.ids or known]
        examined = self._examine(claims)
        if self.markdown:
            return self._document(claims, examined)
        print(self._text(claims, examined))
        failed = [name for name, examination in examined.items() if not examination.reproduced]
        if examined:
            said = f"{len(examined) - len(failed)} of {len(examined)} verdicts reproduced"
            print(said + (f"; not: {', '.join(failed)}" if failed else ""), file=sys.stderr)
        return FAILS if failed else OK

    def _document(self, claims: "Sequence[Claim]", examined: "Mapping[str, Examination]") -> int:
        """CLAIMS.md, with all theorems of the zoo."""
        from ufm.certify import zoo
        from ufm.certify.ledger import render

        theorems = [zoo.examine(entry) for entry in zoo.zoo().values()]
        print(render.document(claims, examined, theorems), end="")
        good = [each.reproduced for each in examined.values()] + [each.reproduced for each in theorems]
        return OK if all(good) else FAILS

    def _examine(self, claims: "Sequence[Claim]") -> "dict[str, Examination]":
        """Compute what will be shown: claims asked for by name, or all; for the document, what the paper gets wrong."""
        from ufm.files.bars import tqdm

        wanted = [
            c for c in claims if self.ids or self.check or (self.markdown and c.verdict in ("corrected", "fails"))
        ]
        examined = {}
        with tqdm(wanted, unit="claim", disable=not interactive()) as bar:
            for claim in bar:
                bar.set_description(claim.id)
                examined[claim.id] = claim.examine()
        return examined

    def _text(self, claims: "Sequence[Claim]", examined: "Mapping[str, Examination]") -> str:
        """JSON, list or pages."""
        from ufm.certify.ledger import render

        if self.json:
            shown = self.ids and not self.check
            rows = [c.details(examined[c.id]) if shown else c.summary(examined.get(c.id)) for c in claims]
            return store.to_json({"claims": rows})
        if self.check or not self.ids:
            return render.listing(claims, {name: e.reproduced for name, e in examined.items()} or None)
        return "\n\n\n".join(render.page(claim, examined[claim.id], unicode=unicode()) for claim in claims)
