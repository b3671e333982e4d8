"""``ufm claims``: the ledger."""

import sys
from dataclasses import dataclass

import tyro

from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.text import nearest


@dataclass
class Command:
    """The ledger: every claim of the paper, and every new one, with a verdict and the evidence for it.

    Without arguments: the list. With an id: statement, derivation step by step, and evidence, recomputed.

    Example: ufm claims theorem-3.4

    Example: ufm claims --check

    Example: ufm claims --check erratum-1 erratum-7 --json
    """

    ids: tyro.conf.Positional[tuple[str, ...]] = ()
    """Claims; all of them if left out."""
    check: bool = False
    """Recompute derivations and evidence, one line per claim; status 1 if a verdict is not reproduced."""
    markdown: bool = False
    """The document CLAIMS.md on stdout."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """List, show or check."""
        from tqdm import tqdm

        from ufm.certify import laboratory
        from ufm.certify.ledger import LEDGER, Examination, render

        for name in self.ids:
            if name not in LEDGER:
                raise ValueError(f"claim {name!r} is not in the ledger{nearest(name, LEDGER, n=3)}")
        if self.markdown and (self.ids or self.check or self.json):
            raise ValueError("--markdown is the whole document: it goes with nothing else")
        claims = [LEDGER[name] for name in self.ids or LEDGER]
        wanted = [
            c for c in claims if self.ids or self.check or (self.markdown and c.verdict in ("corrected", "fails"))
        ]
        examined: dict[str, Examination] = {}
        with tqdm(wanted, unit="claim", disable=not interactive()) as bar:
            for claim in bar:
                bar.set_description(claim.id)
                examined[claim.id] = claim.examine(laboratory)
        if self.markdown:
            print(render.document(claims, examined), end="")
        elif self.json:
            shown = self.ids and not self.check
            rows = [c.details(examined[c.id]) if shown else c.summary(examined.get(c.id)) for c in claims]
            print(store.to_json({"claims": rows}))
        elif self.check or not self.ids:
            print(render.listing(claims, {name: e.reproduced for name, e in examined.items()} or None))
        else:
            unicode = "utf" in (sys.stdout.encoding or "").lower()
            print("\n\n\n".join(render.page(c, examined[c.id], unicode=unicode) for c in claims))
        failed = [name for name, examination in examined.items() if not examination.reproduced]
        if examined and not self.markdown:
            said = f"{len(examined) - len(failed)} of {len(examined)} verdicts reproduced"
            print(said + (f"; not: {', '.join(failed)}" if failed else ""), file=sys.stderr)
        return FAILS if failed else OK
