"""The theory page: formulas, module by module, each with the derivation, the claims and the tests that hold it.

All of it is found. What is said of a function stands in its docstring; that a derivation ends in it, in the
derivation; that a claim rests on it, and which tests hold the claim, in the ledger.
"""

import ast
import functools
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from _ext import docstrings, pages

INTRODUCTION = """\
Under each formula stand the function that computes it, the derivation that proves it (sympy, step by step; counting
needs none), and, from the :doc:`ledger of claims <claims>`, the statements that rest on it, with hypotheses and
evidence, and the tests that hold them against something that does not know the formula. ``ufm claims ID`` prints a
claim with its derivation. Theorems on where training ends under weight decay, without a frame, stand in the
:doc:`zoo <zoo>`.
"""

OUTSIDE = """\
Claims also speak of functions that state or simulate a problem.
"""

DERIVATIONS = "theory.derivations"

ELSEWHERE = (DERIVATIONS, "theory.zoo")
"""Packages with pages of their own."""


def modules(package: str = "theory") -> Iterator[ModuleType]:
    """Modules with formulas, in the order in which the docstring of their package names them, others behind by name."""
    parent = import_module(package)

    def place(name: str) -> tuple[bool, int, str]:
        found = re.search(rf"^{name}\b", parent.__doc__ or "", flags=re.MULTILINE)
        return (found is None, found.start() if found else 0, name)

    for name in sorted((module.name for module in pkgutil.iter_modules(parent.__path__)), key=place):
        module = import_module(f"{package}.{name}")
        if hasattr(module, "__path__"):
            yield from modules(module.__name__) if module.__name__ not in ELSEWHERE else ()
        elif not name.startswith("_"):
            yield module


def functions(module: ModuleType) -> list[FunctionType]:
    """Public functions of a module, as they stand in it."""
    members = [member for name, member in vars(module).items() if inspect.isfunction(member) and name[0] != "_"]
    return [member for member in members if member.__module__ == module.__name__]


def dotted(function: Any) -> str:
    """Full name of a function."""
    return f"{function.__module__}.{function.__qualname__}"


def claims() -> Iterable[Any]:
    """The ledger, in its order."""
    from ufm.certify.ledger import ledger

    return ledger().values()


@functools.cache
def proofs() -> Mapping[str, list[str]]:
    """Derivations by the functions whose closed forms they end in, ``proof.result(function, ...)``.

    They are read, not run: sympy would take longer than the rest of the page, and tests run them.
    """
    found = defaultdict(list)
    for name in (module.name for module in pkgutil.iter_modules(import_module(DERIVATIONS).__path__)):
        module = import_module(f"{DERIVATIONS}.{name}")
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "result":
                function = dotted(functools.reduce(getattr, ast.unparse(node.args[0]).split("."), module))
                found[function] += [name] * (name not in found[function])
    return found


def entry(function: Any, title: str) -> str:
    """What the docstring says of a function before it comes to the parameters, and what holds it."""
    name = dotted(function)
    own = [claim for claim in claims() if name in claim.functions]
    derivations = dict.fromkeys([*proofs().get(name, []), *(each for claim in own for each in claim.derivations)])
    links = {
        "Code": [f":py:func:`{name}`"],
        "Derivation": [f":py:mod:`{each} <{DERIVATIONS}.{each}>`" for each in derivations],
        "Claims": [f":claim:`{claim.id}`" for claim in own],
        "Tests": [f":test:`{test}`" for test in dict.fromkeys(test for claim in own for test in claim.tests)],
    }
    fields = "\n".join(f":{kind}: {', '.join(each)}" for kind, each in links.items() if each)
    module = f".. py:currentmodule:: {function.__module__}"
    return "\n\n".join([pages.heading(title, "~"), module, docstrings.prose(inspect.getdoc(function) or ""), fields])


def page() -> str:
    """The page, in reStructuredText."""
    import theory

    parts = [pages.heading("Theory", "="), docstrings.prose(inspect.getdoc(theory) or ""), INTRODUCTION]
    for module in modules():
        title, rest = re.split(r"\.(?:\s+|$)", docstrings.prose(inspect.getdoc(module) or ""), maxsplit=1)
        parts += [pages.heading(title.replace("\n", " "), "-"), f".. py:currentmodule:: {module.__name__}", rest]
        parts += [entry(function, function.__name__) for function in functions(module)]
    named = dict.fromkeys(function for claim in claims() for function in claim.functions)
    outside = [name.rpartition(".") for name in named if not name.startswith("theory.")]
    parts += [pages.heading("Outside theory", "-"), OUTSIDE] if outside else []
    parts += [entry(getattr(import_module(module), name), name) for module, _, name in outside]
    return "\n\n".join(parts) + "\n"
