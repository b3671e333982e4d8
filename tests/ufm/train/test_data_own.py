"""CIFAR's binary versions, one's own images, and `ufm data` over all of them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import ufm.train.data as data_package
from ufm.commands.main import main
from ufm.files.process import FAILS, OK, WRONG_INPUT
from ufm.files.store import DamagedFile
from ufm.train.data import DATASETS, formats, inventory, load, photographs, sprites

# ---- binary versions -------------------------------------------------------------------------------------------


def records(name, per_class, seed=0):
    """Random images with their labels in random order, and the records that hold them."""
    spec, binary = DATASETS[name], formats.BINARY[name]
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(spec.n_classes), per_class))
    pixels = rng.integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    head = np.zeros((len(labels), binary.labels), dtype=np.uint8)  # coarse labels are 0 here
    head[:, -1] = labels
    return pixels, labels, np.concatenate([head, pixels.reshape(len(labels), -1)], axis=1)


@pytest.fixture(params=["cifar10", "cifar100"])
def binary(request, tmp_path, monkeypatch):
    """A folder of the binary version with one image of each class in each of its files."""
    name = request.param
    small = formats.BINARY[name]._replace(images=DATASETS[name].n_classes, test_images=DATASETS[name].n_classes)
    monkeypatch.setitem(formats.BINARY, name, small)
    folder = tmp_path / small.folder
    folder.mkdir()
    content = {}
    for seed, file in enumerate((*small.train, small.test)):
        *content[file], rows = records(name, 1, seed)
        (folder / file).write_bytes(rows.tobytes())
    return name, folder, content


def test_binary_versions_are_read_record_by_record(binary):
    name, folder, content = binary
    train, test = formats.READERS[name](folder.parent, False)
    *parts, held_out = content.values()
    np.testing.assert_array_equal(train.pixels, np.concatenate([pixels for pixels, _ in parts]))
    np.testing.assert_array_equal(train.labels, np.concatenate([labels for _, labels in parts]))
    np.testing.assert_array_equal(test.pixels, held_out[0])
    np.testing.assert_array_equal(test.labels, held_out[1])
    assert load(name, root=folder.parent).class_sizes == (len(parts),) * DATASETS[name].n_classes


def test_damaged_binary_files_are_named(binary):
    name, folder, _ = binary
    n_classes, labels = DATASETS[name].n_classes, formats.BINARY[name].labels
    length = labels + 3072
    for path in sorted(folder.iterdir()):
        good = path.read_bytes()
        for content, message in (
            (good[:-1], f"holds {n_classes - 1} records of {length} bytes and {length - 1} bytes more"),
            (good + good[:length], f"holds {n_classes + 1} records"),
            (b"", "holds 0 records"),
            (good[: 3 * length + labels - 1] + bytes([n_classes]) + good[3 * length + labels :], "record 3 has label"),
        ):
            path.write_bytes(content)
            with pytest.raises(DamagedFile, match=rf"{path.name}.*{message}"):
                load(name, root=folder.parent)
        path.unlink()
        with pytest.raises(FileNotFoundError, match=f"{path.name} is not in"):
            load(name, root=folder.parent)
        path.write_bytes(good)
    load(name, root=folder.parent)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows[:-1], "bytes more"),
        (lambda rows: b"\x89PNG" + rows[:100], "holds 0 records"),
        (lambda rows: b"\xff" * 2 + rows[2:], "record 0 has label 255"),
    ],
    ids=["truncated", "foreign", "label"],
)
def test_damaged_binary_files_end_a_command_with_one_line(damage, message, binary, tmp_path, capsys):
    name, folder, _ = binary
    path = folder / formats.BINARY[name].train[0]
    path.write_bytes(damage(path.read_bytes()))
    out = tmp_path / "out"
    asked = ["train", "--dataset", name, "--tau", "1", "--data", str(folder.parent), "--out", str(out)]
    for arguments in (asked, ["data", name, "--data", str(folder.parent)]):
        assert main(arguments) == WRONG_INPUT
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert message in told.err
        assert path.name in told.err
    assert not list(out.glob("*.json"))


# ---- own images ------------------------------------------------------------------------------------------------


def draw(path, seed, size=(12, 12)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels.transpose(2, 0, 1)


@pytest.fixture
def birds(tmp_path):
    """Five, three and one images of three classes for training, one of each for testing."""
    folder = tmp_path / "own" / "birds"
    drawn = {}
    for k, (name, count) in enumerate((("crow", 5), ("owl", 3), ("wren", 1))):
        drawn[k] = [draw(folder / "train" / name / f"{i}.png", 10 * k + i) for i in range(count)]
        draw(folder / "test" / name / "0.png", 100 + k)
    return tmp_path, folder, drawn


def test_a_folder_per_class(birds):
    root, _, drawn = birds
    data = load("own/birds", root=root)
    assert (data.class_sizes, data.class_names) == ((5, 3, 1), ("crow", "owl", "wren"))
    assert (data.channels, data.size, data.n_classes, len(data.test)) == (3, 12, 3, 3)
    every = np.stack([image for images in drawn.values() for image in images]).astype(float) / 255
    np.testing.assert_allclose(data.spec.mean, every.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.spec.std, every.std(axis=(0, 2, 3)), rtol=1e-12)
    for k, images in drawn.items():
        found = {image.numpy().tobytes() for image in data.train.images[data.train.labels == k]}
        assert found == {image.tobytes() for image in images}


def test_a_list_file_says_the_same(birds):
    root, folder, _ = birds
    for part in ("train", "test"):
        files = sorted((folder / part).rglob("*.png"))
        names = ["crow", "owl", "wren"]
        lines = [f"{path.relative_to(folder)} {names.index(path.parent.name)}" for path in files]
        (folder / f"{part}.txt").write_text("\n".join(lines))
    by_list = load("own/birds", root=root)
    for part in ("train", "test"):
        (folder / f"{part}.txt").unlink()
    by_folder = load("own/birds", root=root)
    assert torch.equal(by_list.train.images, by_folder.train.images)
    assert by_list.class_sizes == by_folder.class_sizes
    assert by_list.class_names == ("0", "1", "2")


def test_larger_images_are_photographs(birds):
    root, folder, _ = birds
    for seed, path in enumerate(sorted(folder.rglob("*.png"))):
        draw(path, seed, (120, 80))
    data = load("own/birds", root=root)
    ((images, labels),) = data.train.stream([torch.arange(9)])
    assert (data.size, data.train.augmentation) == (224, "imagenet")
    assert images.shape == (9, 3, 224, 224)
    assert torch.bincount(labels).tolist() == [5, 3, 1]


def test_long_tails_are_cut_out_of_own_images_where_that_is_asked_for(birds):
    root = birds[0]
    assert load("own/birds", root=root, n_max=4, tau=0.25).class_sizes == (4, 2, 1)
    with pytest.raises(ValueError, match="own/birds has its own class sizes: tau=1 takes them"):
        load("own/birds", root=root, tau=0.5)
    with pytest.raises(ValueError, match="asks for 2 training images of class 2 of own/birds: there are 1"):
        load("own/birds", root=root, n_max=2)


def put(folder, name, text):
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "test" / "wren" / "0.png").unlink(), "Found no valid file for the classes wren"),
        (lambda f: (f / "test" / "wren").rename(f / "test" / "kite"), "different classes: kite is in one of them"),
        (lambda f: draw(f / "train" / "owl" / "1.png", 0, (12, 13)), "1.png is 12 x 13: the first image is 12 x 12"),
        (
            lambda f: (f / "train" / "owl" / "1.png").write_bytes(b"no"),
            "1.png is not a complete JPEG, PNG or WebP image",
        ),
        (lambda f: (put(f, "train.txt", "gone.png 0"), put(f, "test.txt", "gone.png 0")), "files in .* are missing"),
        (lambda f: (put(f, "train.txt", "a.png"), put(f, "test.txt", "")), "line 1: 'a.png' is not a path and a label"),
        (lambda f: (put(f, "train.txt", "../x 0"), put(f, "test.txt", "")), "leads outside"),
        (
            lambda f: [put(f, f"{part}.txt", "test/owl/0.png 0\ntest/owl/0.png 2") for part in ("train", "test")],
            "class 1 has no image in train",
        ),
    ],
)
def test_own_images_that_do_not_fit(change, message, birds, capsys):
    root, folder, _ = birds
    change(folder)
    with pytest.raises(DamagedFile, match=message):
        load("own/birds", root=root)
    out = root / "out"
    for asked in (["train", "--dataset", "own/birds", "--tau", "1", "--out", str(out)], ["data", "own/birds"]):
        assert main([*asked, "--data", str(root)]) == WRONG_INPUT
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
    assert not list(out.glob("*.json"))


def test_images_of_one_colour_have_no_scale(tmp_path):
    for part in ("train", "test"):
        path = tmp_path / "own" / "grey" / part / "a" / "0.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8), (9, 9, 9)).save(path)
    with pytest.raises(DamagedFile, match="have the same value everywhere"):
        load("own/grey", root=tmp_path)


def test_names_that_lead_elsewhere(tmp_path):
    with pytest.raises(ValueError, match=r"dataset='own/\.\./x' leads outside"):
        load("own/../x", root=tmp_path)


def test_an_exported_data_set_is_ones_own_with_the_same_pixels(binary, tmp_path, capsys):
    name, folder, _ = binary
    root, there = folder.parent, tmp_path / "elsewhere"
    export = ("data", name, "--data", str(root), "--n-max", "1", "--export", str(there / "own" / "copy"))
    assert main([*export]) == OK
    whole, copy = load(name, root=root, n_max=1), load("own/copy", root=there)
    assert copy.class_sizes == whole.class_sizes
    for part in ("train", "test"):
        ours, theirs = getattr(copy, part), getattr(whole, part)
        for k in range(copy.n_classes):
            assert torch.equal(ours.images[ours.labels == k], theirs.images[theirs.labels == k])
    assert main([*export]) == WRONG_INPUT
    assert "exists already" in capsys.readouterr().err
    assert main(["data", "mnist5k", "--export", str(tmp_path / "grey")]) == WRONG_INPUT
    assert "grey images" in capsys.readouterr().err


# ---- validation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_validation_images_are_training_images_that_are_not_trained_on(seed):
    whole, data = load("mnist5k"), load("mnist5k", tau=0.1, seed=seed, validation=40)
    assert data.class_sizes[0] == 360
    assert torch.bincount(data.test.labels).tolist() == [40] * 10

    def rows(split):
        return {row.tobytes() for row in split.images.numpy().reshape(len(split), -1)}

    assert rows(data.test) < rows(whole.train)
    assert not rows(data.test) & (rows(data.train) | rows(whole.test))
    assert torch.equal(data.test.images, load("mnist5k", validation=40).test.images)  # whatever is trained on
    with pytest.raises(ValueError, match="validation=400 leaves none of the 400 training images of class 0"):
        load("mnist5k", validation=400)


# ---- ufm data --------------------------------------------------------------------------------------------------


def test_data_sets_that_are_here_and_others(birds, tmp_path, capsys):
    root = birds[0]
    sizes = tmp_path / "sizes.csv"
    assert main(["data", "--data", str(root)]) == OK  # own/birds is found without being named
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows.keys() == {*DATASETS, "own/birds"}
    assert "here      4,000 + 1,000 images, 10 classes of 400 each" in rows["mnist5k"]
    assert "here      9 + 3 images, 3 classes of 5 to 1" in rows["own/birds"]
    assert "not here" in rows["cifar10"]
    assert "to get it: 'make data'" in rows["cifar10"]
    assert main(["data", "own/birds", "--data", str(root), "--sizes", str(sizes)]) == OK
    assert sizes.read_text() == "label,name,images\n0,crow,5\n1,owl,3\n2,wren,1\n"
    assert main(["data", "cifar10", "--data", str(root), "--json"]) == FAILS
    told = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(told)["data"][0]["state"] == "not here"


def test_damaged_data_sets_beside_others(binary, capsys):
    """Each is told on stderr, the others in the table; one that is merely not here changes nothing."""
    name, folder, _ = binary
    other = "svhn"
    assert main(["data", other, "--data", str(folder.parent)]) == FAILS
    capsys.readouterr()
    (folder / formats.BINARY[name].test).write_bytes(b"")
    damage = f"ufm: {name} is damaged: {folder / formats.BINARY[name].test} holds 0 records"
    for named in ([], ["mnist5k", name, other]):
        assert main(["data", *named, "--data", str(folder.parent)]) == WRONG_INPUT
        told = capsys.readouterr()
        rows = {line.split()[0] for line in told.out.splitlines()}
        assert rows == {*(named or DATASETS)} - {name}
        assert told.err.startswith(damage)
        assert told.err.count("\n") == 1
    assert main(["data", name, "mnist5k", "--data", str(folder.parent), "--json"]) == WRONG_INPUT
    told = capsys.readouterr()
    assert [entry["state"] for entry in json.loads(told.out)["data"]] == ["damaged", "here"]
    assert told.err.startswith(damage)


def test_what_is_not_as_published(binary):
    """Right in form, and yet not the data set: as many images of each class as there should be, in other colours."""
    name, folder, _ = binary
    entry = inventory.look(name, folder.parent)
    assert entry.state == "damaged"
    assert f"training images, not {DATASETS[name].per_class[0]}" in entry.about


def test_colours_that_are_not_as_published(monkeypatch):
    spec = DATASETS["mnist5k"]
    monkeypatch.setitem(data_package.DATASETS, "mnist5k", type(spec)(**{**vars(spec), "mean": (0.14,)}))
    entry = inventory.look("mnist5k")
    assert entry.state == "damaged"
    assert "channels have means" in entry.about


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "x.csv"], "is for one data set"),
        (["--export", "x", "mnist5k", "cifar10"], "is for one data set"),
        (["--tau", "0.1"], "name one"),
        (["mnist"], "is unknown"),
        (["mnist5k", "--tau", "2"], "tau=2.0"),
    ],
)
def test_what_cannot_be_asked(arguments, message, capsys):
    assert main(["data", *arguments]) == WRONG_INPUT
    assert message in capsys.readouterr().err


def test_grey_of_16_bits_keeps_its_shades(tmp_path):
    shades = np.arange(256, dtype=np.uint16).reshape(16, 16)
    for name, pixels in (("8.png", shades.astype(np.uint8)), ("16.png", 257 * shades)):
        Image.fromarray(pixels).save(tmp_path / name)
        read = np.asarray(photographs.opened(str(tmp_path / name)))
        assert np.array_equal(read, np.repeat(shades[..., None], 3, axis=2)), name


def test_an_image_that_is_too_large_is_named(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for read in (photographs.opened, sprites._sprite):
        with pytest.raises(DamagedFile, match=r"large\.png"):
            read(tmp_path / "large.png")
