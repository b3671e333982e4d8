"""The letters that derivations share, with what is known of them."""

from sympy import Expr, Symbol, cos, sin, sqrt

f = Symbol("f", integer=True, positive=True)
"""Number of centers of a class."""
theta = Symbol("theta", positive=True)
"""Angle constant, between 0 and pi/2."""
beta = Symbol("beta", positive=True)
"""Weight of the class in the cosine loss."""
lam = Symbol("lambda", positive=True)
"""Weight of the norm penalty in the cosine loss."""
lam_h = Symbol("lambda_H", positive=True)
"""Weight of the feature norms in P."""
lam_w = Symbol("lambda_W", positive=True)
"""Weight of the classifier norms in P."""
S = Symbol("S", positive=True)
"""Sum of centers times samples over the classes."""
n = Symbol("n", integer=True, positive=True)
"""Samples of a class."""
K = Symbol("K", integer=True, positive=True)
"""Number of classes."""
s = Symbol("s", positive=True)
"""Length of the centers of a class."""
t = Symbol("t", nonnegative=True)
"""Time of the flow."""
tau = Symbol("tau", nonnegative=True)
"""Time on a sample's own clock."""
r, r0 = Symbol("r", positive=True), Symbol("r_0", positive=True)
"""Norm of a feature, now and at time 0."""
x, y, z = Symbol("x", real=True), Symbol("y", nonnegative=True), Symbol("z", nonnegative=True)
"""A direction is u = x e + y d + z o: e to the mean center, d in the differences of the centers, o outside them."""
nc = Symbol("NC", positive=True)
"""Neural collapse of a sample, |u - e|^2."""

cos2, sin2 = cos(theta) ** 2, sin(theta) ** 2
center_cosine: Expr = sqrt(cos2 / f + sin2)
"""c, the cosine between a center and the mean center."""
center_gap: Expr = cos2 * (f - 1) / f / (1 + center_cosine)
"""1 - c, free of cancellation."""
c = Symbol("c", positive=True)
"""The same as ``center_cosine``, where its value does not matter."""

N = Symbol("N", positive=True)
"""Number of all samples."""
a = Symbol("a", nonnegative=True)
"""Scale of the logits: the own logit of a class less another one."""
