"""Flow of squared loss from an aligned balanced start: each mode is a logistic curve, and classes are learned apart."""

import numpy as np

from theory.zoo.theorem import Array, Flow, Prediction, Theorem, plain, sizes, strength

MODEL = "flow"

THEOREM = Theorem(
    row="13",
    source="Mixon et al. 2020 (modes: Saxe et al. 2014); constants and decay derived here",
    latex=r"""
        \dot s = \frac2N s (s_e - s), \quad s_e = \sqrt{n_k} - N \lambda , \quad
        s(t) = \frac{s_e}{1 + (s_e / s_0 - 1) e^{-2 s_e t / N}} , \quad
        W^\top W - H H^\top = e^{-2 \lambda t} (W^\top W - H H^\top)(0) = 0
    """,
    hypotheses="lam_w = lam_h >= 0, no bias, d >= K. A = W M D^(1/2) starts symmetric, >= 0, and commutes with D; "
    "s are its eigenvalues. It ends in (s_e)_+, but for modes that start at 0.",
    verdict="new",
    derivations=("mse_flow_modes",),
)

SIZES = (9, 4, 4, 1)
TIMES = (0.0, 3.0, 10.0, 30.0, 100.0, 400.0)


def _begun(class_sizes: tuple[int, ...], start: Array) -> tuple[tuple[float, ...], ...]:
    """Logits, a row for each class, where A is ``start``."""
    return tuple(map(tuple, (start / np.sqrt(class_sizes)).T.tolist()))


def _turned() -> Array:
    """A symmetric A with eigenvalues that are no class's, mixing the two classes of one size."""
    start = np.diag([0.02, 0.3, 0.1, 0.5])
    start[1, 2] = start[2, 1] = 0.15
    return start


def _flow(lam: float, **changes: object) -> dict[str, object]:
    base = {"class_sizes": SIZES, "lam_w": lam, "lam_h": lam, "loss": "mse", "times": TIMES}
    return {**base, "logits": _begun(SIZES, _turned()), **changes}


CASES = {
    "no decay": _flow(0.0),
    "decay": _flow(0.02),
    "one class dies": _flow(1.001 / 18),
    "one class just lives": _flow(0.999 / 18),
    "more than is learned": _flow(0.02, logits=_begun(SIZES, np.diag([9.0, 4.0, 3.0, 2.0]))),
    "a mode that starts at 0": _flow(0.0, logits=_begun(SIZES, np.diag([0.1, 0.0, 0.3, 0.2]))),
    "balanced, any basis": {
        **_flow(0.01, class_sizes=(5, 5, 5)),
        "logits": _begun((5, 5, 5), np.array([[0.3, 0.1, 0.0], [0.1, 0.2, -0.1], [0.0, -0.1, 0.4]])),
    },
}
BROKEN = _flow(0.0, lam_w=0.03, lam_h=0.01)


def _start(model: Flow) -> Array:
    """A at the start, (K, K)."""
    return np.asarray(model.logits, dtype=np.float64).T * np.sqrt(sizes(model))


def applies(model: Flow) -> bool:
    """Whether the hypotheses hold."""
    if model.loss != "mse" or model.bias != "none" or not plain(model) or model.lam_w != model.lam_h:
        return False
    a, n = _start(model), sizes(model)
    rounding = 1e-12 * float(np.abs(a).max())
    commutes = np.abs((n[:, None] - n) * a).max() <= rounding * n.max()
    symmetric = np.abs(a - a.T).max() <= rounding
    return bool(symmetric and commutes and np.linalg.eigvalsh(a)[0] >= -rounding) and model.dim >= len(n)


def predict(model: Flow) -> Prediction:
    r"""All modes at once: :math:`A(t) = A_0 (E + A_0 (1 - E) / S_e)^{-1}`, :math:`E = e^{-2 S_e t / N}`."""
    n, lam, start = sizes(model), strength(model), _start(model)
    root, total = np.sqrt(n), float(n.sum())
    ends = root - total * lam
    now = []
    for t in model.times:
        e = np.exp(-2.0 * ends * t / total)
        # (1 - E) / S_e, which is 2 t / N where S_e = 0
        grown = np.divide(1.0 - e, ends, out=np.full(len(n), 2.0 * t / total), where=np.abs(ends) > 1e-12 * root)
        now.append(np.linalg.solve((np.diag(e) + start * grown).T, start.T).T)
    a = np.stack(now)
    miss = np.square(a - np.diag(root)).sum(axis=(1, 2))
    return {
        "value": 0.5 * miss / total + lam * np.trace(a, axis1=1, axis2=2),
        "logits": a.transpose(0, 2, 1) / root[:, None],
        "weight_gram": a,
        "drift": np.zeros(len(a)),
    }
