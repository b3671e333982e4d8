"""Means and variances alone bound the error of the nearest mean and of any classifier with linear scores, whatever the
distribution: by Cantelli's inequality for each pair of classes, summed. Of two classes with two values each no smaller
bound is true. It holds for the samples at hand, heavy tails or not, and is what `ufm measure` shows.
"""

import numpy as np

from theory.decision import cantelli
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="distribution-free-bound",
    section="Decisions",
    latex=r"""
        1 - \mathrm{Acc}_k \le \sum_{j \ne k} \frac{v_{kj}}{v_{kj} + m_{kj}^2}, \qquad
        m_{kj} = \tfrac12 |\mu_k - \mu_j| \text{ or } \langle w_k - w_j, \mu_k \rangle + b_k - b_j \ge 0
    """,
    hypotheses="v_kj is the variance, on class k, of the coordinate from mu_k to mu_j, or of the lead of k over j.",
    derivations=("cantelli",),
    functions=("theory.decision.cantelli.tail_bound", "theory.decision.cantelli.error_bound"),
    tests=(
        "tests/theory/decision/test_cantelli.py::test_no_sample_breaks_it",
        "tests/theory/decision/test_cantelli.py::test_two_values_reach_it",
        "tests/ufm/measure/test_bounds.py::test_no_features_break_the_bounds",
        "tests/ufm/measure/test_bounds.py::test_bounds_by_loops",
    ),
)


def drawn(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features of four classes around random means, 500 each, with noise of a kind."""
    labels = np.repeat(np.arange(4), 500)
    noise = {
        "normal": rng.standard_normal((2000, 6)),
        "exponential": rng.standard_exponential((2000, 6)) - 1.0,
        "Student, 3 degrees of freedom": rng.standard_t(3.0, (2000, 6)),
        "two values": np.where(rng.random((2000, 6)) < 0.1, 3.0, -1.0 / 3.0),
    }[kind]
    return rng.standard_normal((4, 6))[labels] * 3.0 + 0.5 * noise, labels


def errors(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each class that is nearer to another mean, and the bound, by loops."""
    means = np.array([features[labels == k].mean(axis=0) for k in range(4)])
    wrong = np.linalg.norm(features[:, None] - means, axis=2).argmin(axis=1) != labels
    variances, halves = np.zeros((2, 4, 4))
    for k, j in np.argwhere(~np.eye(4, dtype=bool)):
        gap = means[j] - means[k]
        variances[k, j] = np.var(features[labels == k] @ gap / np.linalg.norm(gap))
        halves[k, j] = np.linalg.norm(gap) / 2.0
    return np.array([wrong[labels == k].mean() for k in range(4)]), cantelli.error_bound(variances, halves)


def evidence() -> Evidence:
    rng = np.random.default_rng(3)
    for kind in ("normal", "exponential", "Student, 3 degrees of freedom", "two values"):
        pairs = [errors(*drawn(kind, rng)) for _ in range(25)]
        found, bound = (np.array(each) for each in zip(*pairs, strict=True))
        yield compare(f"error of each class, {kind}", "counted, 25 sets of 2,000", found, bound, relation="<=")
    # a class at two places, one of them beyond the plane to the other class
    for many in (1, 4, 99):
        features = np.concatenate([np.full(many, -1.0 / many), [1.0]])  # mean 0, and the plane at 1
        share, bound = np.mean(features >= 1.0), cantelli.tail_bound(features.var(), 1.0)
        yield compare(
            f"two values, one of {many + 1} samples beyond the plane", "counted", share, bound, absolute=1e-14
        )
