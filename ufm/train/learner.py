"""A network and a method as one module: what is trained, saved, wrapped for several devices, and compiled."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ufm.train import methods, networks
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.methods.base import wide


class Learner(nn.Module):
    """Images (B, channels, size, size) to features to loss; ``class_sizes`` are those of the training images."""

    def __init__(self, config: Config, class_sizes: Sequence[int], channels: int, size: int) -> None:
        super().__init__()
        needed = methods.n_features(config, class_sizes)
        self.network = networks.build(
            config.network, channels=channels, size=size, n_features=needed, expand=config.expand
        )
        self.normalisation = normalisation(config.normalise, self.network.dim)
        self.method = methods.build(config, class_sizes, self.network.dim)
        self.method.attach(self.network)
        self._variants = {
            each.method: methods.build(each, class_sizes, self.network.dim).eval() for each in config.variants()
        }  # a plain dict: their weights are those of the method, and no part of what is trained or saved
        self.n_classes = len(class_sizes)
        self.smallest = min(range(self.n_classes), key=lambda k: (class_sizes[k], -k))
        self.has_frame = METHODS[config.method].loss is not None
        self.has_sum = not METHODS[config.method].exempt
        self.autocast: torch.dtype | None = None

    def features(self, images: Tensor) -> Tensor:
        """Features (B, d) of images (B, C, size, size), in float32 or better."""
        with torch.autocast(images.device.type, self.autocast, enabled=self.autocast is not None):
            features = self.network(images)
        return self.normalisation(wide(features))

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
        """Evaluation mode, without gradients; learned rotations are computed once. No weight may change inside.

        What it gives decides: the class of each feature, (B,) int64, by the own rule and by every variant's.
        """
        was_training, device = self.training, next(self.parameters()).device
        deciding = {"own": self.method, **self._variants}
        try:
            self.eval()
            for variant in self._variants.values():
                variant.to(device).load_state_dict(self.method.state_dict(), assign=True)
            with torch.no_grad(), parametrize.cached():
                yield lambda features: {name: method.predict(features) for name, method in deciding.items()}
        finally:
            self.train(was_training)

    def forward(
        self, images: Tensor, labels: Tensor, others: Tensor, share: float, second: Tensor | None = None
    ) -> Tensor:
        """Mean loss of the batch, a scalar: :meth:`Method.loss`. ``second`` is the other view, where there are two."""
        if second is not None:
            return self.method.loss_of_views(self.features, images, second, labels)
        return self.method.loss(self.features(images), labels, others, share)


class UnitLength(nn.Module):
    """h / |h|; 0 stays 0."""

    def forward(self, features: Tensor) -> Tensor:
        """Rows of length 1, (B, d)."""
        return functional.normalize(features, dim=1)


def normalisation(kind: str, dim: int) -> nn.Module:
    """What a configuration does to features before the method sees them."""
    if kind == "none":
        return nn.Identity()
    if kind == "unit":
        return UnitLength()
    batch = nn.BatchNorm1d(dim)
    batch.weight.requires_grad_(False)  # its scale is fixed, its shift is learned
    return nn.Sequential(UnitLength(), batch)
