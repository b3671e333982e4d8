"""Norm bounds of the gradient carry 1/|h| and a factor 2: one term has the norm below, at most 3 sqrt(3) / (2 |h|),
attained at a = -1/2.
"""

import numpy as np

from ufm.certify.ledger.by_hand import term_gradient
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="gradient-bounds",
    section="Gradients and flows",
    verdict="corrected",
    source="appendix F, gradient bounds (as our notes have them; their wording was not at hand)",
    latex=r"|\nabla_h (a - 1)^2| = \frac{2}{r} (1 - a) \sqrt{1 - a^2} \le \frac{3\sqrt3}{2 r}",
    printed=r"(1 - a) \sqrt{1 - a^2} \quad \text{(no } 2/|h| \text{)}",
    hypotheses="h not 0, |w| = 1.",
    derivations=("cosine_gradient",),
    functions=("ufm.problems.losses.cosine",),
    tests=("tests/ufm/problems/test_losses.py::test_value_and_gradient_against_the_complex_step",),
)


def evidence() -> Evidence:
    rng, most = np.random.default_rng(1), 1.5 * np.sqrt(3.0)
    for r in (0.2, 0.5):
        w, h = rng.standard_normal((200, 2, 4)).swapaxes(0, 1)
        w, h = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (w, h))
        a = np.sum(w * h, axis=1)
        norms = np.array([np.linalg.norm(term_gradient(*pair)) for pair in zip(w, r * h, strict=True)])
        theirs = (1.0 - a) * np.sqrt(1.0 - a**2)
        name, how = f"norm of the gradient of one term at |h| = {r}", "complex step, 200 random pairs"
        yield compare(name, how, norms, 2.0 / r * theirs, relative=1e-9, absolute=1e-12, printed=theirs)
        name = f"largest of them times |h|, |h| = {r}: at most 3 sqrt(3) / 2"
        yield compare(name, how, r * norms.max(), most, relation="<=", absolute=1e-12)
    worst = np.linalg.norm(term_gradient(np.array([1.0, 0.0]), np.array([-0.5, np.sqrt(0.75)])))
    yield compare("norm at a = -1/2, |h| = 1: the bound is attained", "complex step", worst, most, relative=1e-13)
