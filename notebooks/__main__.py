"""Execute notebooks: ``python -m notebooks [NAME...]`` writes NAME.ipynb from NAME.py, all of them without names.

The percent scripts are the source. What differs from one execution to the next (times, cell ids, versions) is not
written, so that a notebook changes only if its script or its results do.
"""

import argparse
import base64
import io
import os
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def scripts() -> list[Path]:
    """The percent scripts, in the order in which they are read."""
    return sorted(HERE.glob("[0-9]*.py"))


def execute(script: Path) -> nbformat.NotebookNode:
    """The notebook of a script, with outputs. Raises nbclient.exceptions.CellExecutionError if a cell fails."""
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    with tempfile.TemporaryDirectory() as folder:
        options = {"timeout": 600, "kernel_name": "python3", "record_timing": False, "coalesce_streams": True}
        NotebookClient(notebook, resources={"metadata": {"path": folder}}, **options).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel has added its version
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = small(output.data["image/png"])
    nbformat.validate(notebook)
    return notebook


def small(picture: str) -> str:
    """A PNG in base64 with a palette of 256 colours: drawings look the same at a third of the size."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def main() -> None:
    """Execute, write, say how long each took."""
    parser = argparse.ArgumentParser(prog="python -m notebooks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="for example 01-first-steps")
    known = {script.stem: script for script in scripts()}
    names = parser.parse_args().names or list(known)
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"{', '.join(unknown)}: no such notebook; there are {', '.join(known)}")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    for name in names:
        began = time.perf_counter()
        notebook = execute(known[name])
        nbformat.write(notebook, known[name].with_suffix(".ipynb"))
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
