"""Pages are plain Markdown, which a code host shows as well: links lead to files there, names stand in backticks.

Before Sphinx reads a page, whatever the site has a page for becomes a link to it, and directives, which stand in
comments, become directives.
"""

import posixpath
import re
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from _ext.docstrings import defined

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACES = {
    "CLAIMS.md": "claims",
    "theory": "theory",
    "theory/zoo": "zoo",
    "ufm": "reference/ufm",
    "ufm/commands": "commands",
    "ufm/measure/definitions": "measures",
    "docs/gallery": "gallery",
}
"""Files and folders of the repository, and the page of each below generated/."""

FENCE = re.compile(r"(^```.*?^```$)", flags=re.MULTILINE | re.DOTALL)
DIRECTIVE = re.compile(r"^<!-- (\{\w+\}.*?)-->$", flags=re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(?<![`}\[])`((?:ufm|theory|figures)(?:\.\w+)+)`")
LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)(#[^)]+)?\)")


def on_site(text: str, page: str) -> str:
    """A page of docs/, by its name without ending, as Sphinx is to read it."""

    def linked(found: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), found[2]))
        if place == "CLAIMS.md" and found[3]:
            return f"{{claim}}`{found[1]}`"
        if place.startswith("notebooks/"):
            return f"[{found[1]}](/generated/{place.removesuffix('.ipynb')})"
        return f"[{found[1]}](/generated/{PLACES[place]})" if place in PLACES else found[0]

    def named(found: re.Match[str]) -> str:
        return f"{{py:obj}}{found[0]}" if known(found[1]) else found[0]

    parts = FENCE.split(text)
    parts[::2] = [NAME.sub(named, LINK.sub(linked, part)) for part in parts[::2]]
    return DIRECTIVE.sub(r"```\1```", "".join(parts))


def known(name: str) -> bool:
    """Whether there is a module of this name, or something in one."""
    for end in (place.end() for place in re.finditer(r"\w+", name)):
        with suppress(ModuleNotFoundError):
            import_module(name[:end])
    return name in sys.modules or bool(defined(name))


def _read(app: "Sphinx", page: str, source: list[str]) -> None:
    if not page.startswith("generated/"):
        source[0] = on_site(source[0], page)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Rewrite what was read."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
