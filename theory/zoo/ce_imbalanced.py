"""Cross-entropy, classes of any sizes: equal classes merge, and all die, at decays that their sizes alone decide."""

import numpy as np

from theory.zoo.theorem import Array, Model, Prediction, Theorem, plain, sizes, strength

THEOREM = Theorem(
    row="7",
    source="Hong and Ling 2023 (merging of two sizes); more sizes, weights, smoothing, death of all derived here",
    latex=r"""
        \text{equal classes of } n_B \text{ samples merge} \iff \lambda \ge (1 - \delta)\, \omega_B \sqrt{n_B} / N ;
        \quad \text{all is dead} \iff N^2 \lambda^2 \ge \lambda_{\max}(D - n n^\top / N) \text{ with a free bias}
    """,
    hypotheses="d >= K - 1. Classes of different sizes never merge. Weights N / (K n) let the majority merge first.",
    verdict="new",
    derivations=("ce_imbalanced",),
)

SIZES = (100,) * 3 + (10,) * 4
TOTAL = sum(SIZES)
BASE = {"class_sizes": SIZES, "lam_w": 1e-3, "lam_h": 1e-3}
MERGING, MAJORITY = (np.sqrt(n) / TOTAL for n in (10, 100))
INVERSE = tuple(TOTAL / (7 * n) for n in SIZES)
LAST = float(np.sqrt(np.linalg.eigvalsh(np.diag(SIZES) - np.outer(SIZES, SIZES) / TOTAL)[-1])) / TOTAL


def _at(lam: float, **changes: object) -> dict[str, object]:
    return {**BASE, "lam_w": lam, "lam_h": lam, **changes}


CASES = {
    "apart": BASE,
    "minorities just apart": _at(0.999 * MERGING),
    "minorities merged": _at(1.001 * MERGING),
    "the same with a free bias, apart": _at(0.999 * MERGING, bias="free"),
    "the same with a free bias, merged": _at(1.001 * MERGING, bias="free"),
    "smoothed labels, apart": _at(0.999 * 0.9 * MERGING, smoothing=0.1),
    "smoothed labels, merged": _at(1.001 * 0.9 * MERGING, smoothing=0.1),
    "inverse weights, majority just apart": _at(0.999 * INVERSE[0] * MAJORITY, weights=INVERSE),
    "inverse weights, majority merged": _at(1.001 * INVERSE[0] * MAJORITY, weights=INVERSE),
    "free bias, just alive": _at(0.999 * LAST, bias="free"),
    "free bias, all dead": _at(1.001 * LAST, bias="free"),
}
BROKEN = _at(1.001 * MERGING, sample_temperatures=(1.0,) * 3 + (2.0,) * 4)


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    allowed = plain(model, "weights", smoothed=True) and model.dim >= len(model.class_sizes) - 1
    return model.loss == "ce" and allowed and model.bias in ("none", "free")


def merging(omega: Array, n: Array, total: float, smoothing: float) -> Array:
    r""":math:`(1 - \delta)\, \omega \sqrt n / N`, the lambda at and above which equal classes merge."""
    return np.asarray((1.0 - smoothing) * omega * np.sqrt(n) / total)


def merges_at(model: Model) -> Array:
    """The lambda at and above which classes like each one merge, (K,)."""
    n = sizes(model)
    omega = np.ones(len(n)) if model.weights is None else np.asarray(model.weights)
    return merging(omega, n, n.sum(), model.smoothing)


def deadly(model: Model) -> float:
    """The decay that leaves nothing alive, of a loss that stands as it is."""
    n = sizes(model)
    return steepest(n, model.bias == "free") / n.sum()


def predict(model: Model) -> Prediction:
    """See the formulas above."""
    lam = strength(model)
    numbers = np.stack([sizes(model), np.ones(len(model.class_sizes)) if model.weights is None else model.weights])
    _, group, copies = np.unique(numbers, axis=1, return_inverse=True, return_counts=True)
    said: dict[str, object] = {"merged": (copies[group.ravel()] > 1) & (lam >= merges_at(model))}
    if plain(model):
        said["learns"] = lam < deadly(model)
    return said


def steepest(n: Array, balanced: bool) -> float:
    r"""N times the norm of the slopes at 0, or at the best bias alone if ``balanced``, by groups of equal classes.

    They are :math:`(p 1^\top - I) D^{1/2} / N` with :math:`p = n / N` or :math:`1 / K`. On vectors that differ only
    inside a group of m classes with n samples they are :math:`-\sqrt n`; on the normalised indicators of the groups

    .. math:: M_{ab} = p_a \sqrt{m_a n_b m_b} - \delta_{ab} \sqrt{n_b} .
    """
    of, copies = np.unique(n, return_counts=True)
    p = of / n.sum() if balanced else np.full(len(of), 1.0 / len(n))
    between = np.outer(p * np.sqrt(copies), np.sqrt(of * copies)) - np.diag(np.sqrt(of))
    return max(float(np.linalg.norm(between, 2)), float(np.sqrt(of[copies > 1]).max(initial=0.0)))
