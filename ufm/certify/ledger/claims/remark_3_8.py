"""The norm of P's features depends on the angle only through c, and over all angles it is largest at c = sqrt(lambda_H
S / f_k), if 1 <= lambda_H S <= f_k. Below that range it is largest at theta = 0, where c has its least value
1/sqrt(f_k), and above it at theta = pi/2. No angle needs a lower bound on c: features of a fixed frame never vanish.
"""

import numpy as np
from scipy import optimize

from ufm.certify.ledger.by_hand import frame_by_hand, ridge_features
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="remark-3.8",
    section="Minimisers",
    verdict="corrected",
    source="remark 3.8",
    latex=r"""
        |h_k| = \frac{1}{\cos\alpha_k + \lambda_H S / (f_k \cos\alpha_k)}, \qquad \arg\max_{c_k} |h_k| = \min\Big(1,
        \max\Big(\frac{1}{\sqrt{f_k}}, \sqrt{\lambda_H S / f_k}\Big)\Big)
    """,
    printed=r"\lambda_H S < f_k: \quad \cos\alpha_k = \sqrt{\lambda_H S / f_k}",
    hypotheses="As corollary 3.7; f_k and S given, lambda_H > 0.",
    derivations=("mse_fixed",),
    functions=("theory.multicenter.minimum.mse_feature_norm",),
    tests=("tests/theory/multicenter/test_minimum.py::test_feature_norm_is_largest_where_the_paper_says",),
)

HOW = "ridge regression, searched over theta"


def feature_norm(f: int, theta: float, weight: float) -> float:
    """Norm of the minimiser of |W h - y|^2 + weight |h|^2 for a class of f centers, beside a class of two."""
    frame = frame_by_hand((f, 2), theta, f + 4)
    return float(np.linalg.norm(ridge_features(frame.centers, frame.owner, weight)[0][0]))


def longest(f: int, weight: float) -> tuple[float, float]:
    """The cosine between center and mean center at which that norm is largest, and the norm there."""
    inner = optimize.minimize_scalar(
        lambda theta: -feature_norm(f, theta, weight),
        bounds=(0.0, np.pi / 2),
        method="bounded",
        options={"xatol": 1e-8},
    )
    best = max((0.0, float(inner.x), np.pi / 2), key=lambda theta: feature_norm(f, theta, weight))
    frame = frame_by_hand((f, 2), best, f + 4)
    return float(frame.centers[0] @ frame.direction(0)), feature_norm(f, best, weight)


def evidence() -> Evidence:
    for f, weight in ((4, 1.7), (10, 4.0), (6, 5.5)):
        cosine, norm = longest(f, weight)
        name = f"f={f}, lam_H S={weight}"
        yield compare(f"c of the longest features, {name}", HOW, cosine, np.sqrt(weight / f), absolute=1e-6)
        yield compare(f"their norm, {name}", HOW, norm, 0.5 * np.sqrt(f / weight), relative=1e-9)
    for f, weight in ((4, 0.36), (10, 0.1)):
        cosine, norm = longest(f, weight)
        name, printed = f"f={f}, lam_H S={weight}", np.sqrt(weight / f)
        yield compare(f"c of the longest features, {name}", HOW, cosine, 1 / np.sqrt(f), absolute=1e-6, printed=printed)
        stated = np.sqrt(f) / (1 + weight)
        yield compare(f"their norm, {name}", HOW, norm, stated, relative=1e-12, printed=0.5 / printed)
    cosine, _ = longest(3, 7.0)
    yield compare("c of the longest features, f=3, lam_H S=7", HOW, cosine, 1.0, absolute=1e-12)
    least = min(feature_norm(5, theta, 200.0) for theta in (0.0, 0.3, np.pi / 2))
    yield compare("least norm at lam_H S = 200, three angles", "ridge regression, solved", least, 0.0, relation=">=")
