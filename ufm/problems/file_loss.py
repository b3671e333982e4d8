"""Losses of logits that a file of the user's own defines, by name: FILE.py::NAME.

The file is code, and it is run. So it is only where the user names it now: on the command line, in a model file or in
the description of a sweep. What the toolkit wrote itself (results, certificates, the sweep.json of a folder) may hold
such a name too, and nobody runs it from there: :meth:`ufm.FeatureModel.from_dict` refuses it.
"""

import functools
import hashlib
import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ufm.files.text import read_text, require_known

BETWEEN = "::"
"""What stands between file and name."""


@dataclass(frozen=True)
class FileLoss:
    """The loss of a file, as :func:`read_loss` finds it.

    Attributes
    ----------
    reference : FILE.py::NAME, the file by its absolute path.
    digest : sixteen hexadecimal digits of the text of the file: with another text it is another loss.
    loss : the object itself, as :class:`ufm.problems.logits.LogitLoss` describes it.
    """

    reference: str
    digest: str
    loss: Any = field(compare=False)

    def __repr__(self) -> str:
        """As it was named."""
        return self.reference

    @property
    def name(self) -> str:
        """Of the object: by it certificates and errors call the loss."""
        return getattr(self.loss, "name", type(self.loss).__qualname__)

    @property
    def identity(self) -> dict[str, str]:
        """What makes two of them the same, wherever the file lies: the name in it, and the digest."""
        return {"loss": self.reference.rpartition(BETWEEN)[2], "digest": self.digest}


def located(text: str, folder: Path) -> str:
    """FILE.py::NAME with an absolute path, where a relative one starts in a folder; other text as it is."""
    file, between, name = text.rpartition(BETWEEN)
    return f"{(folder / file).resolve()}{between}{name}" if between else text


def read_loss(text: str, folder: Path = Path()) -> Any:
    """A loss of logits: its name, or FILE.py::NAME of an object with a method ``at``, or of a class of such objects.

    The file is run, once for each text that it has. A relative path starts in ``folder``. Raises ValueError, OSError.
    """
    reference = located(text, folder)
    file, between, name = reference.rpartition(BETWEEN)
    if not between:
        if text.endswith(".py"):
            raise ValueError(f"loss={text}: which object of the file? {text}{BETWEEN}NAME")
        return text
    digest = hashlib.sha256(read_text(Path(file)).encode()).hexdigest()[:16]
    return FileLoss(reference, digest, _found(file, name, digest))


@functools.lru_cache(maxsize=64)
def _found(file: str, name: str, digest: str) -> Any:
    """What a file calls ``name``, when its text has that digest."""
    try:
        there = runpy.run_path(file)
        require_known(name, [each for each in there if not each.startswith("_")], f"{file} has no {name!r}")
        found = there[name]() if isinstance(there[name], type) else there[name]
    except Exception as error:  # whatever the user's own code does
        raise ValueError(
            f"loss={file}{BETWEEN}{name}: {' '.join(str(error).split()) or type(error).__name__}"
        ) from error
    return found
