"""What models without a frame have in common: they are their fields, on paper and in Python."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from ufm.files.text import require_known
from ufm.problems.problem import Problem, nonnegative


@dataclass(frozen=True)
class Model(Problem):
    """A problem without a frame; what is None counts as left out."""

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Self:
            """An instance of this very class."""
            ...

    def _given(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _put_positive(self, name: str, why: str) -> None:
        """A field as a finite float > 0. Raises ValueError with the reason otherwise."""
        self._put(name, nonnegative(name, getattr(self, name)))
        if not getattr(self, name):
            raise ValueError(f"{name}=0.0 must be positive: {why}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what was left out is left out."""
        return {name: _plain(value) for name, value in self._given().items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Inverse of :meth:`to_dict`. Raises ValueError for keys that are unknown or missing."""
        for key in values:
            require_known(key, cls.__dataclass_fields__, f"unknown key {key!r}")
        for field in fields(cls):
            if field.default is MISSING and values.get(field.name) is None:
                raise ValueError(f"key {field.name!r} is missing")
        return cls(**{key: value for key, value in values.items() if value is not None})

    def replace(self, **changes: Any) -> Self:  # type: ignore[override]
        """The same with some values changed; None takes a value back."""
        return type(self).from_dict(self._given() | changes)


def _plain(value: Any) -> Any:
    """Tuples as lists, at any depth."""
    return list(map(_plain, value)) if isinstance(value, tuple) else value
