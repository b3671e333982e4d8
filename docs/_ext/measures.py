"""Every measure on one page: formula, source, range, value at collapse, and what other libraries have of it."""

import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

from _ext import docstrings, elsewhere, pages

INTRODUCTION = """\
What :py:func:`ufm.measure` and ``ufm measure`` compute, one definition each. :math:`h_i` is the feature of sample i,
:math:`\\mu_k` the mean of class k and :math:`\\mu_G` that of the classes; :math:`w_k` and :math:`b_k` are weights and
bias of the last layer, K is the number of classes and d the dimension. :py:class:`ufm.Conventions` has the choices
where papers differ. "At collapse" is at exact collapse to a simplex ETF with weights that are dual to the class means.
:doc:`/howto/measure-network` says how to measure a network.

The last column holds ours against public libraries, with thanks for their code, which was read and not copied. Their
formulas are computed anew for one example of {samples} samples of {classes} classes in {dim} dimensions. Versions
change: where one of them has moved on, please say so.
"""

HEAD = ("measure", "formula", "range, at collapse, source", "elsewhere")


def by_measure() -> Mapping[str, list[str]]:
    """What is said of other libraries."""
    said: dict[str, list[str]] = {}
    for each in elsewhere.KNOWN:
        said.setdefault(each.measure, []).append(each.said)
    return said


def cells(name: str, metric: Any, others: list[str]) -> tuple[str, str, str, str]:
    """The cells of a row."""
    facts = [f"{metric.bounds}, at collapse {metric.collapse}.", metric.source, "For each class." * metric.by_class]
    formula = docstrings.prose(inspect.getdoc(metric.define) or "")
    return f"``{name}``", formula, "\n\n".join(filter(None, facts)), "\n\n".join(others)


def row(texts: tuple[str, ...]) -> str:
    """A row of a list-table."""
    indented = [textwrap.indent(text, " " * 7).strip() for text in texts]
    return "\n".join(f"   {'*' if place == 0 else ' '} - {text}" for place, text in enumerate(indented))


def page() -> str:
    """The page, in reStructuredText."""
    from ufm.measure.metric import known

    said = by_measure()
    rows = [row(cells(name, metric, said.get(name, []))) for name, metric in known().items()]
    table = "\n".join([".. list-table::", "   :header-rows: 1", "   :widths: 20 36 20 24", "", row(HEAD), *rows])
    introduction = INTRODUCTION.format(samples=sum(elsewhere.SIZES), classes=len(elsewhere.SIZES), dim=elsewhere.DIM)
    return "\n\n".join([pages.heading("Measures", "="), introduction, table, *beside()]) + "\n"


def beside() -> tuple[str, ...]:
    """What is no measure of classes: regression, and distances to given Gram matrices."""
    from ufm.measure.definitions.nc2_geometry import gram_distances
    from ufm.measure.regression import RegressionMeasures

    regression = docstrings.prose((inspect.getdoc(RegressionMeasures) or "").partition("Attributes")[0])
    grams = docstrings.prose(inspect.getdoc(gram_distances) or "")
    return (
        pages.heading("Held against a prediction", "-"),
        grams,
        pages.heading("Networks that meet numbers", "-"),
        f":py:func:`ufm.measure_regression`: {regression}",
    )
