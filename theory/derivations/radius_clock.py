r"""The norm of a feature along the cosine flow, and the clock on which its direction moves on its own.

The loss depends on the norm through the penalty alone, so the norm obeys a linear equation whatever the direction does:
r(t) = 1 + (r0 - 1) exp(-2 lambda t). The direction turns at a pace of 1 / r^2, which is what the clock
tau = int_0^t ds / r(s)^2 counts.
"""

from sympy import Eq, Function, Symbol, exp, log

from theory.derivations.proof import Proof
from theory.derivations.symbols import lam, r, r0, t
from theory.multicenter import clock


def derive() -> Proof:
    """The equations of norm and direction; the solution of the first; its clock, with a penalty and without."""
    proof = Proof("Norm and clock of the cosine flow")
    epsilon, rest, push = Symbol("epsilon", real=True), Symbol("Q", nonnegative=True), Symbol("A", real=True)

    radial = rest + lam * ((1 + epsilon) * r - 1) ** 2
    proof.given("Along (1 + epsilon) h only the penalty changes, the rest is a constant Q. The loss is", radial)
    why = "Its derivative at h, <grad L, h>, is"
    pull = proof.equal(why, radial.diff(epsilon).subs(epsilon, 0), 2 * lam * r * (r - 1))
    norm, product = Function("r", positive=True)(t), Function("p", real=True)(t)
    pace = proof.equal(
        "Along the flow (r^2)' = 2 <h, h'> = -2 <grad L, h>, so r' is",
        ((norm**2).diff(t) / (2 * norm)).subs(norm.diff(t), -pull / r),
        -2 * lam * (r - 1),
        norm.diff(t),
    )

    turning = push / norm + pace.subs(r, norm) * product / norm
    proof.given(
        "By derivation `cosine_gradient`, -grad L is 1 / r times a function of the direction u alone, less "
        "2 lambda (r - 1) u. So p = <w, h>, with any fixed w, moves as follows, where A depends on u alone",
        Eq(product.diff(t), turning),
    )
    proof.equal(
        "and <w, u> = p / r at A / r^2: in the time tau with tau' = 1 / r^2 the motion of u does not know the norm",
        (product / norm).diff(t).subs({product.diff(t): turning, norm.diff(t): pace.subs(r, norm)}),
        push / norm**2,
        (product / norm).diff(t),
    )

    path = 1 + (r0 - 1) * exp(-2 * lam * t)
    proof.equal("The equation of the norm is linear. Its solution: r'", path.diff(t), pace.subs(r, path))
    proof.equal("with the start", path.subs(t, 0), r0, Function("r")(0))
    decayed = Symbol("k", nonnegative=True)
    why = "With exp(2 lambda t) = 1 + k it is a weighted mean of r0 and 1"
    mean = proof.equal(why, path.subs(exp(-2 * lam * t), 1 / (1 + decayed)), (r0 + decayed) / (1 + decayed))
    proof.sign("so it never reaches 0, and the flow goes on for ever", mean, ">")

    twice = 2 * lam * t + log(path / r0) + 1 / r0 - 1 / path
    lived = twice / (2 * lam)
    proof.equal("The clock: tau' is 1 / r^2", lived.diff(t), 1 / path**2)
    proof.equal("and its start", lived.subs(t, 0), 0, Function("tau")(0))
    proof.equal("Without penalty: at lambda = 0 the clock times 2 lambda is", twice.subs(lam, 0), 0, "2 lambda tau")
    why = "so that the clock tends to half its slope there, t / r0^2"
    proof.equal(why, twice.diff(lam).subs(lam, 0) / 2, t / r0**2)
    why = "With one, r tends to 1, the clock ends up as fast as the time, and their difference tends to"
    proof.equal(why, (lived - t).subs(path, 1), (1 / r0 - 1 - log(r0)) / (2 * lam))

    proof.result(clock.radius, t, r0, lam, is_=path)
    proof.result(clock.clock, t, r0, lam, is_=lived)
    return proof
