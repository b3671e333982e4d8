"""Arrays of every library and layout, and labels of every kind, say the same."""

import json

import numpy as np
import pandas as pd
import pytest

import ufm

RNG = np.random.default_rng(0)
LABELS = RNG.permutation(np.repeat(np.arange(3), (4, 3, 5)))
FEATURES = RNG.normal(size=(3, 5))[LABELS] + 0.3 * RNG.normal(size=(12, 5))
EXPECTED = ufm.measure(FEATURES, LABELS)


class OnlyDLPack:
    """An array that another library made: nothing but the protocol."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def memmap(values, path):
    np.save(path / "h.npy", values)
    return np.load(path / "h.npy", mmap_mode="r")


def torch_of(values):
    return pytest.importorskip("torch").tensor(values)


def jax_of(values):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray(values)


FORMATS = {
    "list": lambda h, _: h.tolist(),
    "Fortran": lambda h, _: np.asfortranarray(h),
    "strided": lambda h, _: np.repeat(np.repeat(h, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda h, _: h[::-1, ::-1].copy()[::-1, ::-1],
    "memory map": memmap,
    "big-endian": lambda h, _: h.astype(">f8"),
    "long double": lambda h, _: h.astype(np.longdouble),
    "frame of pandas": lambda h, _: pd.DataFrame(h, columns=list("abcde")),
    "DLPack": lambda h, _: OnlyDLPack(h),
    "torch": lambda h, _: torch_of(h),
    "torch, gradients": lambda h, _: torch_of(h).requires_grad_() * 1.0,
    "torch, transposed": lambda h, _: torch_of(h.T.copy()).T,
    "jax": lambda h, _: jax_of(h),
}


def same(measures, expected=EXPECTED):
    assert set(measures) == set(expected)
    for name in measures:
        np.testing.assert_allclose(measures[name], expected[name], rtol=1e-13, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("kind", FORMATS)
def test_features(kind, tmp_path):
    given = FORMATS[kind](FEATURES, tmp_path)
    before = FEATURES.copy()
    same(ufm.measure(given, LABELS))
    np.testing.assert_array_equal(FEATURES, before)
    first = ufm.Collector(3).add(given, LABELS)
    same(first.second_pass().add(given, LABELS).measures())


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_whole_numbers_as_features(dtype):
    numbers = np.round(20 * np.abs(FEATURES)).astype(dtype)
    same(ufm.measure(numbers, LABELS), ufm.measure(numbers.astype(float), LABELS))


NAMES = np.array(["ant", "bee", "cat"])
KINDS = {
    "list": (LABELS.tolist(), (0, 1, 2)),
    "int8": (LABELS.astype("int8"), (0, 1, 2)),
    "uint64": (LABELS.astype("uint64"), (0, 1, 2)),
    "whole floats": (LABELS.astype("float32"), (0, 1, 2)),
    "objects": (LABELS.astype(object), (0, 1, 2)),
    "other numbers": (10 * LABELS - 7, (-7, 3, 13)),
    "strings": (NAMES[LABELS], ("ant", "bee", "cat")),
    "list of strings": (NAMES[LABELS].tolist(), ("ant", "bee", "cat")),
    "series": (pd.Series(NAMES[LABELS]), ("ant", "bee", "cat")),
    "categories": (pd.Categorical(NAMES[LABELS]), ("ant", "bee", "cat")),
    "bytes": (NAMES[LABELS].astype("S"), (b"ant", b"bee", b"cat")),
    "one-hot": (np.eye(3)[LABELS], (0, 1, 2)),
    "one-hot of booleans": (np.eye(3, dtype=bool)[LABELS], (0, 1, 2)),
    "one-hot list": (np.eye(3, dtype=int)[LABELS].tolist(), (0, 1, 2)),
    "torch": (lambda: torch_of(LABELS), (0, 1, 2)),
    "torch int8": (lambda: torch_of(LABELS).char(), (0, 1, 2)),
    "torch one-hot": (lambda: torch_of(np.eye(3)[LABELS]), (0, 1, 2)),
    "jax": (lambda: jax_of(LABELS), (0, 1, 2)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels(kind):
    labels, names = KINDS[kind]
    measures = ufm.measure(FEATURES, labels() if callable(labels) else labels)
    assert measures.classes == names
    same(measures)
    if isinstance(names[0], int | str):
        assert [row["class"] for row in json.loads(json.dumps(measures.to_dict()))["classes"]] == list(names)


def test_booleans_are_two_classes():
    measures = ufm.measure(FEATURES, LABELS > 0)
    same(measures, ufm.measure(FEATURES, (LABELS > 0).astype(int)))
    assert measures.classes == (False, True)
    same(ufm.measure(FEATURES, LABELS > 0, classes=2), measures)


@pytest.mark.parametrize("classes", [["cat", "ant", "bee"], np.array(["cat", "ant", "bee"]), ("cat", "ant", "bee")])
def test_names_in_the_order_of_the_weights(classes):
    weights = RNG.normal(size=(3, 5))
    numbers = np.array([1, 2, 0])[LABELS]
    measures = ufm.measure(FEATURES, NAMES[LABELS], weights, classes=classes)
    assert measures.classes == ("cat", "ant", "bee")
    same(measures, ufm.measure(FEATURES, numbers, weights))
    json.dumps(measures.to_dict())


def test_names_that_are_numbers_of_numpy():
    measures = ufm.measure(FEATURES, 10 * LABELS, classes=np.array([20, 0, 10, 7]))
    assert json.loads(json.dumps(measures.to_dict()["classes"]))[3]["class"] == 7
    assert measures.counts.tolist() == [5, 4, 3, 0]


def test_weights_of_every_kind(tmp_path):
    weights, bias = RNG.normal(size=(3, 5)), RNG.normal(size=3)
    expected = ufm.measure(FEATURES, LABELS, weights, bias)
    for make in FORMATS.values():
        try:
            given = make(weights, tmp_path)
        except pytest.skip.Exception:
            continue
        same(ufm.measure(FEATURES, LABELS, given, bias.tolist()), expected)
