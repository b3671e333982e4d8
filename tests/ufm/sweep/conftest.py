import pytest

from ufm.sweep.description import Sweep
from ufm.sweep.execute import run


@pytest.fixture
def described(tmp_path):
    """A description on disk, its sweep, and the bytes of what an undisturbed run of it gives."""

    def describe(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        sweep = Sweep.from_toml(text)
        run(sweep, tmp_path / "undisturbed", workers=1)
        return path, sweep, (tmp_path / "undisturbed" / "results.nc").read_bytes()

    return describe
