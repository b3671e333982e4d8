"""Methods with a fixed multi-center frame: P, AL, CAL and what is made of them."""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from theory.multicenter.geometry import center_cosine
from ufm.problems.frames import Array, Frame, multi_center_frame
from ufm.problems.kinds import CosineProblem, MSEProblem
from ufm.problems.problem import MultiCenterProblem
from ufm.train.methods.base import Method, constant, log_prior, wide


class MultiCenter(Method):
    r"""A fixed multi-center frame :math:`w_j^{(k)} = \cos\theta\, v_j^{(k)} + \sin\theta\, w_k` of unit vectors.

    The frame is that of :func:`ufm.multi_center_frame`. In its own orthonormal basis, (v, w) as coordinates, a product
    with a center is two numbers of the feature, so no (F, d) matrix exists here: in the coordinate basis the numbers
    are the first F + K entries of h, in a random one a rotation comes before. With ``angles``, (K,), every class has a
    theta of its own.
    """

    def __init__(
        self, problem: MultiCenterProblem, basis: str = "coordinate", seed: int = 0, angles: ArrayLike | None = None
    ) -> None:
        super().__init__()
        theta = np.broadcast_to(np.asarray(problem.theta if angles is None else angles), (problem.n_classes,))
        self.reference = _frame(problem, basis, seed, theta)
        self.cosine, self.sine = constant(np.cos(theta)), constant(np.sin(theta))
        self.n_centers, self.n_classes, self.dim = problem.n_centers, problem.n_classes, problem.dim
        counts, first = np.asarray(problem.centers), self.reference.offsets[:-1]
        slots = np.arange(counts.max())
        real = slots < counts[:, None]
        self.owned = constant(np.where(real, first[:, None] + slots, 0))  # (K, max f), padded with column 0 ...
        self.real = constant(real)  # ... which is masked
        self.owner = constant(np.repeat(np.arange(self.n_classes), counts))
        v, w = self.reference.auxiliary, self.reference.classifier
        self.rotation = constant(np.concatenate([cast(Array, v), w])) if basis == "random" else None

    def coordinates(self, features: Tensor) -> Tensor:
        """<v, h> of all auxiliary vectors and <w_k, h> of all classes, (B, F + K)."""
        h = wide(features)
        return h[:, : self.n_centers + self.n_classes] if self.rotation is None else h @ self.rotation.T

    def own_products(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """<w_j, h> for the centers of each sample's own class, (B, max f); padded columns are meaningless."""
        auxiliary = coordinates.gather(1, self.owned[labels])
        classifier = coordinates.gather(1, self.n_centers + labels[:, None])
        return self.cosine[labels, None] * auxiliary + self.sine[labels, None] * classifier

    def products(self, coordinates: Tensor) -> Tensor:
        """<w_j, h> for all centers, (B, F)."""
        auxiliary, classifier = coordinates[:, : self.n_centers], coordinates[:, self.n_centers + self.owner]
        return self.cosine[self.owner] * auxiliary + self.sine[self.owner] * classifier

    def scores(self, features: Tensor) -> Tensor:
        """<w_k, h>, (B, K)."""
        return self.coordinates(features)[:, self.n_centers :]

    def frame(self, means: Array) -> Frame:
        """The multi-center frame, whatever the features are."""
        return self.reference


class MeanSquared(MultiCenter):
    r"""P: :math:`\frac{N}{2S} |W h - y|^2 + \frac{\mu}{2} |h|^2`, y being 1 for the centers of the own class.

    The batch mean of this estimates the paper's P (section 3) at :math:`\lambda_H = \mu / N`.
    """

    def __init__(self, problem: MSEProblem, *frame: Any) -> None:
        super().__init__(problem, *frame)
        self.scale = 0.5 * problem.n_samples / problem.total
        self.shrinkage = 0.5 * problem.n_samples * problem.lam_h

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        x = self.coordinates(vectors)
        outputs = self.products(x)
        targets = (self.owner == labels[:, None]).to(outputs.dtype)
        misses = (outputs - targets).square().sum(1)
        return (self.scale * misses + self.shrinkage * wide(vectors).square().sum(1)).mean()


class Cosine(MultiCenter):
    r"""AL and CAL: :math:`\beta_k \sum_j (\langle w_j^{(k)}, h / |h| \rangle - 1)^2 + \lambda (|h| - 1)^2`.

    Only the class's own centers are touched. At h = 0, where the loss is not defined, the direction is taken to be 0
    and its gradient that of length 1. The own rule reads the class off batch-normalised features, argmax
    <w_k, BN(h)>, BN without learned scale and shift; it takes part in no gradient.
    """

    def __init__(
        self, problem: CosineProblem, basis: str = "coordinate", seed: int = 0, angles: ArrayLike | None = None
    ) -> None:
        super().__init__(problem, basis, seed, angles)
        self.beta = constant(problem.weights if angles is None else center_cosine(problem.centers, angles))
        self.penalty = problem.lam
        self.normalisation = nn.BatchNorm1d(self.dim, affine=False)

    def prepare(self, features: Tensor) -> Tensor:
        """The features; in training the statistics of the own rule see them too."""
        if self.training:
            self.normalisation(wide(features).detach())
        return features

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        length = torch.linalg.vector_norm(wide(vectors), dim=1)
        products = self.own_products(self.coordinates(vectors), labels)
        cosines = products / torch.where(length > 0, length, 1.0)[:, None]
        misses = ((cosines - 1.0).square() * self.real[labels]).sum(1)
        return (self.beta[labels] * misses + self.penalty * (length - 1.0).square()).mean()

    def scores(self, features: Tensor) -> Tensor:
        """<w_k, BN(h)>, (B, K)."""
        return super().scores(self.normalisation(wide(features)))


class AdjustedCosine(Cosine):
    """CAL whose own rule takes ln(n_k / N) off: argmax of scale * cos(w_k, BN(h)) - strength * ln(n_k / N).

    Cosines are no log-likelihoods; ``scale`` (LDAM's) makes them so.
    """

    def __init__(self, problem: CosineProblem, *frame: Any, strength: float, scale: float) -> None:
        super().__init__(problem, *frame)
        self.taken_off = constant(strength * log_prior(problem.class_sizes) / scale)

    def scores(self, features: Tensor) -> Tensor:
        """See the class; divided by ``scale``."""
        h = functional.normalize(self.normalisation(wide(features)), dim=1)
        return MultiCenter.scores(self, h) - self.taken_off


class GeneralizedCosine(Cosine):
    """CAL with the generalized classification rule on normalised features: argmax_k max_j <w_j^(k), BN(h)>."""

    def scores(self, features: Tensor) -> Tensor:
        """max_j <w_j^(k), BN(h)>, (B, K)."""
        products = self.products(self.coordinates(self.normalisation(wide(features))))
        lowest = products.new_full((len(products), self.n_classes), -torch.inf)
        return lowest.scatter_reduce(1, self.owner.expand(len(products), -1), products, "amax")


def _frame(problem: MultiCenterProblem, basis: str, seed: int, theta: Array) -> Frame:
    """The frame of the problem, each class at its own angle."""
    frame = multi_center_frame(problem, basis=basis, seed=seed)
    if np.all(theta == problem.theta):
        return frame
    if frame.auxiliary is None:
        raise ValueError("a frame without auxiliary vectors has one angle")
    owner = np.repeat(np.arange(problem.n_classes), problem.centers)
    turned = sparse.diags_array(np.cos(theta)[owner]).tocsr() @ frame.auxiliary
    centers = turned + sparse.diags_array(np.sin(theta)[owner]).tocsr() @ frame.classifier[owner]
    return Frame(frame.counts, centers, frame.classifier, frame.auxiliary)
