"""What lies at a path, and the sections that show it."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ufm.files import store
from ufm.files.folder import modules_in
from ufm.files.text import json_object, read_text
from ufm.pages import kinds
from ufm.pages.content import Section

BROKEN = (KeyError, TypeError, AttributeError, IndexError, ValueError)
"""What reading something else than what was written raises."""


def sections(path: Path) -> list[Section]:
    """The sections of what lies at a path: a folder that a command wrote, or a file.

    Raises ValueError where there is nothing that could be shown, DamagedFile, FileNotFoundError.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.is_dir():
        return _of_folder(path)
    known = [each for each in _having("FOLDER") if path.name == each.FOLDER]
    if known:
        return _of_folder(path.parent)
    return _of_data(path) if path.suffix == ".nc" else _of_object(path)


def _having(name: str) -> list[ModuleType]:
    return [module for module in modules_in(kinds).values() if hasattr(module, name)]


def _of_folder(folder: Path) -> list[Section]:
    for kind in _having("FOLDER"):
        if (folder / kind.FOLDER).exists():
            return _read(kind.of_folder, folder, folder)
    names = sorted(kind.FOLDER for kind in _having("FOLDER"))
    below = sorted(path.parent for name in names for path in folder.glob(f"*/{name}"))
    raise ValueError(
        f"{folder} has no run in it: {f'did you mean {below[0]}?' if below else 'none of ' + ', '.join(names)}"
    )


def _of_data(path: Path) -> list[Section]:
    data = store.load(path).to_dataset()
    for kind in _having("VARIABLES"):
        if all(name in data.variables for name in kind.VARIABLES):
            return _read(kind.of_data, path, data, path)
    raise ValueError(
        f"{path} holds nothing that a page could show: {', '.join(map(str, data.variables)) or 'no variables'}"
    )


def _of_object(path: Path) -> list[Section]:
    try:
        values: Mapping[str, Any] = json_object(str(path), read_text(path))
    except ValueError as error:
        raise ValueError(f"{path} is no file that a page could show: {error}") from None
    for kind in _having("KEYS"):
        if set(kind.KEYS) <= values.keys():
            return _read(kind.of_object, path, values, path)
    raise ValueError(f"{path} holds nothing that a page could show: {', '.join(list(values)[:8]) or 'an empty object'}")


def _read(show: Any, path: Path, *given: Any) -> list[Section]:
    """What a kind makes of it. Raises DamagedFile for what is not as it was written."""
    try:
        return list(show(*given))
    except store.DamagedFile:
        raise
    except BROKEN as error:
        said = f"{type(error).__name__} {error}" if isinstance(error, KeyError | IndexError) else str(error)
        raise store.DamagedFile(f"{path} is damaged, or was written as something else: {said}") from None
