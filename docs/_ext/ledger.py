"""The ledger and the tests that hold it: CLAIMS.md with links to code and tests, and the source of these tests.

Two roles lead there from any page: ``{claim}`theorem-3.4``` and ``{test}`tests/test_docs.py::test_x```.
"""

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sphinx.roles import XRefRole

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


def pages_of_tests(text: str) -> dict[str, str]:
    """The source of the tests that a page links to, by file: texts by the names of their files."""
    named: dict[str, set[str]] = defaultdict(set)
    for path, _, function in (name.partition("::") for name in TEST.findall(text)):
        named[path].add(function)
    texts = {}
    for path in sorted(named):
        parts = [f"# {path}\n"]
        for function in sorted(named[path]):
            include = f"```{{literalinclude}} /../{path}\n:pyobject: {function}\n:lineno-match:\n```\n"
            parts.append(f"({label_of_test(f'{path}::{function}')})=\n## {function}\n\n{include}")
        target = path.removeprefix("tests/").replace("/", "-").removesuffix(".py")
        texts[f"{target}.md"] = "\n".join(parts)
    return texts


class _Role(XRefRole):
    """A reference to a label, under the name that stands in the text."""

    def process_link(
        self, env: "BuildEnvironment", refnode: "Element", has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode.update_all_atts({"refdomain": "std", "reftype": "ref", "refexplicit": True}, replace=True)
        is_test = "::" in target
        return title.rpartition("::")[2], label_of_test(target) if is_test else f"claim-{target}".lower()


def setup(app: "Sphinx") -> dict[str, Any]:
    """Add the roles."""
    app.add_role("claim", _Role())
    app.add_role("test", _Role())
    return {"parallel_read_safe": True}
