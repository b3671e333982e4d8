import contextlib
import io

import numpy as np
import pytest

import ufm
from ufm.files import store


@pytest.fixture(scope="session")
def verified(tmp_path_factory):
    """A small folder as `ufm verify` writes it."""
    from ufm.commands.main import main

    folder = tmp_path_factory.mktemp("verify")
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["verify", "--preset", "toy", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """A folder as `ufm simulate --keep features` writes it."""
    from ufm.commands.main import main

    folder = tmp_path_factory.mktemp("simulate")
    flags = ["--class-sizes", "12,6", "--centers", "2,3", "--n-times", "9", "--keep", "features", "--basis", "random"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["simulate", *flags, "--out", str(folder)]) == 0
    return folder


FLAGS = {
    "phase": ("phase", "--class-sizes", "9,3", "--centers", "1", "--points", "3", "--out"),
    "merging": ("phase", "--loss", "ce", "--class-sizes", "9,9,3,3", "--points", "3", "--out"),
    "measure": ("measure", "--features", "h.npz::h", "--labels", "h.npz::y", "--out"),
    "sweep": ("sweep", "small.toml", "--workers", "1", "--out"),
    "train": ("train", "fashion/cal-0.01", "--smoke", "--network", "mlp", "--threads", "1", "--out"),
}
SWEEP = """
kind = "minimum"
record = ["value", "square_norm"]
base = { n_classes = 3, n_max = 9, tau = 0.4, loss = "mse", lam_w = 0.01, frame = "learned" }
axes = { f = [2, 3], lam_h = [0.01, 0.02, 0.03] }
"""


@pytest.fixture(scope="session")
def every(verified, kept, tmp_path_factory):
    """Something of each kind that a page can show, by name; a class of the measurement is called <script>."""
    from ufm.commands.main import main

    place = tmp_path_factory.mktemp("every")
    found = {"verify": verified, "simulate": kept, **{name: place / name for name in FLAGS}}
    with contextlib.chdir(place):
        rng = np.random.default_rng(0)
        labels = np.array(["<script>x()</script>", "b", "c"])[np.arange(30) % 3]
        np.savez("h.npz", h=np.eye(3)[np.arange(30) % 3] + 0.1 * rng.standard_normal((30, 3)), y=labels)
        (place / "small.toml").write_text(SWEEP)
        for name, flags in FLAGS.items():
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                assert main([*flags, name]) in (0, 1), name
        for name, flags in (
            ("geometry", ("--class-sizes", "50,5", "--loss", "ce")),
            ("design", ("--class-sizes", "50,5", "--f", "1", "4")),
        ):
            with contextlib.redirect_stdout(io.StringIO()) as said:
                assert main([name, *flags, "--json"]) == 0
            found[name] = place / f"{name}.json"
            found[name].write_text(said.getvalue())
    problem = ufm.Problem((9, 3), (1, 2), 0.3, loss="mse", lam_h=0.01, lam_w=0.02, frame="learned")
    found["solution"] = store.save(ufm.minimize(problem).data, place / "solution.nc")
    return found
