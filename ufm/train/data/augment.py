"""Random crops and flips of a whole batch at once, and the transforms of single photographs."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Recipe:
    """How training images in memory are augmented: by how many pixels a crop may move, and whether they are mirrored.

    >>> AUGMENTATIONS["crop-flip"]
    Recipe(padding=4, flip=True)
    """

    padding: int = 0
    flip: bool = False


AUGMENTATIONS = {"none": Recipe(), "crop": Recipe(padding=2), "crop-flip": Recipe(padding=4, flip=True)}
"""Recipes for images in memory. Photographs in files know ``"imagenet"`` (:func:`photograph`) and ``"none"``."""


def crop_and_flip(images: Tensor, recipe: Recipe, seed: int) -> Tensor:
    """Every image padded with black, cut back to its size at a random place, and mirrored with probability 1/2.

    The choices are drawn on the CPU from a generator of their own: they depend on ``seed`` and on the number of images
    alone, not on the device, and leave the global generator as it was.

    Parameters
    ----------
    images : (B, C, H, W), any dtype and device.
    recipe : offsets are uniform on 0..2 padding in each direction.
    """
    generator = torch.Generator().manual_seed(seed)
    count, channels, height, width = images.shape
    offsets = torch.randint(2 * recipe.padding + 1, (2, count, 1), generator=generator)
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)
    if recipe.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    padded = pad(images, [recipe.padding] * 4)
    pixels = (rows[:, :, None] * padded.shape[3] + columns[:, None, :]).view(count, 1, -1).to(images.device)
    return padded.flatten(2).gather(2, pixels.expand(-1, channels, -1)).view(images.shape)


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """``(x / 255 - mean) / std`` of uint8 images (B, C, H, W), in torch's default precision, channel by channel."""
    shift, scale = (255 * torch.tensor(t, device=images.device).view(-1, 1, 1) for t in (mean, std))
    return images.to(shift.dtype).sub_(shift).div_(scale)


@functools.cache
def _transforms() -> tuple[Callable[[Image.Image], Tensor], Callable[[Image.Image], Tensor]]:
    """Of a photograph: cut from its centre, and augmented at random by torch's global generator."""
    from torchvision.transforms import v2

    random = (v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), v2.ColorJitter(0.4, 0.4, 0.4))
    centre = (v2.Resize(256), v2.CenterCrop(224))
    return v2.Compose([*centre, v2.PILToTensor()]), v2.Compose([*random, v2.PILToTensor()])


def photograph(image: Image.Image, seed: int | None) -> Tensor:
    """One photograph as uint8 (3, 224, 224): resized and cut from its centre, or augmented at random by ``seed``.

    Augmented: a random resized crop, mirrored with probability 1/2, brightness, contrast and saturation changed by up
    to 40 %. ``None`` or a seed that is the same gives the same pixels; the global generator is left as it was.
    """
    centre, random = _transforms()
    return centre(image) if seed is None else seeded(seed, lambda: random(image))


def seeded(seed: int, draw: Callable[[], Tensor]) -> Tensor:
    """What ``draw`` returns with torch's CPU generator, which torchvision's transforms use, at ``seed``."""
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would reseed every GPU as well
        return draw()
    finally:
        torch.set_rng_state(state)


def sample_seed(seed: int, index: int) -> int:
    """The seed of one image in a batch whose seed is ``seed``: 64 bits mixed from both, each >= 0."""
    return int(np.random.SeedSequence((seed, index)).generate_state(1, np.uint64)[0])
