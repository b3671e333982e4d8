"""With a fixed orthonormal classifier the test error is at most the share of training samples below a margin, plus a
term that falls with the margin and grows with the root of the number of classes. Its Rademacher complexity is sharp.
"""

import itertools

import numpy as np

from theory.decision import generalisation
from ufm.certify.ledger.claim import Claim, Evidence, compare, drawn, sampled
from ufm.measure.montecarlo import Estimate, frequency

CLAIM = Claim(
    id="margin-bound",
    section="Decisions",
    source="new (by Bartlett and Mendelson 2002, Maurer 2016)",
    latex=r"""
        P(\text{error}) \le \hat R_\gamma + \frac4\gamma L X \sqrt{\frac Kn} + 3 \sqrt{\frac{\ln(2/\delta)}{2n}}
    """,
    hypotheses="""
        h = A x, |A|_F <= L, |x| <= X, orthonormal w_k that are not trained; with probability 1 - delta, for all A and a
        margin that is chosen beforehand.
    """,
    derivations=("margin_bound",),
    functions=(
        "theory.decision.generalisation.complexity",
        "theory.decision.generalisation.margin_bound",
        "theory.decision.generalisation.margin_sum",
    ),
    tests=(
        "tests/theory/decision/test_generalisation.py::test_complexity_bounds_the_supremum_over_all_maps",
        "tests/theory/decision/test_generalisation.py::test_margins_and_samples_help",
    ),
)

CLASSES, DIM, NORM, MARGIN = 4, 12, 2.0, 0.3
MEANS = np.eye(CLASSES, DIM)


def inputs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around the means of four classes, and their classes."""
    labels = rng.integers(CLASSES, size=n)
    x = MEANS[labels] + 0.25 * rng.standard_normal((n, DIM))
    return x / np.linalg.norm(x, axis=1, keepdims=True), labels


def margins(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Own score less the best other one."""
    each = np.arange(len(labels))
    others = scores.copy()
    others[each, labels] = -np.inf
    return scores[each, labels] - others.max(axis=1)


def evidence() -> Evidence:
    rng = np.random.default_rng(13)
    x, _ = inputs(400, rng)
    signs = rng.choice([-1.0, 1.0], (1000, CLASSES, 400))
    # a linear function of A is largest at its gradient, scaled to length L; orthonormal w_k do not change that
    suprema = NORM * np.linalg.norm(signs @ x, axis=(1, 2)) / 400
    found = Estimate(suprema.mean(), suprema.std() / np.sqrt(suprema.size), suprema.size)
    gamma = np.array([0.3, 0.5, 0.8])
    term = generalisation.margin_bound(0.0, gamma, NORM, 1.0, CLASSES, 400) - 3.0 * np.sqrt(np.log(40.0) / 800)
    for name, stated in (
        ("complexity", generalisation.complexity(NORM, 1.0, CLASSES, 400)),
        ("complexity in the bound, at three margins", term * gamma / (2.0 * np.sqrt(2.0) * steepest())),
    ):
        yield sampled(name, found, stated, relation="<=")
        yield compare(f"{name}: over 97 % of it", drawn(found), found.mean, 0.97 * stated, relation=">=")
    sizes = np.array([4000, 900, 50])
    by_class = generalisation.margin_bound(0.0, gamma, NORM, 1.0, CLASSES, sizes, delta := 0.05)
    steep = np.mean(by_class - 3.0 * np.sqrt(np.log(2.0 / delta) / (2.0 * sizes))) / (4.0 * NORM * np.sqrt(CLASSES))
    name = "mean over classes of what margins and sizes make of it"
    yield compare(name, "the bound of each class", steep, generalisation.margin_sum(gamma, sizes), relative=1e-12)
    yield from trainings(rng)
    yield from random_labels(rng)


def steepest() -> float:
    """The largest change of a margin over the length of a change of the scores, of the changes by -1, 0 and 1."""
    changes = np.array([each for each in itertools.product((-1.0, 0.0, 1.0), repeat=CLASSES) if any(each)])
    start, label = np.eye(CLASSES)[:1], np.zeros(len(changes), dtype=np.int64)
    changed = margins(start + 0.1 * changes, label) - margins(start, label[:1])
    return float(np.max(np.abs(changed) / np.linalg.norm(0.1 * changes, axis=1)))


def trainings(rng: np.random.Generator) -> Evidence:
    """Classes that are easily told apart: the bound is far from the error, and yet below chance."""
    found, bound = [], []
    for _ in range(20):
        (x, labels), (new, truth) = inputs(40_000, rng), inputs(20_000, rng)
        a = np.linalg.lstsq(x, np.eye(CLASSES)[labels], rcond=None)[0].T
        a *= min(1.0, NORM / np.linalg.norm(a))
        share = np.mean(margins(x @ a.T, labels) < MARGIN)
        found.append(np.sum(margins(new @ a.T, truth) <= 0))
        bound.append(generalisation.margin_bound(share, MARGIN, NORM, 1.0, CLASSES, 40_000))
    yield sampled("test error of 20 trainings on 40,000 samples", frequency(found, 20_000), bound, relation="<=")
    yield compare("the bound says something", "the same", bound, 0.75, relation="<=")  # chance is 3/4


def random_labels(rng: np.random.Generator) -> Evidence:
    """Two classes, each input on an axis of its own, with labels that say nothing: what is learned is of no use on
    other axes. No case is known to us that comes nearer to the bound.
    """
    n, axes = 4000, 10**6
    where, labels = rng.integers(axes, size=n), rng.integers(2, size=n)
    a = np.zeros((2, axes))
    a[:, where] = MARGIN * (np.eye(2)[labels] - 0.5).T
    share = np.mean(margins(a[:, where].T, labels) < MARGIN)
    new, truth = rng.integers(axes, size=20_000), rng.integers(2, size=20_000)
    found = frequency(np.sum(margins(a[:, new].T, truth) <= 0), 20_000)
    bound = generalisation.margin_bound(share, MARGIN, MARGIN * np.sqrt(n / 2), 1.0, 2, n)
    yield sampled("test error after training on random labels", found, bound, relation="<=")
    yield compare("it is over 24 % of the bound", drawn(found), found.mean, 0.24 * bound, relation=">=")
