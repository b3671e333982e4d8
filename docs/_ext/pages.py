"""Writing generated pages."""

from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a page, unless it says this already: Sphinx reads again what has changed on disk."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def remove_others(folder: Path, pattern: str, keep: set[Path]) -> None:
    """Remove pages of an earlier build whose origin is gone."""
    for path in folder.glob(pattern):
        if path not in keep:
            path.unlink()


def heading(text: str, line: str) -> str:
    """A heading of reStructuredText."""
    return f"{text}\n{line * len(text)}\n"
