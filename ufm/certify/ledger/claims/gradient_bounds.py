"""Norm bounds of the gradient carry 1/|h| and a factor 2: one term has the norm below, at most 3 sqrt(3) / (2 |h|),
attained at a = -1/2.
"""

import numpy as np

from ufm.certify.ledger.by_hand import complex_step
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
    rng = np.random.default_rng(1)
    for r in (0.2, 0.5):
        norms, ours, theirs = [], [], []
        for _ in range(200):
            w, h = rng.standard_normal((2, 4))
            w, h = w / np.linalg.norm(w), r * h / np.linalg.norm(h)
            a = float(w @ h) / r
            norms.append(np.linalg.norm(complex_step(w, h)))
            ours.append(2.0 / r * (1.0 - a) * np.sqrt(1.0 - a**2))
            theirs.append((1.0 - a) * np.sqrt(1.0 - a**2))
        yield compare(
            f"norm of the gradient of one term at |h| = {r}",
            "complex step, 200 random pairs",
            norms,
            ours,
            relative=1e-9,
            absolute=1e-12,
            printed=theirs,
        )
        yield compare(
            f"largest of them times |h|, |h| = {r}: at most 3 sqrt(3) / 2",
            "complex step, 200 random pairs",
            r * max(norms),
            1.5 * np.sqrt(3.0),
            relation="<=",
            absolute=1e-12,
        )
    w = np.array([1.0, 0.0])
    worst = np.array([-0.5, np.sqrt(0.75)])
    name = "norm at a = -1/2, |h| = 1: the bound is attained"
    yield compare(name, "complex step", np.linalg.norm(complex_step(w, worst)), 1.5 * np.sqrt(3.0), relative=1e-13)
