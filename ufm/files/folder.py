"""A folder is its own registry: what lies in it is found, and nothing is listed."""

import importlib
import pkgutil
from types import ModuleType


def modules_in(package: ModuleType) -> dict[str, ModuleType]:
    """The modules that lie in a package, imported, by name in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
