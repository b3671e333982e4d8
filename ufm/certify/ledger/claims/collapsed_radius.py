"""How far a collapsed feature can be moved before its class changes: r / sqrt(2) under NMC, r cos(rho) / sqrt(2) under
RCR, r c / sqrt(1 + c^2) under GCR, whatever the other classes are. GCR's falls with every further center; RCR's is
larger if and only if sin(theta)^2 > 2 / ((f - 1)(f - 2)), so never with three centers or fewer. Under little noise
errors have the exponent radius^2 / (2 sigma^2).
"""

import numpy as np

from theory.decision import accuracy, radius
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.noisy import decisions, distance, frame_of, means_of

CLAIM = Claim(
    id="collapsed-radius",
    section="Decisions",
    latex=r"""
        R_{NMC} = \frac{r}{\sqrt 2}, \quad R_{RCR} = \frac{r \cos\rho_k}{\sqrt 2}, \quad R_{GCR} = \frac{r
        c_k}{\sqrt{1 + c_k^2}}, \quad R_{RCR} > R_{GCR} \Leftrightarrow \sin^2\theta_k > \frac{2}{(f_k - 1)(f_k - 2)},
        \quad \ln P(\text{error}) \sim -\frac{R^2}{2 \sigma^2}
    """,
    hypotheses="Unit frame, one angle or one per class; theta_k < pi/2 for the comparison; Euclidean distances.",
    derivations=("collapsed_radius",),
    functions=(
        "theory.decision.radius.nmc_radius",
        "theory.decision.radius.rcr_radius",
        "theory.decision.radius.gcr_radius",
        "theory.decision.radius.gcr_nearest",
        "theory.decision.radius.rcr_advantage",
        "theory.decision.radius.rcr_wins_from",
        "theory.decision.radius.noise_exponent",
    ),
    tests=(
        "tests/theory/decision/test_radius.py::"
        "test_just_before_the_nearest_point_the_class_is_kept_and_just_after_it_is_not",
        "tests/theory/decision/test_radius.py::test_which_rule_has_the_larger_radius",
        "tests/theory/decision/test_radius.py::test_errors_fall_like_the_exponents",
    ),
)

COUNTS, ANGLES = (2, 5, 9), (0.5, 0.2, 0.8)


def evidence() -> Evidence:
    frame = frame_of(COUNTS, ANGLES)
    means, how = means_of(frame), "quadratic programs"
    for k, (f, theta) in enumerate(zip(COUNTS, ANGLES, strict=True)):
        for j in {0, 1, 2} - {k}:
            pairs = {
                "NMC": (means[[j]] - means[k], radius.nmc_radius()),
                "RCR": (frame.classifier[[j]] - frame.classifier[k], radius.rcr_radius(f, theta)),
                "GCR": (frame.own(j)[0] - frame.own(k), radius.gcr_radius(f, theta)),
            }
            for rule, (normals, stated) in pairs.items():
                name = f"radius of {rule}: class with {f} centers against one with {COUNTS[j]}"
                yield compare(name, how, distance(means[k], normals), stated, absolute=1e-6)
            a, b = radius.gcr_nearest(f, theta)
            move = b * frame.own(j)[0] - a * means[k]
            kept = decisions(frame, means[k] + np.array([[1 - 1e-9], [1 + 1e-9]]) * move)["gcr"]
            yield compare(
                "class just before and just beyond the nearest point of GCR", "explicit vectors", kept, (k, j)
            )
    yield from comparison()
    yield from exponents()


def comparison() -> Evidence:
    for f in (3, 4, 20):
        theta = np.linspace(0.001, 1.57, 4001)
        wins = radius.rcr_radius(f, theta) > radius.gcr_radius(f, theta)
        found = theta[wins].min() if np.any(wins) else np.pi / 2
        grid = "smallest of 4,001 angles at which the radius of RCR is larger"
        yield compare(f"{f} centers", grid, found, radius.rcr_wins_from(f), absolute=1e-3)
        agree = np.sign(radius.rcr_advantage(f, theta)) == np.where(wins, 1.0, -1.0)
        yield compare(f"{f} centers: angles at which the sign is another one", grid, int(np.sum(~agree)), 0)


def exponents() -> Evidence:
    sigma = np.array([1 / 50.0, 1 / 51.0])
    for theta in (0.0, 0.2, 0.7):
        fall = np.diff(-np.log(accuracy.gcr_error(4, theta, 1 / sigma, 10)))
        stated = np.diff(radius.noise_exponent(radius.gcr_radius(4, theta), sigma))
        name = f"rise of -ln(error) of GCR between sigma = 1/50 and 1/51, theta = {theta}"
        yield compare(name, "quadrature", fall, stated, absolute=5 / 50)
