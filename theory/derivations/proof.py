"""What a derivation is made of: steps that sympy checks as they are taken, and the closed forms they end in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy
from sympy import Expr, Symbol


class Refuted(ArithmeticError):
    """A step of a derivation that sympy does not find to be true."""


@dataclass(frozen=True)
class Step:
    """One line of a derivation."""

    text: str
    """Why it holds, in words."""
    formula: sympy.Basic
    kind: Literal["given", "equal", "sign"]
    """Set down (a definition or hypothesis), or checked: an identity, or the sign of an expression."""


@dataclass(frozen=True)
class Result:
    """A closed form that a derivation ends in, and the numpy that computes it."""

    function: Callable[..., Any]
    arguments: tuple[Symbol, ...]
    """In the order in which ``function`` takes them."""
    expression: Expr
    pick: int | None = None
    """Which entry, where ``function`` returns several."""

    @property
    def name(self) -> str:
        """Dotted name of the function, with the entry that is meant."""
        dotted = f"{self.function.__module__}.{self.function.__qualname__}"
        return dotted if self.pick is None else f"{dotted}[{self.pick}]"


@dataclass
class Proof:
    """A derivation, read from top to bottom. Methods that check raise :class:`Refuted`; what returns is proved."""

    title: str
    steps: list[Step] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def given(self, text: str, formula: sympy.Basic) -> None:
        """Set down a definition or a hypothesis."""
        self.steps.append(Step(text, formula, "given"))

    def equal(self, text: str, left: Any, right: Any, shown: Expr | str | None = None) -> Expr:
        """Check an identity and return its right-hand side; ``shown`` stands for a left side that is long to print.

        A string is the name of a symbol.
        """
        left, right = sympy.sympify(left), sympy.sympify(right)
        if not _vanishes(left - right):
            raise Refuted(f"{self.title}: {text}: {left} is not found equal to {right}")
        seen = Symbol(shown) if isinstance(shown, str) else left if shown is None else shown
        self.steps.append(Step(text, sympy.Eq(seen, right, evaluate=False), "equal"))
        return right

    def sign(self, text: str, expression: Any, relation: Literal[">", ">=", "<", "<="]) -> None:
        """Check the sign of an expression from the assumptions on its symbols."""
        value = sympy.sympify(expression)
        known = {
            ">": value.is_positive,
            ">=": value.is_nonnegative,
            "<": value.is_negative,
            "<=": value.is_nonpositive,
        }[relation]
        if known is not True:
            raise Refuted(f"{self.title}: {text}: {value} {relation} 0 does not follow from the assumptions")
        shown = {">": sympy.Gt, ">=": sympy.Ge, "<": sympy.Lt, "<=": sympy.Le}[relation]
        self.steps.append(Step(text, shown(value, 0, evaluate=False), "sign"))

    def result(self, function: Callable[..., Any], *arguments: Symbol, is_: Any) -> None:
        """Set down a closed form, proved above, that ``function`` must reproduce: one, or a tuple of all it returns."""
        several = isinstance(is_, tuple)
        for pick, expression in enumerate(is_ if several else (is_,)):
            self.results.append(Result(function, arguments, sympy.sympify(expression), pick if several else None))


def _vanishes(difference: Expr) -> bool:
    """Whether sympy can transform an expression to 0; cheap ways first."""
    if difference.is_zero:
        return True
    ways: tuple[Callable[[Expr], Expr], ...] = (
        sympy.expand,
        sympy.simplify,
        lambda e: sympy.simplify(sympy.expand_log(sympy.expand(e), force=True)),
        lambda e: sympy.simplify(sympy.powdenest(e.rewrite(sympy.exp), force=True)),
    )
    return any(way(difference) == 0 for way in ways)


def linear_sum(summand: Expr, index: Symbol, count: Expr) -> Expr:
    """Sum over index = 1, ..., count, with everything that does not depend on the index taken out of the sum."""
    terms = sympy.Add.make_args(sympy.expand(summand))
    return sympy.Add(*(sympy.factor_terms(sympy.Sum(term, (index, 1, count)).doit()) for term in terms))
