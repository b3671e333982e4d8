"""The convex program over factors, at one point, and where to begin."""

from functools import cached_property
from typing import Self

import numpy as np
from scipy import linalg

from ufm.minimize.layouts import Layout
from ufm.minimize.trust_region import TINY, minimize_locally
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array

FLOOR = 1e-3
"""Least curvature along the bias that steps are measured with."""


class Factored:
    r"""The program over factors :math:`M = U V^\top`, :math:`s = \sigma^2`, and b, at one point: see :class:`Local`.

    .. math:: \sum_b w_b \ell_b + \frac{\lambda}{2} (|U|^2 + |V|^2) + \lambda \sum_a (m_a - 1) \sigma_a^2
        + \frac{\lambda_b}{2} \sum_a m_a b_a^2
    """

    def __init__(self, layout: Layout, lam: float, decay: float, parts: tuple[Array, Array, Array, Array]) -> None:
        """``decay`` is that of the bias; ``parts`` are U (R, r), V (C, r), sigma (g or 0) and b (g, K, or 0)."""
        self.layout, self.lam, self.decay, self.parts = layout, lam, decay, parts
        u, v, sigma, b = parts
        self.matrix, self.inside = u @ v.T, sigma**2
        self.logits = layout.logits(self.matrix, self.inside, b)
        self.loss = layout.loss.at(self.logits, layout.targets, layout.counts)
        self.by_m, self.by_s, self.by_b = layout.adjoint(layout.weights[:, None] * self.loss.slopes)
        penalty = 0.5 * lam * (np.vdot(u, u) + np.vdot(v, v)) + lam * float(layout.repeats @ self.inside)
        copies = layout.copies[: len(b)]
        self.value = float(layout.weights @ self.loss.values) + float(penalty) + 0.5 * decay * float(copies @ b**2)
        self.gradient: Array = self.flat(
            self.by_m @ v + lam * u,
            self.by_m.T @ u + lam * v,
            2.0 * sigma * (self.by_s + lam * layout.repeats),
            self.by_b[: len(b)] + decay * copies * b,
        )

    @property
    def convex_value(self) -> float:
        """The objective with balanced factors of the same A: with its nuclear norm in place of their squares."""
        u, v, _, _ = self.parts
        excess = 0.5 * float(np.vdot(u, u) + np.vdot(v, v)) - float(linalg.svdvals(self.matrix).sum())
        return self.value - self.lam * excess

    def on(self, layout: Layout) -> Self:
        """The same point of another loss."""
        return type(self)(layout, self.lam, self.decay, self.parts)

    @staticmethod
    def flat(*parts: Array) -> Array:
        """Parts as one vector, as the gradient has them."""
        return np.concatenate([part.ravel() for part in parts])

    def _parts(self, x: Array) -> list[Array]:
        cuts = np.cumsum([part.size for part in self.parts])[:-1]
        return [piece.reshape(part.shape) for piece, part in zip(np.split(x, cuts), self.parts, strict=True)]

    def hessian(self, x: Array) -> Array:
        """Along a direction, by the product rule."""
        u, v, sigma, b = self.parts
        du, dv, ds, db = self._parts(x)
        layout, lam = self.layout, self.lam
        moved = layout.logits(du @ v.T + u @ dv.T, 2.0 * sigma * ds, db)
        bent = layout.adjoint(layout.weights[:, None] * self.loss.bend(moved))
        return self.flat(
            bent[0] @ v + self.by_m @ dv + lam * du,
            bent[0].T @ u + self.by_m.T @ du + lam * dv,
            2.0 * ds * (self.by_s + lam * layout.repeats) + 2.0 * sigma * bent[1],
            bent[2][: len(b)] + self.decay * layout.copies[: len(b)] * db,
        )

    @cached_property
    def stiffness(self) -> float:
        """Curvature along the bias, as one direction without preference sees it."""
        b = self.parts[3]
        if not len(b):
            return 1.0
        probe = np.random.default_rng(0).standard_normal(len(b))
        moved = self.layout.logits(np.zeros(self.layout.shape), np.zeros(len(self.parts[2])), probe)
        bent = self.layout.adjoint(self.layout.weights[:, None] * self.loss.bend(moved))[2]
        return float(probe @ bent) / float(probe @ probe)

    def precondition(self, x: Array) -> Array:
        """By the decay of the factors, and by the curvature of the loss along the bias."""
        *factors, by_b = self._parts(x)
        return self.flat(*(each / self.lam for each in factors), by_b / (self.stiffness + FLOOR + self.decay))

    def move(self, x: Array) -> Self:
        """Addition."""
        parts = tuple(part + step for part, step in zip(self.parts, self._parts(x), strict=True))
        return type(self)(self.layout, self.lam, self.decay, parts)  # type: ignore[arg-type]


def first_guess(layout: Layout, model: FeatureModel, rank: int) -> Factored:
    """Along the steepest descent from 0, as far as pays: the directions are those of the smallest solutions.

    Where no direction is steeper than the nuclear norm, 0 is the minimum, and the guess.
    """
    _, b = nothing_but_bias(layout, model)
    flat = bias_alone(layout, model.bias_decay, len(b))
    left, strengths, right = linalg.svd(-flat.by_m, full_matrices=False)
    left, strengths, right = left[:, :rank], strengths[:rank], right[:rank].T
    inside = np.maximum(-layout.pulls(flat.loss.slopes)[1], 0.0)
    top = max(float(strengths[0]), float(inside.max(initial=0.0)), TINY)

    def at(size: float) -> Factored:
        scaled, within = np.sqrt(size * strengths / top), np.sqrt(size * inside / top)
        return Factored(
            layout, model.strength, model.bias_decay, (left * scaled, right * scaled, within, flat.parts[3])
        )

    if top <= model.strength:
        return at(0.0)
    sizes = layout.root.max() * np.exp(np.arange(-4.0, 4.0, 0.5))
    return min(map(at, sizes.tolist()), key=lambda local: local.value)


def nothing_but_bias(layout: Layout, model: FeatureModel) -> tuple[Array, Array]:
    """The sigma and the bias of a start: zeros, and none without a bias."""
    return np.zeros(len(layout.repeats)), np.zeros(0 if model.bias == "none" else len(layout.copies))


def bias_alone(layout: Layout, decay: float, count: int) -> Factored:
    """The best bias where features and weights are 0."""
    rows, columns = layout.shape
    empty = np.zeros((rows, 0)), np.zeros((columns, 0)), np.zeros(len(layout.repeats)), np.zeros(count)
    local = Factored(layout, 1.0, decay, empty)
    return minimize_locally(local, slope=1e-15, decrement=1e-15).local if count else local
