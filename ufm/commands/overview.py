"""Which commands there are, and what `ufm --help` says of them; none of them is loaded for it."""

import ast
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ufm import commands
from ufm.files.folder import modules_in

SHOWN_FIRST = (
    *("simulate", "verify", "geometry", "phase", "design", "explore", "sweep"),
    *("measure", "confirm", "decide", "train", "table", "data"),
    *("zoo", "claims", "figures", "report", "presets", "completion"),
)
"""Order in the help, which is that of README; others follow by name."""

OTHERS = "Others"
"""The group of a command whose class has no attribute ``group``."""

FIRST_SENTENCE = re.compile(r".*?[.!?](?= |$)|.+")


def _in_order(named: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: named[name] for name in (*SHOWN_FIRST, *sorted(named.keys() - set(SHOWN_FIRST)))}


def found() -> Mapping[str, Any]:
    """All commands by name."""
    return _in_order({name: file.Command for name, file in modules_in(commands).items() if hasattr(file, "Command")})


def sources() -> Mapping[str, str]:
    """The source of each command by name: a file of the folder with a class ``Command``."""
    files = (
        Path(folder, f"{module.name}.py") for folder in commands.__path__ for module in pkgutil.iter_modules([folder])
    )
    read = {file.stem: file.read_text(encoding="utf-8") for file in files}
    return _in_order({name: source for name, source in read.items() if "\nclass Command" in source})


def described() -> Mapping[str, Any]:
    """All commands by name, none of them loaded: classes with a docstring and a group, and without flags."""
    return {name: _described(source) for name, source in sources().items()}


def _described(source: str) -> type:
    classes = (each for each in ast.parse(source).body if isinstance(each, ast.ClassDef))
    (node,) = (each for each in classes if each.name == "Command")
    return type("Command", (), {"__doc__": ast.get_docstring(node), "group": _group(node)})


def _group(command: ast.ClassDef) -> str:
    """The word that the class assigns to ``group``, or the default."""
    for each in command.body:
        match each:
            case ast.Assign(targets=[ast.Name(id="group")], value=ast.Constant(value=str(name))):
                return name
    return OTHERS


def overview() -> str:
    """All commands by group, a line for each: its name, and the first sentence of its docstring."""
    there = described()
    width, groups = max(map(len, there)), dict[str, list[str]]()
    for name, kind in there.items():
        groups.setdefault(kind.group, []).append(f"  {name:{width}}  {sentence(kind.__doc__)}".rstrip())
    parts = ["\n".join((f"{name}:", *lines)) for name, lines in groups.items()]
    return "\n\n".join((ABOUT, *parts, "ufm COMMAND --help shows flags and examples"))


ABOUT = """\
usage: ufm [--help] [--version] COMMAND ...

Neural collapse to multiple centers: simulate it, and hold it against theory."""


def sentence(docstring: str | None) -> str:
    """The first one, on one line; nothing of a command that says nothing."""
    paragraph = " ".join((docstring or "").partition("\n\n")[0].split())
    return "".join(FIRST_SENTENCE.findall(paragraph)[:1])
