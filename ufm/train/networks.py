"""The networks: backbones that end in features, and the linear layer that makes room for a frame.

torchvision's are imported where they are made: importing it takes as long as a small training's first epoch.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ufm.files.text import require_known
from ufm.problems.problem import integers


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
        # With a bias: it can take away the mean that non-negative features share, for which a frame has no room.
        self.expansion = nn.Identity() if dim is None else nn.Linear(backbone_dim, dim)

    def forward(self, images: Tensor) -> Tensor:
        """Features, shape (B, dim), of images, shape (B, C, size, size).

        Raises ValueError for images of another shape.
        """
        if images.ndim != 4 or images.shape[1:] != self._image:
            expected = ", ".join(map(str, self._image))
            raise ValueError(f"images have shape {tuple(images.shape)}: this network takes (B, {expected})")
        # On a CPU most convolutions are 15 to 40 % faster when channels come last (VGG's are 20 % slower). A clone,
        # because an image of one channel has both layouts at once and would keep the slow one.
        features: Tensor = self.expansion(self.backbone(images.clone(memory_format=torch.channels_last)))
        return features


def build(name: str, *, channels: int, size: int, n_features: int, expand: bool | None = None) -> Network:
    """A network with fresh parameters, drawn from torch's global generator.

    Parameters
    ----------
    name : one of :data:`NETWORKS`.
    channels, size : of the square images; sizes from 16 to 512, for mlp and lenet to 96.
    n_features : the smallest feature dimension the method needs: F + K for a frame of F centers, K classes.
    expand : whether ``nn.Linear(backbone_dim, n_features)`` follows the backbone; by default only where it is
        narrower than ``n_features``. A backbone's features are never negative: they reach a frame in the coordinate
        basis, but not one in a random basis, whose directions have entries of either sign.

    Raises
    ------
    ValueError : an unknown name, a size the network is not made for, or ``expand=False`` where it is too narrow.
    """
    require_known(name, NETWORKS, f"network={name!r} is unknown")
    backbone = NETWORKS[name]
    (channels,), (size,) = integers("channels", [channels]), integers("size", [size])
    (n_features,) = integers("n_features", [n_features])
    smallest, largest = backbone.sizes
    if not smallest <= size <= largest:
        raise ValueError(f"size={size} is not for network={name!r}: it takes {smallest} to {largest}")
    if expand is False and backbone.dim < n_features:
        raise ValueError(f"network={name!r} ends in {backbone.dim} features < {n_features} = n_features: allow expand")
    wanted = backbone.dim < n_features if expand is None else expand
    return Network(backbone.make(channels, size), (channels, size, size), backbone.dim, n_features if wanted else None)


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
    return _he(nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * size**2, 128), nn.ReLU()))


def _lenet(channels: int, size: int) -> nn.Module:
    # LeCun et al. 1998 pad 28 x 28 digits to 32 x 32.
    padding = 2 if size < 32 else 0
    side = ((size + 2 * padding - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(channels, 6, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * side**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
    )


def _resnet(n: int) -> Callable[[int, int], nn.Module]:
    """ResNet-(6n + 2) for small images, with shortcuts of option A (He et al. 2016, section 4.2)."""

    def make(channels: int, size: int) -> nn.Module:
        from torchvision.models import resnet

        blocks: list[nn.Module] = []
        for narrow, wide in ((16, 16), (16, 32), (32, 64)):
            halves = {} if narrow == wide else {"stride": 2, "downsample": _PaddedShortcut()}
            blocks.append(resnet.BasicBlock(narrow, wide, **halves))
            blocks += [resnet.BasicBlock(wide, wide) for _ in range(n - 1)]
        conv, pool = _stem(channels, 16, size)
        layers = (conv, nn.BatchNorm2d(16), nn.ReLU(), pool, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return _he(nn.Sequential(*layers))

    return make


def _convnet(channels: int, size: int) -> nn.Module:
    # Half the resolution from the first layer on: a ResNet-20 of the same accuracy takes six times as long on a CPU.
    layers: list[nn.Module] = []
    for stride, narrow, wide in ((2, channels, 32), (1, 32, 32), (2, 32, 64), (1, 64, 64), (2, 64, 128), (1, 128, 128)):
        layers += [_conv(narrow, wide, stride=stride), nn.BatchNorm2d(wide), nn.ReLU()]
    return _he(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()))


class _PaddedShortcut(nn.Module):
    """He et al. 2016, section 3.3, option A: every second pixel, and zeros for the new half of the channels."""

    def forward(self, x: Tensor) -> Tensor:
        new = x.shape[1] // 2
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, new, new))


def _resnet50(channels: int, size: int) -> nn.Module:
    from torchvision.models import resnet

    network = resnet.ResNet(resnet.Bottleneck, [3, 4, 6, 3], num_classes=1)
    network.conv1, network.maxpool = _stem(channels, 64, size)
    network.fc = nn.Identity()
    return network


def _densenet(n: int, growth: int = 12) -> Callable[[int, int], nn.Module]:
    """DenseNet-BC: compression 0.5 and a first layer of two growths (Huang et al. 2017, section 4.2)."""

    def make(channels: int, size: int) -> nn.Module:
        from torchvision.models import densenet

        network = densenet.DenseNet(growth, (n, n, n), num_init_features=2 * growth, num_classes=1)
        network.features.conv0, network.features.pool0 = _stem(channels, 2 * growth, size)
        network.classifier = nn.Identity()
        return network

    return make


def _vgg11(channels: int, size: int) -> nn.Module:
    from torchvision.models import vgg

    features = vgg.make_layers(vgg.cfgs["A"], batch_norm=True)
    features[0] = nn.Conv2d(channels, 64, 3, padding=1)
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = True  # five halvings leave nothing of 28 pixels otherwise; multiples of 32 do not notice
    return _he(nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def _stem(channels: int, width: int, size: int) -> tuple[nn.Module, nn.Module]:
    """The first convolution and its pooling, such that 28 to 64 pixels stay, 96 become 48 and 224 become 56."""
    if size <= 64:
        return _he(_conv(channels, width)), nn.Identity()
    if size <= 128:
        return _he(_conv(channels, width, stride=2)), nn.Identity()
    return _he(_conv(channels, width, kernel=7, stride=2)), nn.MaxPool2d(3, stride=2, padding=1)


def _conv(n_in: int, n_out: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution in front of a BatchNorm, which has the bias."""
    return nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)


def _he(module: nn.Module) -> nn.Module:
    """``module`` with its convolutions initialised as torchvision does it (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return module


NETWORKS = {
    "mlp": Backbone("perceptron with hidden layers of 512 and 128 units", 128, _mlp, (16, 96)),
    "cnn": Backbone(
        "three strided convolutions of 16, 32 and 64 channels, then 128 units: made for the CPU", 128, _cnn
    ),
    "lenet": Backbone("LeNet-5 with ReLU and max-pooling, without BatchNorm", 84, _lenet, (16, 96)),
    "convnet": Backbone("six strided convolutions of 32 to 128 channels, averaged: made for the CPU", 128, _convnet),
    **{
        f"resnet{6 * n + 2}": Backbone(
            f"ResNet of 3 x {n} basic blocks, 16 to 64 channels, shortcuts without parameters", 64, _resnet(n)
        )
        for n in (1, 3, 5)
    },
    "resnet50": Backbone("ResNet-50 (torchvision), its stem made for the size of the images", 2048, _resnet50),
    **{
        name: Backbone(f"DenseNet-BC of 3 x {n} bottleneck layers, growth 12, compression 0.5", dim, _densenet(n))
        for name, n, dim in (("densenet40", 6, 132), ("densenet150", 24, 510))
    },
    "vgg11": Backbone("VGG-11 with BatchNorm (torchvision), averaged over what is left of the image", 512, _vgg11),
}
