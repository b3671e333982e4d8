r"""The convex program at a matrix itself, by its singular vectors: for many classes, where factors are slow.

Near :math:`A = P S R^\top` with living directions :math:`s_i > 0`, and X = P^T V R for a step V,

.. math:: \lambda |A + V|_* = \lambda |A|_* + \lambda \operatorname{tr} X
    + \frac{\lambda}{4} \sum_{ij} \frac{(X_{ij} - X_{ji})^2}{s_i + s_j} + O(V^3) ,

so a product with the Hessian takes four products of matrices. Directions that are small, or 0, move as factors do,
:math:`A + V + P_m T R_m^\top` with :math:`T_{ij} = \sum_l s_l X_{il} X_{lj} / ((s_i + s_l)(s_l + s_j))`: the rank
stays, and a direction that dies comes to 0 from above. The block between two that are 0 is no direction at all.

Steps are measured entry by entry: singular vectors of classes of different sizes are nearly those of coordinates, and
the losses bend most along own logits.
"""

from functools import cached_property
from typing import Self

import numpy as np
from scipy import linalg

from ufm.minimize.factored import FLOOR, Factored
from ufm.minimize.layouts import Layout
from ufm.minimize.trust_region import TINY
from ufm.problems.frames import Array

DEAD, SMALL = 1e-12, 1e-2
"""Singular values, in units of the largest, below which a direction is 0, and below which it moves as factors do."""

CAUTION = 2.0, 16.0, 128.0
"""What the curvature between small directions is multiplied by, one after the other, until a proximal step pays."""

EPS = float(np.finfo(float).eps)

SHARE = 0.1
"""What the norm's curvature is taken for at the least, along symmetric steps, where it has none."""


class Balanced:
    """The program at A, with sigma and b as in :class:`Factored`: see :class:`ufm.minimize.trust_region.Local`."""

    def __init__(
        self, layout: Layout, lam: float, decay: float, svd: tuple[Array, Array, Array], rest: tuple[Array, Array]
    ) -> None:
        """``svd`` is P, s and R, both square; ``rest`` is sigma and b."""
        self.layout, self.lam, self.decay, self.rest = layout, lam, decay, rest
        self.left, self.strengths, self.right = svd
        self.living = int(np.sum(self.strengths > DEAD * self.strengths[0]))
        self.large = int(np.sum(self.strengths > SMALL * self.strengths[0]))
        self.strengths[self.living :] = 0.0
        sigma, b = rest
        self.matrix, self.inside = (self.left * self.strengths) @ self.right.T, sigma**2
        self.loss = layout.loss.at(layout.logits(self.matrix, self.inside, b), layout.targets, layout.counts)
        self.by_m, self.by_s, by_b = layout.adjoint(layout.weights[:, None] * self.loss.slopes)
        copies = layout.copies[: len(b)]
        penalty = lam * (float(self.strengths.sum()) + float(layout.repeats @ self.inside))
        self.value = float(layout.weights @ self.loss.values) + penalty + 0.5 * decay * float(copies @ b**2)
        self._turn(self.by_m)
        sides = self.left[:, : self.living], self.right[:, : self.living]
        self.gradient: Array = Factored.flat(
            self._moving(self.by_m + lam * sides[0] @ sides[1].T),
            2.0 * sigma * (self.by_s + lam * layout.repeats),
            by_b[: len(b)] + decay * copies * b,
        )

    def _turn(self, by_m: Array) -> None:
        """Turn what is dead to the singular vectors of the slopes there, and keep their pulls on what is small."""
        dead = slice(self.living, None)
        if self.living < len(self.strengths):
            a, _, b = linalg.svd(self.left[:, dead].T @ by_m @ self.right[:, dead])
            self.left[:, dead], self.right[:, dead] = self.left[:, dead] @ a, self.right[:, dead] @ b.T
        small = slice(self.large, None)
        self.pulls = np.full(len(self.strengths), -self.lam)
        self.pulls[small] = np.einsum("im,im->m", self.left[:, small], by_m @ self.right[:, small])

    @classmethod
    def of(cls, local: Factored, matrix: Array) -> Self:
        """At a matrix, with the rest of a point."""
        left, strengths, right = linalg.svd(matrix, lapack_driver="gesdd")
        return cls(local.layout, local.lam, local.decay, (left, strengths, right.T), local.parts[2:])

    def factored(self) -> Factored:
        """The same as balanced factors."""
        root = np.sqrt(self.strengths)
        return Factored(self.layout, self.lam, self.decay, (self.left * root, self.right * root, *self.rest))

    def _split(self, x: Array) -> tuple[Array, Array, Array]:
        v, ds, db = np.split(x, np.cumsum([self.matrix.size, self.rest[0].size]))
        return v.reshape(self.matrix.shape), ds, db

    def _moving(self, v: Array) -> Array:
        """Without the block between dead directions."""
        left, right = self.left[:, self.living :], self.right[:, self.living :]
        return np.asarray(v - left @ (left.T @ v @ right) @ right.T)

    @cached_property
    def _shares(self) -> tuple[Array, Array]:
        """1 / (s_i + s_j), 0 between dead directions; and the curvature between X_ij and X_ji."""
        s, pulls = self.strengths, self.pulls
        total = s[:, None] + s
        inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
        across = np.outer(pulls, s)
        return inverse, (across + across.T) * inverse**2

    def hessian(self, x: Array) -> Array:
        """Along a direction."""
        v, ds, db = self._split(x)
        (sigma, b), layout, lam = self.rest, self.layout, self.lam
        by_m, by_s, by_b = layout.adjoint(
            layout.weights[:, None] * self.loss.bend(layout.logits(v, 2 * sigma * ds, db))
        )
        inverse, across = self._shares
        turned = self.left.T @ v @ self.right
        bent = self.left @ (lam * inverse * turned + across * turned.T) @ self.right.T
        return Factored.flat(
            self._moving(by_m + bent),
            2.0 * ds * (self.by_s + lam * layout.repeats) + 2.0 * sigma * by_s,
            by_b[: len(b)] + self.decay * layout.copies[: len(b)] * db,
        )

    @cached_property
    def stiff(self) -> Array:
        """Curvature of the losses along each entry of A alone."""
        return self.layout.stiffness(self.loss.curvature)

    @cached_property
    def _by_entry(self) -> tuple[Array, Array]:
        """The inverse of the curvature between entries (a, b) and (b, a): what multiplies each, and the other one."""
        size = 0.5 * ((self.left**2) @ self.strengths + (self.right**2) @ self.strengths)
        size = np.maximum(size, SMALL * (self.strengths[0] or float(self.layout.root.max())))
        bend = self.lam / (size[:, None] + size)
        return _pairs(self.stiff + (1.0 + SHARE) * bend, -bend)

    @cached_property
    def _by_direction(self) -> tuple[Array, Array]:
        """The same of the directions that are small: rows of them, and columns of them, as one matrix."""
        inverse, across = self._shares
        seen = (self.left**2).T @ self.stiff @ self.right**2 + SHARE * self.lam * inverse
        used = inverse > 0.0
        own, other = _pairs(np.where(used, seen + self.lam * inverse, 1.0), np.where(used, across, 0.0))
        return np.where(used, own, 0.0), np.where(used, other, 0.0)

    def _thin(self, v: Array) -> tuple[Array, Array]:
        """Rows and columns of X that are of small directions; the columns without what is in the rows."""
        cut = self.large
        return self.left[:, cut:].T @ v @ self.right, self.left[:, :cut].T @ (v @ self.right[:, cut:])

    def _wide(self, rows: Array, columns: Array) -> Array:
        """What they are as a matrix."""
        cut = self.large
        return np.asarray(
            self.left[:, cut:] @ (rows @ self.right.T) + self.left[:, :cut] @ columns @ self.right[:, cut:].T
        )

    def precondition(self, x: Array) -> Array:
        """Large directions entry by entry, small ones among themselves; sigma and bias as factors have them."""
        v, ds, db = self._split(x)
        own, other = self._by_entry
        if self.large == len(self.strengths):
            return Factored.flat(own * v + other * v.T, *self._of_rest(ds, db))
        rows, columns = self._thin(v)
        v = v - self._wide(rows, columns)
        v = own * v + other * v.T
        v -= self._wide(*self._thin(v))
        return Factored.flat(v + self._wide(*self._scaled(rows, columns)), *self._of_rest(ds, db))

    def _scaled(self, rows: Array, columns: Array) -> tuple[Array, Array]:
        (own, other), cut = self._by_direction, self.large
        turned = np.concatenate([columns, rows[:, cut:]]).T
        flipped = np.concatenate([rows[:, :cut].T, rows[:, cut:].T])
        return own[cut:] * rows + other[cut:] * turned, own[:cut, cut:] * columns + other[:cut, cut:] * flipped[:cut]

    def _of_rest(self, ds: Array, db: Array) -> tuple[Array, Array]:
        return ds / (self.lam * np.maximum(self.layout.repeats, 1.0)), db / (self._stiffness + FLOOR + self.decay)

    @cached_property
    def _stiffness(self) -> float:
        return self.factored().stiffness if len(self.rest[1]) else 1.0

    def move(self, x: Array) -> Self:
        """Addition, and what keeps the rank."""
        v, ds, db = self._split(x)
        rows, columns = self._thin(v)
        columns = np.concatenate([columns, rows[:, self.large :]])
        inverse, _ = self._shares
        kept = (inverse[self.large :] * rows * self.strengths) @ (inverse[:, self.large :] * columns)
        moved = self.matrix + v + self.left[:, self.large :] @ kept @ self.right[:, self.large :].T
        left, strengths, right = linalg.svd(moved, lapack_driver="gesdd")
        rest = self.rest[0] + ds, self.rest[1] + db
        return type(self)(self.layout, self.lam, self.decay, (left, strengths, right.T), rest).settled()

    def settled(self) -> Self:
        r"""After a proximal step of what is small, if that is no worse: directions die and come to life at once.

        On the block between small directions :math:`B \leftarrow \operatorname{shrink}(B - G / h, \lambda / h)`, where
        h is more than the curvature of the losses there, and larger still where they bend more on the way.
        """
        cut = self.large
        if cut == len(self.strengths):
            return self
        seen = (self.left[:, cut:] ** 2).T @ self.stiff @ self.right[:, cut:] ** 2
        for factor in CAUTION:
            other = self._shrunk(factor * max(float(seen.max()), TINY))
            if other.value <= self.value * (1.0 + EPS):
                return other
        return self

    def _shrunk(self, bend: float) -> Self:
        """After a proximal step for that curvature."""
        cut = self.large
        left, right = self.left[:, cut:], self.right[:, cut:]
        a, strengths, b = linalg.svd(np.diag(self.strengths[cut:]) - left.T @ self.by_m @ right / bend)
        joined = np.concatenate([self.strengths[:cut], np.maximum(strengths - self.lam / bend, 0.0)])
        order = np.argsort(-joined, kind="stable")
        sides = np.hstack([self.left[:, :cut], left @ a]), np.hstack([self.right[:, :cut], right @ b.T])
        svd = sides[0][:, order], joined[order], sides[1][:, order]
        return type(self)(self.layout, self.lam, self.decay, svd, self.rest)


def _pairs(own: Array, across: Array) -> tuple[Array, Array]:
    """The inverses of [[own_ij, across_ij], [across_ij, own_ji]] by entries; on the diagonal of own + across."""
    inverse = 1.0 / (own * own.T - across**2)
    first, second = own.T * inverse, -across * inverse
    at = np.diag_indices(len(own))
    first[at], second[at] = 1.0 / (own[at] + across[at]), 0.0
    return first, second
