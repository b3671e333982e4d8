"""Data that define little, and input that is wrong: said, named, and never a number that means nothing."""

import numpy as np
import pytest

import ufm
from ufm.measure.metric import known

RNG = np.random.default_rng(0)
LABELS = np.arange(12) % 3
FEATURES = RNG.normal(size=(3, 4))[LABELS] + 0.3 * RNG.normal(size=(12, 4))
WEIGHTS = RNG.normal(size=(3, 4))


def every(measures):
    """Each measure is there or left out with a reason, and what is there is a number."""
    assert set(measures) | set(measures.left_out) == set(known())
    assert all(measures.left_out.values())
    for name in measures.metrics:
        assert np.isfinite(measures[name]), name
    str(measures)
    return measures


def test_one_class():
    found = every(ufm.measure(FEATURES, np.zeros(12), WEIGHTS[:1], ood=FEATURES))
    assert "one class" in found.left_out["nc1"] + found.left_out["cdnv"]
    assert found.variance[0] == pytest.approx(FEATURES.var(axis=0).sum())
    every(ufm.measure(FEATURES, np.zeros(12), WEIGHTS, [0, 0, 0], ood=FEATURES))


def test_one_sample():
    every(ufm.measure(FEATURES[:1], [0], WEIGHTS, ood=FEATURES))
    every(ufm.measure(FEATURES[:1], [0]))


def test_one_sample_of_each_class():
    found = every(ufm.measure(FEATURES[:3], LABELS[:3], WEIGHTS, ood=FEATURES))
    assert found.nc1 == found.cdnv == found.directional_cdnv == 0.0


def test_all_features_zero():
    found = every(ufm.measure(np.zeros((12, 4)), LABELS, WEIGHTS, ood=FEATURES))
    assert found.zero_features == 1.0
    assert {"nc1", "cdnv", "nc2_etf", "nc3_cosine", "effective_rank_of_features", "neco_auroc"} <= set(found.left_out)


def test_all_features_zero_in_a_frame():
    frame = ufm.multi_center_frame(ufm.Problem((4, 4, 4), 1, 0.2, 6))
    found = every(ufm.measure(np.zeros((12, 6)), LABELS, frame=frame))
    assert {"nc_mean", "nc_std", "nc_max", "variability", "entry_mean", "entry_std"} <= set(found.left_out)


def test_a_class_of_zeros_has_no_collapse_in_a_frame():
    frame = ufm.multi_center_frame(ufm.Problem((4, 4, 4), 1, 0.2, 6))
    features = np.hstack([FEATURES, FEATURES[:, :2]]) * (LABELS != 1)[:, None]
    found = every(ufm.measure(features, LABELS, frame=frame))
    for name in ("nc_mean", "nc_std", "nc_max", "variability"):
        assert np.isnan(found[name]).tolist() == [False, True, False], name


def test_all_features_the_same():
    found = every(ufm.measure(np.tile(FEATURES[0], (12, 1)), LABELS, WEIGHTS, ood=FEATURES))
    assert "same" in found.left_out["nc1"]


@pytest.mark.parametrize("common", [0.0, 1.0, 1 / 3, 1e6 / 3])
def test_two_means_that_are_the_same(common):
    """To rounding: what lies between them is none, in whatever order their samples come."""
    twin = np.concatenate([FEATURES[LABELS != 2], FEATURES[LABELS == 1][::-1]]) + common
    labels = np.concatenate([LABELS[LABELS != 2], np.full(4, 2)])
    found = every(ufm.measure(twin, labels, WEIGHTS))
    assert {"cdnv", "directional_cdnv", "uniformity_log", "uniformity_riesz"} <= set(found.left_out)
    assert "nc1" in found


def test_a_mean_that_is_the_global_one():
    features = np.array([[1.0, 0.1], [-1.0, 0.1], [0.0, 0.1]])[LABELS] + np.array([[0.1, 0], [-0.1, 0]] * 6) / 3
    found = every(ufm.measure(features, LABELS))
    assert "mean of class 2 is 0" in found.left_out["nc2_equiangle"]


def test_means_on_a_line_have_the_same_directions():
    features = np.array([-2.0, -1.0, 3.0])[LABELS][:, None] * np.array([[1 / 3, 0.1, 0.7, 1.0]])
    found = every(ufm.measure(features, LABELS))
    assert "same direction" in found.left_out["uniformity_log"]


def test_a_row_of_weights_that_is_zero():
    weights = WEIGHTS * np.array([[1.0], [0.0], [1.0]])
    found = every(ufm.measure(FEATURES, LABELS, weights))
    assert (
        "row of weights of class 1 is 0"
        in found.left_out["nc2_weight_equinorm"] + found.left_out["nc2_weight_equiangle"]
    )
    found = every(ufm.measure(FEATURES, LABELS, 0 * WEIGHTS))
    assert "weights" in found.left_out["nc0_row_sum"] + found.left_out["nc3_duality"]


def test_names_of_classes_in_reasons():
    weights = WEIGHTS * np.array([[1.0], [1.0], [0.0]])
    found = every(ufm.measure(FEATURES[LABELS != 1], LABELS[LABELS != 1], weights))
    assert "row of weights of class 2 is 0" in found.left_out["nc2_weight_equiangle"]


def test_orthogonal_classifier_of_absent_classes():
    weights = np.vstack([WEIGHTS, np.zeros((2, 4))])
    every(ufm.measure(FEATURES, LABELS, weights))


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_numbers_of_any_size(factor):
    one, other = ufm.measure(FEATURES, LABELS, WEIGHTS), every(ufm.measure(factor * FEATURES, LABELS, WEIGHTS))
    for name in set(one.metrics) - {"bias_collapse"}:
        assert other[name] == pytest.approx(one[name], rel=1e-9, abs=1e-12), name


def test_a_few_tiny_numbers_are_numbers():
    every(ufm.measure(np.hstack([FEATURES, 1e-310 * FEATURES]), LABELS))


def measured(**changes):
    given = {"features": FEATURES, "labels": LABELS, **changes}
    return lambda: ufm.measure(given.pop("features"), given.pop("labels"), **given)


def with_row(row, value):
    features = FEATURES.copy()
    features[row, 2] = value
    return features


HOT = np.eye(3)[LABELS]
TWO = HOT.copy()
TWO[5] = [1, 1, 0]
WRONG = {
    "lengths": (measured(labels=LABELS[:-1]), r"features \(12, 4\) and 11 labels do not match$"),
    "transposed": (measured(labels=LABELS[:4]), r"features \(12, 4\) and 4 labels do not match: transposed\?"),
    "NaN": (measured(features=with_row(7, np.nan)), r"features\[7\] contains NaN or infinity"),
    "infinity": (measured(features=with_row(0, np.inf)), r"features\[0\] contains NaN or infinity"),
    "two infinities": (measured(features=with_row([3, 5], [np.inf, -np.inf])), r"features\[3\] contains NaN"),
    "too large": (measured(features=1e200 * FEATURES), r"features\[\d+\].* 1e\+?70"),
    "one too large": (measured(features=with_row(4, 1e200)), r"features\[4\]"),
    "too small": (measured(features=1e-200 * FEATURES), "features differ by .* at most.*1e-70"),
    "weights, shape": (measured(weights=WEIGHTS[:, :3]), r"weights of shape \(3, 3\) do not fit 3 classes.*\(N, 4\)"),
    "weights, rows": (measured(weights=np.ones((2, 4)), classes=3), r"weights of shape \(2, 4\) do not fit 3"),
    "weights, transposed": (measured(weights=WEIGHTS.T, classes=3), "transposed"),
    "weights, transposed, no classes": (measured(weights=WEIGHTS.T), "transposed"),
    "weights, flat": (measured(weights=WEIGHTS[0]), r"weights has shape \(4,\): \(K, d\)"),
    "weights, a number": (measured(weights=1.0), r"weights has shape \(\): \(K, d\)"),
    "weights, NaN": (measured(weights=WEIGHTS * [[1], [np.nan], [1]]), r"weights\[1\] contains NaN"),
    "weights, too large": (measured(weights=1e200 * WEIGHTS), r"weights\[2\].*1e\+?70"),
    "bias alone": (measured(bias=np.ones(3)), "a bias goes with weights"),
    "bias, shape": (measured(weights=WEIGHTS, bias=np.ones(4)), r"bias of shape \(4,\)"),
    "bias, column": (measured(weights=WEIGHTS, bias=np.ones((3, 1))), r"bias has shape \(3, 1\): \(K,\)"),
    "bias, complex": (measured(weights=WEIGHTS, bias=1j * np.ones(3)), "bias has dtype complex128"),
    "label too large": (measured(classes=2), r"labels\[2\]=2 is no class: the 2 are 0, 1"),
    "label negative": (measured(labels=LABELS - 1, weights=WEIGHTS), r"labels\[0\]=-1 is no class"),
    "label unknown": (
        measured(labels=["ant"] * 11 + ["bat"], classes=["ant", "bee"]),
        r"labels\[11\]='bat' is no class",
    ),
    "label NaN": (measured(labels=np.where(LABELS == 1, np.nan, LABELS)), r"labels\[1\]"),
    "label None": (measured(labels=[None, *LABELS[1:]]), r"labels"),
    "label half": (measured(labels=LABELS + 0.5, classes=3), r"labels\[0\]=0.5 is no integer"),
    "labels half": (measured(labels=LABELS + 0.5), r"labels\[0\]=0.5 is no integer"),
    "labels ragged": (measured(labels=[[1, 0], [1]]), "labels"),
    "labels three-dimensional": (measured(labels=HOT[None]), r"labels of shape \(1, 12, 3\)"),
    "label alone": (measured(labels=3), r"labels of shape \(\)"),
    "labels complex": (measured(labels=LABELS * 1j), "labels has dtype complex128"),
    "names without order": (measured(labels=np.array(["a", "b", "c"])[LABELS], weights=WEIGHTS), "classes are needed"),
    "one-hot with two": (measured(labels=TWO), r"labels\[5\] has not a single 1"),
    "one-hot, soft": (measured(labels=HOT * 0.5 + 0.25), r"labels\[0\] has not a single 1"),
    "one-hot, shape": (measured(labels=HOT, classes=4), r"labels of shape \(12, 3\) do not fit 4 classes"),
    "one-hot, empty": (measured(labels=np.ones((12, 0))), "labels|classes"),
    "empty": (measured(features=np.ones((0, 4)), labels=[]), "name no class"),
    "empty, classes": (measured(features=np.ones((0, 4)), labels=[], classes=3), "no features so far"),
    "no columns": (measured(features=np.ones((12, 0))), r"features has shape \(12, 0\)"),
    "flat": (measured(features=FEATURES[:, 0]), r"features has shape \(12,\): \(N, d\)"),
    "images": (measured(features=FEATURES[None]), r"features has shape \(1, 12, 4\): \(N, d\)"),
    "ragged": (measured(features=[[1.0], [1.0, 2.0]]), "features"),
    "complex": (measured(features=FEATURES * 1j), "features has dtype complex128: real numbers"),
    "objects": (measured(features=FEATURES.astype(object)), "features has dtype object: real numbers"),
    "strings": (measured(features=FEATURES.astype(str)), "features has dtype <U32: real numbers"),
    "booleans": (measured(features=FEATURES > 0), "features has dtype bool: real numbers"),
    "dates": (measured(features=FEATURES.astype("datetime64[s]")), "features has dtype datetime64"),
    "records": (measured(features=np.ones((12, 4), dtype=[("a", float)])), "features has dtype"),
    "masked": (measured(features=np.ma.masked_greater(FEATURES, 0)), "features.*masked"),
    "nothing": (measured(features=None), "features has dtype object"),
    "outside, dimension": (measured(ood=np.ones((3, 5))), "ood of dimension 5.*dimension 4"),
    "outside, none": (measured(ood=np.ones((0, 4))), "ood has no sample"),
    "outside, NaN": (measured(ood=with_row(6, np.nan)), r"ood\[6\] contains NaN"),
    "outside, flat": (measured(ood=np.ones(4)), r"ood has shape \(4,\)"),
    "outside, a number": (measured(ood=1.0), r"ood has shape \(\)"),
    "outside, too large": (measured(ood=1e200 * FEATURES), r"ood\[\d+\]"),
    "no classes": (measured(classes=0), "classes=0 must be at least one"),
    "classes twice": (measured(classes=["a", "b", "a"]), "classes name 'a' twice"),
    "half a class": (measured(classes=2.5), "classes=2.5"),
    "lists as names": (measured(classes=[[1], [2]]), r"classes"),
    "frame, classes": (
        measured(frame=ufm.multi_center_frame(ufm.Problem((2, 2), 1, 0.1, 4)), classes=3),
        "the frame has 2 classes, the features 3",
    ),
    "frame, dimension": (
        measured(frame=ufm.multi_center_frame(ufm.Problem((2, 2, 2), 1, 0.1, 6))),
        "features have dimension 4, the frame 6",
    ),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("wrong", WRONG)
def test_refused(wrong):
    run, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        run()


def test_an_outside_needs_the_scatter():
    with pytest.raises(ValueError, match="ood: it needs the scatter"):
        ufm.Collector(3).add(FEATURES, LABELS).second_pass(ood=FEATURES)


def test_reasons_say_what_to_give():
    """Of what is missing first: the scatter comes by itself with data of no class."""
    left_out = ufm.measure(FEATURES, LABELS).left_out
    assert left_out["neco_auroc"] == left_out["nc5_orthogonality"] == "it needs data of no class (ood)"
    assert left_out["effective_rank_of_features"].endswith("(scatter)")


def test_names_that_are_no_measures():
    found = ufm.measure(FEATURES, LABELS)
    with pytest.raises(KeyError, match="nc1_of_clas"):
        found["nc1_of_clas"]
    with pytest.raises(AttributeError, match="it needs the weights"):
        _ = found.nc3_duality
    assert "nc1" in dir(found)
    assert len(found) == len(list(found))


@pytest.mark.parametrize("field", ["between", "within", "cdnv"])
def test_unknown_conventions(field):
    with pytest.raises(ValueError, match=f"{field}='often' is unknown"):
        ufm.Conventions(**{field: "often"})


def test_rows_and_types_of_torch_are_named():
    torch = pytest.importorskip("torch")
    features = torch.tensor(FEATURES)
    features[9, 1] = torch.nan
    with pytest.raises(ValueError, match=r"features\[9\] contains NaN"):
        ufm.measure(features, LABELS)
    with pytest.raises(ValueError, match=r"features has layout torch.sparse_coo: .* features.to_dense\(\)"):
        ufm.measure(features.to_sparse(), LABELS)
    with pytest.raises(ValueError, match=r"features has dtype torch.complex64"):
        ufm.measure(features.to(torch.complex64), LABELS)
