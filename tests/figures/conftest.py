import pytest

from figures import gallery


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Quick data of any figure, computed once."""
    folder, found = tmp_path_factory.mktemp("data"), gallery.found()
    return lambda name: gallery.data_of(found[name], True, folder)[0]
