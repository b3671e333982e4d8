import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ufm
from ufm.measure import metrics
from ufm.measure.rules import RULES
from ufm.problems.frames import dense
from ufm.train import measure
from ufm.train.config import Config
from ufm.train.data import synthetic
from ufm.train.learner import Learner
from ufm.train.measure import RECORDED, Sample, evaluate
from ufm.train.record import GROUPS, Record, groups

SIZES = (30, 10, 4)


def prepared(method="CAL", **more):
    config = Config(method=method, network="mlp", **more)
    data = synthetic("mnist5k", class_sizes=SIZES, n_test_per_class=6, size=16)
    torch.manual_seed(1)
    return config, data, Learner(config, data.class_sizes, data.channels, data.size)


def features_of(learner, split):
    learner.eval()
    ((images, labels),) = split.stream([torch.arange(len(split))])
    with torch.no_grad():
        h = learner.features(images)
        return h, learner.method.geometry(h).double().numpy(), labels.numpy()


@pytest.mark.parametrize("method", ["CAL", "P", "SETF", "CE"])
def test_evaluation_is_what_the_metrics_say_of_all_features_at_once(method):
    _, data, learner = prepared(method, **({"f": 3} if method in ("CAL", "P") else {}))
    sample = Sample.choose(data.test, 3, learner.network.dim, everything=True)
    seen = evaluate(learner, sample, batch_size=7)
    h, vectors, labels = features_of(learner, data.test)
    frame = learner.method.frame(metrics.class_means(vectors, labels))
    expected = ufm.measure(vectors, labels, dense(frame.classifier), frame=frame)
    for name, measure_name in RECORDED.items():
        np.testing.assert_allclose(seen[name], expected[measure_name], rtol=1e-4, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(seen["gram"], metrics.gram(metrics.class_means(vectors, labels)), atol=1e-5)
    np.testing.assert_allclose(seen["class_gram"], metrics.gram(vectors[labels == 2]), atol=1e-5)
    own = learner.method.predict(h).numpy()
    np.testing.assert_array_equal(seen["hits"]["own"], [np.sum((own == k) & (labels == k)) for k in range(3)])
    for name in RULES if method in ("CAL", "P") else ():
        decided = RULES[name](vectors, frame)
        np.testing.assert_array_equal(seen["hits"][name], [np.sum((decided == k) & (labels == k)) for k in range(3)])
    np.testing.assert_array_equal(seen["counts"], [6, 6, 6])


def test_evaluation_changes_nothing():
    _, data, learner = prepared(f=3)
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    learner.train()
    evaluate(learner, Sample.choose(data.train, 3, learner.network.dim, everything=False), 16)
    assert learner.training
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())


@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=60), limit=st.integers(1, 9), everything=st.booleans())
def test_the_first_images_of_each_class_are_measured(labels, limit, everything):
    class Split:
        pass

    split = Split()
    split.labels = torch.tensor(labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "PER_CLASS", limit)
        sample = Sample.choose(split, 4, 10, everything=everything)
    expected = [i for i in range(len(labels)) if labels[:i].count(labels[i]) < limit]
    assert sample.indices[torch.from_numpy(sample.measured)].tolist() == expected
    assert sample.indices.tolist() == (list(range(len(labels))) if everything else expected)


def test_memory_bounds_what_is_measured():
    class Split:
        labels = torch.zeros(1000, dtype=torch.int64)

    assert Sample.choose(Split(), 1000, 21_000, everything=False).measured.sum() == measure.NUMBERS // 21_000_000


def test_features_without_a_direction_are_counted_and_left_out():
    _, data, learner = prepared(f=3)
    with torch.no_grad():
        for parameter in learner.network.parameters():
            parameter.zero_()
    seen = evaluate(learner, Sample.choose(data.test, 3, learner.network.dim, everything=True), 16)
    assert seen["without_direction"] == 18
    assert "nc_mean" not in seen
    record = Record.start(Config(f=3), SIZES, {})
    record.add(0, NUMBERS, {"train": seen, "test": seen})
    assert np.isnan(record.data.nc_mean).all()


NUMBERS = dict.fromkeys(("loss", "step", "rate", "clock", "training_seconds", "measuring_seconds"), 0.0)


def seen(hits, counts):
    return {"hits": {"own": np.array(hits)}, "counts": np.array(counts), "without_direction": 0}


def test_accuracies_by_class_and_group_against_counting_by_hand():
    sizes = (500, 101, 100, 20, 19, 2)
    assert [GROUPS[g] for g in groups(sizes)] == ["many", "many", "medium", "medium", "few", "few"]
    record = Record.start(Config(method="SETF"), sizes, {"note": "x"})
    hits, counts = [5, 4, 3, 2, 1, 0], [5, 5, 5, 5, 5, 0]
    record.add(0, NUMBERS, {"train": seen(hits, counts), "test": seen(hits, counts)})
    record.add(3, NUMBERS, {"train": seen(counts, counts), "test": seen(counts, counts)})
    first = record.data.sel(epoch=0, split="test", rule="own")
    np.testing.assert_allclose(first.class_accuracy, [1, 0.8, 0.6, 0.4, 0.2, np.nan])
    np.testing.assert_allclose(first.group_accuracy, [0.9, 0.5, 0.2])
    assert float(first.accuracy) == 15 / 25
    assert record.epochs == [0, 3]
    assert record.headline()["test_accuracy"] == 1.0
    record.forget_after(2)
    assert record.epochs == [0]


def test_a_record_survives_the_disk(tmp_path):
    record = Record.start(Config(method="SETF", seed=5), (30, 3), {})
    record.add(0, NUMBERS, {"train": seen([1, 1], [2, 2]), "test": seen([1, 0], [2, 2])})
    record.save(tmp_path / "m.nc")
    again = Record.load(tmp_path / "m.nc")
    assert again.data.identical(record.data)
    assert again.config == Config(method="SETF", seed=5)
