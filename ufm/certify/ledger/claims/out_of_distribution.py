"""Features of no class that have no preferred direction are told from collapsed ones, by their share in the span of the
mean centers, with a probability that depends on K, d and r / sigma alone: one series, whatever their lengths.
"""

import numpy as np

from theory.decision import outside
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.measure.montecarlo import frequency

CLAIM = Claim(
    id="out-of-distribution",
    section="Decisions",
    latex=r"""
        \mathrm{AUROC} = \frac12 + \sum_{i \ge 0} P\Big(\mathrm{Poisson}\Big(\frac{r^2}{2 \sigma^2}\Big) > i\Big)
        \frac{B(K + i, d - K)}{(\frac K2 + i)\, B(\frac K2 + i, \frac{d - K}2)\, B(\frac K2, \frac{d - K}2)}
    """,
    hypotheses="Features r u_k + sigma g of classes; others isotropic, of any length; score |P_U z|^2 / |z|^2.",
    source="new (score: NECO, Ammar et al. 2024)",
    derivations=("outside",),
    functions=("theory.decision.outside.auroc",),
    tests=(
        "tests/theory/decision/test_outside.py::test_series_is_the_integral",
        "tests/theory/decision/test_outside.py::test_two_directions_in_four",
    ),
)

DRAWS = 300_000


def evidence() -> Evidence:
    rng = np.random.default_rng(11)
    frame = frame_by_hand((1, 2, 3), 0.4, 14)
    directions = np.array([frame.direction(k) for k in range(3)])
    for signal in (0.7, 2.0, 4.0):
        inside = rng.standard_normal((DRAWS, 14)) + signal * directions[rng.integers(3, size=DRAWS)]
        other = rng.standard_normal((DRAWS, 14)) * rng.standard_exponential((DRAWS, 1))
        scores = [np.sum((z @ directions.T) ** 2, axis=1) / np.sum(z**2, axis=1) for z in (inside, other)]
        found = frequency(np.sum(scores[0] > scores[1]), DRAWS)
        yield sampled(f"probability to be told, r = {signal} sigma, K = 3, d = 14", found, outside.auroc(3, 14, signal))
    yield compare("no signal", "symmetry", 0.5, outside.auroc(3, 14, 0.0), absolute=1e-15)
