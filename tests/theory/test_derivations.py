"""Every derivation runs, and the numpy of theory computes the closed forms that derivations end in, at 50 digits."""

from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.decision import hard
from theory.derivations import derivations, derive
from theory.derivations import mse_flow_modes as logistic
from theory.derivations.proof import Proof, Refuted
from theory.multicenter import flows
from theory.zoo import mse_flow_modes
from ufm.problems.losses import cosine

DOMAINS = {
    "f": st.integers(1, 2000),
    "g": st.integers(1, 2000),
    "n": st.integers(1, 10**6),
    "n_k": st.integers(1, 10**6),
    "n_j": st.integers(1, 10**6),
    "d": st.integers(1, 2000),
    "kappa": st.floats(1.0, 1e4),
    "K": st.integers(2, 1000),
    "M": st.integers(2, 9),
    "NC": st.floats(1e-6, 0.9),
    "NC_0": st.floats(1.1, 3.99),
    "theta": st.floats(0.01, 1.55),
    "gamma": st.floats(0.01, 0.99),
    # no term of the reduced flow cancels another
    "x": st.floats(-0.9, -0.7),
    "y": st.floats(0.01, 0.4),
    # the clock loses r_0^2 roundings while the norm is far from 1
    "r_0": st.floats(0.01, 5.0),
    "default": st.floats(0.01, 20.0),
}
"""What the symbols of derivations range over; most are positive numbers."""


@pytest.mark.slow
@pytest.mark.parametrize("name", derivations())
@settings(max_examples=8)  # of closed forms without cases, at 50 digits: a wrong one is wrong everywhere
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


# What takes arrays or tuples, and so is no result of a derivation, is tied by hand.


@given(st.lists(st.integers(1, 200), min_size=2, max_size=6))
def test_choice_probabilities_are_those_derived_for_a_pair(counts):
    (pair,) = derive("gcr").results
    for f, chosen in zip(counts, hard.gcr_choice(counts), strict=True):
        assert chosen == pytest.approx(evaluate(pair, (f, sum(counts) - f)), rel=1e-14)


@given(st.floats(0.1, 5.0), st.floats(0.05, 1.5), st.integers(1, 9), st.floats(0.01, 1.0), st.floats(0.0, 20.0))
def test_flow_of_p_has_the_rates_and_ends_that_were_derived(norm, theta, f, lam_h, t):
    weights = (f, theta, 50.0, lam_h, norm)
    start = flows.Modes(0.7, -1.2, 2.5)
    mean, difference, null = (evaluate(rate, weights) for rate in derive("mse_flow").results[:3])
    end = evaluate(derive("mse_fixed").results[0], weights)
    with mpmath.workdps(50):
        expected = (
            end + (mpmath.mpf(start.mean) - end) * mpmath.exp(-mpmath.mpf(mean) * t),
            start.difference * mpmath.exp(-mpmath.mpf(difference) * t),
            start.null * mpmath.exp(-mpmath.mpf(null) * t),
        )
    found = flows.mse_flow(t, start, *weights)
    size = max(end, 1.0)
    # the exponent is rate times t, rounded
    room = 1e-14 * size * (1.0 + mean * t)
    for computed, exact in zip(found, expected, strict=True):
        assert abs(float(computed) - float(exact)) <= room


@given(st.integers(1, 50), st.floats(0.01, 9.0), st.floats(0.0, 0.2), st.floats(0.0, 60.0))
def test_modes_of_the_squared_loss_move_on_the_logistic_curve(n, start, lam, t):
    total = n + 3
    logits = ((start / np.sqrt(n), 0.0), (0.0, 0.5))
    model = SimpleNamespace(class_sizes=(n, 3), lam_w=lam, lam_h=lam, logits=logits, times=(t,))
    end = np.sqrt(n) - total * lam
    assume(abs(end) > 1e-3)
    found = mse_flow_modes.predict(model)["weight_gram"][0, 0, 0]
    symbols = dict(zip(("s_0", "s_e", "N", "t"), (start, end, total, t), strict=True))
    exact = {symbol: sympy.Rational(symbols[symbol.name]) for symbol in logistic.curve.free_symbols}
    # the exponent is known to its rounding, and s_e to that of sqrt(n) and N lambda
    assert found == pytest.approx(float(sympy.N(logistic.curve.subs(exact), 50)), rel=1e-11)


@given(st.integers(0, 10**6), st.floats(0.05, 20.0), st.floats(0.01, 3.0))
def test_gradient_of_the_cosine_loss_at_fifty_digits(seed, radius, lam):
    rng = np.random.default_rng(seed)
    centers, h = rng.standard_normal((2, 4)), radius * rng.standard_normal(4)
    _, found = cosine(h[None], centers, 0.7, lam)
    with mpmath.workdps(60):
        w, start = mpmath.matrix(centers.tolist()), [mpmath.mpf(x) for x in h]

        def loss(*x):
            r = mpmath.sqrt(sum(v * v for v in x))
            terms = (sum(w[j, i] * x[i] for i in range(4)) / r - 1 for j in range(2))
            return mpmath.mpf(0.7) * sum(term**2 for term in terms) + mpmath.mpf(lam) * (r - 1) ** 2

        exact = [float(mpmath.diff(loss, start, tuple(int(i == j) for j in range(4)))) for i in range(4)]
    # each entry sums terms of the size of the whole gradient and of the penalty
    room = 1e-13 * (np.abs(found).max() + 2.0 * lam * (1.0 + np.linalg.norm(h)) + 20.0 / np.linalg.norm(h))
    np.testing.assert_allclose(found[0], exact, rtol=0, atol=room)


def test_one_center_each_gamma_is_a_difference_of_two_normals():
    with mpmath.workdps(50):
        for x in (-3.0, 0.0, 0.4, 6.0):
            assert float(hard.gamma_survival(x, 1, 1)) == pytest.approx(float(mpmath.erfc(x / 2) / 2), rel=1e-13)


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
