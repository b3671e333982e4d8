"""What the loop calls, whatever the method."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ufm.problems.frames import Array, Frame


class Method(nn.Module):
    """What a loss asks of the features h (B, d) of a network, and how a class is read off them.

    Losses are computed in float32 or better whatever the network's arithmetic.
    """

    views = 1
    """Augmented views of each image that a step needs."""

    staged = False
    """Whether some parameters are left out of some steps."""

    defer = math.inf
    """Share of the training after which the second stage begins, for methods of two stages."""

    late = False
    """Whether it has begun."""

    divisible = True
    """Whether a batch may be computed in parts: all that the loss takes from it are the numbers of its labels."""

    whole: Tensor | None = None
    """Labels of the whole batch, of which a loss may see a part; None where it sees all."""

    def attach(self, network: nn.Module) -> None:
        """Called once with the network, before anything is trained."""

    def begin(self, share: float) -> None:
        """Called before each step with the share of the training that is done, in [0, 1)."""
        self.late = share >= self.defer

    def counts(self, labels: Tensor, n_classes: int) -> Tensor:
        """Images of each class in the whole batch, (K,), or in ``labels`` where nothing else is known."""
        return torch.bincount(labels if self.whole is None else self.whole, minlength=n_classes)

    def weighted(self, logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Cross-entropy with weights of the classes (K,), divided by their mean over the whole batch."""
        whole = labels if self.whole is None else self.whole
        share = weights[labels].mean() / weights[whole].mean()
        return functional.cross_entropy(logits, labels, weight=weights) * share

    def loss(self, features: Tensor, labels: Tensor, others: Tensor | None = None, share: float = 1.0) -> Tensor:
        r"""Mean loss of features (B, d) with labels (B,), a scalar.

        With the labels ``others``, (B,), of a :func:`mixup` in the share l: :math:`l L(h, y_a) + (1 - l) L(h, y_b)`.
        """
        vectors = self.prepare(features)
        loss = self.loss_of(vectors, labels)
        return loss if others is None or share == 1.0 else share * loss + (1.0 - share) * self.loss_of(vectors, others)

    def prepare(self, features: Tensor) -> Tensor:
        """What the loss is a function of, (B, d), computed once a step; in training it may update statistics."""
        return self.geometry(features)

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of prepared features."""
        raise NotImplementedError

    def loss_of_views(
        self, features: Callable[[Tensor], Tensor], images: Tensor, second: Tensor, labels: Tensor
    ) -> Tensor:
        """Mean loss of two views of a batch, where ``views`` is 2; ``features`` is the network."""
        raise NotImplementedError

    def predict(self, features: Tensor) -> Tensor:
        """Class of each feature, (B,) int64, by the method's own rule."""
        return self.scores(features).argmax(1)

    def scores(self, features: Tensor) -> Tensor:
        """Score of each class, (B, K), of which the own rule takes the largest."""
        raise NotImplementedError

    def geometry(self, features: Tensor) -> Tensor:
        """The vectors that collapse, (B, d): the features themselves unless the method normalises them."""
        return features

    def classifier_rows(self) -> Tensor:
        """Rows (w_k, b_k) of a learned linear classifier, (K, d + 1), for methods that NC0 speaks of."""
        raise NotImplementedError

    def frame(self, means: Array) -> Frame:
        """Centers and classifier to hold features against, given their class means (K, d)."""
        raise NotImplementedError


def constant(values: np.ndarray) -> Tensor:
    """Numbers that follow from the configuration, on the device of the module that has them; they are not saved."""
    tensor = torch.tensor(values)
    kept = tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor
    return nn.Buffer(kept, persistent=False)


def wide(features: Tensor) -> Tensor:
    """Features in float32 at least."""
    return features if features.dtype == torch.float64 else features.float()


def log_prior(class_sizes: Sequence[int]) -> np.ndarray:
    """ln(n_k / N), (K,)."""
    sizes = np.asarray(class_sizes, dtype=np.float64)
    return np.log(sizes / sizes.sum())
