"""The networks: backbones that end in features, and the linear layer that makes room for a frame."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ufm.problem import integers, nearest


class Backbone(NamedTuple):
    """An entry of :data:`NETWORKS`: what it is, its feature dimension, how to make it, and for which image sizes."""

    about: str
    dim: int
    make: Callable[[int, int], nn.Module]
    sizes: tuple[int, int] = (16, 512)


class Network(nn.Module):
    """A backbone and, where the features need more room than it has, a linear layer behind it.

    Backbones end in a ReLU (some average after it), so their own features are never negative; behind the linear
    layer they have either sign. Parameters are contiguous: they go to a checkpoint and back without a change of layout.
    """

    def __init__(self, backbone: nn.Module, image: tuple[int, int, int], backbone_dim: int, dim: int | None) -> None:
        super().__init__()
        self.backbone_dim = backbone_dim
        self.dim = backbone_dim if dim is None else dim
        self._image = image
        self.backbone = backbone
        # With a bias: it can take away the mean that non-negative features have in common, which a frame has no room for.
        self.expansion = nn.Identity() if dim is None else nn.Linear(backbone_dim, dim)

    def forward(self, images: Tensor) -> Tensor:
        """Features, shape (B, dim), of images, shape (B, C, size, size).

        Raises ValueError for images of another shape.
        """
        if images.ndim != 4 or images.shape[1:] != self._image:
            expected = ", ".join(map(str, self._image))
            raise ValueError(f"images have shape {tuple(images.shape)}: this network takes (B, {expected})")
        # Convolutions are a third faster when channels come last. A clone, because one channel is both layouts at once
        # and would keep the slow one.
        features: Tensor = self.expansion(self.backbone(images.clone(memory_format=torch.channels_last)))
        return features


def build(name: str, *, channels: int, size: int, n_features: int, expand: bool | None = None) -> Network:
    """A network with fresh parameters, drawn from torch's global generator.

    Parameters
    ----------
    name : one of :data:`NETWORKS`.
    channels, size : of the square images, 1 or more; most networks take sizes from 16 to 512.
    n_features : the smallest feature dimension the method needs: F + K for a frame of F centers, K classes.
    expand : whether ``nn.Linear(backbone_dim, n_features)`` follows the backbone; by default only where it is
        narrower than ``n_features``. A frame's directions have entries of either sign and a backbone's features have
        not: without the layer their cosine stays below 1, however long one trains.

    Raises
    ------
    ValueError : an unknown name, a size the network is not made for, or ``expand=False`` where it is too narrow.
    """
    if name not in NETWORKS:
        raise ValueError(f"network={name!r} is unknown{nearest(name, NETWORKS)}")
    backbone = NETWORKS[name]
    (channels,), (size,) = integers("channels", [channels]), integers("size", [size])
    (n_features,) = integers("n_features", [n_features])
    smallest, largest = backbone.sizes
    if not smallest <= size <= largest:
        raise ValueError(f"size={size} is not for network={name!r}: it takes {smallest} to {largest}")
    if expand is False and backbone.dim < n_features:
        raise ValueError(f"network={name!r} ends in {backbone.dim} features < {n_features} = n_features: allow expand")
    wanted = backbone.dim < n_features if expand is None else expand
    return Network(
        backbone.make(channels, size), (channels, size, size), backbone.dim, n_features if wanted else None
    )


def _mlp(channels: int, size: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(channels * size**2, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128), nn.ReLU()
    )


def _cnn(channels: int, size: int) -> nn.Module:
    # Strides, not pooling: three times the speed of the same widths at full resolution, for the same accuracy.
    layers: list[nn.Module] = []
    for narrow, wide in ((channels, 16), (16, 32), (32, 64)):
        layers += [_conv(narrow, wide, stride=2), nn.BatchNorm2d(wide), nn.ReLU()]
        size = -(-size // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * size**2, 128), nn.ReLU())


def _conv(n_in: int, n_out: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution in front of a BatchNorm: no bias, He's initialisation as in torchvision."""
    conv = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


NETWORKS = {
    "mlp": Backbone("perceptron with hidden layers of 512 and 128 units", 128, _mlp, (1, 96)),
    "cnn": Backbone("three strided 3x3 convolutions of 16, 32, 64 channels and 128 units, made for the CPU", 128, _cnn),
}
