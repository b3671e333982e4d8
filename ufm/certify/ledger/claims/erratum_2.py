"""The appendix prints cos rho with f for sqrt(f) in the numerator, which can exceed 1."""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-2",
    section="Errata",
    verdict="fails",
    source="appendix, angle between mean center and classifier",
    latex=r"\cos\rho = \frac{\sqrt f \sin\theta}{\sqrt{\cos^2\theta + f \sin^2\theta}}",
    printed=r"\frac{f \sin\theta}{\sqrt{\cos^2\theta + f \sin^2\theta}}",
    hypotheses="f > 1, theta > 0.",
    derivations=("angles",),
    functions=("theory.multicenter.geometry.classifier_cosine",),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_the_printed_cosine_of_the_appendix_exceeds_one_and_ours_does_not",
    ),
)


def evidence() -> Evidence:
    for f, theta in ((4, 1.0), (20, 0.2), (3, 1.4)):
        frame = frame_by_hand((f,), theta, f + 2)
        found, stated = frame.classifier @ frame.direction(0), geometry.classifier_cosine(f, theta)
        printed = f * np.sin(theta) / np.sqrt(np.cos(theta) ** 2 + f * np.sin(theta) ** 2)
        name = f"cos rho, f = {f}, theta = {theta}"
        yield compare(name, "explicit vectors", found, stated, absolute=1e-13, printed=printed)
