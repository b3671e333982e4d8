"""The ledger and the tests that hold it: CLAIMS.md with links to code and tests, and the source of these tests.

Two roles lead there from any page: ``{claim}`theorem-3.4``` and ``{test}`tests/test_docs.py::test_x```.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.roles import XRefRole

from _ext import pages

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

INDEX = """\
# Tests

The source of the tests that hold the claims of the [ledger](claims.md).

```{toctree}
:glob:

tests/*
```
"""

TEST = re.compile(r"\{test\}`([^`]+)`")


def label_of_test(name: str) -> str:
    """Label of a test's source: ``tests/a/test_b.py::test_c`` -> ``tests-a-test_b-test_c``."""
    return name.replace("/", "-").replace(".py::", "-").lower()


def linked(text: str) -> str:
    """CLAIMS.md with its links to files turned into links to what they name, and a label for each claim."""
    text = re.sub(r"^### (\S+)$", r"(claim-\1)=\n### \1", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\(#[^)]+\)", r"{claim}`\1`", text)
    text = re.sub(r"\[(\w+)\]\((tests/[^)]+)\)", r"{test}`\2::\1`", text)
    text = re.sub(r"\[(\w+)\]\(theory/derivations/\w+\.py\)", r"{py:mod}`\1 <theory.derivations.\1>`", text)
    return re.sub(r"\[([\w.]+)\]\([^)]+\.py\)", r"{py:obj}`\1`", text)


def tests_of(text: str) -> dict[str, list[str]]:
    """Names of tests that a page links to, by file."""
    named: dict[str, set[str]] = defaultdict(set)
    for name in TEST.findall(text):
        path, _, function = name.partition("::")
        named[path].add(function)
    return {path: sorted(named[path]) for path in sorted(named)}


def page_of_tests(path: str, functions: Iterable[str]) -> str:
    """The source of some tests of a file."""
    parts = [f"# {path}\n"]
    for function in functions:
        include = f"```{{literalinclude}} /../{path}\n:pyobject: {function}\n:lineno-match:\n```\n"
        parts.append(f"({label_of_test(f'{path}::{function}')})=\n## {function}\n\n{include}")
    return "\n".join(parts)


def make(source: Path) -> None:
    """Write claims.md, and tests/*.md for the tests that it names."""
    generated = source / "generated"
    claims = linked((source.parent / "CLAIMS.md").read_text(encoding="utf-8"))
    pages.write(generated / "claims.md", claims)
    pages.write(generated / "tests.md", INDEX)
    files = tests_of(claims)
    targets = {path: generated / "tests" / path.removeprefix("tests/").replace("/", "-") for path in files}
    targets = {path: target.with_suffix(".md") for path, target in targets.items()}
    pages.remove_others(generated / "tests", "*.md", set(targets.values()))
    for path, functions in files.items():
        pages.write(targets[path], page_of_tests(path, functions))


class _Role(XRefRole):
    """A reference to a label, under the name that stands in the text."""

    def process_link(
        self, env: "BuildEnvironment", refnode: "Element", has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode.update_all_atts({"refdomain": "std", "reftype": "ref", "refexplicit": True}, replace=True)
        is_test = "::" in target
        return title.rpartition("::")[2], label_of_test(target) if is_test else f"claim-{target}".lower()


def setup(app: "Sphinx") -> dict[str, Any]:
    """Make the pages before Sphinx looks for them; add the roles."""
    app.add_role("claim", _Role())
    app.add_role("test", _Role())
    app.connect("builder-inited", lambda app: make(Path(app.srcdir)))
    return {"parallel_read_safe": True}
