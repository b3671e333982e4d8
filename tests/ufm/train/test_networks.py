import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from ufm.train.networks import NETWORKS, build

DIMS = {
    "mlp": 128,
    "cnn": 128,
    "lenet": 84,
    "convnet": 128,
    "resnet8": 64,
    "resnet20": 64,
    "resnet32": 64,
    "resnet50": 2048,
    "densenet40": 132,
    "densenet150": 510,
    "vgg11": 512,
}
SMALL_ONLY = {"mlp", "lenet"}
pytestmark = pytest.mark.usefixtures("one_thread")


def make(name, size=32, channels=3, n_features=1, **options):
    return build(name, channels=channels, size=size, n_features=n_features, **options)


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def first_convolution(network):
    return next(module for module in network.modules() if isinstance(module, nn.Conv2d))


def test_every_network_says_what_it_is():
    assert {name: backbone.dim for name, backbone in NETWORKS.items()} == DIMS
    assert all("\n" not in backbone.about for backbone in NETWORKS.values())


@pytest.mark.slow
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (96, 1), (224, 3)])
@pytest.mark.parametrize("name", NETWORKS)
def test_features_have_the_stated_shape(name, size, channels):
    if size == 224 and name in SMALL_ONLY:
        with pytest.raises(ValueError, match=rf"size=224 is not for network='{name}': it takes \d+ to 96"):
            make(name, size, channels)
        return
    with torch.device("meta"):
        network = make(name, size, channels)
        features = network(torch.empty(2, channels, size, size))
    assert features.shape == (2, network.dim) == (2, network.backbone_dim) == (2, DIMS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_gets_a_gradient_and_images_stay_as_they_are(name):
    torch.manual_seed(0)
    network = make(name, size=16, channels=1, n_features=3, expand=True)
    images = torch.randn(2, 1, 16, 16)
    before = images.clone()
    network(images).square().sum().backward()
    assert torch.equal(images, before)
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.is_contiguous()
        assert parameter.is_contiguous()
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).any()


@pytest.mark.parametrize("name", NETWORKS)
def test_features_of_a_backbone_are_nonnegative_and_behind_the_layer_of_either_sign(name):
    torch.manual_seed(0)
    network, images = make(name, size=16, n_features=600, expand=True), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        features, expanded = network.backbone(images), network(images)
    assert features.min() >= 0
    assert features.max() > 0
    assert expanded.min() < 0 < expanded.max()


@pytest.mark.parametrize(
    ("name", "head", "published"),
    [
        ("resnet32", 64 * 10 + 10, 464_154),  # He et al. 2016, table 6, say 0.46M
        ("vgg11", 512 * 10 + 10, 9_231_114),  # the figure of the common CIFAR-10 repositories
        ("lenet", 84 * 10 + 10, 61_706),  # LeCun et al. 1998 with full connections between the two convolutions
    ],
)
def test_parameters_of_small_networks_as_published(name, head, published):
    with torch.device("meta"):
        network = make(name, channels=1 if name == "lenet" else 3)
    assert n_parameters(network) + head == published


def test_resnet50_has_the_parameters_of_torchvision():
    with torch.device("meta"):
        original = resnet50()
        large, small = make("resnet50", 224), make("resnet50", 32)
    assert n_parameters(large) == n_parameters(original) - n_parameters(original.fc) == 23_508_032
    assert n_parameters(large) - n_parameters(small) == 64 * 3 * (7**2 - 3**2)


@pytest.mark.parametrize(("name", "layers"), [("densenet40", 6), ("densenet150", 24)])
def test_parameters_of_densenet_by_counting_layers(name, layers):
    growth, width = 12, 24
    total = 3 * 9 * width + 2 * width
    for stage in range(3):
        for _ in range(layers):  # BatchNorm, 1 x 1 to four growths, BatchNorm, 3 x 3 to one growth
            total += 2 * width + width * 4 * growth + 2 * 4 * growth + 4 * growth * 9 * growth
            width += growth
        total += 2 * width
        if stage < 2:
            total += width * (width // 2)
            width //= 2
    with torch.device("meta"):
        assert n_parameters(make(name)) == total
    assert width == DIMS[name]


@pytest.mark.parametrize("name", ["resnet32", "resnet50", "densenet150"])
def test_the_stem_is_made_for_the_size(name):
    with torch.device("meta"):
        stems = {size: make(name, size) for size in (28, 64, 96, 224)}
    for size, network in stems.items():
        conv = first_convolution(network)
        pools = sum(isinstance(module, nn.MaxPool2d) for module in network.modules())
        assert (conv.kernel_size[0], conv.stride[0], pools) == (
            (3, 1, 0) if size <= 64 else (3, 2, 0) if size == 96 else (7, 2, 1)
        )


@pytest.mark.parametrize(("size", "side"), [(28, 7), (32, 8), (96, 12), (224, 14)])
def test_resolution_of_the_last_stage(size, side):
    with torch.device("meta"):
        *stages, _, _ = make("resnet32", size).backbone
        assert nn.Sequential(*stages)(torch.empty(1, 3, size, size)).shape == (1, 64, side, side)


def test_shortcuts_of_resnet32_are_option_a():
    with torch.device("meta"):
        convs = [module for module in make("resnet32").modules() if isinstance(module, nn.Conv2d)]
    assert len(convs) == 31  # 32 layers with the classifier, none of them in a shortcut
    (shortcut,) = {type(m) for m in make("resnet32").modules() if "Shortcut" in type(m).__name__}
    x = torch.arange(2 * 16.0).reshape(1, 2, 4, 4)
    y = shortcut()(x)
    assert y.shape == (1, 4, 2, 2)
    assert torch.equal(y[:, 1:3], x[:, :, ::2, ::2])
    assert not y[:, [0, 3]].any()


@pytest.mark.parametrize(
    ("n_features", "expand", "dim", "layer"),
    [
        (1, None, 64, False),
        (64, None, 64, False),
        (65, None, 65, True),
        (220, None, 220, True),
        (220, True, 220, True),
        (10, True, 10, True),
        (64, False, 64, False),
    ],
)
def test_when_a_layer_is_added(n_features, expand, dim, layer):
    network = make("resnet32", n_features=n_features, expand=expand)
    assert (network.dim, network.backbone_dim) == (dim, 64)
    assert isinstance(network.expansion, nn.Linear) is layer
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, dim)


def test_initialisation_comes_from_the_global_generator():
    weights = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        weights.append(make("cnn", n_features=200).state_dict())
    first, same, other = weights
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if key.endswith("0.weight"))


@pytest.mark.parametrize("name", ["cnn", "resnet32", "resnet50", "vgg11"])
def test_convolutions_have_the_variance_of_he(name):
    torch.manual_seed(0)
    conv = [module for module in make(name).modules() if isinstance(module, nn.Conv2d)][-1]
    expected = (2 / (conv.out_channels * conv.kernel_size[0] ** 2)) ** 0.5
    n = conv.weight.numel()
    # The standard deviation of a sample of n normal variables is off by 1 / sqrt(2 n): five of those.
    assert abs(conv.weight.std().item() / expected - 1) < 5 / (2 * n) ** 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet_50"}, "network='resnet_50' is unknown: did you mean 'resnet50'?"),
        ({"name": "x"}, "network='x' is unknown: allowed are mlp, cnn"),
        ({"name": "resnet32", "n_features": 220, "expand": False}, "network='resnet32' ends in 64 features < 220 = "),
        ({"name": "vgg11", "size": 8}, "size=8 is not for network='vgg11': it takes 16 to 512"),
        ({"name": "cnn", "size": 10_000}, "size=10000 is not for"),
        ({"name": "cnn", "size": 28.0}, "size contains 28.0"),
        ({"name": "cnn", "channels": 0}, "channels contains 0"),
        ({"name": "cnn", "n_features": 0}, "n_features contains 0"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as it is
        build(**{"channels": 3, "size": 32, "n_features": 1} | options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 3, 28, 28), (3, 32, 32), (2, 32, 32, 3), (2, 3072)])
@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet32"])
def test_images_of_another_shape_are_refused(name, shape):
    network = make(name)
    with pytest.raises(ValueError, match=r"images have shape \(.*\): this network takes \(B, 3, 32, 32\)"):
        network(torch.empty(shape))
