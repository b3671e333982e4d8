"""The notebooks, copied below the source folder as they are, outputs included: Sphinx reads nothing outside of it."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def copy(notebooks: Path, target: Path) -> None:
    """Copy all, with their times, so that Sphinx reads again only what has changed."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in notebooks.glob("*.ipynb"):
        shutil.copy2(path, target)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Copy before Sphinx looks for pages."""
    source = Path(app.srcdir)
    app.connect("builder-inited", lambda app: copy(source.parent / "notebooks", source / "generated" / "notebooks"))
    return {"parallel_read_safe": True}
