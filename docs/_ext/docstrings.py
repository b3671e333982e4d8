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
from docutils import nodes
from numpy.typing import ArrayLike, NDArray
from sphinx.addnodes import desc_annotation, desc_signature
from sphinx.util.typing import stringify_annotation

if TYPE_CHECKING:
    from docutils.nodes import Element, document, reference
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

LISTS = ("Parameters", "Attributes", "Raises", "Returns")
NAMED = re.compile(r"([\w()., *]+?) : (.*)")

BARS = re.compile(r"(\.\. math::.*?(?:\n\s*\n|\Z)|>>> .*?(?:\n\s*\n|\Z)|``.*?``|`[^`]*`)|\|", flags=re.DOTALL)
"""What may hold bars, and bars elsewhere: there |h| is a norm, and not a substitution."""

LONGEST_VALUE = 100

SHORT = {
    "ArrayLike": ArrayLike,
    "Array": NDArray[np.float64],
    "NDArray[int64]": NDArray[np.int64],
    "NDArray[bool]": NDArray[np.bool_],
}


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
    """A signature, or an annotation as it is written or shown, with the names of :data:`SHORT`."""
    for name, annotation in SHORT.items():
        smart, full = (stringify_annotation(annotation, mode) for mode in ("smart", "fully-qualified-except-typing"))
        for spelled in (smart, full, re.sub(r"~[\w.]*\.", "", smart)):
            text = text and text.replace(spelled, name)
    return text


def _signature(
    app: "Sphinx", what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    return shortened(signature), shortened(returns)


def public(name: str) -> str:
    """A dotted name, as :mod:`ufm` exports it: ``ufm.problems.frames.Frame.dim`` -> ``ufm.Frame.dim``."""
    import ufm

    for exported in ufm.__all__:
        home = f"{getattr(ufm, exported).__module__}.{exported}"
        if name == home or name.startswith(f"{home}."):
            return f"ufm.{exported}{name.removeprefix(home)}"
    return name


def private(name: str) -> str:
    """The opposite of :func:`public`: where what :mod:`ufm` exports is defined."""
    import ufm

    parts = name.split(".")
    if parts[0] == "ufm" and len(parts) > 1 and parts[1] in ufm.__all__:
        return ".".join([getattr(ufm, parts[1]).__module__, *parts[1:]])
    return name


def _elsewhere(app: "Sphinx", env: "BuildEnvironment", node: "pending_xref", content: "Element") -> "reference | None":
    """The place of a name that is documented in another module than the reference says."""
    if node.get("refdomain") != "py":
        return None
    target, domain = public(node["reftarget"]), env.domains["py"]
    known = [name for name, *_ in domain.get_objects() if name == target or name.endswith(f".{target}")]
    if len(known) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], known[0], node, content)


def _anchors(app: "Sphinx", doctree: "document") -> None:
    """The pages of source code link back to where an object is defined, and it is documented where it is exported."""
    for signature in doctree.findall(desc_signature):
        signature["ids"] += [private(name) for name in signature["ids"] if private(name) != name]


def _annotations(app: "Sphinx", doctree: "document", page: str) -> None:
    """Types of properties in short, and no values that fill a screen."""
    for part in list(doctree.findall(desc_annotation)):
        said = part.astext()
        if said.startswith(" = ") and len(said) > LONGEST_VALUE:
            part.parent.remove(part)
        elif (short := shortened(said)) != said:
            part.children = [nodes.Text(short)]


def _without_dead_links(app: "Sphinx", env: "BuildEnvironment") -> None:
    """The index of source code also lists modules that have none, like builtins, the module of ``tuple[int, ...]``."""
    modules = getattr(env, "_viewcode_modules", {})
    for name in [name for name, entry in modules.items() if entry is False]:
        del modules[name]


def setup(app: "Sphinx") -> dict[str, Any]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("missing-reference", _elsewhere)
    app.connect("doctree-read", _anchors)
    app.connect("doctree-resolved", _annotations)
    app.connect("env-updated", _without_dead_links)
    return {"parallel_read_safe": True}
