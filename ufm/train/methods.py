r"""Methods: what a loss asks of the features h (B, d) of a network, and how a class is read off them.

Every method has ``loss(features, labels)``, the mean over the batch; ``predict(features)``, the class of each
feature; ``geometry(features)``, the vectors whose collapse theory speaks of; and ``frame(means)``, the directions
that they should collapse to. Losses are computed in float32 or better whatever the network's arithmetic.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ufm.frames import Array, Frame, multi_center_frame
from ufm.metrics import unit_rows
from ufm.problem import Problem
from ufm.train.config import METHODS, Config


class Method(nn.Module):
    """What the loop calls; each method overrides what differs."""

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of features (B, d) with labels (B,), a scalar."""
        raise NotImplementedError

    def predict(self, features: Tensor) -> Tensor:
        """Class of each feature, (B,) int64, by the method's own rule."""
        raise NotImplementedError

    def geometry(self, features: Tensor) -> Tensor:
        """The vectors that collapse, (B, d): the features themselves unless the method normalises them."""
        return features

    def frame(self, means: Array) -> Frame:
        """Centers and classifier to hold features against, given their class means (K, d)."""
        raise NotImplementedError


class CrossEntropy(Method):
    """CE: learned linear classifier with bias. Its features collapse to their own class means."""

    def __init__(self, dim: int, n_classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(dim, n_classes)

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean of -log softmax(A h + b)_y."""
        return functional.cross_entropy(self.classifier(features).float(), labels)

    def predict(self, features: Tensor) -> Tensor:
        """argmax of A h + b."""
        return self.classifier(features).argmax(1)

    def frame(self, means: Array) -> Frame:
        """One center per class, the direction of its mean; rows of A as classifier."""
        rows = self.classifier.weight.detach().cpu().double().numpy()
        return Frame((1,) * len(means), unit_rows(means), rows)


class SETF(Method):
    r"""Fixed simplex equiangular tight frame with the dot-regression loss (Yang et al. 2022).

    Features are batch-normalised and divided by their length, and

    .. math::
        L = \frac12 \left(E(y) \langle m_y, h \rangle - E(y)\right)^2, \qquad
        M = \sqrt{\tfrac{K}{K-1}}\, U (I - \tfrac1K 1 1^\top), \quad U^\top U = I,

    with E(c) = sqrt((B / classes present) / b_c), b_c images of class c in the batch, which evens classes out.
    One center per class: the loss is quartic around its minimum, and collapse to it algebraic.
    """

    def __init__(self, dim: int, n_classes: int, seed: int = 0) -> None:
        super().__init__()
        if n_classes < 2 or dim < n_classes:
            raise ValueError(f"dim={dim}, {n_classes} classes: a simplex needs two classes and dim >= n_classes")
        basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, n_classes)))
        centered = np.eye(n_classes) - 1.0 / n_classes
        vertices = np.sqrt(n_classes / (n_classes - 1)) * basis @ centered
        self.normalisation = nn.BatchNorm1d(dim)
        self.register_buffer("vertices", torch.tensor(vertices.T, dtype=torch.get_default_dtype()))
        self.vertices: Tensor

    def geometry(self, features: Tensor) -> Tensor:
        """BN(h) / |BN(h)|."""
        return functional.normalize(self.normalisation(_wide(features)), dim=1)

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        products = (self.geometry(features) * self.vertices[labels]).sum(1)
        counts = torch.bincount(labels, minlength=len(self.vertices))
        share = len(labels) / counts.count_nonzero()
        evened = share / counts[labels]  # E(y)^2
        return 0.5 * (evened * (products - 1.0).square()).mean()

    def predict(self, features: Tensor) -> Tensor:
        """argmax of <m_k, h>."""
        return (self.geometry(features) @ self.vertices.T).argmax(1)

    def frame(self, means: Array) -> Frame:
        """One center per class, the vertex, which is the classifier too."""
        vertices = self.vertices.cpu().double().numpy()
        return Frame((1,) * len(vertices), vertices, vertices)


class MultiCenter(Method):
    r"""A fixed multi-center frame :math:`w_j^{(k)} = \cos\theta\, v_j^{(k)} + \sin\theta\, w_k` of unit vectors.

    The frame is that of :func:`ufm.multi_center_frame`. In its own orthonormal basis, (v, w) as coordinates, a product
    with a center is two numbers of the feature, so no (F, d) matrix exists here: in the coordinate basis the numbers
    are the first F + K entries of h, in a random one a rotation comes before.
    """

    def __init__(self, problem: Problem, basis: str = "coordinate", seed: int = 0) -> None:
        super().__init__()
        self.reference = multi_center_frame(problem, basis=basis, seed=seed)
        self.cosine, self.sine = float(np.cos(problem.theta)), float(np.sin(problem.theta))
        self.n_centers, self.n_classes, self.dim = problem.n_centers, problem.n_classes, int(problem.dim or 0)
        counts, first = np.asarray(problem.centers), self.reference.offsets[:-1]
        slots = np.arange(counts.max())
        real = slots < counts[:, None]
        self._buffer("owned", np.where(real, first[:, None] + slots, 0))  # (K, max f), padded with column 0 ...
        self._buffer("real", real)  # ... which is masked
        self._buffer("owner", np.repeat(np.arange(self.n_classes), counts))
        rotation = None
        if basis == "random":
            assert self.reference.auxiliary is not None
            rotation = np.concatenate([self.reference.auxiliary, self.reference.classifier])
        self._buffer("rotation", rotation)
        self.owned: Tensor
        self.real: Tensor
        self.owner: Tensor
        self.rotation: Tensor | None

    def _buffer(self, name: str, values: np.ndarray | None) -> None:
        """Keep constants with the module, on its device; they follow from the configuration and are not saved."""
        tensor = None if values is None else torch.tensor(values)
        if tensor is not None and tensor.is_floating_point():
            tensor = tensor.to(torch.get_default_dtype())
        self.register_buffer(name, tensor, persistent=False)

    def coordinates(self, features: Tensor) -> Tensor:
        """<v, h> of all auxiliary vectors and <w_k, h> of all classes, (B, F + K)."""
        wide = _wide(features)
        return wide[:, : self.n_centers + self.n_classes] if self.rotation is None else wide @ self.rotation.T

    def own_products(self, coordinates: Tensor, labels: Tensor) -> Tensor:
        """<w_j, h> for the centers of each sample's own class, (B, max f); padded columns are meaningless."""
        auxiliary = coordinates.gather(1, self.owned[labels])
        classifier = coordinates.gather(1, self.n_centers + labels[:, None])
        return self.cosine * auxiliary + self.sine * classifier

    def scores(self, features: Tensor) -> Tensor:
        """<w_k, h>, (B, K)."""
        return self.coordinates(features)[:, self.n_centers :]

    def predict(self, features: Tensor) -> Tensor:
        """argmax of <w_k, h>."""
        return self.scores(features).argmax(1)

    def frame(self, means: Array) -> Frame:
        """The multi-center frame, whatever the features are."""
        return self.reference


class MeanSquared(MultiCenter):
    r"""P: :math:`\frac{N}{2S} |W h - y|^2 + \frac{\mu}{2} |h|^2`, y being 1 for the centers of the own class.

    The batch mean of this estimates the paper's P (section 3) at :math:`\lambda_H = \mu / N`.
    """

    def __init__(self, problem: Problem, basis: str = "coordinate", seed: int = 0) -> None:
        super().__init__(problem, basis, seed)
        self.scale = 0.5 * problem.n_samples / problem.total
        self.shrinkage = 0.5 * problem.n_samples * float(problem.lam_h or 0.0)

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        x = self.coordinates(features)
        outputs = self.cosine * x[:, : self.n_centers] + self.sine * x[:, self.n_centers + self.owner]
        targets = (self.owner == labels[:, None]).to(outputs.dtype)
        misses = (outputs - targets).square().sum(1)
        return (self.scale * misses + self.shrinkage * _wide(features).square().sum(1)).mean()


class Cosine(MultiCenter):
    r"""AL and CAL: :math:`\beta_k \sum_j (\langle w_j^{(k)}, h / |h| \rangle - 1)^2 + \lambda (|h| - 1)^2`.

    Only the class's own centers are touched. At h = 0, where the loss is not defined, the direction is taken to be 0
    and its gradient that of length 1. The own rule reads the class off batch-normalised features, argmax
    <w_k, BN(h)>, BN without learned scale and shift; it takes part in no gradient.
    """

    def __init__(self, problem: Problem, basis: str = "coordinate", seed: int = 0) -> None:
        super().__init__(problem, basis, seed)
        self._buffer("beta", problem.weights)
        self.beta: Tensor
        self.penalty = float(problem.lam or 0.0)
        self.normalisation = nn.BatchNorm1d(self.dim, affine=False)

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """See the class; in training it also updates the statistics of the own rule."""
        if self.training:
            self.normalisation(_wide(features).detach())
        length = torch.linalg.vector_norm(_wide(features), dim=1)
        products = self.own_products(self.coordinates(features), labels)
        cosines = products / torch.where(length > 0, length, 1.0)[:, None]
        misses = ((cosines - 1.0).square() * self.real[labels]).sum(1)
        return (self.beta[labels] * misses + self.penalty * (length - 1.0).square()).mean()

    def predict(self, features: Tensor) -> Tensor:
        """argmax of <w_k, BN(h)>."""
        return self.scores(self.normalisation(_wide(features))).argmax(1)


def _wide(features: Tensor) -> Tensor:
    """Features in float32 at least."""
    return features if features.dtype == torch.float64 else features.float()


BUILDERS: dict[str, Callable[[Config, Sequence[int], int], Method]] = {
    "CE": lambda config, sizes, dim: CrossEntropy(dim, len(sizes)),
    "SETF": lambda config, sizes, dim: SETF(dim, len(sizes), config.seed),
}
"""Methods without a multi-center frame."""


def n_features(config: Config, class_sizes: Sequence[int]) -> int:
    """Smallest feature dimension that the method can work in: F + K for frames, K for a simplex, 1 for CE."""
    problem = config.problem(tuple(class_sizes))
    if problem is not None:
        return int(problem.dim or 0)
    return len(class_sizes) if config.method == "SETF" else 1


def build(config: Config, class_sizes: Sequence[int], dim: int) -> Method:
    """The method of a configuration for features of dimension ``dim``. Raises ValueError if that is too small."""
    if config.method in BUILDERS:
        return BUILDERS[config.method](config, class_sizes, dim)
    problem = config.problem(tuple(class_sizes), dim)
    assert problem is not None
    assert config.basis is not None
    kind = Cosine if METHODS[config.method].loss == "cosine" else MeanSquared
    return kind(problem, config.basis, config.seed)


class Mixup:
    r"""Mixup (Zhang et al. 2018): images and losses of two samples, mixed in one share per batch.

    :math:`\ell \sim \mathrm{Beta}(a, a)`; images :math:`\ell x_a + (1 - \ell) x_b`, loss
    :math:`\ell L(h, y_a) + (1 - \ell) L(h, y_b)`, b a permutation of the batch. Works for every method with a loss.
    """

    def __init__(self, alpha: float) -> None:
        """Keep a; 0 mixes nothing."""
        self.alpha = alpha

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor, float]:
        """Mixed images (B, ...), the second labels (B,), and the share of the first; a function of ``seed``."""
        if self.alpha == 0:
            return images, labels, 1.0
        rng = np.random.default_rng(seed)
        share = float(rng.beta(self.alpha, self.alpha))
        other = torch.as_tensor(rng.permutation(len(labels)), device=labels.device)
        return torch.lerp(images[other], images, share), labels[other], share

    @staticmethod
    def loss(method: Method, features: Tensor, labels: Tensor, others: Tensor, share: float) -> Tensor:
        """See the class."""
        loss = method.loss(features, labels)
        return loss if share == 1.0 else share * loss + (1.0 - share) * method.loss(features, others)
