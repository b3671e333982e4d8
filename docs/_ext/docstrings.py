"""Our docstrings, as Sphinx wants them.

* Sections are underlined like numpydoc's, but hold plain lines ``name : what it is``, and prose under ``Returns``.
  (Napoleon takes what stands behind a colon for a type, in the docstring of an attribute too.) Here a section becomes a
  field with a definition list, which these lines nearly are already.
* ``|h|`` is a norm, not a substitution of reStructuredText.
* Signatures say ArrayLike and Array, as the source does, for what Python spells out over several lines.
* Everything is documented in the module that defines it, and references by other names lead there.
* Three things that a build spends most of its time on, and nobody sees, are left out.
"""

import functools
import inspect
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from docutils import nodes
from numpy.typing import ArrayLike, NDArray
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.util.typing import stringify_annotation

if TYPE_CHECKING:
    from docutils.nodes import Element, document, reference
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

FIELDS = ("Parameters", "Attributes", "Raises", "Returns")
SECTION = re.compile(r"^(\w+)\n-+\n", flags=re.MULTILINE)
ENTRY = re.compile(r"^(\S.*?) : (.*)$", flags=re.MULTILINE)

COLUMN = re.compile(r"^(\w+)  +(\S.*)$", flags=re.MULTILINE)
COLUMNS = re.compile(rf"(?<=\n\n)(?:{COLUMN.pattern}(?:\n|\Z))+(?=\n|\Z)", flags=re.MULTILINE)
"""A list in two columns, name and what it is, as the docstring of a package says what is in it."""

BARS = re.compile(r"(\.\. math::.*?(?:\n\s*\n|\Z)|>>> .*?(?:\n\s*\n|\Z)|``.*?``|`[^`]*`)|\|", flags=re.DOTALL)
"""What may hold bars, and bars elsewhere."""

LONGEST_VALUE = 100

SHORT = {
    "ArrayLike": ArrayLike,
    "Array": NDArray[np.float64],
    "NDArray[int64]": NDArray[np.int64],
    "NDArray[bool]": NDArray[np.bool_],
}


def spellings(annotation: Any) -> tuple[str, ...]:
    """What Python and Sphinx make of an annotation."""
    smart, full = (stringify_annotation(annotation, mode) for mode in ("smart", "fully-qualified-except-typing"))
    return smart, full, re.sub(r"~[\w.]*\.", "", smart)


SPELLINGS = {spelled: name for name, annotation in SHORT.items() for spelled in spellings(annotation)}


def parts(text: str) -> list[str]:
    """What a docstring says before its first section, and then title and body of each section."""
    text = BARS.sub(lambda found: found[1] or r"\|", text)
    text = COLUMNS.sub(lambda found: COLUMN.sub(r"\1\n    \2", found[0]), text)
    return SECTION.split(text)


def prose(text: str) -> str:
    """What a docstring says before its first section."""
    return parts(text)[0].strip()


def rewritten(text: str) -> str:
    """A docstring with its sections as fields; examples, and headings of other kinds, as rubrics."""
    head, *sections = parts(text)
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title in FIELDS:
            head += f":{title}:\n" + textwrap.indent(ENTRY.sub(r"**\1**\n    \2", body), "    ")
        else:
            head += f".. rubric:: {title}\n\n{body}"
    return head


def _docstring(app: "Sphinx", what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = rewritten("\n".join(lines)).split("\n")


def _skipped(app: "Sphinx", what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Skip fields of named tuples of which nothing is said, methods that a library writes, what a module imports.

    (Autodoc skips the last as well, but first it reads the source of sympy, scipy and torch.)
    """
    if what == "class" and str(obj.__doc__).startswith("Alias for field number"):
        return True
    defined = inspect.isclass(obj) or inspect.isfunction(obj)
    elsewhere = defined and obj.__module__ != app.env.current_document.autodoc_module
    return True if what in ("module", "class") and elsewhere else None


def shortened(text: str | None) -> str | None:
    """A signature, or an annotation as it is written or shown, with the names of :data:`SHORT`."""
    for spelled, name in SPELLINGS.items():
        text = text and text.replace(spelled, name)
    return text


def _signature(
    app: "Sphinx", what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    return shortened(signature), shortened(returns)


def _annotations(app: "Sphinx", doctree: "document", page: str) -> None:
    """Types of properties in short, and no values that fill a screen."""
    for part in list(doctree.findall(desc_annotation)):
        said = part.astext()
        if said.startswith(" = ") and len(said) > LONGEST_VALUE:
            part.parent.remove(part)
        elif (short := shortened(said)) != said:
            part.children = [nodes.Text(short)]


def defined(name: str) -> list[str]:
    """Full name of an object that is found by this one, as it is defined; of one in a module also the module."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None and hasattr(module, parts[count]):
            found = getattr(module, parts[count])
            place = found.__module__ if hasattr(found, "__qualname__") else module.__name__
            return [".".join([place, *parts[count:]])] + [place] * (count + 1 == len(parts))
    return []


def _whole_names(app: "Sphinx", doctree: "document") -> None:
    """Annotations hold whole names: Sphinx looks for their ends all the same, which takes longer than all else."""
    for node in doctree.findall(pending_xref):
        if not node.get("refspecific"):
            node.attributes.pop("refspecific", None)


@functools.lru_cache(maxsize=1)
def _last_parts(env: "BuildEnvironment", n_objects: int) -> frozenset[str]:
    """Names of all objects that are described, without what stands in front of them."""
    return frozenset(name.rpartition(".")[2] for name in env.domains["py"].objects)


def _elsewhere(app: "Sphinx", env: "BuildEnvironment", node: pending_xref, content: "Element") -> "reference | None":
    """The place of a name that is imported from another module, or short, or that of a constant without a docstring."""
    if node.get("refdomain") != "py":
        return None
    resolve = functools.partial(env.domains["py"].resolve_xref, env, node["refdoc"], app.builder)
    for name in (node["reftarget"], f"{node.get('py:module')}.{node['reftarget']}"):
        for kind, place in zip((node["reftype"], "mod"), defined(name), strict=False):
            if found := resolve(kind, place, node, content):
                return found
    if node["reftarget"].rpartition(".")[2] not in _last_parts(env, len(env.domains["py"].objects)):
        return None  # to see that takes Sphinx a look at the end of every name
    node["refspecific"] = True  # the end of a full name will do
    return resolve(node["reftype"], node["reftarget"], node, content)


def _short_sidebar(
    app: "Sphinx", page: str, template: str, context: dict[str, Any], doctree: "document | None"
) -> None:
    """Source code goes without the tree of all pages, which takes longer to make than the page."""
    if page.startswith("_modules/"):
        context["toctree"] = lambda **options: ""


def setup(app: "Sphinx") -> dict[str, Any]:
    """Listen to autodoc."""
    app.connect("autodoc-skip-member", _skipped)
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _whole_names)
    app.connect("missing-reference", _elsewhere)
    app.connect("doctree-resolved", _annotations)
    app.connect("html-page-context", _short_sidebar, priority=400)  # before the theme
    return {"parallel_read_safe": True}
