"""Writing generated pages."""

import shutil
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a page, unless it says this already: Sphinx reads again what has changed on disk."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write pages by the names of their files, and remove those of an earlier build whose origin is gone."""
    for path in folder.glob("*"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        write(folder / name, text)


def copy_all(origin: Path, pattern: str, target: Path) -> None:
    """Copy files as they are, with their times, so that Sphinx reads again only what has changed."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in origin.glob(pattern):
        shutil.copy2(path, target)


def heading(text: str, line: str) -> str:
    """A heading of reStructuredText."""
    return f"{text}\n{line * len(text)}\n"
