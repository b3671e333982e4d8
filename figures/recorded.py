"""The data of a figure: a Dataset that knows its settings, and numbers as captions write them."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ufm.files import store

if TYPE_CHECKING:
    import xarray


def recorded(
    settings: Mapping[str, Any], variables: Mapping[str, Any], coordinates: Mapping[str, Any] | None = None
) -> "xarray.Dataset":
    """Variables with the settings they were computed from, as JSON in the attribute ``settings``."""
    import xarray

    return xarray.Dataset(dict(variables), dict(coordinates or {}), {"settings": store.to_json(dict(settings))})


def settings_of(data: "xarray.Dataset") -> dict[str, Any]:
    """The settings that a Dataset was computed from."""
    return dict(json.loads(data.attrs["settings"]))


def number(value: Any, digits: int = 3) -> str:
    """Significant digits, as captions write them."""
    return f"{float(value):.{digits}g}"


def gap(measured: Any, predicted: Any) -> float:
    """Largest distance, ignoring what is not a number on either side."""
    return float(np.nanmax(np.abs(np.asarray(measured) - np.asarray(predicted))))
