import contextlib
import io

import pytest


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
