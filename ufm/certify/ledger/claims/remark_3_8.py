"""The norm of P's features depends on the angle only through c, and at given f it is largest at c = sqrt(lambda_H S /
f), as far as that lies in [1/sqrt(f), 1].
"""

import numpy as np
from scipy import optimize

from theory.multicenter.minimum import mse_feature_norm
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="remark-3.8",
    section="Minimisers",
    verdict="holds",
    source="remark 3.8, as our notes have it (its wording was not at hand)",
    latex=r"\arg\max_c \frac{f c}{f c^2 + \lambda_H S} = \sqrt{\lambda_H S / f}",
    hypotheses="As corollary 3.7.",
    derivations=("mse_fixed",),
    functions=("theory.multicenter.minimum.mse_feature_norm",),
    tests=("tests/theory/multicenter/test_minimum.py::test_feature_norm_is_largest_where_the_paper_says",),
)


def evidence() -> Evidence:
    for f, s, weight in ((4, 100, 1e-3), (10, 400, 1e-3), (6, 50, 2e-2)):

        def shortness(c: float, f: int = f, s: int = s, weight: float = weight) -> float:
            # theta enters through c alone
            theta = np.arccos(np.sqrt((1.0 - c**2) / (1.0 - 1.0 / f)))
            return -float(mse_feature_norm(f, theta, s, weight))

        ends = (1.0 / np.sqrt(f) + 1e-9, 1.0 - 1e-9)
        found = optimize.minimize_scalar(shortness, bounds=ends, method="bounded", options={"xatol": 1e-10})
        name = f"c of the longest features, f={f}, S={s}, lam_H={weight}"
        stated = np.clip(np.sqrt(weight * s / f), *ends)
        yield compare(name, "bounded scalar search over theta", found.x, stated, absolute=1e-6)
