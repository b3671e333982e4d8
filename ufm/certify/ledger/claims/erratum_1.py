"""The appendix prints the derivative with 1/|h|^2 and with h in place of u, from a wrong Jacobian of h/|h|."""

import numpy as np

from ufm.certify.ledger.by_hand import point, unit_jacobian
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-1",
    section="Errata",
    verdict="fails",
    source="appendix, derivative of the cosine loss; main text",
    latex=r"\frac{\partial u}{\partial h} = \frac{|h|^2 I - h h^\top}{|h|^3}, \qquad -\frac2r (1 - a)(w - a u)",
    printed=r"\frac{|h| I - h h^\top}{|h|^3}, \qquad -\frac{2}{r^2} (1 - a)(w - a h)",
    hypotheses="|h| not 1.",
    derivations=("cosine_gradient",),
    functions=("ufm.problems.losses.cosine",),
    tests=("tests/ufm/problems/test_losses.py::test_the_derivatives_printed_in_the_paper_are_wrong_off_the_sphere",),
)


def evidence() -> Evidence:
    for r in (0.3, 2.0, 10.0):
        w, h, u, a, found = point(r)
        right = -2.0 / r * (1.0 - a) * (w - a * u)
        printed = -2.0 / r**2 * (1.0 - a) * (w - a * h)
        name = f"gradient at |h| = {r}"
        yield compare(name, "complex step", found, right, relative=1e-12, absolute=1e-15, printed=printed)
        right, printed = ((scale * np.eye(6) - np.outer(h, h)) / r**3 for scale in (r**2, r))
        name = f"Jacobian of h/|h| at |h| = {r}"
        yield compare(name, "complex step", unit_jacobian(h), right, absolute=1e-13, printed=printed)
