"""Pages made from the code and from what lies in folders, written before Sphinx looks for pages."""

from pathlib import Path
from typing import TYPE_CHECKING

from _ext import commands, gallery, ledger, measures, pages, reference, theory, zoo

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def make(app: "Sphinx") -> None:
    """Write all of them into generated/."""
    source = Path(app.srcdir)
    generated = source / "generated"
    pages.copy_all(source.parent / "notebooks", "*.ipynb", generated / "notebooks")  # nothing outside of source is read
    pages.write(generated / "gallery.md", gallery.page(source / "gallery"))
    pages.write(generated / "commands.md", commands.page())
    pages.write(generated / "theory.rst", theory.page())
    pages.write(generated / "zoo.rst", zoo.page())
    pages.write(generated / "measures.rst", measures.page())
    pages.write_all(generated / "reference", reference.all_pages())
    claims = ledger.linked((source.parent / "CLAIMS.md").read_text(encoding="utf-8"))
    pages.write(generated / "claims.md", claims)
    pages.write(generated / "tests.md", ledger.INDEX)
    pages.write_all(generated / "tests", ledger.pages_of_tests(claims))


def setup(app: "Sphinx") -> dict[str, bool]:
    """Make the pages as soon as there is a builder."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True}
