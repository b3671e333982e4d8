"""The zoo on one page: every theorem with its statement, formulas, hypotheses, verdict, cases and certificate.

All of it is found in theory/zoo. Nothing is solved here: ``ufm zoo --check`` does that, and tests do.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from itertools import groupby
from typing import Any

import numpy as np

from _ext import pages, theory

PACKAGE = "theory.zoo"
SHARED = f"{PACKAGE}.theorem"

INTRODUCTION = """\
Where training ends under weight decay, if features are free: what the field has proved of it, a theorem each. Every one
is a file in theory/zoo, and every one is *reproduced*: a solver that knows none of these formulas minimises each of its
cases, on both sides of each threshold, a bound proves the minimum where one is known, and what the theorem says is held
against it. One case of each theorem breaks a hypothesis: there the formula must be wrong.

.. code-block:: sh

   ufm zoo                # all of them
   ufm zoo ce-balanced    # one, with its cases held against it
   ufm zoo --check        # all cases of all theorems

:math:`K` classes have :math:`n_k` samples, :math:`N` in all, :math:`D = \\operatorname{diag}(n)`; :math:`d` is the
dimension, and :math:`\\lambda = \\sqrt{\\lambda_W \\lambda_H}`. :math:`M` holds the class means; :math:`Z` has their
logits, a row for each class; and :math:`|\\cdot|_*` is the nuclear norm. :doc:`/howto/geometry` says how to ask for a
model of your own, and :doc:`/howto/new-theorem` how the next theorem gets here.
"""

PROOFS = """\
What is proved where a certificate is given: of each multiplier a number that no features and weights go below, computed
again by :py:func:`ufm.verify` from multiplier and model alone.
"""

PICTURES = """\
Minima found by solvers that know no formula, with theory over them. The :doc:`gallery <gallery>` says how well they
agree.
"""

HELPERS = """\
What several theorems compute with.
"""

VERDICTS = {
    "holds": "holds as published",
    "corrected": "holds as corrected here",
    "new": "new: at least a part of it is derived here",
}

NO_BOUND = "none: no lower bound is known, and the minimum is the best of many starts"
OF_FLOW = "none is needed: the flow is integrated, with a bound on its error"


def entries() -> list[Any]:
    """The theorems, in the order of their rows."""
    from ufm.certify.zoo import zoo

    return list(zoo().values())


def plain(text: str) -> str:
    """Words of a theorem, in which nothing is markup."""
    return re.sub(r"([\\*_|`])", r"\\\1", " ".join(text.split()))


def bounds(entry: Any) -> list[Any]:
    """The kinds of bounds of its cases, None where there is none."""
    from ufm.minimize.certificate import bound_of

    found = {}
    for model in entry.cases().values():
        try:
            found[type(bound_of(model))] = None
        except TypeError:
            found[None] = None
    return list(found)


def certificate(entry: Any) -> str:
    """Where the proofs of the minima come from."""
    from ufm.problems.balanced_flow import BalancedFlow

    if issubclass(entry.kind, BalancedFlow):
        return OF_FLOW
    return "; ".join(f":py:class:`{theory.dotted(bound)}`" if bound else NO_BOUND for bound in bounds(entry))


def changed(values: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """What a case has that the first one has not."""
    given = {name: value for name, value in values.items() if value is not None}
    new = [f"``{name} = {short(value)}``" for name, value in given.items() if name not in base or base[name] != value]
    return ", ".join(new + [f"without ``{name}``" for name in base if name not in given])


def short(value: Any) -> str:
    """A field of a model; equal neighbours are counted, and of many numbers the first and the last ones stand."""
    if isinstance(value, str):
        return value
    numbers = np.asarray(value)
    if numbers.ndim == 2:
        return f"{numbers.shape[0]} x {numbers.shape[1]} numbers"
    if numbers.ndim == 0:
        return f"{value:.6g}"
    runs = [(number, len(list(equal))) for number, equal in groupby(numbers.tolist())]
    shown = [f"{number:.4g}" if count == 1 else f"{count} x {number:.4g}" for number, count in runs]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", shown[-1]]).join("()")


def cases(entry: Any) -> str:
    """The cases, in a list: the first one whole, of others what they change."""
    given = entry.module.CASES
    first = next(iter(given.values()))
    rows = [(name, changed(values, first if values is not first else {})) for name, values in given.items()]
    rows.append(("broken, of which it must not hold", changed(entry.module.BROKEN, first)))
    return "\n".join(f"* {plain(name)}: {what}" for name, what in rows)


def pictures() -> str:
    """Those of the gallery that show a theorem, with links to it."""
    from figures.gallery import found

    parts = []
    for name, figure in found().items():
        if figure.theorems:
            shown = ", ".join(f":ref:`{theorem} <zoo-{theorem}>`" for theorem in figure.theorems)
            about = figure.about[0].upper() + figure.about[1:]
            parts.append(f".. figure:: /gallery/{name}.png\n   :alt: {name}\n\n   {plain(about)}. Of {shown}.")
    return "\n\n".join(parts)


def section(entry: Any) -> str:
    """A theorem."""
    about, module = entry.theorem, entry.module.__name__
    proofs = [f":py:mod:`{each} <{theory.DERIVATIONS}.{each}>`" for each in about.derivations]
    links = {
        "Source": [plain(about.source)],
        "Holds for": [plain(about.hypotheses)],
        "Verdict": [VERDICTS[about.verdict]],
        "Model": [f":py:class:`{theory.dotted(entry.kind)}`"],
        "Certificate": [certificate(entry)],
        "Derivation": proofs,
        "Code": [f":py:mod:`{module}`"],
    }
    listed = "\n".join(f":{kind}: {'; '.join(each)}" for kind, each in links.items() if each)
    heading = pages.heading(entry.name, "-")
    label = f".. _zoo-{entry.name}:"
    formulas = "\n\n".join(f".. math:: {formula}" for formula in about.formulas)
    tried = f"Cases (``ufm zoo {entry.name}``):\n\n{cases(entry)}"
    return "\n\n".join([label, heading, plain(entry.statement), formulas, listed, tried])


def page() -> str:
    """The page, in reStructuredText."""
    shared = import_module(SHARED)
    parts = [pages.heading("Zoo", "="), INTRODUCTION, *map(section, entries())]
    parts += [pages.heading("Pictures", "-"), PICTURES, pictures()]
    parts += [pages.heading("Certificates", "-"), PROOFS]
    proofs = dict.fromkeys(bound for entry in entries() for bound in bounds(entry) if bound)
    parts += [f":py:class:`{theory.dotted(bound)}`\n    {plain(bound.statement)}." for bound in proofs]
    parts += [pages.heading("Shared formulas", "-"), HELPERS]
    parts += [theory.entry(function, function.__name__) for function in theory.functions(shared)]
    return "\n\n".join(parts) + "\n"
