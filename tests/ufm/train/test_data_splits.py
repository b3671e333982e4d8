import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ufm.train.data import augment, synthetic

seeds = st.integers(0, 2**63 - 1)
recipes = st.builds(augment.Recipe, padding=st.integers(0, 4), flip=st.booleans())


def images_of(count, channels, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(1, 256, (count, channels, height, width), dtype=np.uint8))


def one_by_one(images, recipe, seed):
    """The slow oracle: the same draws, one image and one pixel at a time."""
    generator = torch.Generator().manual_seed(seed)
    count, _, height, width = images.shape
    down, right = torch.randint(2 * recipe.padding + 1, (2, count), generator=generator).tolist()
    chance = torch.rand(count, generator=generator).tolist() if recipe.flip else [1.0] * count
    result = torch.zeros_like(images)
    for n in range(count):
        for i in range(height):
            for j in range(width):
                column = width - 1 - j if chance[n] < 0.5 else j
                y, x = i + down[n] - recipe.padding, column + right[n] - recipe.padding
                if 0 <= y < height and 0 <= x < width:
                    result[n, :, i, j] = images[n, :, y, x]
    return result


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    recipe=recipes,
    seed=seeds,
)
def test_crop_and_flip_against_a_loop(shape, recipe, seed):
    images = images_of(*shape)
    assert torch.equal(augment.crop_and_flip(images, recipe, seed), one_by_one(images, recipe, seed))


def test_every_offset_and_both_directions_are_equally_likely():
    count, padding, side = 20_000, 2, 5
    images = torch.arange(1, side * side + 1, dtype=torch.uint8).view(1, 1, side, side).expand(count, -1, -1, -1)
    cropped = augment.crop_and_flip(images, augment.Recipe(padding, flip=True), 7)
    centre = cropped[:, 0, 2, 2].long() - 1  # which pixel came to the middle says how far the crop moved
    counts = np.bincount(centre, minlength=side * side)
    expected = count / side**2
    assert counts.shape == (25,)
    assert np.all(abs(counts - expected) < 6 * np.sqrt(expected))
    whole = cropped[centre == 12][:, 0]
    mirrored = (whole == images[0, 0].flip(1)).all(2).all(1)
    assert torch.all(mirrored | (whole == images[0, 0]).all(2).all(1))
    assert abs(mirrored.sum() - len(whole) / 2) < 6 * np.sqrt(len(whole) / 4)


@given(value=st.integers(1, 255), seed=seeds)
def test_a_constant_image_stays_constant_but_for_a_black_border(value, seed):
    padding, side = 2, 6
    images = torch.full((8, 1, side, side), value, dtype=torch.uint8)
    cropped = augment.crop_and_flip(images, augment.Recipe(padding, flip=True), seed)
    assert torch.all(cropped[..., padding:-padding, padding:-padding] == value)
    for image in cropped[:, 0]:
        rows, columns = (image != 0).any(1), (image != 0).any(0)
        assert torch.equal(image != 0, rows[:, None] & columns)
        assert min(rows.sum(), columns.sum()) >= side - padding
    assert set(cropped.unique().tolist()) <= {0, value}


@given(seed=seeds)
def test_a_flip_alone_mirrors_or_leaves(seed):
    images = images_of(16, 3, 4, 5)
    flipped = augment.crop_and_flip(images, augment.Recipe(flip=True), seed)
    for before, after in zip(images, flipped, strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))


@given(channels=st.integers(1, 3), seed=st.integers(0, 99))
def test_normalisation(channels, seed):
    images = images_of(3, channels, 4, 4, seed)
    mean, std = (0.1, 0.5, 0.9)[:channels], (0.2, 0.3, 0.4)[:channels]
    found = augment.normalise(images, mean, std)
    expected = (images.numpy() / 255 - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    assert found.dtype == torch.float32
    # values of 255 in steps of float32, over the smallest standard deviation
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * np.finfo(np.float32).eps * 255 / (255 * 0.2))


@pytest.fixture(scope="module")
def data():
    return synthetic("cifar10", class_sizes=[8] * 10, size=8)


def test_batches_hold_the_images_and_labels_of_their_indices(data):
    batches = [torch.tensor([3, 70, 3]), torch.tensor([79]), torch.arange(80)]
    found = list(data.train.stream(batches))
    assert len(found) == 3
    for indices, (images, labels) in zip(batches, found, strict=True):
        assert torch.equal(labels, data.train.labels[indices])
        expected = augment.normalise(data.train.images[indices], data.spec.mean, data.spec.std)
        assert torch.equal(images, expected)


@given(first=seeds, second=seeds, start=st.integers(0, 3))
def test_augmentation_is_a_function_of_seed_and_indices(data, first, second, start):
    """A run that is resumed after ``start`` batches sees the same images, whatever happened to global generators."""
    batches, numbers = list(torch.arange(80).split(20)), [first, second, first, second]
    through = list(data.train.stream(batches, seeds=numbers))
    torch.rand(7)
    state = torch.get_rng_state()
    resumed = list(data.train.stream(batches[start:], seeds=numbers[start:]))
    assert torch.equal(torch.get_rng_state(), state)
    for (a, _), (b, _) in zip(through[start:], resumed, strict=True):
        assert torch.equal(a, b)


def test_seeds_matter_in_training_only(data):
    batch = [torch.arange(80)]
    ((plain, _),) = data.train.stream(batch)
    ((one, _),), ((two, _),) = (data.train.stream(batch, seeds=[s]) for s in (1, 2))
    assert not torch.equal(plain, one)
    assert not torch.equal(one, two)
    every = [torch.arange(len(data.test))]
    (((a, _),), ((b, _),)) = (data.test.stream(every, seeds=s) for s in (None, [1]))
    assert torch.equal(a, b)


def test_moving_to_a_device(data):
    moved = data.train.to("meta")
    assert moved.images.device.type == "meta"
    assert moved.labels.device.type == "cpu"
    assert data.train.images.device.type == "cpu"
    assert len(moved) == len(data.train)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_what_the_cpu_sees(data):
    batches, numbers = list(torch.arange(80).split(20)), [1, 2, 3, 4]
    here, there = (list(data.train.to(device).stream(batches, seeds=numbers)) for device in ("cpu", "cuda"))
    for (a, k), (b, m) in zip(here, there, strict=True):
        assert b.device.type == m.device.type == "cuda"
        assert torch.allclose(a, b.cpu(), rtol=0, atol=1e-6)
        assert torch.equal(k, m.cpu())


@pytest.mark.parametrize(
    ("batches", "numbers", "message"),
    [
        ([torch.tensor([80])], None, "index 80: there are 80 images"),
        ([torch.tensor([0]), torch.tensor([-1])], None, "index -1"),
        ([torch.tensor([0.0])], None, r"torch.float32 of shape \(1,\)"),
        ([torch.tensor([0], dtype=torch.int32)], None, "int64 of shape"),
        ([torch.tensor(3)], None, r"shape \(\)"),
        ([torch.tensor([], dtype=torch.int64)], None, r"shape \(0,\)"),
        ([torch.tensor([[1, 2]])], None, r"shape \(1, 2\)"),
        ([torch.tensor([True])], None, "torch.bool"),
        ([torch.tensor([0])], [], "seeds has 0 entries and batches 1"),
        ([torch.tensor([0])], [-1], "seeds contains an entry outside"),
        ([torch.tensor([0])], [2**63], "seeds contains an entry outside"),
    ],
)
def test_what_is_no_batch_is_refused_at_once(data, batches, numbers, message):
    with pytest.raises(ValueError, match=message):
        data.train.stream(batches, seeds=numbers)


def test_nothing_to_do(data):
    assert list(data.train.stream([])) == []


@given(pairs=st.sets(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=30))
def test_seeds_of_images_differ(pairs):
    found = {augment.sample_seed(seed, index) for seed, index in pairs}
    assert len(found) == len(pairs)
    assert all(0 <= seed < 2**64 for seed in found)
