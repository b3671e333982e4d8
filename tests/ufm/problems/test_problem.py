import copy
import dataclasses
import gc
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm import Problem
from ufm.problems import build
from ufm.problems.sizes import long_tailed_sizes, with_imbalance


@given(strategies.problems())
def test_round_trips(problem):
    for again in (Problem.from_toml(problem.to_toml()), Problem.from_json(problem.to_json())):
        assert again == problem
        assert hash(again) == hash(problem)
        assert again.key == problem.key


@given(strategies.problems(), strategies.problems())
def test_key_names_the_problem(one, other):
    assert (one.key == other.key) == (one == other)


def test_minus_zero_is_zero():
    assert Problem((3, 2), 2, -0.0).key == Problem((3, 2), 2, 0.0).key


def test_key_is_stable_across_versions():
    assert Problem((3, 2), 2, 0.2).key == "59646efad73f04bf"


def test_defaults_and_sizes():
    problem = Problem(class_sizes=[5, 3], centers=np.int64(2), theta=0.3)
    assert (problem.centers, problem.dim, problem.beta, problem.lam) == ((2, 2), 6, "weighted", 0.1)
    assert (problem.n_samples, problem.n_classes, problem.n_centers, problem.total) == (8, 2, 4, 16)
    np.testing.assert_array_equal(problem.labels, [0] * 5 + [1] * 3)
    assert problem.samples(1) == slice(5, 8)
    np.testing.assert_allclose(problem.weights, np.sqrt(np.cos(0.3) ** 2 / 2 + np.sin(0.3) ** 2))
    np.testing.assert_array_equal(Problem((5, 3), 2, 0.3, beta=(1.0, 2.0)).weights, [1, 2])
    np.testing.assert_array_equal(Problem((5, 3), 2, 0.3, beta=0.5).weights, [0.5, 0.5])


def test_immutable():
    with pytest.raises(AttributeError):
        Problem((3, 2), 2, 0.2).theta = 0.3


@pytest.mark.parametrize("kind", [ufm.problems.kinds.CosineProblem, ufm.problems.kinds.LearnedMSEProblem])
def test_kinds_of_the_users_own_leave_the_front_door_alone(kind):
    def made(**words):
        return type(Problem((3, 2), 2, 0.2, lam_h=0.1, lam_w=0.1, **words) if words else Problem((3, 2), 2, 0.2))

    class Same(kind):  # the words of its parent: made by its own name only
        pass

    class Half(ufm.problems.problem.MultiCenterProblem):  # no frame: not for the front door
        loss = "half"

    assert made() is ufm.problems.kinds.CosineProblem
    assert made(loss="mse", frame="learned") is ufm.problems.kinds.LearnedMSEProblem
    with pytest.raises(ValueError, match="loss='half' is unknown: 'cosine' or 'mse'"):
        Problem((3, 2), 2, 0.2, loss="half")
    for _ in range(2):  # as in a notebook whose cell is run again

        class Own(ufm.problems.problem.MultiCenterProblem):
            loss, frame = "own", "fixed"

        assert type(Problem((3, 2), 2, 0.2, loss="own")) is Own
    with pytest.raises(ValueError, match="frame='learned' is unknown: 'fixed'"):
        Problem((3, 2), 2, 0.2, loss="own", frame="learned")
    del Same, Half, Own
    gc.collect()  # classes are known as long as they live


@pytest.mark.parametrize("weights", [{}, {"loss": "mse", "lam_h": 0.1, "lam_w": 0.1, "frame": "learned"}])
def test_copies_are_equal(weights):
    problem = Problem((3, 2), 2, 0.2, **weights)
    assert problem.offsets[-1] == 5  # a cached array must not get in the way
    for again in (copy.copy(problem), copy.deepcopy(problem), pickle.loads(pickle.dumps(problem)), problem.replace()):
        assert (type(again), again, again.key) == (type(problem), problem, problem.key)
    assert dataclasses.replace(problem, dim=9) == problem.replace(dim=9)


BAD = [
    ({"class_sizes": ()}, "class_sizes is empty"),
    ({"class_sizes": (3, 0)}, "class_sizes contains 0"),
    ({"class_sizes": (3, -1)}, "class_sizes contains -1"),
    ({"class_sizes": (3, 1.5)}, "class_sizes contains 1.5"),
    ({"class_sizes": (3, "a")}, "class_sizes contains 'a'"),
    ({"class_sizes": 7}, "class_sizes=7"),
    ({"class_sizes": "34"}, "class_sizes='34'"),
    ({"centers": 0}, "centers contains 0"),
    ({"centers": (1, -2)}, "centers contains -2"),
    ({"centers": 2.5}, "centers contains 2.5"),
    ({"centers": "two"}, "centers='two'"),
    ({"centers": (1, 2, 3)}, "centers has 3 entries and class_sizes 2"),
    ({"theta": -0.1}, "theta=-0.1"),
    ({"theta": 1.6}, r"theta=1.6 is outside \[0, pi/2\]"),
    ({"theta": np.nan}, "theta=nan"),
    ({"theta": "wide"}, "theta='wide' is not a number"),
    ({"dim": 5}, r"dim=5 < 6, the sum of the centers and the number of classes"),
    ({"dim": 6.5}, "dim contains 6.5"),
    ({"dim": True}, "dim contains True"),
    ({"lam": 1e200}, "lam=1e.200 must be at most"),
    ({"loss": "hinge"}, "loss='hinge' is unknown"),
    ({"lam": -1.0}, "lam=-1.0"),
    ({"lam": np.inf}, "lam=inf"),
    ({"lam_h": 0.1}, "lam_h=0.1 has no meaning for loss='cosine'"),
    ({"loss": "mse", "lam": 0.1}, "lam=0.1 has no meaning for loss='mse'"),
    ({"loss": "mse", "lam_h": -1}, "lam_h=-1.0"),
    ({"loss": "mse", "lam_w": np.nan}, "lam_w=nan"),
    ({"beta": "heavy"}, "beta='heavy' is unknown"),
    ({"beta": (1.0,)}, "beta has 1 entries and class_sizes 2"),
    ({"beta": 0.0}, "beta contains 0"),
    ({"beta": (1.0, -1.0)}, "beta=-1.0"),
    ({"frame": "bent"}, "frame='bent' is unknown"),
    ({"loss": ["mse"]}, r"loss=\['mse'\] is unknown"),
    ({"frame": {}}, "frame={} is unknown"),
    ({"frame": "learned", "loss": "mse", "lam_w": 0.1}, "lam_h=0.0 must be positive .* features grow"),
    ({"frame": "learned", "loss": "mse", "lam_h": 0.1}, "lam_w=0.0 must be positive .* norms grow"),
    ({"frame": "learned", "dim": 5}, "no such frame exists"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[str(change) for change, _ in BAD])
def test_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Problem(**{"class_sizes": (3, 2), "centers": 2, "theta": 0.2, **change})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class_size = [3]", "unknown key 'class_size': did you mean 'class_sizes'"),
        ("class_sizes = [3]\ncenters = 2", "key 'theta' is missing"),
        ("class_sizes = [3", "not valid TOML"),
        ("wibble = 3", "unknown key 'wibble': allowed are class_sizes"),
    ],
)
def test_toml_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Problem.from_toml(text)


@pytest.mark.parametrize("text", ["[1]", "{", '{"thetta": 1}'])
def test_json_refused(text):
    with pytest.raises(ValueError, match=r"JSON|thetta"):
        Problem.from_json(text)


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        ((10, 5000, 0.005), 11203),
        ((10, 5000, 0.01), 12406),
        ((10, 5000, 0.02), 13996),
        ((100, 500, 0.005), 9502),
        ((100, 500, 0.01), 10847),
        ((100, 500, 0.02), 12608),
        ((10, 500, 0.005), 1117),
        ((10, 500, 0.01), 1236),
        ((10, 500, 0.02), 1394),
    ],
)
def test_totals_of_the_paper(arguments, total):
    assert sum(ufm.long_tailed_sizes(*arguments)) == total


def test_long_tailed_ends():
    assert ufm.long_tailed_sizes(1, 7, 0.5) == (7,)
    assert ufm.long_tailed_sizes(3, 7, 1.0) == (7, 7, 7)
    assert ufm.long_tailed_sizes(10, 5000, 0.01)[-1] == 50


@pytest.mark.parametrize("arguments", [(0, 5, 0.1), (3, 0, 0.1), (3, 5, 0.0), (3, 5, 1.5), (3, 5, np.nan), (3, 5, 0.1)])
def test_long_tailed_refused(arguments):
    with pytest.raises(ValueError, match=r"n_classes|n_max|tau"):
        ufm.long_tailed_sizes(*arguments)


def write(path, content):
    """The file, without what is said of its columns, and all of it."""
    file = path.with_name(path.name.partition("::")[0])
    np.save(file, content) if file.suffix == ".npy" else file.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "sizes"),
    [
        ("sizes.npy", np.array([30, 20, 10]), (30, 20, 10)),
        ("labels.npy", np.array([0, 2, 1, 0, 0, 1], dtype=np.uint8), (3, 2, 1)),
        ("column.npy", np.array([[0], [1], [0]]), (2, 1)),
        ("labels.csv", "label\n0\n1\n1\n", (1, 2)),
        ("sizes.csv", "5,4,3\n", (5, 4, 3)),
        ("sizes.txt", "5 4\n3\n", (5, 4, 3)),
        ("mark.csv", "\ufeffsize\n30\n20\n", (30, 20)),
        ("mark.txt", "\ufeff30\n20\n", (30, 20)),
        ("table.csv::n", "class,n\ncat,30\ndog,20\n", (30, 20)),
        ("pandas.csv::count", ",count\n0,30\n1,20\n2,7\n", (30, 20, 7)),
        ("pandas.csv::1", "0,30\n1,20\n2,7\n", (30, 20, 7)),
        ("frame.csv::label", "id,label\n7,0\n8,1\n9,0\n", (2, 1)),
        ("list.txt", "train/a.jpg 0\ntrain/b.jpg 2\ntrain/c.jpg 1\ntrain/d.jpg 0\n", (2, 1, 1)),
        ("from_one.txt", "a.jpg 1\nb.jpg 2\nc.jpg 2\n", (1, 2)),
    ],
)
def test_files_of_sizes_and_labels(tmp_path, name, content, sizes):
    assert ufm.read_class_sizes(write(tmp_path / name, content)) == sizes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gap.npy", np.array([0, 2]), "labels reach 2 with only 2 samples"),
        ("gap.txt", "0 0 2 2", "no sample has label 1"),
        ("half.npy", np.array([0.5, 1.0]), "not integers"),
        ("negative.txt", "-1 0 1", "not integers"),
        ("nan.npy", np.array([np.nan, 0.0]), "not integers"),
        ("image.npy", np.zeros((3, 4)), "neither sizes nor labels"),
        ("words.npy", np.array(["cat", "dog"]), "neither sizes nor labels"),
        ("empty.txt", "", "neither sizes nor labels"),
        ("words.csv", "label\n0\ncat\n", "not a list of numbers"),
        ("labels.pkl", "0 1", "must end in"),
        (
            "table.csv",
            "class,n\n0,30\n1,20\n",
            r"2 columns \(class, n\): .*table.csv::COLUMN",
        ),
        ("pandas.csv", ",count\n0,30\n1,20\n", "2 columns"),
        ("names.csv", "class,n\ncat,500\ndog,50\nfox,5\n", r"2 columns \(class, n\): .*names.csv::COLUMN"),
        ("bare.csv", "cat,500\ndog,50\nfox,5\n", "2 columns: say which"),
        ("table.csv::m", "class,n\n0,30\n1,20\n", "no column 'm': class, n"),
        ("table.csv::5", "0,30\n1,20\n", "no column '5': 0 to 1"),
        ("skipped.txt", "1 1 1 3 3 3 4 4 4 4", "10 numbers up to 4, which may be labels or sizes"),
        ("tens.npy", np.repeat([10, 20, 30], 20), "60 numbers up to 30, which may be labels or sizes"),
    ],
)
def test_files_refused(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        ufm.read_class_sizes(write(tmp_path / name, content))


def test_labels_that_are_said_to_be_labels(tmp_path):
    for labels in ([1, 1, 3, 3, 3], [10, 30, 10, 30, 30], [-1, 5, -1, 5, 5]):
        path = write(tmp_path / "labels.npy", np.array(labels))
        assert ufm.read_class_sizes(path, labels=True) == (2, 3)
        assert build.class_sizes({"labels": str(path)}) == (2, 3)


@pytest.mark.parametrize("text", ["100 50", "100,50", "100, 50", " 100 ,50 "])
def test_lists_on_the_command_line_are_separated_by_commas_or_spaces(text):
    assert build.class_sizes({"class_sizes": text}) == (100, 50)
    assert build.build({"class_sizes": "9,9", "centers": text, "theta": 0.1}).centers == (100, 50)


def test_binary_text_and_pickles_are_refused(tmp_path):
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="not a text file"):
        ufm.read_class_sizes(tmp_path / "noise.csv")
    np.save(tmp_path / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        ufm.read_class_sizes(tmp_path / "object.npy")


def test_the_stored_form_is_plain_json():
    assert json.loads(Problem((3, 2), 2, 0.2, loss="mse", lam_h=0.1).to_json()) == {
        "class_sizes": [3, 2],
        "centers": [2, 2],
        "theta": 0.2,
        "dim": 6,
        "loss": "mse",
        "lam_h": 0.1,
        "lam_w": 0.0,
        "frame": "fixed",
    }


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=6, unique=True), st.floats(0.01, 1.0))
def test_another_imbalance_keeps_the_order_and_equal_classes_equal(sizes, tau):
    largest = max(sizes) * 100
    stretched = with_imbalance((largest, *sizes, *sizes), tau)
    assert stretched[1 : 1 + len(sizes)] == stretched[1 + len(sizes) :]
    assert min(stretched) == int(np.floor(largest * tau + 1e-9))
    assert max(stretched) == largest
    order = np.argsort(sizes)
    assert (np.diff(np.array(stretched[1 : 1 + len(sizes)])[order]) >= 0).all()


def test_a_long_tail_stays_one():
    assert with_imbalance(long_tailed_sizes(5, 10_000, 1e-4), 0.01) == long_tailed_sizes(5, 10_000, 0.01)
    with pytest.raises(ValueError, match="all equal"):
        with_imbalance((5, 5), 0.1)
    with pytest.raises(ValueError, match="leaves the smallest class empty"):
        with_imbalance((50, 5), 0.01)


@pytest.mark.parametrize("separator", [" ", ",", "\t"])
def test_paths_in_a_list_may_have_blanks(tmp_path, separator):
    rows = [("a/one.jpg", 0), ("b/New York 3.jpg", 1), ("c (2).jpg", 1)]
    path = write(tmp_path / "list.txt", "\n".join(f"{image}{separator}{label}" for image, label in rows))
    assert ufm.read_class_sizes(path) == ufm.read_class_sizes(path, labels=True) == (1, 2)
