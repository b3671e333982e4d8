"""Every derivation runs, and the numpy of theory computes the closed forms that derivations end in, at 50 digits."""

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from theory.derivations import NAMES, derive
from theory.derivations.proof import Proof, Refuted

DOMAINS = {
    "f": st.integers(1, 2000),
    "g": st.integers(1, 2000),
    "n": st.integers(1, 10**6),
    "K": st.integers(1, 1000),
    "NC": st.floats(1e-6, 0.9),
    "NC_0": st.floats(1.1, 3.99),
    "theta": st.floats(0.01, 1.55),
    # no term of the reduced flow cancels another
    "x": st.floats(-0.9, -0.7),
    "y": st.floats(0.01, 0.4),
    # the clock loses r_0^2 roundings while the norm is far from 1
    "r_0": st.floats(0.01, 5.0),
    "default": st.floats(0.01, 20.0),
}
"""What the symbols of derivations range over; most are positive numbers."""


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_numpy_computes_what_was_derived(name, data):
    proof = derive(name)
    assert len(proof.steps) >= 3
    for result in proof.results:
        arguments = [data.draw(DOMAINS.get(a.name, DOMAINS["default"]), label=a.name) for a in result.arguments]
        computed = result.function(*arguments)
        computed = computed if result.pick is None else computed[result.pick]
        derived = evaluate(result, arguments)
        room = 1e-13 * abs(derived)
        if abs(computed - derived) > room:  # near a zero, by as much as an argument that is off by one rounding
            nearby = [
                [*arguments[:i], a * (1 + 2**-52), *arguments[i + 1 :]]
                for i, a in enumerate(arguments)
                if isinstance(a, float)
            ]
            room += sum(abs(evaluate(result, other) - derived) for other in nearby)
        assert abs(computed - derived) <= room, f"{result.name}{tuple(arguments)}: {computed}, derived {derived}"


def evaluate(result, arguments):
    """A closed form at 50 digits, rounded."""
    exact = dict(zip(result.arguments, map(sympy.Rational, arguments), strict=True))
    return float(sympy.N(result.expression.subs(exact), 50))


def test_steps_that_are_wrong_are_refuted():
    x = sympy.Symbol("x", positive=True)
    proof = Proof("nonsense")
    with pytest.raises(Refuted, match="nonsense: one is two"):
        proof.equal("one is two", x, 2 * x)
    with pytest.raises(Refuted, match="does not follow"):
        proof.sign("positive", x - 1, ">")
    assert not proof.steps


def test_unknown_derivation_names_the_known_ones():
    with pytest.raises(ValueError, match="'angels' is unknown: angles"):
        derive("angels")
