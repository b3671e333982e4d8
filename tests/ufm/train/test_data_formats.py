"""Every small data set from tiny files in its own format, whole and damaged."""

import gzip
import hashlib
import pickle
import struct

import numpy as np
import pytest
import scipy.io
import torch
from torchvision import datasets

from ufm.files.store import DamagedFile
from ufm.train.data import DATASETS, formats, load

PER_CLASS = 3


def tiny(name, n_classes=None, per_class=PER_CLASS, seed=0):
    """Random images (N, C, H, W) in random order, label and number written into the first two pixels."""
    spec = DATASETS[name]
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(n_classes or spec.n_classes), per_class))
    pixels = rng.integers(0, 256, (len(labels), spec.channels, spec.size, spec.size), dtype=np.uint8)
    pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = labels, np.arange(len(labels)) % 256
    return pixels, labels


def write_idx(path, array, magic=None, sizes=None):
    header = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    path.parent.mkdir(parents=True, exist_ok=True)
    content = header + struct.pack(f">{array.ndim}I", *(sizes or array.shape)) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0))


def write_fashion(root, train, test, patch):
    patch.setattr(formats, "DEBIAN", root / "nowhere")
    folder = root / "FashionMNIST" / "raw"
    for part, (pixels, labels) in (("train", train), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", pixels[:, 0])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_pickle(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return [name, md5(folder / name)]


def write_cifar10(root, train, test, patch):
    kind = datasets.CIFAR10

    def batch(name, images):
        pixels, labels = images
        return write_pickle(
            root / kind.base_folder, name, {"data": pixels.reshape(len(pixels), -1), "labels": list(map(int, labels))}
        )

    parts = zip(np.array_split(train[0], 5), np.array_split(train[1], 5), strict=True)
    patch.setattr(kind, "train_list", [batch(f"data_batch_{i}", part) for i, part in enumerate(parts, 1)])
    patch.setattr(kind, "test_list", [batch("test_batch", test)])
    name, digest = write_pickle(root / kind.base_folder, "batches.meta", {"label_names": list("abcdefghij")})
    patch.setattr(kind, "meta", {"filename": name, "key": "label_names", "md5": digest})


def write_cifar100(root, train, test, patch):
    kind = datasets.CIFAR100

    def batch(name, images):
        pixels, labels = images
        content = {
            "data": pixels.reshape(len(pixels), -1),
            "fine_labels": list(map(int, labels)),
            "coarse_labels": [0] * len(labels),
        }
        return write_pickle(root / kind.base_folder, name, content)

    patch.setattr(kind, "train_list", [batch("train", train)])
    patch.setattr(kind, "test_list", [batch("test", test)])
    name, digest = write_pickle(root / kind.base_folder, "meta", {"fine_label_names": ["x"] * 100})
    patch.setattr(kind, "meta", {"filename": name, "key": "fine_label_names", "md5": digest})


def write_svhn(root, train, test, patch):
    table = {}
    for part, (pixels, labels) in (("train", train), ("test", test)):
        path = root / f"{part}_32x32.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        y = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]  # the files call the digit 0 class 10
        scipy.io.savemat(path, {"X": pixels.transpose(2, 3, 1, 0), "y": y})
        table[part] = ["", path.name, md5(path)]
    patch.setattr(datasets.SVHN, "split_list", table)


def write_stl10(root, train, test, patch):
    kind, tables = datasets.STL10, []
    folder = root / kind.base_folder
    folder.mkdir(parents=True, exist_ok=True)
    for part, (pixels, labels) in (("train", train), ("test", test)):
        pixels.transpose(0, 1, 3, 2).tofile(folder / f"{part}_X.bin")  # column by column
        (labels + 1).astype(np.uint8).tofile(folder / f"{part}_y.bin")
        tables.append([[f"{part}_{axis}.bin", md5(folder / f"{part}_{axis}.bin")] for axis in "Xy"])
    patch.setattr(kind, "train_list", [*tables[0], ["unlabeled_X.bin", "0" * 32]])
    patch.setattr(kind, "test_list", tables[1])


WRITERS = {
    "fashion-mnist": write_fashion,
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "svhn": write_svhn,
    "stl10": write_stl10,
}
by_torchvision = pytest.mark.parametrize("name", [n for n in WRITERS if n != "fashion-mnist"])
everywhere = pytest.mark.parametrize("name", WRITERS)


@everywhere
def test_every_image_arrives_with_its_label(name, tmp_path, monkeypatch):
    train, test = tiny(name), tiny(name, per_class=2, seed=1)
    WRITERS[name](tmp_path, train, test, monkeypatch)
    data = load(name, root=tmp_path)
    assert data.class_sizes == (PER_CLASS,) * DATASETS[name].n_classes
    for split, (pixels, labels) in ((data.train, train), (data.test, test)):
        assert split.images.is_contiguous()
        order = split.images[:, 0, 0, 1].numpy() if name != "cifar100" else identify(split.images.numpy(), pixels)
        np.testing.assert_array_equal(split.images, pixels[order])
        np.testing.assert_array_equal(split.labels, labels[order])
    np.testing.assert_array_equal(data.test.images, test[0])  # the test set keeps its order


def identify(images, pixels):
    places = {image.tobytes(): i for i, image in enumerate(pixels)}
    return [places[image.tobytes()] for image in images]


@everywhere
def test_long_tailed_subsets_keep_images_and_labels_together(name, tmp_path, monkeypatch):
    """A public code selected SVHN's images by one set of indices and its labels by another."""
    WRITERS[name](tmp_path, tiny(name), tiny(name), monkeypatch)
    whole, data = load(name, root=tmp_path), load(name, root=tmp_path, tau=0.4, n_max=PER_CLASS)
    assert data.class_sizes[0] == PER_CLASS
    assert data.class_sizes[-1] == 1
    assert torch.bincount(data.train.labels).tolist() == list(data.class_sizes)
    assert data.train.images[:, 0, 0, 0].tolist() == data.train.labels.tolist()
    assert len(data.test) == len(whole.test)
    with pytest.raises(ValueError, match=f"n_max=4 asks for 4 training images of class 0 of {name}: there are 3"):
        load(name, root=tmp_path, n_max=4)


def test_as_published_without_n_max(tmp_path, monkeypatch):
    pixels, labels = tiny("svhn", per_class=4)
    keep = np.flatnonzero((labels != 7) | (np.arange(len(labels)) == np.flatnonzero(labels == 7)[0]))
    write_svhn(tmp_path, (pixels[keep], labels[keep]), tiny("svhn"), monkeypatch)
    assert load("svhn", root=tmp_path).class_sizes == (4, 4, 4, 4, 4, 4, 4, 1, 4, 4)
    assert load("svhn", root=tmp_path, n_max=1).class_sizes == (1,) * 10
    with pytest.raises(ValueError, match="asks for 2 training images of class 7 of svhn: there are 1"):
        load("svhn", root=tmp_path, n_max=2)


@everywhere
def test_truncated_and_flipped_files_are_named(name, tmp_path, monkeypatch):
    WRITERS[name](tmp_path, tiny(name, per_class=1), tiny(name, per_class=1), monkeypatch)
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        good = path.read_bytes()
        cuts = [good[: len(good) * share // 10] for share in (0, 5, 9)] + [good[:-1]]
        flips = [good[:i] + bytes([good[i] ^ 0x5A]) + good[i + 1 :] for i in (len(good) // 3, len(good) - 1)]
        for content in [*cuts, *flips]:
            path.write_bytes(content)
            with pytest.raises(DamagedFile, match=path.name) as damaged:
                load(name, root=tmp_path)
            assert "\n" not in str(damaged.value)
        path.unlink()
        with pytest.raises(FileNotFoundError, match=path.name) as missing:
            load(name, root=tmp_path)
        assert "\n" not in str(missing.value)
        path.write_bytes(good)
    load(name, root=tmp_path)


@everywhere
@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_out_of_range(name, part, tmp_path, monkeypatch):
    good, n_classes = tiny(name), DATASETS[name].n_classes
    bad = good[0], np.where(np.arange(len(good[1])) == 1, n_classes + (name == "svhn"), good[1])
    WRITERS[name](tmp_path, *((bad, good) if part == "train" else (good, bad)), monkeypatch)
    with pytest.raises(DamagedFile, match=rf"holds labels 0\.\.\d+: 0\.\.{n_classes - 1} belong there"):
        load(name, root=tmp_path)


@everywhere
def test_counts_that_differ(name, tmp_path, monkeypatch):
    pixels, labels = tiny(name)
    WRITERS[name](tmp_path, (pixels, labels[:-1]), (pixels, labels), monkeypatch)
    with pytest.raises(DamagedFile, match=rf"there are {len(labels)} images and {len(labels) - 1} labels"):
        load(name, root=tmp_path)


@everywhere
def test_a_class_without_images(name, tmp_path, monkeypatch):
    pixels, labels = tiny(name)
    WRITERS[name](tmp_path, (pixels[labels != 4], labels[labels != 4]), (pixels, labels), monkeypatch)
    with pytest.raises(DamagedFile, match="no training image of class 4"):
        load(name, root=tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_hostile_batch_is_never_opened(name, tmp_path, monkeypatch):
    write = WRITERS[name]
    write(tmp_path, tiny(name, per_class=1), tiny(name, per_class=1), monkeypatch)
    canary = tmp_path / "pwned"
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        good = path.read_bytes()
        path.write_bytes(f"cpathlib\nPath\n(S'{canary}'\ntRp0\n(cpathlib\nPath.touch\ng0\ntR.".encode())
        with pytest.raises(DamagedFile, match=path.name):
            load(name, root=tmp_path)
        assert not canary.exists()
        path.write_bytes(good)


@by_torchvision
def test_download_is_left_to_torchvision(name, tmp_path, monkeypatch):
    kinds = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100, "svhn": datasets.SVHN, "stl10": datasets.STL10}
    write, root = WRITERS[name], tmp_path / "data"
    write(tmp_path / "aside", tiny(name), tiny(name), monkeypatch)  # puts tiny md5 tables in place
    monkeypatch.setattr(kinds[name], "download", lambda self: write(root, tiny(name), tiny(name), monkeypatch))
    with pytest.raises(FileNotFoundError):
        load(name, root=root)
    assert load(name, root=root, download=True).class_sizes == (PER_CLASS,) * DATASETS[name].n_classes


def test_a_download_that_fails_is_one_line(tmp_path, monkeypatch):
    def fail(self):
        raise RuntimeError("Error downloading x:\nTried y, got:\nz")

    monkeypatch.setattr(formats, "DEBIAN", tmp_path)
    monkeypatch.setattr(datasets.FashionMNIST, "download", fail)
    with pytest.raises(OSError, match=r"^download failed: Error downloading x:$"):
        load("fashion-mnist", root=tmp_path, download=True)


def test_fashion_mnist_of_debian(tmp_path, monkeypatch):
    train = tiny("fashion-mnist")
    write_fashion(tmp_path, train, tiny("fashion-mnist"), monkeypatch)
    (tmp_path / "FashionMNIST" / "raw").rename(tmp_path / "package")
    monkeypatch.setattr(formats, "DEBIAN", tmp_path / "package")
    data = load("fashion-mnist", root=tmp_path / "empty")
    assert data.train.images[:, 0, 0, 0].tolist() == data.train.labels.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": b"\x00\x00\x08\x01"}, "it starts with 00000801"),
        ({"magic": b"\x00\x00\x0d\x03"}, "it starts with 00000d03"),
        ({"magic": b"PK\x03\x04"}, "it starts with 504b0304"),
        ({"sizes": (31, 28, 28)}, "promises"),
        ({"sizes": (29, 28, 28)}, "promises"),
        ({"sizes": (30, 28, 29)}, "promises"),
        ({"sizes": (15, 56, 28)}, "promises"),
        ({"sizes": (2**32 - 1, 28, 28)}, "promises"),
    ],
)
def test_idx_headers_that_lie(change, message, tmp_path, monkeypatch):
    images = tiny("fashion-mnist")
    write_fashion(tmp_path, images, images, monkeypatch)
    path = tmp_path / "FashionMNIST" / "raw" / "train-images-idx3-ubyte.gz"
    write_idx(path, images[0][:, 0], **change)
    with pytest.raises(DamagedFile, match=message):
        load("fashion-mnist", root=tmp_path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    images = tiny("fashion-mnist")
    write_fashion(tmp_path, images, images, monkeypatch)
    monkeypatch.setattr(formats, "LARGEST", 2**20)
    path = tmp_path / "FashionMNIST" / "raw" / "train-images-idx3-ubyte.gz"
    zeros = np.zeros((2**15, 28, 28), dtype=np.uint8)
    read = []
    for sizes in (zeros.shape, (1, 28, 28)):
        write_idx(path, zeros, sizes=sizes)
        with pytest.raises(DamagedFile, match=r"promises .* and (\d+) were read") as damaged:
            load("fashion-mnist", root=tmp_path)
        read.append(int(str(damaged.value).split()[-3]))
    assert read == [2**20 + 1, 28 * 28 + 1]


def row(last):
    return gzip.compress(("0," * 784 + f"{last}\n").encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="nothing"),
        pytest.param(gzip.compress(b""), "is empty", id="nothing zipped"),
        pytest.param(gzip.compress(b"a,b\n"), "is not a table", id="words"),
        pytest.param(gzip.compress(b"1,2,3\n"), "is not a table", id="short"),
        pytest.param(gzip.compress(b"\xff\xfe"), "is not a table", id="bytes"),
        pytest.param(row(256), "is not a table", id="256"),
        pytest.param(row(10), r"holds labels 10\.\.10", id="label 10"),
        pytest.param(row(0), "holds 1 digits", id="one digit"),
        pytest.param(row(0)[:-5], "is damaged", id="truncated"),
    ],
)
def test_a_damaged_mnist5k(content, message, tmp_path, monkeypatch):
    path = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    class Package:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: Package)
    with pytest.raises(DamagedFile, match=message) as damaged:
        load("mnist5k")
    assert "mnist_5k.csv.gz" in str(damaged.value)
    assert "\n" not in str(damaged.value)
