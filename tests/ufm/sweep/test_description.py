import dataclasses
import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ufm.sweep.description import Sweep, read, shipped
from ufm.sweep.kinds import KINDS
from ufm.sweep.picture import Lines, Map, Nothing, Picture, Scatter

PLAIN = {
    "kind": "flow",
    "record": ["collapse_time"],
    "base": {"class_sizes": [30, 10], "theta": 0.3},
    "axes": {"f": [2, 4]},
}


def sweep(**changes):
    return Sweep.from_mapping({**PLAIN, **changes})


def test_cells_are_the_product_with_the_seed_running_fastest():
    made = sweep(
        axes={"f": {"linspace": [2, 6, 3]}, "scale": {"logspace": [0.01, 1, 3]}},
        zip=[{"name": "weights", "lam": [0.1, 0.2], "beta": [1.0, [1.0, 2.0]]}],
        seeds=[3, 7],
    )
    assert (made.dims, made.shape) == (("f", "scale", "weights", "seed"), (3, 3, 2, 2))
    cells = made.cells
    assert [cell.place for cell in cells] == list(np.ndindex(made.shape))
    assert cells[0].values == {"f": 2.0, "scale": 0.01, "lam": 0.1, "beta": 1.0, "seed": 3}
    last = cells[-1].configuration
    assert last["problem"]["centers"] == [4, 8]
    assert last["problem"]["beta"] == [1.0, 2.0]
    assert (last["flow"]["scale"], last["seed"]) == (1.0, 7)
    assert len({cell.key for cell in cells}) == len(cells)


def test_the_key_is_of_what_decides_the_result_and_nothing_else():
    (first, *_) = sweep().cells
    assert sweep(about="other words", picture={"x": "f"}).cells[0].key == first.key
    assert (
        sweep(base={"class_sizes": [30, 10], "theta": 0.3, "lam": 0.1}).cells[0].key == first.key
    )  # the default, said
    assert sweep(record=["rate"]).cells[0].key != first.key
    assert sweep(base={"class_sizes": [30, 10], "theta": 0.31}).cells[0].key != first.key
    assert sweep(seeds=[1]).cells[0].key != first.key


values = st.one_of(
    st.integers(-5, 5), st.floats(0.1, 0.9), st.sampled_from(["a", "uniform"]), st.lists(st.integers(1, 3))
)


@given(
    st.lists(st.lists(values, min_size=1, max_size=3, unique_by=str), max_size=3),
    st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
)
def test_a_description_survives_its_own_json(points, seeds):
    fields = ("f", "theta", "lam")
    made = sweep(base={}, axes=dict(zip(fields, points, strict=False)), seeds=seeds)
    assert Sweep.from_dict(made.to_dict()) == made
    assert made.n_cells == np.prod([len(p) for p in points], dtype=int) * len(seeds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "flows"}, "kind 'flows' is unknown: did you mean 'flow'?"),
        ({"axis": {}}, "unknown key 'axis': did you mean 'axes'?"),
        ({"record": []}, "record is empty"),
        ({"record": "rate"}, "record='rate' is not a list of names"),
        ({"record": ["collaps_time"]}, "quantity 'collaps_time' of record is unknown: did you mean 'collapse_time'"),
        ({"axes": {"thetta": [0.1]}}, "field 'thetta' is unknown for kind 'flow': did you mean 'theta'?"),
        ({"base": {"epochs": 3}}, "field 'epochs' is unknown for kind 'flow'"),
        ({"axes": {"theta": [0.1]}}, "field 'theta' is given twice"),
        ({"axes": {"seed": [1]}}, "seed is a dimension of its own"),
        ({"axes": {"f": []}}, "axis 'f' has no points"),
        ({"axes": {"f": 3}}, "axis 'f' is neither a list nor"),
        ({"axes": {"f": {"linspce": [1, 2, 3]}}}, "'linspce' of axis 'f' is unknown: did you mean 'linspace'?"),
        ({"axes": {"f": {"linspace": [1, 2]}}}, "is [first, last, points], not [1, 2]"),
        ({"axes": {"f": {"linspace": ["a", 2, 3]}}}, "end='a' is not a number"),
        ({"axes": {"f": {"linspace": [False, True, 2]}}}, "end=False is not a number"),
        ({"axes": {"f": {"linspace": [-1e308, 1e308, 3]}}}, "at most 1e+100"),
        ({"axes": {"f": [2, 2.0]}}, "has the point 2.0 more than once"),
        ({"axes": {"lam": [float("nan")]}}, "lam=nan must be finite"),
        ({"axes": {"lam": [float("inf")]}}, "lam=inf must be finite"),
        ({"axes": {"lam": [True]}}, "lam=True is not a number"),
        ({"axes": {"lam": ["0.3"]}}, "lam='0.3' is not a number"),
        ({"axes": {"lam": [datetime.date(2020, 1, 1)]}}, "is not a number"),
        ({"base": {"class_sizes": [[3, 2]]}}, "class_sizes=[3, 2] is not a number"),
        ({"base": {"class_sizes": 3}}, "class_sizes=3 is not a list of numbers"),
        ({"base": {"class_sizes": []}}, "class_sizes=[] is not a list of numbers"),
        ({"base": {"preset": 5}}, "preset=5 is not a word"),
        ({"base": {"problem": ["a"]}}, "problem=['a'] is not a word"),
        ({"base": {"axes": {}}}, "(it belongs above [base])"),
        ({"zip": 5}, "zip is not a list of tables"),
        ({"zip": [{"name": "", "lam": [1]}]}, "axis '' needs another name"),
        ({"zip": [{"name": "a/b", "lam": [1]}]}, "axis 'a/b' needs another name"),
        ({"zip": [{"name": "collapse_time", "lam": [1]}]}, "axis 'collapse_time' needs another name"),
        ({"zip": [{"name": "f", "lam": [1]}], "axes": {"f": [2]}}, "axis 'f' needs another name"),
        ({"seeds": 10**9}, "seeds=1000000000 is more than"),
        ({"seeds": [2**70]}, "must be integers in"),
        ({"record": ["rate", "rate"]}, "names a quantity more than once"),
        ({"kind": "training", "record": ["nc"], "base": {"theta": "0.2"}, "axes": {}}, "theta='0.2' is not a number"),
        ({"kind": "training", "record": ["nc"], "base": {"method": 5}, "axes": {}}, "method=5 is not a word"),
        ({"kind": "training", "record": ["nc"], "base": {"expand": 1}, "axes": {}}, "expand=1 must be true or false"),
        ({"kind": "decision", "record": ["gain"], "axes": {"shares": [["inverse"]]}}, "is not a word"),
        ({"axes": {"f": {"linspace": [1, 2, 0]}}}, "points of axis 'f': contains 0"),
        ({"axes": {"f": {"logspace": [0, 2, 3]}}}, "needs positive ends"),
        ({"axes": {"f": {"linspace": [0, float("inf"), 3]}}}, "end=inf must be finite"),
        ({"axes": {"f": {"linspace": [0, 1, 10**9]}}}, "has 1000000000 points, more than"),
        ({"zip": [{"name": "w", "lam": [1], "beta": [1, 2]}]}, "as many points as each other: lam has 1, beta has 2"),
        ({"zip": [{"lam": [1]}]}, "a [[zip]] needs a name"),
        ({"zip": [{"name": "w"}]}, "as each other: none given"),
        ({"zip": [{"name": "f", "lam": [1]}]}, "axis 'f' needs another name"),
        ({"zip": [{"name": "class", "lam": [1]}]}, "axis 'class' needs another name"),
        ({"seeds": 0}, "seeds contains 0"),
        ({"seeds": [1, 1]}, "must be different"),
        ({"seeds": [-1]}, "must be integers in"),
        ({"seeds": "three"}, "seeds contains 'three'"),
        ({"axes": {"f": [2.5]}}, "f=2.5 must be an integer (cell f=2.5, seed=0)"),
        ({"axes": {"f": [0]}}, "f=0 must be at least 1"),
        ({"axes": {"lam": [-1]}}, "lam=-1.0 must be finite and at least 0"),
        ({"axes": {"lam": ["much"]}}, "lam='much' is not a number"),
        ({"base": {"class_sizes": [3], "loss": "mse"}}, "collapse_time of record: for the cosine loss only"),
        ({"axes": {"scale": ["x"]}}, "scale='x' is not a number"),
        ({"axes": {"start": ["anywhere"]}}, "start 'anywhere' is unknown"),
        ({"axes": {"method": ["ful"]}}, "method='ful' is unknown: did you mean 'full'?"),
        ({"axes": {"t_final": [1.0]}}, "no method or t_final"),
        ({"axes": {"until_nc": [5.0]}}, "until_nc=5.0 is outside"),
        ({"base": {"theta": 0.3}}, "one of --preset, --problem, --class-sizes, --labels and --n-classes is needed"),
        ({"base": {"problem": "nowhere.toml"}}, "nowhere.toml"),
        ({"record": ["value"], "axes": {"n_times": [1]}}, "n_times=1 must be at least 2"),
        ({"record": ["value"], "axes": {"t_final": [-1.0]}}, "t_final=-1.0 must be positive"),
        ({"base": {"class_sizes": [3], "frame": "learned"}}, "is for kind 'minimum'"),
        ({"kind": "minimum", "record": ["predicted_living"]}, "for P with frame='learned' only"),
        ({"kind": "decision", "record": ["gain"], "axes": {"shares": ["rare"]}}, "shares='rare' is unknown"),
        ({"kind": "decision", "record": ["gain"], "axes": {"noise": [0.0]}}, "noise=0.0 must be positive"),
        ({"kind": "training", "record": ["nc"], "base": {"method": "CLA"}, "axes": {}}, "'CLA' is unknown"),
        (
            {"kind": "training", "record": ["nc"], "base": {"preset": "tabel1"}, "axes": {}},
            "training 'tabel1' is unknown",
        ),
    ],
)
def test_refused_with_the_value_and_what_is_allowed(changes, message):
    with pytest.raises((ValueError, OSError)) as caught:
        _ = sweep(**changes).cells
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text", ["kind = ", "kind = 'flow'", "record = ['rate']", "kind='flow'\nrecord=['rate']\naxes=3", "\0"]
)
def test_a_broken_file_is_named(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.toml: "):
        read(str(path))
    with pytest.raises(ValueError, match="did you mean 'collapse-time'"):
        read("colapse-time")


@pytest.mark.parametrize("name", shipped())
def test_shipped_sweeps_are_valid_and_say_what_they_show(name):
    made = read(name)
    assert len(made.about) > 60
    assert 20 <= len({cell.key for cell in made.cells}) == made.n_cells <= 500
    Picture.of(made.picture).complete(made)


@pytest.mark.parametrize("kind", KINDS)
def test_every_quantity_says_what_it_is(kind):
    for quantity in KINDS[kind].quantities.values():
        assert quantity.about
        assert set(quantity.dims) <= {"class", "time"}


def test_pictures_choose_sensible_axes_and_refuse_others():
    made = sweep(axes={"f": [2, 4], "lam": [0.1, 0.2]}, record=["collapse_time", "value", "time", "nc_curve"])
    rest = {"against": None, "panels": None, "select": {}}
    assert Picture().complete(made) == Lines(quantity="collapse_time", x="f", lines="class", **rest)
    assert Picture("value").complete(made) == Lines(quantity="value", x="f", lines="lam", **rest)
    assert Picture("nc_curve").complete(made) == Lines(quantity="nc_curve", x="time", lines="class", **rest)
    assert Picture("value", x="lam", y="f").complete(made) == Map(quantity="value", x="lam", y="f", **rest)
    compared = Picture("collapse_time", against="value", scatter=True).complete(made)
    assert compared == Scatter(quantity="collapse_time", lines="class", **rest | {"against": "value"})
    for wrong, message in (
        (Picture("rate"), "quantity 'rate' is not recorded"),
        (Picture(x="theta"), "has no axis 'theta'"),
        (Picture("value", lines="class"), "has no axis 'class'"),
        (Picture(x="f", lines="f"), "used once"),
        (Picture(x="f", select={"f": 2}), "used once"),
        (Picture(scatter=True), "scatter has a quantity"),
        (Picture(against="value", scatter=True, x="f"), "scatter has a quantity"),
        (Picture("value", x="lam", y="f", lines="f"), "has no lines"),
        (Picture("time"), "time is an axis"),
        (Picture("nc_curve", x="f"), "drawn over time"),
        (Picture("nc_curve", lines="time"), "every axis|no axis"),
        (Picture(x="seed"), "no axis 'seed'"),
        (Picture(select={"seed": 1}), "no axis 'seed'"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong.complete(made)
    for wrong, message in (
        ({"colour": "red"}, "unknown key 'colour' of"),
        ({"x": 5}, "x=5 of .picture. is not a name"),
    ):
        with pytest.raises(ValueError, match=message):
            Picture.of(wrong)
    alone = sweep(axes={}, record=["collapse_time", "value"])
    assert Picture().complete(alone).x == "class"
    with pytest.raises(Nothing):
        Picture("value").complete(alone)


def test_cells_say_which_of_many_problems_is_wrong():
    made = dataclasses.replace(sweep(axes={"dim": [60, 5]}), seeds=(0, 1))
    with pytest.raises(ValueError, match=r"no such frame exists \(cell dim=5, seed=0\)"):
        _ = made.cells
