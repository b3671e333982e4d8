"""What a measure of collapse is, and where all of them are found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ufm.files.folder import modules_in
from ufm.measure.statistics import LeftOut, Statistics

__all__ = ["LeftOut", "Metric", "known", "metric"]


@dataclass(frozen=True)
class Metric:
    """One measure: a number, or one for each class.

    Attributes
    ----------
    define : from statistics to a float, or to (G,) numbers of the classes that have a sample. Its docstring has the
        formula.
    source : where it was introduced.
    bounds : the range of its values.
    collapse : its value at exact collapse to a simplex ETF with self-dual weights.
    """

    name: str
    define: Callable[[Statistics], Any]
    source: str
    bounds: str
    collapse: str
    by_class: bool

    @property
    def formula(self) -> str:
        """The docstring of its definition."""
        return self.define.__doc__ or ""


Definition = Callable[[Statistics], Any]


def metric(*, source: str, bounds: str, collapse: str, by_class: bool = False) -> Callable[[Definition], Definition]:
    """Mark a function as the definition of the measure of its name."""

    def mark(define: Definition) -> Definition:
        name = define.__name__
        define.metric = Metric(name, define, source, bounds, collapse, by_class)  # type: ignore[attr-defined]
        return define

    return mark


@cache
def known() -> Mapping[str, Metric]:
    """All measures by name, in the order of their files."""
    from ufm.measure import definitions

    found = [value for module in modules_in(definitions).values() for value in vars(module).values()]
    return {each.metric.name: each.metric for each in found if isinstance(getattr(each, "metric", None), Metric)}
