"""Hypothesis strategies that draw valid problems, and frames and features for them."""

import numpy as np
from hypothesis import strategies as st

import ufm

angles = st.one_of(st.just(0.0), st.just(np.pi / 2), st.floats(0.01, 1.55))
counts = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def problems(draw, loss=None, min_classes=1, max_classes=4, max_size=8, theta=angles, max_centers=6, spare=5):
    """A valid problem, small enough for dense oracles."""
    n_classes = draw(st.integers(min_classes, max_classes))
    sizes = draw(st.lists(st.integers(1, max_size), min_size=n_classes, max_size=n_classes))
    centers = draw(st.lists(st.integers(1, max_centers), min_size=n_classes, max_size=n_classes))
    kind = loss or draw(st.sampled_from(["cosine", "mse"]))
    if kind == "cosine":
        beta = draw(st.one_of(st.just("weighted"), st.floats(0.1, 3.0)))
        weights = {"beta": beta, "lam": draw(st.one_of(st.just(0.0), st.floats(0.02, 2.0)))}
    else:
        weights = {"lam_h": draw(st.one_of(st.just(0.0), st.floats(1e-3, 0.5))), "lam_w": draw(st.floats(0.0, 1.0))}
    return ufm.Problem(
        class_sizes=sizes,
        centers=centers,
        theta=draw(theta),
        dim=sum(centers) + n_classes + draw(st.integers(0, spare)),
        loss=kind,
        **weights,
    )


@st.composite
def learned_problems(draw, loss=None, **options):
    """A problem with a learned frame; for P some of the classes may be dead."""
    fixed = draw(problems(loss=loss, **options))
    weights = {}
    if fixed.loss == "mse":
        weights = {name: draw(st.floats(1e-3, 0.2)) for name in ("lam_h", "lam_w")}
    elif fixed.lam == 0.0:
        weights = {"lam": draw(st.floats(0.02, 2.0))}
    return fixed.replace(frame="learned", **weights)


def features_of(problem, seed, scale=1.0):
    """Gaussian features of a problem."""
    return scale * np.random.default_rng(seed).standard_normal((problem.n_samples, problem.dim))


def rotation(dim, seed):
    """A random orthogonal matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))
    return q * np.sign(np.diag(r))
