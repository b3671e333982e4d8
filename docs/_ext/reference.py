"""The reference: a page for each room, with all its modules, found by walking the packages."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from _ext import pages

COMMANDS = "ufm.commands"
"""Has a page of another kind: what each command says to ``--help``."""


def rooms() -> list[str]:
    """Dotted names of the rooms: packages in ufm, theory, and figures."""
    import ufm

    found = [f"ufm.{module.name}" for module in pkgutil.iter_modules(ufm.__path__) if module.ispkg]
    return [*(name for name in found if name != COMMANDS), "theory", "figures"]


def modules(package: str) -> Iterator[str]:
    """A package and all that is in it, private modules apart; a package comes before its modules."""
    yield package
    for module in pkgutil.iter_modules(import_module(package).__path__):
        name = f"{package}.{module.name}"
        if module.ispkg:
            yield from modules(name)
        elif not module.name.startswith("_"):
            yield name


def page(room: str) -> str:
    """The page of a room: its own docstring, then its modules."""
    parts = [f"{pages.heading(name, '=' if name == room else '-')}\n.. automodule:: {name}\n" for name in modules(room)]
    return "\n".join(parts)


def face() -> str:
    """The page of what :mod:`ufm` exports: a line for each name, which leads to where it is documented."""
    import ufm

    names = "\n".join(f"   {name}" for name in ufm.__all__)
    table = f".. autosummary::\n   :nosignatures:\n\n{names}\n"
    return f"{pages.heading('ufm', '=')}\n.. automodule:: ufm\n   :no-members:\n\n{table}"


def all_pages() -> dict[str, str]:
    """Texts by the names of their files."""
    return {f"{room}.rst": page(room) for room in rooms()} | {"ufm.rst": face()}
