"""Tutorials: the notebooks, copied below the source folder as they are, outputs included."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from _ext import pages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INDEX = """\
# Tutorials

Notebooks, one idea each, in order, with their outputs. They are in the folder notebooks/ of the repository.
"""


def index(names: list[str]) -> str:
    """The page above them. (A toctree that is empty, or globs nothing, is a warning.)"""
    return "\n".join([INDEX, *(["```{toctree}", *names, "```", ""] if names else [])])


def copy(notebooks: Path, tutorials: Path) -> list[Path]:
    """Copy what is new or changed, drop what is gone, and write the page above them."""
    copies = [tutorials / path.name for path in sorted(notebooks.glob("*.ipynb"))]
    pages.remove_others(tutorials, "*.ipynb", set(copies))
    tutorials.mkdir(parents=True, exist_ok=True)
    for path in copies:
        origin = notebooks / path.name
        if not path.exists() or path.read_bytes() != origin.read_bytes():
            shutil.copyfile(origin, path)
    pages.write(tutorials / "index.md", index([path.stem for path in copies]))
    return copies


def setup(app: "Sphinx") -> dict[str, bool]:
    """Copy before Sphinx looks for pages."""
    source = Path(app.srcdir)
    app.connect("builder-inited", lambda app: copy(source.parent / "notebooks", source / "tutorials"))
    return {"parallel_read_safe": True}
