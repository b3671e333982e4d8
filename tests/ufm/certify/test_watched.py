"""Records of watched networks held against the geometry of a model: made from the minimum itself, and changed."""

import json

import numpy as np
import pytest

import ufm
from ufm.certify.watched import row_sum
from ufm.files import store
from ufm.measure.collector import Collector
from ufm.train import watched

SIZES = (60, 60, 20, 20)
MODEL = ufm.FeatureModel(SIZES, lam_w=5e-3, lam_h=1e-4)


def factor(gram):
    sizes, directions = np.linalg.eigh(gram)
    return directions * np.sqrt(np.maximum(sizes, 0.0))


def minimum(model=MODEL):
    """Weights (K, K) and class means (K, K) of the minimum: of one Gram matrix of both, rows of W then of H."""
    end = ufm.minimize(model)
    cross = end.class_logits.T
    both = factor(np.block([[end.weight_gram, cross], [cross.T, end.feature_gram]]))
    k = model.n_classes
    return both[:k], both[k:]


def record(*pairs, spread=0.0, epochs=None, sizes=SIZES):
    """A record whose epochs have these (weights, means), and features that are means plus noise."""
    rows, labels = {}, np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(0).normal(size=(len(labels), pairs[0][1].shape[1]))
    for k in set(labels):
        noise[labels == k] -= noise[labels == k].mean(0)
    for epoch, (weights, means) in zip(epochs or range(1, len(pairs) + 1), pairs, strict=True):
        features = means[labels] + spread * noise
        second = Collector(len(sizes)).add(features, labels).second_pass(weights).add(features, labels)
        rows[epoch] = watched.row([second.measures()], second.first)
    about = {watched.MARK: "fc", "model": "Made"}
    return watched.dataset(rows, ["input of fc"], range(len(sizes)), about)


def test_the_minimum_is_confirmed_at_any_scale():
    weights, means = minimum()
    for scale in (1.0, 7.0):
        report = ufm.certify(record(*[(weights, scale * means)] * 2), MODEL)
        assert report.holds
        assert not report.early
        assert len(report.checks) == 7
        assert max(abs(each.measured - each.predicted) for each in report.checks) < 1e-6


@pytest.mark.parametrize(
    ("other", "missed"),
    [
        (MODEL.replace(class_sizes=(40,) * 4), "norms of classifier's rows"),
        (MODEL.replace(loss="mse"), "cosines between class means"),
        (MODEL.replace(class_sizes=(140, 140, 2, 2)), "norms of classifier's rows"),
    ],
)
def test_another_model_is_refuted(other, missed):
    report = ufm.certify(record(*[minimum()] * 2), other)
    assert not report.holds
    assert not report.early
    assert missed in {each.name for each in report.checks if not each.holds}
    assert "NO  " in str(report)


def test_nc0_of_the_classifier():
    weights, means = minimum()
    aside = np.linalg.svd(np.concatenate([weights, means]))[2][-1]  # no feature has a part of it
    report = ufm.certify(record(*[(weights + 0.3 * aside, means)] * 2), MODEL)
    missed = {each.name for each in report.checks if not each.holds}
    assert missed == {"NC0: sum of the classifier's rows over their norms"}
    assert row_sum(np.ones((4, 4))) == pytest.approx(1.0)


def test_what_spreads_within_classes_is_refuted_unless_it_still_falls():
    end = minimum()
    wide = ufm.certify(record(end, end, spread=0.3), MODEL)
    assert not wide.early
    assert [each.name for each in wide.checks if not each.holds][-1] == "spread within classes over that between"
    rows = [record(end, spread=spread, epochs=[epoch]) for epoch, spread in ((1, 0.4), (2, 0.3))]
    import xarray

    falling = ufm.certify(xarray.concat(rows, "epoch", combine_attrs="override"), MODEL)
    assert falling.early.startswith("spread within classes over that between: still on its way, off by ")


def test_what_moves_has_not_converged():
    weights, means = minimum()
    turned = weights[[2, 1, 0, 3]]
    report = ufm.certify(record((weights, means), (turned, means)), MODEL)
    assert not report.holds
    assert report.early.startswith("accuracy is 0")
    longer = weights * np.array([[1.0], [1.0], [1.6], [1.0]])
    report = ufm.certify(record((weights, means), (longer, means)), MODEL)
    assert report.early.startswith("classifier's rows have moved by 0.")
    assert "--  norms of classifier's rows" in str(report)
    stayed = ufm.certify(record((weights, means), (longer, means), (longer, means), epochs=[1, 5, 10]), MODEL)
    assert not stayed.early
    assert not stayed.holds


def test_what_still_comes_nearer_is_not_refuted():
    """However slowly in the last fifth, where a learning rate may have come to its end."""
    weights, means = minimum()
    aside = np.linalg.svd(np.concatenate([weights, means]))[2][-1]

    def off(by):
        return weights + by * aside, means

    miss = "NC0: sum of the classifier's rows over their norms"
    ends = [off(0.3), off(0.23)]
    early = ufm.certify(record(off(0.6), *ends, off(0.22), epochs=[1, 5, 8, 10]), MODEL).early
    assert early.startswith(f"{miss}: still on its way, off by 0.12 after 0.16")
    assert early.endswith(" at epoch 5")
    for last in (off(0.29), off(0.31)):
        refuted = ufm.certify(record(off(0.6), off(0.3), last, last, epochs=[1, 5, 8, 10]), MODEL)
        assert not refuted.early
        assert [check.name for check in refuted.checks if not check.holds] == [miss]


def test_one_epoch_tells_not_whether_it_moves():
    assert "no epoch to tell" in ufm.certify(record(minimum()), MODEL).early


def test_classes_that_are_absent_or_dead():
    weights, means = minimum()
    report = ufm.certify(record(*[(weights, means)] * 2, sizes=(60, 60, 20, 0)), MODEL)
    assert report.holds
    assert any("class sizes" in note for note in report.notes)
    dying = ufm.FeatureModel((100, 100, 1), lam_w=3e-2, lam_h=3e-2, loss="mse")
    report = ufm.certify(record(*[minimum(dying)] * 2, sizes=(100, 100, 1)), dying)
    assert any("lets die" in note for note in report.notes)
    assert report.holds


def test_records_that_show_less():
    data = record(*[minimum()] * 2)
    report = ufm.certify(data.drop_vars(["accuracy_of_class"]), MODEL)
    assert report.holds
    assert "accuracy: the record is of a single pass" in report.notes
    strong = MODEL.replace(lam_w=1.0, lam_h=1.0)
    nothing = record(*[(np.zeros((4, 4)), np.zeros((4, 4)))] * 2)
    report = ufm.certify(nothing, strong)
    assert report.holds
    assert [check.name[:3] for check in report.checks] == ["NC0"]
    assert any("class means are all the same" in note for note in report.notes)
    assert not ufm.certify(nothing, MODEL).holds


def test_wrong_records():
    data = record(*[minimum()] * 2)
    with pytest.raises(ValueError, match="the network has 4 classes, the model 3"):
        ufm.certify(data, ufm.FeatureModel((1, 1, 1), lam_w=0.1, lam_h=0.1))
    with pytest.raises(ValueError, match="no Gram matrices: 4 classes are too many"):
        ufm.certify(data.drop_vars("mean_gram"), MODEL)
    with pytest.raises(ValueError, match="nothing was measured yet"):
        ufm.certify(data.isel(epoch=slice(0)), MODEL)
    with pytest.raises(TypeError, match="record of a network with model="):
        ufm.certify(data)
    with pytest.raises(TypeError, match=r"a Geometry is no record of ufm.train.watch"):
        ufm.certify(ufm.minimize(MODEL), MODEL)


def test_on_the_command_line(tmp_path, command, refused):
    path = store.save_classic(record(*[minimum()] * 2), tmp_path / "record.nc")
    model = tmp_path / "model.toml"
    model.write_text(MODEL.to_toml())
    status, out, _ = command("confirm", path, "--model", model)
    assert status == 0
    assert "7 of 7 predictions hold" in out
    model.write_text(MODEL.replace(loss="mse").to_toml())
    status, out, _ = command("confirm", path, path, "--model", model, "--json")
    assert status == 1
    assert len(json.loads(out)["checks"]) == 14
    refused("goes with --model model.toml", "confirm", path)
    (tmp_path / "other.nc").write_text("nothing")
    refused("is damaged", "confirm", tmp_path / "other.nc", "--model", model)


def test_picture():
    from figures.commands.watched import watched_figure

    data = record(*[minimum()] * 7)
    axes = watched_figure(data).axes
    assert len(axes[0].lines) == 5
    assert np.allclose(axes[2].lines[0].get_ydata(), data.nc1[:, -1])
    assert len(watched_figure(data.drop_vars("nc1")).axes[2].lines) == 3
