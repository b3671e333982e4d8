"""Our docstrings, as Sphinx wants them.

Sections are underlined like numpydoc's, but hold plain lines ``name : what it is``, which numpydoc would take for
types; here each section becomes a field with a list. Signatures say ArrayLike and Array, as the source does, for what
Python spells out over several lines. Names that :mod:`ufm` exports are documented there, wherever they are defined.
"""

import re
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sphinx.util.typing import stringify_annotation

if TYPE_CHECKING:
    from docutils.nodes import Element, reference
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

LISTS = ("Parameters", "Attributes", "Raises", "Returns")
NAMED = re.compile(r"([\w()., *]+?) : (.*)")

BARS = re.compile(r"(\.\. math::.*?(?:\n\s*\n|\Z)|>>> .*?(?:\n\s*\n|\Z)|``.*?``|`[^`]*`)|\|", flags=re.DOTALL)
"""What may hold bars, and bars elsewhere: there |h| is a norm, and not a substitution."""

SHORT = {"ArrayLike": ArrayLike, "Array": NDArray[np.float64], "Labels": NDArray[np.int64]}


def sections(lines: list[str]) -> Iterable[tuple[str | None, list[str]]]:
    """Parts of a docstring: what stands before the first heading (None), then title and body of each section."""
    title, body = None, []
    for line, below in pairwise([*lines, ""]):
        if below.strip() and set(below.strip()) == {"-"} and line.strip():
            yield title, body
            title, body = line.strip(), []
        elif not (title is not None and not body and set(line.strip()) == {"-"}):
            body.append(line)
    yield title, body


def items(body: list[str]) -> list[str]:
    """Entries of a section; a line that is indented goes on with the entry above it."""
    entries: list[str] = []
    for line in textwrap.dedent("\n".join(body)).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        elif line.strip():
            entries.append(line.strip())
    return entries


def field(title: str, body: list[str]) -> list[str]:
    """A section as a field list with one entry."""
    rows = []
    for entry in items(body):
        named = NAMED.fullmatch(entry)
        rows.append(f"* **{named[1]}** -- {named[2]}" if named else f"* {entry}")
    if title == "Returns" and not any(row.startswith("* **") for row in rows):
        rows = [" ".join(row.removeprefix("* ") for row in rows)]
    return [f":{title}:", *(f"    {row}" for row in rows), ""]


def rewritten(lines: list[str]) -> list[str]:
    """A docstring with its sections as fields; examples, and headings of other kinds, as rubrics."""
    result: list[str] = []
    lines = BARS.sub(lambda found: found[1] or r"\|", "\n".join(lines)).split("\n")
    for title, body in sections(lines):
        if title is None:
            result += body
        elif title in LISTS:
            result += ["", *field(title, body)]
        else:
            result += ["", f".. rubric:: {title}", "", *body]
    return result


def _docstring(app: "Sphinx", what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = rewritten(lines)


def shortened(text: str | None) -> str | None:
    """A signature, or a return annotation, with the names of :data:`SHORT`."""
    for name, annotation in SHORT.items():
        for mode in ("smart", "fully-qualified-except-typing"):
            if text:
                text = text.replace(stringify_annotation(annotation, mode), name)
    return text


def _signature(
    app: "Sphinx", what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    return shortened(signature), shortened(returns)


def _elsewhere(app: "Sphinx", env: "BuildEnvironment", node: "pending_xref", content: "Element") -> "reference | None":
    """The place of a name that is documented in another module than the reference says: the public one."""
    import ufm

    if node.get("refdomain") != "py":
        return None
    target, domain = node["reftarget"], env.domains["py"]
    for name in ufm.__all__:
        home = f"{getattr(ufm, name).__module__}.{name}"
        if target == home or target.startswith(f"{home}."):
            target = f"ufm.{name}{target.removeprefix(home)}"
    known = [name for name, *_ in domain.get_objects() if name == target or name.endswith(f".{target}")]
    if len(known) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], known[0], node, content)


def setup(app: "Sphinx") -> dict[str, Any]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("missing-reference", _elsewhere)
    return {"parallel_read_safe": True}
