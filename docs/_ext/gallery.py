"""The gallery: a page of what ``ufm figures --out docs/gallery`` wrote, NAME.png with a caption in NAME.md."""

from pathlib import Path

INTRODUCTION = """\
# Gallery

Every figure is made by `ufm figures NAME`, and all of this page by `make gallery`. A NAME that ends in -run is of
trainings on CIFAR: `ufm figures NAME --runs runs` makes it from what its caption says.
"""

SWEEPS = """\
## Sweeps

The sweeps that come with the package: `ufm sweep NAME`.
"""

EMPTY = "There are no pictures in docs/gallery yet."


def page(gallery: Path) -> str:
    """The page, in MyST: figures by name, then sweeps (sweep-NAME.png) by name."""
    pictures = sorted(gallery.glob("*.png"))
    sweeps = [path for path in pictures if path.stem.startswith("sweep-")]
    figures = [path for path in pictures if path not in sweeps]
    parts = [INTRODUCTION, *(_entry(path, "##", path.stem) for path in figures)]
    if sweeps:
        parts += [SWEEPS, *(_entry(path, "###", path.stem.removeprefix("sweep-")) for path in sweeps)]
    return "\n".join(parts if pictures else [*parts, EMPTY, ""])


def _entry(picture: Path, level: str, name: str) -> str:
    """A section: the picture, and its caption, whose own heading (if it has one) becomes that of the section."""
    said = picture.with_suffix(".md")
    caption = said.read_text(encoding="utf-8").strip() if said.exists() else ""
    title = f"`{name}`"
    if caption.startswith("#"):
        heading, _, caption = caption.partition("\n")
        title = heading.lstrip("# ")
    parts = [f"{level} {title}", f"![{name}](/gallery/{picture.name})", caption.strip()]
    if (turning := picture.with_suffix(".gif")).exists():
        parts.append(f"{{download}}`A full turn of it </gallery/{turning.name}>`.")
    return "\n\n".join(part for part in parts if part) + "\n"
