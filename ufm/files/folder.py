"""A folder is its own registry: what lies in it is found, and nothing is listed."""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
"""Where our packages lie."""


def ours(name: str) -> None:
    """Import a package of ours from where it lies, whatever else of that name is on the path.

    Raises ImportError if something else of that name is imported already.
    """
    place = ROOT / name / "__init__.py"
    if (there := sys.modules.get(name)) is not None:
        if getattr(there, "__file__", None) is None or not place.samefile(str(there.__file__)):
            raise ImportError(f"ufm needs its own package {name!r}, and {there} is imported under that name already")
        return
    spec = importlib.util.spec_from_file_location(name, place, submodule_search_locations=[str(place.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} is no file that Python imports")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def modules_in(package: ModuleType) -> dict[str, ModuleType]:
    """The modules that lie in a package, imported, by name in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
