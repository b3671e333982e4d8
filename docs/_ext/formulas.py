"""Formulas set by MathJax, which lies beside the pages: they need no network.

The files come from the package sphinx-mathjax-offline. Of its 24 MB a page that has formulas needs one script and the
fonts, and these are what is copied. Errors show as errors: a command that MathJax does not know is neither guessed nor
looked for in files that are not here, so that ``tests/test_site.py`` finds it.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SCRIPT = "tex-chtml.js"
NEEDED = (SCRIPT, "output/chtml/fonts/woff-v2")
FOLDER = "mathjax"

SETTINGS = {
    "tex": {"packages": {"[-]": ["autoload", "require", "noerrors", "noundefined"]}},
    "options": {"enableMenu": False},  # it loads speech in 15 languages; readers of screens get MathML without it
}


def origin() -> Path:
    """Where the package keeps MathJax; its name is not one that can be imported by a statement."""
    found = find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("MathJax is not installed: pip install -e '.[docs]'")
    return Path(found.origin).parent / "static" / "mathjax"


def copy(app: "Sphinx") -> None:
    """Lay script and fonts beside the pages."""
    target = Path(app.outdir) / "_static" / FOLDER
    for name in NEEDED:
        place = origin() / name
        if place.is_dir():
            shutil.copytree(place, target / name, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, target / name)


def setup(app: "Sphinx") -> dict[str, Any]:
    """Set formulas with the MathJax that is here."""
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = f"{FOLDER}/{SCRIPT}"
    app.config.mathjax3_config = SETTINGS
    app.add_css_file("formulas.css")
    app.connect("builder-inited", copy)
    return {"parallel_read_safe": True}
