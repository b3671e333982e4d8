"""The derivative of one term of the cosine loss scales as 1/|h|, is orthogonal to h, and so changes the norm at second
order only.
"""

from ufm.certify.ledger.by_hand import point
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="cosine-gradient",
    section="Gradients and flows",
    verdict="corrected",
    source="section 4, derivative of the cosine loss",
    latex=r"""
        \nabla_h (\langle w, u \rangle - 1)^2 = -\frac{2}{r} (1 - a)(w - a u), \qquad r = |h|,\ u = h/r,\ a = \langle w,
        u \rangle
    """,
    printed=r"\propto -\frac{1}{r^2} (1 - a)(w - a u)",
    hypotheses="h not 0, |w| = 1. (At |h| = 1 the two agree.)",
    derivations=("cosine_gradient",),
    functions=("ufm.problems.losses.cosine",),
    tests=("tests/ufm/problems/test_losses.py::test_value_and_gradient_against_the_complex_step",),
)


def evidence() -> Evidence:
    for r in (0.3, 2.0, 10.0):
        w, _, u, a, found = point(r)
        right, printed = (-2.0 / power * (1.0 - a) * (w - a * u) for power in (r, r**2))
        name = f"gradient at |h| = {r}"
        yield compare(name, "complex step", found, right, relative=1e-12, absolute=1e-15, printed=printed)
        yield compare(f"its product with h, |h| = {r}", "complex step", found @ u, 0.0, absolute=1e-14)
    w, _, u, a, found = point(1.0)
    name = "gradient at |h| = 1"
    yield compare(name, "complex step", found, -2.0 * (1.0 - a) * (w - a * u), relative=1e-12, absolute=1e-15)
