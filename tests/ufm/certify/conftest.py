import sys

import pytest


@pytest.fixture
def drop(tmp_path, monkeypatch):
    """Put a file into a new folder of a package; all trace of it is gone after the test."""
    dropped = []

    def put(package, name, text):
        folder = tmp_path / package.__name__
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text)
        if str(folder) not in package.__path__:
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        dropped.append((package, name))

    yield put
    for package, name in dropped:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)
