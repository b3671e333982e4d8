"""What the loop calls, whatever the method."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ufm.problems.frames import Array, Frame


class Method(nn.Module):
    """What a loss asks of the features h (B, d) of a network, and how a class is read off them.

    Losses are computed in float32 or better whatever the network's arithmetic.
    """

    views = 1
    """Augmented views of each image that a step needs."""

    staged = False
    """Whether some parameters are left out of some steps."""

    def attach(self, network: nn.Module) -> None:
        """Called once with the network, before anything is trained."""

    def begin(self, share: float) -> None:
        """Called before each step with the share of the training that is done, in [0, 1)."""

    def loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of features (B, d) with labels (B,), a scalar."""
        return self.loss_of(self.prepare(features), labels)

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

    def frame(self, means: Array) -> Frame:
        """Centers and classifier to hold features against, given their class means (K, d)."""
        raise NotImplementedError

    def constant(self, name: str, values: np.ndarray | None) -> None:
        """Keep numbers that follow from the configuration with the module, on its device; they are not saved."""
        tensor = None if values is None else torch.tensor(values)
        if tensor is not None and tensor.is_floating_point():
            tensor = tensor.to(torch.get_default_dtype())
        self.register_buffer(name, tensor, persistent=False)


def wide(features: Tensor) -> Tensor:
    """Features in float32 at least."""
    return features if features.dtype == torch.float64 else features.float()


def log_prior(class_sizes: Sequence[int]) -> np.ndarray:
    """ln(n_k / N), (K,)."""
    sizes = np.asarray(class_sizes, dtype=np.float64)
    return np.log(sizes / sizes.sum())
