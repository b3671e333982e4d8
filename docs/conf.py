"""The site: `make docs` builds it into docs/_build/html, without a network."""

import sys
from pathlib import Path

SOURCE = Path(__file__).parent
sys.path[:0] = [str(SOURCE), str(SOURCE.parent)]

import ufm  # noqa: E402

project = "ncmc"
author = "The ncmc developers"
copyright = author
release = version = ufm.__version__
language = "en"

extensions = [
    *("sphinx.ext.autodoc", "sphinx.ext.autosummary", "myst_nb"),
    *(() if tags.has("quick") else ("sphinx.ext.viewcode",)),  # noqa: F821  # Sphinx gives tags; a page for each module
    *("_ext.docstrings", "_ext.formulas", "_ext.ledger", "_ext.generated", "_ext.plain"),
]
# docs/gallery holds pictures and their captions; _ext.gallery makes a page of them
exclude_patterns = ["_build", "_ext", "_static", "gallery/**", "**/.ipynb_checkpoints"]

html_theme = "furo"
html_title = f"ncmc {release}"
html_static_path = ["_static"]
html_copy_source = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_fence_as_directive = ["math"]  # as in CLAIMS.md, and as GitHub writes formulas
nb_execution_mode = "off"  # notebooks come with their outputs

autodoc_default_options = {"members": True, "member-order": "bysource", "ignore-module-all": True}
autosummary_generate = False
viewcode_follow_imported_members = False
toc_object_entries = False  # with them, most of a build goes into copying the sidebar
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False

nitpicky = True
suppress_warnings = ["ref.python"]  # names that are imported for type checkers only may stand for several classes
nitpick_ignore_regex = [
    # of other packages, whose indices are on the network; and what a signature says for an alias, a type variable
    (
        "py:.*",
        r"(numpy|np|scipy|sympy|xarray|torch|nn|matplotlib|pathlib|collections|tyro|joblib|dask|distributed|PIL|pandas|types|subprocess|threading)\..*",
    ),
    (
        "py:(class|data)",
        r"ArrayLike|Array|NDArray|int64|Path|Any|Self|Tensor|Figure|L|contextlib\..*",
    ),
    ("py:(class|obj)", r"(dict|tuple|typing\.Literal)\[.*"),  # halves of an alias that Sphinx has cut at a comma
]
