"""From the words of a command line to a command, and what is wrong with them in one line."""

import contextlib
import importlib
import io
import itertools
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

import ufm
from ufm import commands
from ufm.commands.overview import found, overview, sources
from ufm.files.process import OK, WRONG_INPUT
from ufm.files.text import known_as, missing_file, require_known, said_of, suggestion


def _named(words: Sequence[str]) -> type | None:
    """The command that comes first, the only one that is loaded; None where a flag comes first."""
    if words[0].startswith("-"):
        return None
    require_known(words[0], sources(), f"there is no command {words[0]!r}")
    command: type = importlib.import_module(f"{commands.__name__}.{words[0]}").Command
    return command


def _answer(words: Sequence[str]) -> None:
    """Print what is asked of no command and raise SystemExit; without a word, the same as for --help, on stderr."""
    flags = list(itertools.takewhile(lambda word: word.startswith("-"), words))
    if not words:
        print(overview(), file=sys.stderr)
        raise SystemExit(WRONG_INPUT)
    if list(words) == ["--version"]:
        print(f"ufm {ufm.__version__}")
    elif "-h" in flags or "--help" in flags:
        print(overview())
    else:
        return
    raise SystemExit(OK)


KINDS: Mapping[Any, tuple[Callable[[str], Any], str]] = {
    int: (int, "an integer"),
    float: (float, "a number"),
    str: (str, "a word"),
    Path: (Path, "the name of a file or folder"),
}
"""What a flag may hold: how a word is read, and what it should have been."""


def _read(kind: Any, word: str) -> Any:
    if get_origin(kind) is Literal:
        allowed = get_args(kind)
        if (name := known_as(word, allowed)) not in allowed:
            raise ValueError(f"{word!r} is unknown{suggestion(word, allowed)}")
        return name
    read, what = KINDS[kind]
    try:
        if word:
            return read(word)
    except ValueError:
        pass
    raise ValueError(f"{word!r} is not {what}")


REGISTRY = ConstructorRegistry()


@REGISTRY.primitive_rule
def _rule(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """How tyro reads one value or several, None being what is left out; None for what it reads well by itself."""
    kind = info.type
    if get_origin(kind) in (Union, types.UnionType):
        (kind, *others) = (each for each in get_args(kind) if each is not type(None))
        if others:
            return None
    several = get_origin(kind) is tuple and get_args(kind)[1:] == (...,)
    one = get_args(kind)[0] if several else kind
    if (one not in KINDS and get_origin(one) is not Literal) or tyro.conf.UseAppendAction in info.markers:
        return None
    name = f"{{{','.join(get_args(one))}}}" if get_origin(one) is Literal else one.__name__.upper()
    return PrimitiveConstructorSpec(
        nargs="*" if several else 1,
        metavar=f"{name} ..." if several else name,
        instance_from_str=lambda words: tuple(_read(one, word) for word in words) if several else _read(one, words[0]),
        is_instance=lambda value: value is None or isinstance(value, tuple if several else object),
        str_from_instance=lambda value: list(map(str, value)) if several and value is not None else [str(value)],
    )


def _default(text: str) -> str:
    """The default at the end of a flag's help: none where that is nothing, or what the flag turns around."""
    return "" if text in ("None", "False", "True", "''", "") else f"(default: {text})"


def _for_help(kind: type) -> type:
    """The same command, whose flags say their defaults as :func:`_default` does."""
    said = tyro.conf.arg(help_behavior_hint=_default)
    hints = {
        name: Annotated[hint, said, *([tyro.conf.FlagConversionOff] if hint == bool | None else [])]
        for name, hint in get_type_hints(kind, include_extras=True).items()
    }
    return type(
        kind.__name__, (kind,), {"__annotations__": hints, "__doc__": kind.__doc__, "__module__": kind.__module__}
    )


def parse(arguments: Sequence[str] | None) -> Any:
    """Parsed command; a wrong one raises ValueError with tyro's message on one line.

    After --help and --version are answered it raises SystemExit.
    """
    words = sys.argv[1:] if arguments is None else arguments
    for flag, shell in itertools.pairwise(words):
        if flag in SCRIPTS:
            require_known(shell, SHELLS, f"{flag} {shell!r} is unknown")
    _answer(words)
    kinds: Any
    if command := _named(words):
        kinds, prog, flags = _for_help(command), f"ufm {words[0]}", words[1:]
    else:
        named = [Annotated[_for_help(kind), tyro.conf.subcommand(name)] for name, kind in found().items()]
        kinds, prog, flags = Union[tuple(named)], "ufm", words  # noqa: UP007
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), REGISTRY:
            return tyro.cli(
                kinds,
                prog=prog,
                args=flags,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.SuppressFixed, tyro.conf.DisallowNone),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        rows = [row.strip("│| ") for row in said.getvalue().splitlines()[1:]]  # below the title, in a box
        rows = [row for row in rows if re.search(r"\w", row)]  # no lines between paragraphs
        text = NOT_FOR_ONE_LINE.split(" ".join(rows))[0].strip()
        if re.fullmatch(r"Unrecognized options: [-\d., ]+", text):
            text += ": numbers of one flag are joined by commas, 500,50,5"
        raise ValueError(f"{text} (see {_help(words)})") from None


SCRIPTS, SHELLS = ("--tyro-print-completion", "--tyro-write-completion"), ("bash", "zsh", "tcsh", "fish")
"""Flags of tyro by which any command writes a script for a shell, and the shells that it knows."""

NOT_FOR_ONE_LINE = re.compile(r"Argument helptext:|Arguments are applied|For full helptext|\(default:|\(required\)")
"""Where tyro's message begins to repeat the help."""


def _help(words: Sequence[str]) -> str:
    """The command that explains the flags."""
    word = next(iter(words), "")
    return f"ufm {word} --help" if word in sources() else "ufm --help"


def in_flags(message: str, command: Any) -> str:
    """A message of Python in the words of a command line: names of arguments become those of its flags.

    What is said of a file, "FILE: ...", stays as it is, and so do hyperparameters with the name of a flag.
    """
    if command is None or any(message.startswith(f"{value}:") for value in vars(command).values()):
        return message
    for field in fields(command):
        if flag := _flag(field):
            ending = r"\b" if "_" in field.name else "(?==)"
            message = re.sub(rf"(?<![\w.'-])(?<!hyper )(?<!write ){field.name}{ending}", flag, message)
    return message


def _flag(field: Field[Any]) -> str:
    """The flag that a field is; nothing for one that is given by its place."""
    marks = getattr(field.type, "__metadata__", ())
    names = [mark.name for mark in marks if getattr(mark, "name", None)]
    return "" if tyro.conf.Positional in marks else "--" + (names or [field.name])[0].replace("_", "-")


def message(error: BaseException, command: Any) -> str:
    """What is said of an error: of a file that is missing after the flag that names it, where one does."""
    if (file := missing_file(error)) is None:
        return in_flags(str(error), command)
    flags = (_flag(field) for field in fields(command) if _names(getattr(command, field.name), file)) if command else ()
    flag = next(iter(flags), "")
    return f"{flag}={said_of(error)}" if flag else said_of(error)


def _names(value: Any, file: str) -> bool:
    """Whether a flag's value is FILE or FILE::NAME, or has one of them among several."""
    words = [str(each) for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, str | Path)]
    return any(Path(word.partition("::")[0]).absolute() == Path(file).absolute() for word in words)
