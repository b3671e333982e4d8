r"""Methods with a learned linear classifier, z = A h + b.

What differs is how the loss treats rare classes; all are softmax losses of shifted scores,

.. math::
    L = -\ln \frac{e^{s (z_y - m_y) + p_y}}{e^{s (z_y - m_y) + p_y} + \sum_{j \neq y} e^{s z_j + p_j}}
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from theory.multicenter.centers import class_aware
from theory.multicenter.geometry import center_cosine
from ufm.measure.metrics import unit_rows
from ufm.problems.frames import Array, Frame
from ufm.train.methods.base import Method, constant, log_prior, wide


class CrossEntropy(Method):
    """CE: no shift. Its features collapse to their own class means.

    With ``strength`` > 0 the own rule subtracts strength * ln(n_k / N) from the scores: logit adjustment after training
    (Menon et al. 2021).
    """

    def __init__(self, dim: int, class_sizes: Sequence[int], strength: float = 0.0) -> None:
        super().__init__()
        self.classifier = nn.Linear(dim, len(class_sizes))
        self.taken_off = constant(strength * log_prior(class_sizes))

    def logits(self, features: Tensor) -> Tensor:
        """A h + b, (B, K)."""
        return wide(self.classifier(features))

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Mean of -ln softmax(z)_y."""
        return functional.cross_entropy(self.logits(vectors), labels)

    def scores(self, features: Tensor) -> Tensor:
        """z, less what is taken off after training."""
        return self.logits(features) - self.taken_off

    def classifier_rows(self) -> Tensor:
        """(a_k, b_k)."""
        return torch.cat([self.classifier.weight, self.classifier.bias[:, None]], 1)

    def frame(self, means: Array) -> Frame:
        """One center per class, the direction of its mean; rows of A as classifier."""
        rows = self.classifier.weight.detach().cpu().double().numpy()
        return Frame((1,) * len(means), unit_rows(means), rows)


class LogitAdjusted(CrossEntropy):
    """LA (Menon et al. 2021): cross-entropy of z + strength * ln(n_k / N).

    Strength 1 is Balanced Softmax (Ren et al. 2020).
    """

    def __init__(self, dim: int, class_sizes: Sequence[int], strength: float = 1.0) -> None:
        super().__init__(dim, class_sizes)
        self.added = constant(strength * log_prior(class_sizes))

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        return functional.cross_entropy(self.logits(vectors) + self.added, labels)


class AttractionRepulsionBalanced(CrossEntropy):
    r"""ARB (Xie et al. 2023): :math:`-\ln (e^{z_y} / \sum_j (b_j / b_y) e^{z_j})`, b_k images of class k in the batch.

    A class that is absent from the batch repels nothing. With the counts of the whole training set for those of the
    batch this is Balanced Softmax.
    """

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        logits = self.logits(vectors)
        counts = self.counts(labels, logits.shape[1]).to(logits.dtype)
        return functional.cross_entropy(logits + counts.log(), labels)  # ln 0 = -inf leaves a class out


def _weighed(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy with weights of the classes (K,), which are not divided by their mean over the batch."""
    return (weights[labels] * functional.cross_entropy(logits, labels, reduction="none")).mean()


class SimplexCrossEntropy(CrossEntropy):
    r"""ETF-CE: cross-entropy whose minimum is an exact simplex under any imbalance (``theory.zoo.rebalanced_ce``).

    .. math::
        L = \omega_y \left(-\ln \mathrm{softmax}(\epsilon_y A h + b)_y\right),
        \qquad \omega_k = \bar n / n_k, \quad \epsilon_k = \sqrt{n_k / \bar n}, \quad \bar n = N / K

    The temperature is that of the sample's own class, and the bias stands outside of it. The weights have the mean 1
    over the training set, and are not divided by their mean over a batch. The own rule is the usual one, the largest
    entry of A h + b: no class, and so no temperature, is known of a new image. At the minimum all entries of b are the
    same, and then every temperature has the same largest entry.
    """

    def __init__(self, dim: int, class_sizes: Sequence[int]) -> None:
        super().__init__(dim, class_sizes)
        sizes = np.asarray(class_sizes, dtype=np.float64)
        self.weights = constant(sizes.mean() / sizes)
        self.temperatures = constant(np.sqrt(sizes / sizes.mean()))

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        products = functional.linear(vectors, self.classifier.weight)
        return _weighed(self.temperatures[labels, None] * wide(products) + self.classifier.bias, labels, self.weights)


class WeightedCrossEntropy(CrossEntropy):
    r"""CE-weighted: cross-entropy with the weight that CAL gives each class.

    .. math:: L = \omega_y \left(-\ln \mathrm{softmax}(A h + b)_y\right), \qquad \omega_k \propto f_k c_k

    with f_k class-aware centers, ``centers`` of them in the mean, c_k the length of their mean at the angle ``angle``,
    and weights that have the mean 1 over the training set, so that the learning rate keeps its meaning.
    """

    def __init__(self, dim: int, class_sizes: Sequence[int], centers: float, angle: float) -> None:
        super().__init__(dim, class_sizes)
        f = np.asarray(class_aware(class_sizes, int(centers)))
        weights = f * center_cosine(f, angle)
        self.weights = constant(weights / np.average(weights, weights=class_sizes))

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        return _weighed(self.logits(vectors), labels, self.weights)


class LabelDistributionAware(Method):
    r"""LDAM-DRW (Cao et al. 2019): unit features and unit rows, a margin for rare classes, deferred re-weighting.

    :math:`z_j = \langle a_j, h \rangle / (|a_j| |h|)`, cross-entropy of :math:`s (z_j - [j = y] m_j)` with
    :math:`m_j = m (n_{min} / n_j)^{1/4}`. From the share ``defer`` of the training on, class j has the weight
    :math:`(1 - \beta) / (1 - \beta^{n_j})`, scaled so that the weights add up to K.
    """

    def __init__(
        self, dim: int, class_sizes: Sequence[int], margin: float, scale: float, beta: float, defer: float
    ) -> None:
        super().__init__()
        sizes = np.asarray(class_sizes, dtype=np.float64)
        self.rows = nn.Parameter(torch.empty(len(sizes), dim))
        nn.init.kaiming_uniform_(self.rows, a=5**0.5)
        self.margins = constant(margin * (sizes.min() / sizes) ** 0.25)
        effective = (1.0 - beta) / -np.expm1(sizes * np.log(beta)) if 0.0 < beta < 1.0 else np.ones(len(sizes))
        self.late_weights = constant(effective * len(sizes) / effective.sum())
        self.scale, self.defer = scale, defer

    def scores(self, features: Tensor) -> Tensor:
        """Cosines to the rows, (B, K)."""
        return self.cosines(self.geometry(features))

    def cosines(self, vectors: Tensor) -> Tensor:
        """Of unit vectors (B, d) to the rows, (B, K)."""
        return vectors @ functional.normalize(self.rows, dim=1).T

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch, weighted by class once re-weighting has begun (divided by the sum of the weights)."""
        own = functional.one_hot(labels, len(self.rows)).to(self.margins.dtype)
        shifted = self.scale * (self.cosines(vectors) - own * self.margins)
        return (
            self.weighted(shifted, labels, self.late_weights)
            if self.late
            else functional.cross_entropy(shifted, labels)
        )

    def geometry(self, features: Tensor) -> Tensor:
        """h / |h|."""
        return functional.normalize(wide(features), dim=1)

    def frame(self, means: Array) -> Frame:
        """One center per class, the direction of its mean; the rows as classifier."""
        return Frame((1,) * len(means), unit_rows(means), self.rows.detach().cpu().double().numpy())
