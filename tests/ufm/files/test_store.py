import errno
import os
import pathlib
import resource
import select
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
import xarray

import ufm
from ufm.files import store

ROOT = pathlib.Path(__file__).parents[3]


def example(seed=0):
    rng = np.random.default_rng(seed)
    return xarray.Dataset(
        {"x": (("time", "class"), rng.standard_normal((5, 3)), {"units": "1"})},
        coords={"time": np.arange(5.0)},
        attrs={"problem": '{"a": 1}', "status": "collapsed"},
    )


def test_round_trip(tmp_path):
    data = ufm.gradient_flow(ufm.Problem((3, 2), 2, 0.2)).data
    path = store.save(data, tmp_path / "deep" / "t.nc")
    assert store.load(path).to_dataset().identical(data)
    with xarray.open_dataset(path, engine="h5netcdf") as opened:  # like any other netCDF file
        assert opened.load().identical(data)
    tree = xarray.DataTree.from_dict({"a": example(1), "b": example(2)})
    assert store.load(store.save(tree, tmp_path / "tree.nc")).identical(tree)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_classic_files_hold_the_same_but_for_wide_integers(tmp_path):
    data = example().assign(n=("class", np.arange(3)), name=("class", ["a", "bc", ""]))
    path = store.save_classic(data, tmp_path / "t.nc")
    again = store.load(path).to_dataset()
    assert again.identical(data)
    assert again.n.dtype == np.int32
    with xarray.open_dataset(path, engine="scipy") as opened:  # like any other netCDF file
        assert opened.load().identical(data)
    with pytest.raises(ValueError, match="int64"):
        store.save_classic(data.assign(n=("class", [1, 2, 2**40])), path)
    assert store.load(path).to_dataset().identical(data)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(store.DamagedFile, match=r"t\.nc"):
        store.load(path)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        store.load(tmp_path / "nothing.nc")


def test_truncated_flipped_or_foreign_files_are_named_and_never_read_as_numbers(tmp_path):
    data, path = example(), tmp_path / "t.nc"
    store.save(data, path)
    good = path.read_bytes()
    for cut in np.linspace(0, len(good) - 1, 20).astype(int):
        path.write_bytes(good[:cut])
        with pytest.raises(store.DamagedFile, match=r"t\.nc"):
            store.load(path)
    for position in range(0, len(good), 101):
        damaged = bytearray(good)
        damaged[position] ^= 0x5A
        path.write_bytes(damaged)
        with pytest.raises(store.DamagedFile, match="digest"):
            store.load(path)
    path.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(store.DamagedFile):
        store.load(path)


@pytest.mark.slow
def test_killed_while_saving_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "t.nc"
    store.save(xarray.Dataset({"x": ("n", np.full(20_000, -1.0))}), path)
    for delay in np.random.default_rng(0).uniform(0.0, 0.03, size=50):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # a forked writer: starting 50 interpreters would take a minute
            os.write(write, b".")
            for i in range(100_000):
                store.save(xarray.Dataset({"x": ("n", np.full(20_000, float(i)))}), path)
            os._exit(0)
        os.read(read, 1)  # it is writing
        select.select([], [], [], delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
        values = store.load(path)["x"].to_numpy()
        assert values.size == 20_000
        assert np.all(values == values[0])


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.slow
def test_full_disk_keeps_the_previous_file_and_exits_with_2(tmp_path, command):
    arguments = ("simulate", "--preset", "toy", "--out", str(tmp_path))
    assert command(*arguments)[0] == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    process = [sys.executable, "-m", "ufm", *arguments]
    root = pathlib.Path(__file__).parents[3]
    full = subprocess.run(process, capture_output=True, text=True, cwd=root, check=False, preexec_fn=limited)
    assert full.returncode == 2
    assert len(full.stderr.strip().splitlines()) == 1
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_permissions_are_those_of_any_new_file(tmp_path):
    path, plain = store.save_text(tmp_path / "a.txt", "x"), tmp_path / "b.txt"
    plain.write_text("x")
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        store.write_atomically(tmp_path / "a.txt", lambda path: path.write_text(str(1 / 0)))
    assert os.listdir(tmp_path) == []


def test_json_is_strict():
    assert store.to_json({"a": np.float64("nan"), "b": (1, np.int64(2)), "c": [float("inf")]}) == (
        '{"a": null, "b": [1, 2], "c": [null]}'
    )


def test_a_flipped_bit_in_sealed_json_is_found(tmp_path):
    """In every place of the file: the value is what was written, or the file is damaged."""
    value = {"configuration": {"lr": 0.1, "method": "CAL", "centers": [1, 2], "drop": None}, "smoke": False}
    path = store.save_json(tmp_path / "config.json", store.sealed(value))
    good = path.read_bytes()
    assert store.unsealed(path) == value
    survived = 0
    for place in range(len(good)):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            try:
                found = store.unsealed(path)
            except store.DamagedFile:
                continue
            found.pop(next((key for key in found if key not in value), None), None)  # the name of the digest itself
            survived += found != value
    assert survived == 0
    path.write_text(store.to_json(value))  # from before there were digests
    assert store.unsealed(path) == value


HOLDER = """
import pathlib, sys, time
from ufm.files import store
folder, log = map(pathlib.Path, sys.argv[1:])
entered = 0
while entered < 25:
    try:
        with store.alone(folder, "counting"), log.open("a") as file:
            print("in", file=file, flush=True); time.sleep(0.0005); print("out", file=file); entered += 1
    except ValueError:
        pass
"""


@pytest.mark.slow
def test_a_folder_is_held_by_one_process_at_a_time(tmp_path):
    command = [sys.executable, "-c", HOLDER, tmp_path / "held", tmp_path / "log"]
    crowd = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [each.wait() for each in crowd] == [0] * 4
    words = (tmp_path / "log").read_text().split()
    assert words == ["in", "out"] * 100


def test_what_goes_wrong_in_a_folder_comes_out(tmp_path):
    for error in (FileNotFoundError("gone"), BlockingIOError("busy"), KeyboardInterrupt()):
        with pytest.raises(type(error)), store.alone(tmp_path / "held", "testing"):
            raise error
        assert not (tmp_path / "held").exists()
    with store.alone(tmp_path / "held", "testing"):
        with pytest.raises(ValueError, match="another process is testing"), store.alone(tmp_path / "held", "testing"):
            pass
        (tmp_path / "held" / "kept").touch()
    assert [path.name for path in (tmp_path / "held").iterdir()] == ["kept"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_systems_without_locks_are_said(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(store.fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="cannot be locked"), store.alone(tmp_path, "testing"):
        pass


def test_file_systems_that_flush_no_folders(tmp_path, monkeypatch):
    ordinary = os.fsync

    def fsync(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        ordinary(number)

    monkeypatch.setattr(os, "fsync", fsync)
    assert store.save_text(tmp_path / "a.txt", "text").read_text() == "text"


def test_what_killed_writes_leave_goes(tmp_path):
    kept, left, fresh = (
        tmp_path / name for name in (".hidden", ".a.txt.00112233445566aa.txt", ".a.txt.11112233445566aa.txt")
    )
    for path in (kept, left, fresh):
        path.write_text("half")
    os.utime(left, (0, 0))
    store.save_text(tmp_path / "a.txt", "text")
    assert (kept.exists(), left.exists(), fresh.exists()) == (True, False, True)
    (tmp_path / "below").mkdir()
    below = tmp_path / "below" / ".b.nc.00112233445566aa.nc"
    below.write_text("half")
    with store.alone(tmp_path, "testing"):
        assert (kept.exists(), fresh.exists(), below.exists()) == (True, False, False)
