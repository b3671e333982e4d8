"""Arrays come back from every kind of file, wrong names are answered with the right ones, and nothing read runs."""

import importlib.util
import pathlib
import pickle

import numpy as np
import pytest

from ufm.files import arrays
from ufm.files.arrays import read, read_labels
from ufm.files.epochs import epochs

VALUES = np.arange(12.0).reshape(4, 3)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return pathlib.Path.touch, (self.mark,)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_npy_is_mapped(files):
    np.save("h.npy", VALUES.astype(np.float32))
    found = read("h.npy")
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, VALUES)
    np.save("empty.npy", np.zeros((0, 3)))
    assert read("empty.npy").shape == (0, 3)


def test_npz_by_name(files):
    np.savez("h.npz", a=VALUES, b=np.ones(2))
    np.savez_compressed("one.npz", only=VALUES)
    np.testing.assert_array_equal(read("h.npz::a"), VALUES)
    np.testing.assert_array_equal(read("one.npz"), VALUES)


def test_torch_by_dotted_names(files):
    torch = pytest.importorskip("torch")
    weights = torch.nn.Parameter(torch.ones(2, 3, dtype=torch.bfloat16))
    torch.save({"epoch": 3, "model": {"fc.weight": weights}, "steps": [torch.zeros(1), torch.ones(1)]}, "m.pt")
    torch.save(torch.arange(3), "one.pth")
    torch.save({"a": torch.ones(3)}, "old.pt", _use_new_zipfile_serialization=False)
    assert read("m.pt::model.fc.weight").dtype == torch.bfloat16
    assert read("m.pt::steps.1").item() == 1.0
    assert read("one.pth").tolist() == [0, 1, 2]
    assert read("old.pt::a").tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match=r"no array 'fc'; there are model\.fc\.weight, steps\.0, steps\.1"):
        read("m.pt::fc")


def test_tensors_without_plain_memory_are_left_out(files):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.empty(3, device="meta"), "b": torch.eye(3).to_sparse(), "c": torch.ones(2)}, "m.pt")
    assert read("m.pt").tolist() == [1, 1]


def test_an_archive_that_was_damaged(files):
    for save in (np.savez, np.savez_compressed):
        save("h.npz", h=np.random.default_rng(0).normal(size=(40, 5)))
        content = bytearray(pathlib.Path("h.npz").read_bytes())
        content[300:360] = bytes(60)
        pathlib.Path("h.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"h\.npz: not an array in the format of numpy"):
            read("h.npz")


def test_safetensors(files):
    numpy = pytest.importorskip("safetensors.numpy")
    numpy.save_file({"h": VALUES, "y": np.arange(4)}, "h.safetensors")
    np.testing.assert_array_equal(np.asarray(read("h.safetensors::h")), VALUES)
    pathlib.Path("bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.safetensors: not in the format"):
        read("bad.safetensors")


def test_csv_with_and_without_a_header(files):
    pathlib.Path("plain.csv").write_text("1, 2\n3, 4\n")
    pathlib.Path("named.csv").write_text("a,b,label\n1,2,cat\n3,nan,NA\n")
    np.testing.assert_array_equal(read("plain.csv"), [[1, 2], [3, 4]])
    assert read("plain.csv").dtype == np.float64
    np.testing.assert_array_equal(read("plain.csv::1"), [2, 4])
    np.testing.assert_array_equal(read("named.csv", without=["label"]), [[1, 2], [3, np.nan]])
    assert read_labels("named.csv::label").tolist() == ["cat", "NA"]
    with pytest.raises(ValueError, match=r"named\.csv: column 'label' has 'cat' in row 0, no number"):
        read("named.csv")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("index", [False, True])
def test_csv_as_pandas_writes_it(files, separator, index):
    """Numbers of columns are a header, and numbers of rows no feature."""
    import pandas as pd

    table = pd.DataFrame(VALUES)
    table.to_csv("h.csv", sep=separator, index=index)
    table.assign(label=list("abca")).to_csv("all.csv", sep=separator, index=index)
    np.testing.assert_array_equal(read("h.csv"), VALUES)
    np.testing.assert_array_equal(read("all.csv", without=["label"]), VALUES)
    assert read_labels("all.csv::label").tolist() == list("abca")
    pd.Series(list("abca")).to_csv("y.csv")
    assert read_labels("y.csv").tolist() == list("abca")


def test_csv_that_begins_with_numbers(files):
    for text, expected in (("0,1\n1,0\n", [[0, 1], [1, 0]]), ("0,1,3\n4,5,6\n", [[0, 1, 3], [4, 5, 6]])):
        pathlib.Path("t.csv").write_text(text)
        np.testing.assert_array_equal(read("t.csv"), expected)
    pathlib.Path("t.csv").write_text("label\na\n")
    with pytest.raises(ValueError, match=r"t\.csv: no column is left for the features"):
        read("t.csv", without=["label"])


def test_labels_of_every_kind(files):
    pathlib.Path("words.txt").write_text("cat\ndog\n")
    pathlib.Path("numbers.txt").write_text("3\n-1\n")
    pathlib.Path("words.csv").write_text("cat\ndog\ncat\n")
    pathlib.Path("named.csv").write_text("label\ncat\n")
    np.save("y.npy", np.array(["b", "a"]))
    assert read_labels("words.txt").tolist() == ["cat", "dog"]
    assert read_labels("numbers.txt").tolist() == [3, -1]
    assert read_labels("words.csv").tolist() == ["cat", "dog", "cat"]
    assert read_labels("named.csv::label").tolist() == ["cat"]
    assert read_labels("y.npy").tolist() == ["b", "a"]


def test_parquet(files):
    pytest.importorskip("pyarrow")
    import pandas as pd

    pd.DataFrame({"h": list(VALUES), "y": ["a", "b", "a", "b"]}).to_parquet("t.parquet")
    np.testing.assert_array_equal(read("t.parquet::h"), VALUES)
    assert read_labels("t.parquet::y").tolist() == ["a", "b", "a", "b"]


def test_cells_that_are_lists_of_numbers():
    import pandas as pd

    column = pd.Series(list(VALUES))
    np.testing.assert_array_equal(arrays._numbers(pathlib.Path("t.parquet"), "h", column), VALUES)


@pytest.mark.parametrize(
    ("package", "name"), [("pyarrow", "t.parquet"), ("torch", "t.pt"), ("safetensors", "t.safetensors")]
)
def test_a_package_that_is_missing_is_named(files, monkeypatch, package, name):
    pathlib.Path(name).touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None)
    with pytest.raises(ValueError, match=rf"{name}: to read it, {package} is needed: pip install {package}"):
        read(name)


def test_pickles_do_not_run(files):
    torch = pytest.importorskip("torch")
    mark = files / "it-ran"
    np.save("object.npy", np.array([Bomb(mark)], dtype=object))
    np.savez("object.npz", a=np.array([Bomb(mark)], dtype=object))
    torch.save({"a": torch.ones(1), "b": Bomb(mark)}, "object.pt")
    torch.save(Bomb(mark), "old.pth", _use_new_zipfile_serialization=False)
    for name in ("raw.npy", "raw.pt"):
        pathlib.Path(name).write_bytes(pickle.dumps(Bomb(mark)))
    for name in ("object.npy", "object.npz", "object.pt", "old.pth", "raw.npy", "raw.pt"):
        with pytest.raises(ValueError, match=rf"{name}: pickled Python objects, .* save numbers: \w+\.save"):
            read(name)
    assert not mark.exists()
    pickle.loads(pathlib.Path("raw.npy").read_bytes())
    assert mark.exists()  # it would have run


@pytest.mark.parametrize("name", ["g.npy", "g.npz", "g.pt", "g.safetensors", "g.csv"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04 nothing", b"\xff\xfe\x00"])
def test_other_content_is_refused_in_a_line(files, name, content):
    if name == "g.csv" and content.isascii() and content:
        pytest.skip("words are a table")
    pathlib.Path(name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{name}: "):
        read(name)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("h.npz", r"h\.npz: 2 arrays, say which one: FILE::NAME; there are a, b"),
        ("h.npz::c", r"h\.npz: no array 'c'; there are a, b"),
        ("h.npy::c", r"h\.npy: no array 'c', only one without a name"),
        ("none.npz", "none.npz: no dense array in it"),
        ("many.npz", "and 30 more"),
        ("t.csv::c", r"t\.csv: no column 'c'; there are x, y"),
        ("h.mat", r"h\.mat: a file of arrays ends in \.npy, \.npz"),
        ("folder.npy", "is not a file"),
    ],
)
def test_what_there_is_is_said(files, place, message):
    np.save("h.npy", VALUES)
    np.savez("h.npz", a=VALUES, b=VALUES)
    np.savez("none.npz")
    np.savez("many.npz", **{f"a{i}": VALUES for i in range(50)})
    pathlib.Path("t.csv").write_text("x,y\n1,2\n")
    pathlib.Path("folder.npy").mkdir()
    with pytest.raises(ValueError, match=message):
        read(place)


def test_labels_that_are_not_clear(files):
    pathlib.Path("t.csv").write_text("x,y\n1,2\n3,\n")
    pathlib.Path("t.txt").write_text("a\n\nb\n")
    for place, message in (
        ("t.csv", r"2 columns, say which one: FILE::NAME of x, y"),
        ("t.csv::y", "row 1 has no label"),
        ("t.txt", "line 2 is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            read_labels(place)


def test_a_file_that_is_not_there_is_named(files):
    for name in ("n.npy", "n.npz", "n.csv", "n.txt"):
        with pytest.raises(FileNotFoundError, match=name):
            read_labels(name)


def test_epochs_in_both_layouts(files):
    run = files / "run"
    run.mkdir()
    np.savez(run / "epoch_10.npz", features=VALUES, labels=np.arange(4), other=np.ones(1))
    np.save(run / "features-0002.npy", VALUES)
    np.save(run / "labels-0002.npy", np.arange(4))
    np.save(run / "3.npy", VALUES)
    np.save(run / "labels.npy", np.arange(4))
    (run / ".hidden-1.npy").touch()
    (run / "log-1.json").touch()
    found = epochs(run)
    assert list(found) == [2, 3, 10]
    assert [set(each) for each in found.values()] == [{"features", "labels"}, {"features"}, {"features", "labels"}]
    np.testing.assert_array_equal(found[3]["features"](), VALUES)
    np.save(run / "h-10.npy", VALUES)
    with pytest.raises(ValueError, match="another file has features of epoch 10 too"):
        epochs(run)


def test_folders_without_epochs(files):
    with pytest.raises(ValueError, match="no epochs in it: files like"):
        epochs(files)
    np.savez(files / "e1.npz", a=VALUES, b=VALUES)
    with pytest.raises(ValueError, match="no array features, labels, weights, bias or ood; there are a, b"):
        epochs(files)
