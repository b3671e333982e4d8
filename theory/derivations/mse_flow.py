r"""P's gradient flow with a fixed frame: every coordinate of a feature relaxes at the rate of its eigenspace.

:mod:`theory.derivations.mse_fixed` writes one sample's part of P as a sum of quadratics, one for each eigenvector of
:math:`W^\top W`. So the flow :math:`\dot h = -\nabla P` is one linear equation for each coordinate. Such an equation
has one solution for each initial value, and the one set down below is checked to be it.
"""

from sympy import Eq, Function, Symbol, diff, exp, limit, sqrt, symbols

from theory.derivations.mse_fixed import a, b, feature_norm, mu, part
from theory.derivations.proof import Proof
from theory.derivations.symbols import S, c, center_cosine, cos2, f, lam_h, s, t, theta
from theory.multicenter import flows


def derive() -> Proof:
    """The flow of P in closed form, its rates, and what is left where nothing is penalised."""
    proof = Proof("The flow of P with a fixed frame")
    a0, b0 = symbols("a_0 b_0", real=True)
    proof.given(
        "One sample's part of P, with a along wbar/|wbar| and b along another eigenvector of W^T W, of eigenvalue mu: "
        "mu = cos(theta)^2 s^2 on the differences of the centers, 0 on what is orthogonal to the frame",
        Eq(Symbol("p"), part),
    )
    mean, other = f * c**2 * s**2 / S + lam_h, mu / S + lam_h
    field_a = proof.equal("da/dt", -diff(part, a), -mean * (a - feature_norm))
    field_b = proof.equal("db/dt", -diff(part, b), -other * b)

    path_a = feature_norm + (a0 - feature_norm) * exp(-mean * t)
    path_b = b0 * exp(-other * t)
    for path, field, coordinate, start in ((path_a, field_a, a, a0), (path_b, field_b, b, b0)):
        proof.equal(f"{coordinate}(t) solves its equation", diff(path, t), field.subs(coordinate, path))
        proof.equal("with the right initial value", path.subs(t, 0), start, shown=Function(coordinate.name)(0))

    difference = other.subs(mu, cos2 * s**2)
    null = other.subs(mu, 0)
    proof.given("On what is orthogonal to the frame mu = 0, and the rate is that of the penalty", null)
    proof.sign("It is the slowest: the mean direction is faster by", mean - null, ">")
    proof.sign("and the differences of centers are faster, if theta < pi/2, by", difference - null, ">=")

    why = "Without the penalty, lambda_H = 0, the part of the start that is orthogonal to the frame stays"
    proof.equal(why, path_b.subs({mu: 0, lam_h: 0}), b0, Function("b")(t))
    norm, residue = symbols("a nu", positive=True)
    length = sqrt(norm**2 + residue**2)
    collapse = 2 * residue**2 / (length * (length + norm))
    why = "Where a feature a wbar/|wbar| + nu with nu orthogonal to wbar stands, its cosine with wbar is"
    proof.given(why, norm / length)
    proof.equal("Neural collapse, the squared distance of the directions, is", 2 - 2 * norm / length, collapse)
    proof.sign("Anything that stays is the end of collapse", collapse, ">")
    final = feature_norm.subs(lam_h, 0)
    proof.equal("It ends, with the nu it started with, at the coordinate", final, 1 / (c * s), shown="a")

    why = "With the penalty NC goes to 0 like (|nu| / a)^2, so as exp(-2 lambda_H t)"
    proof.equal(why, limit(collapse / residue**2, residue, 0), 1 / norm**2, "lim NC/nu^2")

    arguments = (f, theta, S, lam_h, s)
    proof.result(flows.mse_rates, *arguments, is_=(mean.subs(c, center_cosine), difference, null))
    proof.result(flows.nc_with_residue, norm, residue, is_=collapse)
    return proof
