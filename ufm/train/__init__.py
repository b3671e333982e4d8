"""The companion trainer: real networks that confirm or refute what theory predicts."""

import importlib.util


def require_packages() -> None:
    """Raise ValueError if a package is missing that training needs; to plan and to read trainings, none is."""
    missing = [name for name in ("torch", "torchvision", "safetensors") if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"training needs {', '.join(missing)}: pip install {' '.join(missing)}")
