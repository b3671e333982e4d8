"""Methods with one fixed direction per class: the vertices of a simplex."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import orthogonal

from ufm.problems.frames import Array, Frame
from ufm.train.methods.base import Method, constant, log_prior, wide


def simplex(dim: int, n_classes: int, seed: int) -> Array:
    r"""Vertices of a simplex equiangular tight frame, (K, d): unit rows with cosines -1 / (K - 1).

    .. math:: M = \sqrt{\tfrac{K}{K-1}}\, (I - \tfrac1K 1 1^\top)\, U^\top, \qquad U^\top U = I

    Raises ValueError for a single class, or for fewer dimensions than classes.
    """
    if n_classes < 2 or dim < n_classes:
        raise ValueError(f"dim={dim}, {n_classes} classes: a simplex needs two classes and dim >= n_classes")
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, n_classes)))
    return np.sqrt(n_classes / (n_classes - 1)) * (np.eye(n_classes) - 1.0 / n_classes) @ basis.T


class SETF(Method):
    r"""Fixed simplex equiangular tight frame with the dot-regression loss (Yang et al. 2022).

    Features are batch-normalised and divided by their length, and

    .. math:: L = \frac12 \left(E(y) \langle m_y, h \rangle - E(y)\right)^2

    with E(c) = sqrt((B / classes present) / b_c), b_c images of class c in the batch, which evens classes out.
    One center per class: the loss is quartic around its minimum, and collapse to it algebraic.
    """

    divisible = False  # batch normalisation is a part of it

    def __init__(self, dim: int, class_sizes: Sequence[int], seed: int = 0) -> None:
        super().__init__()
        self.normalisation = nn.BatchNorm1d(dim)
        self.vertices = constant(simplex(dim, len(class_sizes), seed))

    def geometry(self, features: Tensor) -> Tensor:
        """BN(h) / |BN(h)|."""
        return functional.normalize(self.normalisation(wide(features)), dim=1)

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        products = (vectors * self.vertices[labels]).sum(1)
        counts = self.counts(labels, len(self.vertices))
        share = counts.sum() / counts.count_nonzero()
        evened = share / counts[labels]  # E(y)^2
        return 0.5 * (evened * (products - 1.0).square()).mean()

    def scores(self, features: Tensor) -> Tensor:
        """<m_k, h>."""
        return self.geometry(features) @ self.vertices.T

    def frame(self, means: Array) -> Frame:
        """One center per class, the vertex, which is the classifier too."""
        vertices = self.vertices.cpu().double().numpy()
        return Frame((1,) * len(vertices), vertices, vertices)


class RotatedSimplex(Method):
    r"""RBL (Gao et al. 2023): scores :math:`z = E R^\top h`, E a fixed simplex, R a learned rotation; cross-entropy.

    R is a free orthogonal matrix (torch's parametrization: Householder reflections or a matrix exponential), so that
    features choose where the simplex stands. With PLA the own rule subtracts strength * ln(n_k / N).
    """

    def __init__(self, dim: int, class_sizes: Sequence[int], seed: int = 0, strength: float = 0.0) -> None:
        super().__init__()
        self.rotation = orthogonal(nn.Linear(dim, dim, bias=False))
        self.vertices = constant(simplex(dim, len(class_sizes), seed))
        self.taken_off = constant(strength * log_prior(class_sizes))

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Mean of -ln softmax(z)_y."""
        return functional.cross_entropy(self.logits(vectors), labels)

    def logits(self, features: Tensor) -> Tensor:
        """z, (B, K)."""
        return wide(features) @ self.rotated().T

    def rotated(self) -> Tensor:
        """The simplex where it stands now, (K, d)."""
        return torch.matmul(self.vertices, cast(Tensor, self.rotation.weight))

    def scores(self, features: Tensor) -> Tensor:
        """z, less what is taken off after training."""
        return self.logits(features) - self.taken_off

    def frame(self, means: Array) -> Frame:
        """One center per class, the rotated vertex, which is the classifier too."""
        with torch.no_grad():
            rows = self.rotated().cpu().double().numpy()
        return Frame((1,) * len(rows), rows, rows)
