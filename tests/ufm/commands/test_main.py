import json
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import xarray

import ufm
from figures.commands import simulate
from ufm.certify.ledger import ledger
from ufm.certify.ledger.claim import Claim
from ufm.commands import presets
from ufm.commands.main import main
from ufm.files import store
from ufm.files.store import config_key

ROOT = pathlib.Path(__file__).parents[3]
CHECK_KEYS = {"name", "source", "predicted", "measured", "tolerance", "holds"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return main(list(arguments))


def test_simulate_json_contract(capsys, tmp_path):
    assert run("simulate", "--preset", "toy", "--json", "--out", "here") == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert len(said.out.splitlines()) == 1
    assert set(result) == {"status", "t", "nc_max", "seconds", "steps", "out"}
    assert result["status"] == "collapsed"
    assert result["nc_max"] <= 1e-10
    data = store.load(result["out"]).to_dataset()
    assert float(data["time"][-1]) == result["t"]
    problem = ufm.Problem.from_toml((tmp_path / "here" / "problem.toml").read_text())
    assert problem == ufm.Problem.from_json(data.attrs["problem"])
    assert (tmp_path / "here" / "collapse.png").stat().st_size > 10_000


def test_a_run_is_found_again_by_the_hash_of_its_configuration(capsys, tmp_path):
    for seed in ("0", "1", "0"):
        assert run("simulate", "--class-sizes", "30,10", "--centers", "2,5", "--seed", seed) == 0
    assert "collapsed" in capsys.readouterr().out
    folders = list((tmp_path / "runs" / "simulate").iterdir())
    assert len(folders) == 2
    for folder in folders:
        configuration = json.loads(store.load(folder / "trajectory.nc").attrs["configuration"])
        assert config_key(configuration) == folder.name


def test_simulate_again_from_its_own_problem_file(capsys):
    assert run("simulate", "--preset", "toy", "--theta", "0.4", "--seed", "3", "--json", "--out", "a") == 0
    assert run("simulate", "--problem", "a/problem.toml", "--seed", "3", "--json", "--out", "b") == 0
    one, two = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (one["t"], one["nc_max"]) == (two["t"], two["nc_max"])
    assert store.load("a/trajectory.nc")["value"].equals(store.load("b/trajectory.nc")["value"])


def test_certify_and_given_features(capsys):
    problem = ufm.Problem((5, 3), (2, 4), 0.2)
    np.save("features.npy", np.random.default_rng(0).standard_normal((8, problem.dim)))
    flags = ["--class-sizes", "5,3", "--centers", "2,4", "--features", "features.npy", "--keep", "final"]
    assert run("simulate", *flags, "--certify", "--json", "--basis", "random") == 0
    report = json.loads(capsys.readouterr().out)["report"]
    assert report["holds"]
    assert all(set(check) == CHECK_KEYS for check in report["checks"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--t-final", "5", "--until-nc", "1e-5"), "--until-nc 1e-05 has no effect with --t-final"),
        (("--features", "f.npy", "--start", "sphere"), "--start sphere has no effect with --features"),
        (("--features", "f.npy", "--scale", "2"), "--scale 2.0 has no effect with --features"),
        (("--offset", "0.1"), "--offset 0.1 has no effect with --start gaussian"),
    ],
)
def test_a_flag_without_effect_is_refused(refused, flags, said):
    refused(said, "simulate", "--preset", "toy", *flags)


def test_what_does_not_hold_exits_with_1(capsys):
    assert run("simulate", "--preset", "toy", "--loss", "mse", "--lam-h", "0") == 1
    assert "stalled" in capsys.readouterr().out


def test_a_run_that_was_stopped_early_is_not_blamed_for_it(capsys):
    assert run("simulate", "--preset", "toy", "--t-final", "3", "--certify") == 0
    assert "not checked: what collapse ends in: the run ended before" in capsys.readouterr().out


@pytest.mark.slow
def test_changed_centers_keep_what_still_fits(capsys):
    def problem(*flags):
        assert run("simulate", *flags, "--json", "--t-final", "1") == 0
        out = json.loads(capsys.readouterr().out)["out"]
        return ufm.Problem.from_json(store.load(out).attrs["problem"])

    assert problem("--preset", "cifar10-lt", "--f", "21").dim == 512
    assert problem("--preset", "toy", "--f", "50").dim == 204
    assert problem("--preset", "toy", "--centers", "uniform").centers == (5, 5, 5, 5)


def test_label_files(capsys):
    np.savetxt("labels.csv", np.repeat([0, 1, 2], [9, 5, 2]), fmt="%d")
    assert run("simulate", "--class-sizes", "labels.csv", "--f", "3", "--centers", "apportioned", "--json") == 0
    out = json.loads(capsys.readouterr().out)["out"]
    assert ufm.Problem.from_json(store.load(out).attrs["problem"]).class_sizes == (9, 5, 2)


@pytest.mark.slow
def test_verify_a_problem(capsys, tmp_path, monkeypatch):
    drawn = []
    for name in ("collapse_figure", "geometry_figure"):
        draw = getattr(simulate, name)
        monkeypatch.setattr(simulate, name, lambda runs, draw=draw: drawn.append(draw(runs)) or drawn[-1])
    assert run("verify", "--preset", "toy", "--json", "--out", "v") == 0
    said = capsys.readouterr().out
    result = json.loads(said)
    assert result["holds"]
    assert all(set(check) == CHECK_KEYS for check in result["checks"])
    assert sorted(p.name for p in (tmp_path / "v").iterdir()) == [
        "collapse.png",
        "geometry.png",
        "report.json",
        "trajectories.nc",
    ]
    assert json.loads((tmp_path / "v" / "report.json").read_text()) == result
    titles = [figure.axes[0].get_title(loc="left") for figure in drawn]
    assert titles == ["cosine loss", "cosine loss: Gram of class means"]
    curves = tmp_path / "v" / "trajectories.nc"
    assert "problem" in store.load(curves).children
    with xarray.open_datatree(curves, engine="h5netcdf") as tree:
        assert "nc_mean" in tree["problem"].data_vars
    with xarray.open_dataset(curves, engine="h5netcdf") as opened:  # empty, but for what says why
        assert "open_datatree" in opened.attrs["about"]
    assert run("verify", "--preset", "toy") == 0
    said = capsys.readouterr().out
    assert "21 of 21 checks hold" in said
    assert "xarray.open_datatree on trajectories.nc" in said
    (folder,) = (tmp_path / "runs" / "verify").iterdir()  # where the main job's files stay what they are
    assert (folder / "report.json").exists()


def test_claims_are_listed_without_being_computed(capsys, monkeypatch):
    monkeypatch.setattr(Claim, "examine", None)
    assert run("claims", "--json") == 0
    claims = json.loads(capsys.readouterr().out)["claims"]
    assert len(claims) == len({claim["id"] for claim in claims}) > 40
    assert set(claims[0]) == {"id", "source", "statement", "verdict", "reproduced"}
    assert {claim["verdict"] for claim in claims} == {"holds", "corrected", "fails", "new"}
    assert run("claims") == 0
    assert "fails as printed" in capsys.readouterr().out


def test_one_claim_with_its_derivation_and_evidence(capsys):
    assert run("claims", "erratum-2") == 0
    said = capsys.readouterr().out
    assert "1.90427" in said
    assert "Derivation: Angles" in said
    assert run("claims", "erratum-2", "--json") == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["verdict"], claim["reproduced"], claim["findings"][0]["holds"]) == ("fails", True, True)


def test_claims_are_checked(capsys, monkeypatch):
    assert run("claims", "--check", "erratum-9", "gram-spectrum", "--json") == 0
    said = capsys.readouterr()
    assert [claim["reproduced"] for claim in json.loads(said.out)["claims"]] == [True, True]
    assert said.err == "2 of 2 verdicts reproduced\n"
    from theory.multicenter import geometry

    monkeypatch.setattr(geometry, "classifier_cosine", lambda f, theta: 1.0)
    assert run("claims", "--check", "erratum-2", "gram-spectrum") == 1
    said = capsys.readouterr()
    assert said.err == "1 of 2 verdicts reproduced; not: erratum-2\n"
    assert said.out.splitlines()[1].startswith("NO  erratum-2")


def test_presets(capsys):
    assert run("presets") == 0
    assert "cifar100-lt" in capsys.readouterr().out
    assert run("presets", "--tau", "0.1", "--json") == 0
    presets = json.loads(capsys.readouterr().out)["presets"]
    assert min(presets["cifar10-lt"]["class_sizes"]) == 500


WRONG = [
    (["claims", "erattum-7"], "claim 'erattum-7' is not in the ledger: did you mean 'erratum-7' or 'erratum-9' or"),
    (
        ["claims", "--check", "angles", "everything"],
        f"'everything' is not in the ledger: the closest of {len(ledger())} are",
    ),
    (["claims", "--markdown", "angles"], "--markdown is the whole document"),
    (["simulate"], "one of --preset, --problem, --class-sizes, --labels and --n-classes is needed"),
    (["simulate", "--preset", "toy", "--class-sizes", "3,2"], "not --preset and --class-sizes"),
    (["simulate", "--preset", "cifar-10"], "preset 'cifar-10' is unknown: did you mean 'cifar10-lt'?"),
    (["simulate", "--preset", "toy", "--dim", "10"], "--dim=10 < 24, the sum of the centers and the number of classes"),
    (["simulate", "--preset", "toy", "--theta", "2"], "theta=2.0 is outside [0, pi/2]"),
    (["simulate", "--preset", "toy", "--theta", "nan"], "theta=nan must be finite"),
    (["simulate", "--preset", "toy", "--lam", "-1"], "lam=-1.0 must be finite and at least 0"),
    (["simulate", "--preset", "toy", "--lam", "inf"], "lam=inf must be finite"),
    (["simulate", "--preset", "toy", "--tau", "0"], "tau=0.0 is outside (0, 1]"),
    (["simulate", "--preset", "toy", "--tau", "0.001"], "leaves the smallest class empty"),
    (["simulate", "--class-sizes", "3,2", "--tau", "0.1"], "tau=0.1 belongs to --preset"),
    (["simulate", "--class-sizes", "3,0"], "--class-sizes contains 0"),
    (["simulate", "--class-sizes", "3,-2"], "--class-sizes contains -2"),
    (["simulate", "--class-sizes", "3,2.5"], "--class-sizes='3,2.5' is neither"),
    (["simulate", "--class-sizes", "nowhere.npy"], "nowhere.npy"),
    (["simulate", "--class-sizes", "3,2", "--centers", "1,2,3"], "centers has 3 entries and --class-sizes 2"),
    (["simulate", "--class-sizes", "3,2", "--centers", "0"], "centers contains 0"),
    (["simulate", "--class-sizes", "3,2", "--centers", "class_aware"], "did you mean 'class-aware'?"),
    (["simulate", "--class-sizes", "3,2", "--centers", "2", "--f", "3"], "f=3 goes with a rule"),
    (["simulate", "--class-sizes", "3,2", "--f", "0"], "f=0"),
    (["simulate", "--preset", "toy", "--beta", "big"], "beta='big' is neither"),
    (["simulate", "--preset", "toy", "--lam-h", "0.1"], "--lam-h=0.1 has no meaning for --loss='cosine'"),
    (["simulate", "--preset", "toy", "--scale", "0"], "scale=0.0"),
    (["simulate", "--preset", "toy", "--until-nc", "5"], "--until-nc=5.0"),
    (["simulate", "--preset", "toy", "--method", "exact"], "--method='exact' is not for --loss='cosine'"),
    (["simulate", "--preset", "toy", "--method", "fastest"], "--method: 'fastest' is unknown: allowed are auto, full"),
    (["simulate", "--preset", "toy", "--t-final", "soon"], "--t-final: 'soon' is not a number"),
    (["simulate", "--preset", "toy", "--features", "none.npy"], "none.npy"),
    (["simulate", "--preset", "toy", "--thetta", "1"], "--thetta"),
    (
        ["simulate", "--preset", "toy", "--frame", "learned"],
        "ufm: --frame='learned': `ufm simulate` keeps the frame fixed",
    ),
    (["simulate", "--problem", "none.toml"], "none.toml"),
    (["simulate", "--preset", "toy", "--beta", "1e308"], "beta=1e+308 must be at most 1e+100"),
    (["simulate", "--preset", "toy", "--seed", "-1"], "seed=-1"),
    (["simulate", "--class-sizes", "9" * 25, "--centers", "2"], "more than 2**62"),
    (["simulate", "--class-sizes", "100000000,100000000", "--centers", "2", "--dim", "3000", "--keep", "final"], "TiB"),
    (["verify", "--preset", "toyy"], "did you mean 'toy'?"),
    (["presets", "--tau", "7"], "tau=7.0 is outside (0, 1]"),
    (["simulat"], "simulat"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_input_is_one_line_and_status_2_and_leaves_nothing(refused, tmp_path, arguments, message):
    refused(message, *arguments)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "p.toml",
            "class_sizes = [3, 2]\ncenter = 2\ntheta = 0.2",
            "p.toml: unknown key 'center': did you mean 'centers'?",
        ),
        ("p.toml", "class_sizes = [3, 2", "p.toml: not valid TOML"),
        ("p.json", '{"class_sizes": [3, 2], "centers": 2}', "p.json: key 'theta' is missing"),
        ("p.yaml", "a: 1", "a problem file ends in .toml or .json"),
    ],
)
def test_wrong_problem_files(refused, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    refused(message, "simulate", "--problem", name)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_wrong_array_files(refused, capsys, tmp_path):
    (tmp_path / "empty.npy").touch()
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04 nothing")
    np.savez(tmp_path / "z.npz", a=np.ones(3))
    for name in ("empty.npy", "zip.npy", "z.npz"):
        assert run("simulate", "--preset", "toy", "--features", name) == 2
        assert f"{name} is a" in capsys.readouterr().err.replace("not an", "a").replace("is an", "is a")
    np.save("one-based.npy", [1] * 5 + [2] * 3)
    refused("8 numbers up to 2, which may be labels or sizes", "simulate", "--class-sizes", "one-based.npy")
    refused("out=empty.npy exists and is not a folder", "simulate", "--preset", "toy", "--out", "empty.npy")


@pytest.mark.parametrize("command", ["simulate", "verify", "phase", "claims", "presets"])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as stop:
        run(command, "--help")
    assert stop.value.code == 0
    assert f"Example: ufm {command}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_as_a_process(tmp_path):
    def ufm_process(*arguments):
        command = [sys.executable, "-m", "ufm", *arguments]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    good = ufm_process("simulate", "--preset", "toy", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["status"] == "collapsed"
    bad = ufm_process("simulate", "--preset", "toy", "--lam", "-2")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "ufm: --lam=-2.0 must be finite and at least 0\n"


def test_interrupted(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ufm, "gradient_flow", stop)
    assert run("simulate", "--preset", "toy") == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.slow
def test_a_closed_stdout_is_an_error_where_something_was_to_be_read():
    command = f"exec {sys.executable} -m ufm presets --json >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "ufm: stdout: [Errno 9] Bad file descriptor\n")


def test_a_broken_pipe_of_something_else_is_said(capsys, monkeypatch):
    def run(self):
        raise BrokenPipeError(32, "Broken pipe", "somewhere")

    monkeypatch.setattr(presets.Command, "run", run)
    assert main(["presets"]) == 2
    assert "somewhere" in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_who_has_had_enough_is_no_error():
    command = [sys.executable, "-m", "ufm", "presets", "--train"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 128 + signal.SIGPIPE
