"""What is wrong is said in one line, with status 2: value and remedy; nothing on stdout, and nothing is begun."""

import json
import os
import re

import numpy as np
import pytest
import xarray

import ufm
from ufm.commands.main import main
from ufm.commands.parse import in_flags
from ufm.commands.train import Command as Train
from ufm.files import memory, store
from ufm.files.journal import sealed_line
from ufm.sweep.description import read
from ufm.train.config import Config
from ufm.train.presets import preset

PROBLEM = "class_sizes = [8, 5, 3]\ncenters = [2, 3, 6]\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys):
    """Run a command that is refused, and return the line that says why."""

    def run(*arguments):
        assert main(list(arguments)) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
        return said.err

    return run


def write(name, text):
    with open(name, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return name


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("deep.json", DEEP, "nested too deeply"),
        ("in.json", f'{{"theta": {DEEP}}}', "nested too deeply"),
        ("deep.toml", f"{PROBLEM}theta = {DEEP}", "nested too deeply"),
        ("tables.toml", "x = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("dots.toml", ".".join(["a"] * 50_000) + " = 1", "50000 parts"),
        ("header.toml", f"[{'.'.join(['a'] * 50_000)}]", "50000 parts"),
        ("theta.toml", f"{PROBLEM}theta = 1{'0' * 400}", "theta must be at most 1e+100"),
        ("theta.json", f'{{"class_sizes": [8], "centers": 2, "theta": -1{"0" * 400}}}', "theta must be at most 1e+100"),
        ("lam.toml", f"{PROBLEM}theta = 0.2\nlam = 1{'0' * 400}", "lam must be at most 1e+100"),
        ("dim.toml", f"{PROBLEM}theta = 0.2\ndim = 1{'0' * 5000}", "digits"),
        ("dim.json", f'{{"class_sizes": [8], "centers": 2, "theta": 0.2, "dim": 1{"0" * 5000}}}', "digits"),
        ("junk.toml", bytes(range(256)), "UTF-8"),
        ("junk.json", b"\xff\xfe{}", "UTF-8"),
    ],
)
def test_a_file_that_is_no_problem(refused, name, text, said):
    message = refused("simulate", "--problem", write(name, text))
    assert name in message
    assert said in message


def test_other_files_that_are_read(refused):
    for text in (DEEP, b"\xff\xfe{}", '{"lr": 1' + "0" * 400 + "}"):
        refused("train", "--config", write("c.json", text))
    sweep = 'kind = "flow"\nrecord = ["collapse_time"]\n'
    for text in (
        f"x = {DEEP}",
        b"\xff",
        ".".join(["a"] * 50_000) + " = 1",
        f"{sweep}[base]\nclass_sizes = [3]\ntheta = 1{'0' * 400}",
        f"{sweep}[base]\nclass_sizes = [3]\nf = 1{'0' * 400}",
    ):
        assert refused("sweep", write("s.toml", text)).startswith("ufm: ")
    assert "sizes.csv" in refused("simulate", "--class-sizes", write("sizes.csv", b"\xff\xfe1"))


def test_a_pipe_is_not_waited_for(refused):
    for name, flags in (
        ("p.toml", ("simulate", "--problem")),
        ("p.csv", ("simulate", "--class-sizes")),
        ("p.npy", ("simulate", "--preset", "toy", "--features")),
        ("c.json", ("train", "--config")),
        ("s.toml", ("sweep",)),
    ):
        os.mkfifo(name)
        assert f"{name} is not a file" in refused(*flags, name)


def test_text_is_utf_8_whatever_the_locale(monkeypatch):
    lines = ('kind = "flow"', 'record = ["collapse_time"]', 'about = "θ"', "[base]", "class_sizes = [3]")
    write("s.toml", "\n".join(lines))
    monkeypatch.setattr("io.text_encoding", lambda encoding, *_: encoding or "ascii")  # as in the locale C
    assert read("s.toml").about == "θ"


@pytest.mark.parametrize(
    "hyper",
    [
        ("KCL", "queue=0"),
        ("KCL", "queue=1e12"),
        ("KCL", "projection=0"),
        ("KCL", "temperature=0"),
        ("KCL", "momentum=5"),
        ("KCL", "positives=2.7"),
        ("KCL", "stage=1.5"),
        ("LDAM-DRW", "beta=1.5"),
        ("LDAM-DRW", "scale=0"),
        ("CE-CAL", "defer=2"),
    ],
)
def test_hyperparameters_have_ranges(hyper):
    method, text = hyper
    with pytest.raises(ValueError, match=f"hyper {text.split('=')[0]}=.* must be"):
        Config(method=method, hyper=(text,))


def test_hyperparameters_keep_their_digits():
    assert "queue=1048573" in Config(method="KCL", hyper=("queue=1048573",)).hyper
    assert "temperature=0.123456789" in Config(method="KCL", hyper=("temperature=0.123456789",)).hyper


SWEEP = 'kind = "decision"\nrecord = ["predicted_gain", "predicted_gain_frame"]\n[base]\nclass_sizes = [9, 3]\nf = 3\n'
OTHERS = {
    "other names": xarray.Dataset({"other": ("x", [1.0])}),
    "other shapes": xarray.Dataset({name: ("x", [1.0, 2.0]) for name in ("predicted_gain", "predicted_gain_frame")}),
}
NUMBERS = {"shape": [2], "numbers": "AAAAAAAA8D8AAAAAAAAAQA=="}
BLOCKS = {
    "other names": {"keys": ["0"], "answers": [{"other": NUMBERS}]},
    "other shapes": {"keys": ["0"], "answers": [dict.fromkeys(("predicted_gain", "predicted_gain_frame"), NUMBERS)]},
    "fewer numbers": {"keys": ["0"], "answers": [{"predicted_gain": NUMBERS | {"shape": [3]}}]},
    "a list": [1, 2],
}


@pytest.mark.slow
@pytest.mark.parametrize("other", [*(json.dumps(block).encode() for block in BLOCKS.values()), b"no JSON"])
def test_a_sealed_line_of_something_else_is_computed_again(capsys, other, tmp_path):
    write("s.toml", SWEEP)
    assert main(["sweep", "s.toml", "--out", "o"]) == 0
    cells = tmp_path / "o" / "cells.jsonl"
    before = cells.read_bytes()
    cells.write_bytes(sealed_line(other))
    capsys.readouterr()
    assert main(["sweep", "s.toml", "--out", "o"]) == 0
    assert "damaged" in capsys.readouterr().err
    assert cells.read_bytes().endswith(before)
    assert main(["sweep", "s.toml", "--out", "o"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_sealed_cell_of_something_else_is_computed_again(capsys, other, tmp_path):
    """In a folder from before there were lines."""
    write("s.toml", SWEEP)
    assert main(["sweep", "s.toml", "--out", "o"]) == 0
    cells = tmp_path / "o" / "cells.jsonl"
    before, (key,) = cells.read_bytes(), json.loads(cells.read_bytes()[65:])["keys"]
    for write_other in (store.save_classic, lambda _, path: store.save_bytes(path, b"no netCDF")):
        cells.unlink()
        write_other(other, tmp_path / "o" / "cells" / f"{key}.nc")
        capsys.readouterr()
        assert main(["sweep", "s.toml", "--out", "o"]) == 0
        assert "damaged" in capsys.readouterr().err
        assert cells.read_bytes() == before


def test_sealed_results_of_something_else(refused, capsys):
    write("s.toml", SWEEP)
    assert main(["sweep", "s.toml", "--out", "o"]) == 0
    capsys.readouterr()
    store.save(OTHERS["other names"], "o/results.nc")
    assert "predicted_gain" in refused("sweep", "--show", "o")
    store.save_bytes("o/results.nc", b"CDF, it says")
    assert "o/results.nc" in refused("sweep", "--show", "o")


def test_from_python():
    problem = ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16)
    with pytest.raises(ValueError, match="initial features are given as features"):
        ufm.gradient_flow(problem, start=np.ones((16, 16)))
    with pytest.raises(TypeError, match="int cannot be certified"):
        ufm.certify(5)
    with pytest.raises(ValueError, match="features have dimension 7, the frame 16"):
        ufm.measure(np.ones((16, 7)), problem.labels, frame=ufm.multi_center_frame(problem))
    for value in (10**400, 1j, np.ones(3)):
        with pytest.raises(ValueError, match="theta"):
            ufm.Problem((8, 5, 3), (2, 3, 6), value)


def test_a_loss_of_single_precision_says_so():
    torch = pytest.importorskip("torch")
    weights = torch.randn(3, 16)
    loss = ufm.TorchLoss(lambda h, y: torch.nn.functional.cross_entropy(h @ weights.T, y, reduction="none"))
    with pytest.raises(ValueError, match="float64"):
        ufm.gradient_flow(ufm.Problem((8, 5, 3), (2, 3, 6), 0.3, 16), loss=loss, t_final=1.0)


@pytest.mark.parametrize(
    ("flags", "said", "flag"),
    [
        (("simulate", "--class-sizes", "5,3", "--centers", "300000,2"), "TiB", "--centers"),
        (("simulate", "--class-sizes", "5,3", "--centers", "1000000000"), "TiB", "--centers"),
        (("verify", "--class-sizes", "5,3", "--centers", "class-aware", "--f", "1000000000"), "TiB", "--f"),
        (("simulate", "--class-sizes", "5,3", "--dim", "1000000000000"), "TiB", "--dim"),
        (("verify", "--class-sizes", "99999999999999,5"), "years", "--class-sizes"),
        (("simulate", "--n-classes", "1000000000000", "--n-max", "5"), "TiB", "--n-classes"),
        (("phase", "--class-sizes", "5,3", "--centers", "1", "--points", "100000"), "needs", "--points"),
    ],
)
def test_what_would_not_fit_or_not_end_is_said_before(refused, flags, said, flag, monkeypatch):
    monkeypatch.setattr("ufm.files.memory.available", lambda: 2**36)
    message = refused(*flags)
    assert said in message
    assert flag in message


def test_what_takes_long_is_said_before():
    with pytest.warns(UserWarning, match="takes about 16.7 minutes: use less"):
        memory.require_time(1000.0, "it", "use less")
    memory.require_time(50.0, "it", "use less")
    with pytest.raises(ValueError, match=r"30.* days"):
        memory.require_time(30 * 86400.0, "it", "use less")


def test_thirty_thousand_centers_are_refused_where_they_do_not_fit(monkeypatch):
    monkeypatch.setattr("ufm.files.memory.available", lambda: 2**34)
    with pytest.raises(MemoryError, match=r"30002 centers, 30000 in one class.* needs 40.2 GiB of 16 GiB here"):
        ufm.multi_center_frame(ufm.Problem((5, 3), (30000, 2), 0.2), basis="coordinate")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("simulate --preset toy --theta 12deg", "--theta: '12deg' is not a number"),
        ("simulate --preset toy --f 2.5", "--f: '2.5' is not an integer"),
        ("train smoke --epochs 2.5", "--epochs: '2.5' is not an integer"),
        ("design --class-sizes 5,3 --f 5 x", "--f: 'x' is not an integer"),
        ("verify --loss foo", "--loss: 'foo' is unknown: allowed are cosine, mse"),
        ("simulate --preset toy --thetta 1", "--theta"),
        ("table", "Table of the paper, 1 to 7"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_of_the_parser_is_shown(refused, words, said, encoding, monkeypatch, capsys):
    monkeypatch.setattr("tyro._fmtlib._should_use_utf8_drawing_chars", lambda: encoding == "utf-8")
    message = refused(*words.split())
    assert said in message
    assert not re.search(r"None|class '|helptext|instantiated|[│─╭]|---|\(default", message)
    assert message.endswith(f"(see ufm {words.split()[0]} --help)\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("verify --preset toy --seed -1", "--seed=-1 must be an integer >= 0"),
        ("phase --class-sizes 5,3 --centers 1 --points 2 --seed -1", "--seed=-1 must be an integer >= 0"),
        ("simulate --preset toy --basis random --seed -1", "--seed=-1 must be an integer >= 0"),
        (
            "verify --class-sizes 5,3 --centers 2 --frame learned --lam-h 0.1",
            "--lam-w=0.0 must be positive with --frame",
        ),
        ("simulate --class-sizes 3,4 --centers 2,3,x", "--centers='2,3,x' is neither integers like 2,3,5 nor a rule"),
        ("simulate --class-sizes 3,0", "--class-sizes contains 0"),
        ("simulate --preset toy --dim 10", "--dim=10 < 24, the sum of the centers and the number of classes"),
        ("simulate --preset toy --class-sizes 3,2", "not --preset and --class-sizes"),
        ("train --method CE --theta 0.3", "--theta=0.3 has no meaning for --method=CE"),
        ("train --batch-size 1", "--batch-size=1 must be at least 2"),
    ],
)
def test_names_are_those_of_the_command_line(refused, words, said):
    assert said in refused(*words.split())


def test_what_a_file_says_keeps_its_names(refused):
    assert "p.toml: lam_h=-1" in refused(
        "simulate", "--problem", write("p.toml", f'{PROBLEM}theta = 0.2\nloss = "mse"\nlam_h = -1')
    )


def test_of_many_names_only_the_closest_are_shown(refused):
    message = refused("train", "fashion/cal")
    assert "did you mean 'fashion/cal-0.1'" in message
    message = refused("train", "nosuch")
    assert len(message) < 300
    assert "`ufm presets --train`" in message


def test_methods_are_known_in_any_case(refused):
    assert Config(method="cal") == Config(method="CAL")
    assert Config(method="ldam-drw").method == "LDAM-DRW"
    assert preset("fashion/cal-0.1", method="cal") == preset("fashion/cal-0.1")
    assert "did you mean 'CAL'" in refused("train", "--method", "call")
    assert main(["simulate", "--preset", "toy", "--method", "FULL", "--t-final", "0.1"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        "simulate --preset toy --out",
        "simulate --problem",
        "simulate --preset toy --features",
        "simulate --class-sizes",
        "simulate --labels",
        "verify --out",
        "phase --out",
        "geometry --class-sizes 5,3 --picture",
        "design --class-sizes 5,3 --picture",
        "sweep",
        "sweep --show",
        "sweep phase --out",
        "figures --out",
        "figures architectures --run",
        "train --out",
        "train --resume",
        "train --data",
        "confirm",
        "table fashion --runs",
        "table fashion --results",
        "data cifar10 --sizes",
        "data cifar10 --export",
    ],
)
def test_no_path_is_empty(refused, words, tmp_path):
    assert "''" in refused(*words.split(), "")
    assert not list(tmp_path.iterdir())


def test_results_that_are_not_there(refused):
    assert "results=nosuch.json is no file" in refused("table", "fashion", "--results", "nosuch.json")


@pytest.mark.parametrize("words", ["simulate --preset", "simulate --theta", "simulate --class-sizes", "train", "sweep"])
def test_a_long_value_is_shortened(refused, words):
    message = refused(*words.split(), "x" * 100_000)
    assert len(message) < 1500
    assert "xxx ... " in message or "too long" in message


def test_what_is_no_problem_is_said_by_every_verb():
    certificate = ufm.minimize(ufm.Problem((3, 2), 1, 0.2)).certificate
    for verb in (
        ufm.gradient_flow,
        lambda p: ufm.gradient_descent(p, step_size=0.1, n_steps=2),
        ufm.minimize,
        ufm.predict,
        ufm.multi_center_frame,
        lambda p: ufm.verify(certificate, p),
    ):
        for other in (5, "toy", {"class_sizes": [3]}, None, ufm.Problem):
            with pytest.raises(TypeError, match=r"problem is a ufm\.Problem.*, not of type"):
                verb(other)
    with pytest.raises(TypeError, match=r"a ufm\.Problem, not of type FeatureModel"):
        ufm.gradient_descent(ufm.FeatureModel((3, 2), lam_w=1e-3, lam_h=1e-3), step_size=0.1, n_steps=2)
    with pytest.raises(TypeError, match=r"certificate is a ufm\.Certificate, not of type int"):
        ufm.verify(5, ufm.Problem((3, 2), 1, 0.2))
    for verb in (ufm.minimize, ufm.multi_center_frame):
        with pytest.raises(ValueError, match="seed=-1 must be an integer >= 0"):
            verb(ufm.Problem((3, 2), 1, 0.2), seed=-1)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [("--f", "1"), ("--theta", "0"), ("--class-sizes", "3,2", "--centers", "1,4")])
def test_pictures_are_drawn_without_a_word(flags, capsys):
    source = () if "--class-sizes" in flags else ("--preset", "toy")
    main(["verify", *source, *flags])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", ["momentum=5", "momentum=-1", "momentum=x"])
def test_a_hyperparameter_with_the_name_of_a_flag_is_not_called_that_flag(words):
    with pytest.raises(ValueError, match="momentum") as caught:
        Config(method="KCL", hyper=(words,))
    assert "--momentum" not in in_flags(str(caught.value), Train())
