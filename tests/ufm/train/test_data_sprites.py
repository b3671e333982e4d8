"""CIFAR-10 made of the sprites of a package: the same bytes, or nothing."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ufm.commands.main import main
from ufm.files import store
from ufm.files.process import WRONG_INPUT
from ufm.train.data import DATASETS, formats, sprites


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The pictures and labels of the package, twenty images in each."""
    monkeypatch.setattr(sprites, "PICTURES", 20)
    monkeypatch.setitem(formats.BINARY, "cifar10", formats.BINARY["cifar10"]._replace(images=20, test_images=20))
    folder = tmp_path / "package"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (120, 32, 32, 3), dtype=np.uint8)
    for part, file in zip(np.split(pixels, 6), (*formats.BINARY["cifar10"].train, "test_batch.bin"), strict=True):
        Image.fromarray(part.reshape(20, 1024, 3)).save(folder / f"{file[:-4]}.png")
    labels = rng.permutation(np.repeat(np.arange(10), 10))
    held = rng.permutation(np.repeat(np.arange(10), 2))
    monkeypatch.setattr(sprites, "FIRST", (labels[:10].tolist(), held[:10].tolist()))
    means = tuple((pixels[:100].mean(axis=(0, 1, 2)) / 255).tolist())
    monkeypatch.setitem(DATASETS, "cifar10", replace(DATASETS["cifar10"], per_class=(10, 2), mean=means))
    (folder / "train_lables.json").write_text(json.dumps(labels.tolist()))
    (folder / "test_lables.json").write_text(json.dumps(held.tolist()))
    return folder, pixels.transpose(0, 3, 1, 2), np.concatenate([labels, held])


def test_sprites_become_the_binary_version(package, tmp_path):
    folder, pixels, labels = package
    sprites.convert(folder, tmp_path)
    train, test = formats.READERS["cifar10"](tmp_path, False)
    np.testing.assert_array_equal(np.concatenate([train.pixels, test.pixels]), pixels)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), labels)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("test_batch.png", Image.new("RGB", (1024, 19)), "is 1024 x 19 in mode RGB: 1024 x 20 in RGB belongs there"),
        ("test_batch.png", Image.new("L", (1024, 20)), "in mode L"),
        ("test_batch.png", b"\x89PNG", "is not a complete PNG image"),
        ("test_lables.json", b"[1, 2", "is no list of labels"),
        ("test_lables.json", b"[1, 2]", "20 integers belong there"),
        ("test_lables.json", b'["a"]', "20 integers belong there"),
        ("train_lables.json", json.dumps(list(range(-1, 9)) * 10).encode(), "holds labels -1..8: 0..9 belong there"),
        ("train_lables.json", sorted, "begins with the labels [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"),
        ("test_lables.json", sorted, "begins with the labels [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]"),
        ("train_lables.json", lambda labels: labels[:10] + 90 * [9], "training images, not 10"),
        ("test_lables.json", lambda labels: labels[:10] + 10 * [9], "test images, not 2"),
        ("data_batch_3.png", Image.new("RGB", (1024, 20)), "channels have means [0.3"),
    ],
)
def test_sprites_that_are_none_leave_nothing(file, content, message, package, tmp_path, capsys):
    folder, root = package[0], tmp_path / "images"
    if isinstance(content, bytes):
        (folder / file).write_bytes(content)
    elif isinstance(content, Image.Image):
        content.save(folder / file)
    else:
        (folder / file).write_text(json.dumps(content(json.loads((folder / file).read_text()))))
    assert main(["data", "cifar10", "--data", str(root), "--sprites", str(folder)]) == WRONG_INPUT
    told = capsys.readouterr()
    assert message in told.err
    assert str(folder) in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert not root.exists()


@pytest.mark.parametrize("before", [False, True])
def test_sprites_and_a_disk_that_fills_up(before, package, tmp_path, capsys, monkeypatch):
    """What was begun is removed; what was there before stays."""
    folder, root = package[0], tmp_path / "images"
    if before:
        sprites.convert(folder, root)
    there = sorted(root.rglob("*.bin"))

    def full(path, write, ordinary=store.write_atomically):
        if path.name == "data_batch_3.bin":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return ordinary(path, write)

    monkeypatch.setattr(store, "write_atomically", full)
    assert main(["data", "cifar10", "--data", str(root), "--sprites", str(folder)]) == WRONG_INPUT
    told = capsys.readouterr().err
    assert "No space left" in told
    assert told.count("\n") == 1
    assert sorted(root.rglob("*.bin")) == there
    assert (root / "cifar-10-batches-bin").exists() is before
