"""ImageNet and ImageNet-LT from small photographs in folders, read by this process and by others."""

import dataclasses
import gc
import multiprocessing
import os
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional

from ufm.files.store import DamagedFile
from ufm.train.data import DATASETS, augment, load

ROOT = pathlib.Path(__file__).parents[3]
CLASSES = ["n01440764", "n01443537", "n02093428"]
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) (w) file closefile\n%%EOF\n"


def save(path, seed, mode="RGB", kind="JPEG", size=(50, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR).convert(mode).save(path, format=kind, quality=95)
    return path


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes of 4, 3 and 2 training images and 2 test images each, and lists of some of them."""
    for name in ("imagenet", "imagenet-lt"):
        monkeypatch.setitem(DATASETS, name, dataclasses.replace(DATASETS[name], n_classes=3, n_max=2))
    folder = tmp_path / "imagenet"
    for k, wnid in enumerate(CLASSES):
        for i in range(4 - k):
            save(folder / "train" / wnid / f"{wnid}_{i}.JPEG", 10 * k + i)
        for i in range(2):
            save(folder / "val" / wnid / f"val_{i}.JPEG", 100 + 10 * k + i)
    listed = [(0, 2), (2, 1), (0, 0), (1, 1)]
    lines = [f"train/{CLASSES[k]}/{CLASSES[k]}_{i}.JPEG {k}\n" for k, i in listed]
    (folder / "ImageNet_LT_train.txt").write_text("".join(lines))
    (folder / "ImageNet_LT_test.txt").write_text(
        "".join(f"val/{wnid}/val_1.JPEG {k}\n" for k, wnid in enumerate(CLASSES))
    )
    return tmp_path


def paths(split):
    return [pathlib.Path(os.fsdecode(path)) for path in split.paths]


def test_folders(root):
    data = load("imagenet", root=root)
    assert data.class_sizes == (4, 3, 2)
    assert len(data.test) == 6
    for split in (data.train, data.test):
        assert [CLASSES.index(path.parent.name) for path in paths(split)] == split.labels.tolist()
    data = load("imagenet", root=root, tau=0.5)
    assert data.class_sizes == (2, 1, 1)
    assert load("imagenet", root=root, tau=0.5, seed=0).train.paths.tolist() == data.train.paths.tolist()
    with pytest.raises(ValueError, match="n_max=3 asks for 3 training images of class 2 of imagenet: there are 2"):
        load("imagenet", root=root, n_max=3)


def test_lists(root):
    data = load("imagenet-lt", root=root)
    assert data.class_sizes == (2, 1, 1)
    assert sorted(p.name for p in paths(data.train)) == [
        f"{CLASSES[k]}_{i}.JPEG" for k, i in ((0, 0), (0, 2), (1, 1), (2, 1))
    ]
    assert [CLASSES.index(path.parent.name) for path in paths(data.train)] == data.train.labels.tolist()
    assert data.test.labels.tolist() == [0, 1, 2]


def normalised(tensor):
    mean, std = DATASETS["imagenet"].mean, DATASETS["imagenet"].std
    return augment.normalise(tensor[None], mean, std)[0]


def test_images_as_they_are_are_cut_from_the_centre(root):
    data = load("imagenet", root=root)
    ((images, labels),) = data.test.stream([torch.tensor([5, 0])])
    assert images.shape == (2, 3, 224, 224)
    assert images.dtype == torch.float32
    assert labels.tolist() == [2, 0]
    for image, index in zip(images, (5, 0), strict=True):
        with Image.open(paths(data.test)[index]) as photograph:
            expected = photograph.convert("RGB").resize((320, 256), Image.Resampling.BILINEAR)  # 50 x 40, larger
        expected = functional.pil_to_tensor(expected.crop((48, 16, 48 + 224, 16 + 224)))
        assert torch.equal(image, normalised(expected))


def test_augmentation_depends_on_seed_and_index_not_on_batches_or_workers(root):
    data, parallel = load("imagenet", root=root), load("imagenet", root=root, workers=2)
    indices, numbers = [torch.tensor([0, 8, 3]), torch.tensor([8, 5]), torch.tensor([1])], [3, 3, 4]
    state = torch.get_rng_state()
    one = list(data.train.stream(indices, seeds=numbers))
    two = list(parallel.train.stream(indices, seeds=numbers))
    late = list(data.train.stream(indices[1:], seeds=numbers[1:]))
    assert torch.equal(torch.get_rng_state(), state)
    for (a, j), (b, k) in (*zip(one, two, strict=True), *zip(one[1:], late, strict=True)):
        assert torch.equal(a, b)
        assert torch.equal(j, k)
    assert torch.equal(one[0][0][1], one[1][0][0])  # image 8 at seed 3, in two batches
    ((plain, _),), ((other, _),) = (data.train.stream(indices[:1], seeds=s) for s in (None, [4]))
    assert not torch.equal(plain, one[0][0])
    assert not torch.equal(other, one[0][0])


def test_training_without_augmentation(root):
    data = load("imagenet", root=root, augmentation="none")
    ((a, _),), ((b, _),) = (data.train.stream([torch.arange(3)], seeds=s) for s in (None, [4]))
    assert torch.equal(a, b)


def test_random_views_show_part_of_the_picture_and_either_side():
    """On a picture that is red to the left and blue to the right, mirrored views have it the other way round."""
    picture = Image.new("RGB", (100, 100), "red")
    picture.paste("blue", (50, 0, 100, 100))
    redness = []
    for seed in range(100):
        view = augment.photograph(picture, seed).float()
        assert view.shape == (3, 224, 224)
        red, _, blue = view
        redness.append(float((red - blue)[:, :20].mean() - (red - blue)[:, -20:].mean()))
    left, right = sum(r > 1 for r in redness), sum(r < -1 for r in redness)
    assert 20 < left < 60
    assert 20 < right < 60
    assert left + right < 100  # some show one colour only


def test_colours_are_jittered_by_up_to_40_percent():
    grey = Image.new("RGB", (30, 30), (100, 100, 100))
    levels = {int(augment.photograph(grey, seed)[0, 0, 0]) for seed in range(200)}
    assert min(levels) in range(60, 70)  # brightness alone moves a grey picture
    assert max(levels) in range(130, 141)


@pytest.mark.parametrize(
    ("mode", "kind"), [("L", "JPEG"), ("CMYK", "JPEG"), ("RGB", "PNG"), ("L", "PNG"), ("P", "PNG")]
)
def test_grey_cmyk_and_png_files_are_read_as_colour(mode, kind, root):
    """ImageNet holds all of these under the name .JPEG."""
    save(root / "imagenet" / "val" / CLASSES[0] / "val_0.JPEG", 1, mode, kind)
    ((images, _),) = load("imagenet", root=root).test.stream([torch.tensor([0])])
    assert images.shape == (1, 3, 224, 224)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["empty", "eps", "whole BMP", "cut JPEG", "cut PNG"])
def test_what_is_not_an_image_is_named_in_one_line(kind, workers, root):
    """PIL would hand EPS to an interpreter; of its many formats, only those that ImageNet holds are opened."""
    path = root / "imagenet" / "val" / CLASSES[1] / "val_0.JPEG"
    if kind in ("empty", "eps"):
        path.write_bytes(EPS if kind == "eps" else b"")
    else:
        state, name = kind.split()
        content = save(path, 0, kind=name).read_bytes()
        path.write_bytes(content if state == "whole" else content[:-300])
    stream = load("imagenet", root=root, workers=workers).test.stream([torch.tensor([0]), torch.tensor([1, 2])])
    next(stream)
    with pytest.raises(DamagedFile, match=r"val_0\.JPEG is not a complete JPEG, PNG or WebP image") as damaged:
        next(stream)
    assert "\n" not in str(damaged.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_has_disappeared(workers, root):
    data = load("imagenet", root=root, workers=workers)
    paths(data.test)[0].unlink()
    with pytest.raises(FileNotFoundError, match=r"val_0\.JPEG"):
        next(data.test.stream([torch.tensor([0])]))


def test_workers_end_at_once_where_tracebacks_are_pickled(root):
    """As they are once dask is imported: an error that brings its own ties the loader into a circle with its frames."""
    pytest.importorskip("tblib.pickling_support").install()
    data, others = load("imagenet", root=root, workers=2), set(multiprocessing.active_children())
    paths(data.test)[0].unlink()
    gc.disable()
    try:
        with pytest.raises(FileNotFoundError):
            next(data.test.stream([torch.tensor([0])]))
        assert set(multiprocessing.active_children()) <= others
    finally:
        gc.enable()


def test_workers_go_on_when_others_send_signals(root):
    others = set(multiprocessing.active_children())
    stream = load("imagenet", root=root, workers=1).test.stream([torch.tensor([i]) for i in range(6)])
    next(stream)
    (worker,) = set(multiprocessing.active_children()) - others
    for name in ("INT", "TERM"):
        subprocess.run(["kill", f"-{name}", str(worker.pid)], check=True)
    assert len(list(stream)) == 5
    worker.join(10)
    assert worker.exitcode == 0


UNFINISHED = """
import pathlib, sys, torch
from tests.ufm.train.test_data_imagenet import DATASETS, dataclasses, load
DATASETS["imagenet"] = dataclasses.replace(DATASETS["imagenet"], n_classes=3)
stream = load("imagenet", root=pathlib.Path(sys.argv[1]), workers=2).test.stream([torch.tensor([i]) for i in range(6)])
next(stream)
"""


@pytest.mark.slow
def test_a_process_that_ends_in_the_middle_does_not_wait_for_its_workers(root):
    done = subprocess.run([sys.executable, "-c", UNFINISHED, root], capture_output=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_picture_too_large_to_be_one(root, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # twice as many are refused
    with warnings.catch_warnings(), pytest.raises(DamagedFile, match=r"val_0\.JPEG"):
        next(load("imagenet", root=root).test.stream([torch.tensor([0])]))


def test_incomplete_folders(root):
    folder = root / "imagenet" / "val"
    (folder / CLASSES[2]).rename(folder / "n99999999")
    with pytest.raises(DamagedFile, match="hold different classes"):
        load("imagenet", root=root)
    (folder / "n99999999").rename(root / "aside")
    with pytest.raises(DamagedFile, match="val holds 2 classes: 3 belong there"):
        load("imagenet", root=root)
    (folder / CLASSES[2]).mkdir()
    with pytest.raises(DamagedFile, match=r"val is incomplete: .*n02093428"):
        load("imagenet", root=root)
    folder.rename(root / "val")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*imagenet.val; to get it: put"):
        load("imagenet", root=root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../secret.JPEG 0", "leads outside"),
        ("train/../../secret.JPEG 0", "leads outside"),
        ("train\\..\\..\\secret.JPEG 0", "leads outside"),
        ("/etc/passwd 0", "leads outside"),
        ("train/x\0.JPEG 0", "leads outside"),
        ("train/x.JPEG", "is not a path and a label"),
        ("train/x.JPEG 3", r"a label 0\.\.2"),
        ("train/x.JPEG -1", "is not a path and a label"),
        ("train/x.JPEG 1.0", "is not a path and a label"),
        ("train/x.JPEG ²", "is not a path and a label"),
        (" 1", "is not a path and a label"),
        ("", "is not a path and a label"),
    ],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_lines_that_are_refused(line, message, part, root):
    path = root / "imagenet" / f"ImageNet_LT_{part}.txt"
    path.write_text(path.read_text() + line + "\nx\n", encoding="utf-8")
    with pytest.raises(DamagedFile, match=rf"ImageNet_LT_{part}.txt, line \d: .*{message}") as refused:
        load("imagenet-lt", root=root)
    assert "\n" not in str(refused.value)


def test_lists_that_are_refused(root):
    path = root / "imagenet" / "ImageNet_LT_train.txt"
    good = path.read_text()
    path.write_text("")
    with pytest.raises(DamagedFile, match=r"train\.txt is empty"):
        load("imagenet-lt", root=root)
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DamagedFile, match=r"train\.txt is not a text file"):
        load("imagenet-lt", root=root)
    path.write_text(good.splitlines()[0])
    with pytest.raises(DamagedFile, match="no training image of class 1"):
        load("imagenet-lt", root=root)
    path.write_text(good + "train/n0/absent.JPEG 0\n")
    with pytest.raises(DamagedFile, match=r"1 of 5 files .* are missing: .*absent\.JPEG"):
        load("imagenet-lt", root=root)
