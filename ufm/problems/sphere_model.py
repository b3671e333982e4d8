"""Features and weights of unit length under cross-entropy with a temperature."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ufm.files.text import require_known
from ufm.problems.problem import Problem, integers, nonnegative


@dataclass(frozen=True)
class SphereModel(Problem):
    r"""Features :math:`h_i` and weights :math:`w_j`, all of length 1 in d dimensions, that minimise, together,

    .. math:: \frac1N \sum_i \ln \sum_j e^{\tau \langle w_j - w_{y_i}, h_i \rangle} .

    Parameters
    ----------
    class_sizes : samples of each class, K >= 2 of them.
    dim : d >= 2.
    temperature : tau > 0, the factor of the cosines. (Some authors divide by a temperature: it is 1 / tau.)

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> model = SphereModel((10,) * 6, dim=3, temperature=20.0)
    >>> model.n_classes, model.loss, model == SphereModel.from_toml(model.to_toml())
    (6, 'ce', True)
    """

    loss: ClassVar[str] = "ce"

    dim: int
    temperature: float

    if TYPE_CHECKING:

        def __new__(cls, *args: Any, **kwargs: Any) -> Self:
            """An instance of this very class."""
            ...

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        if self.n_classes < 2:
            raise ValueError(f"class_sizes={self.class_sizes} must have at least 2 entries: the loss of one class is 0")
        (dim,) = integers("dim", [self.dim])
        if dim < 2:
            raise ValueError(f"dim={dim} must be at least 2: on a line there are two unit vectors, and no way between")
        self._put("dim", dim)
        self._put("temperature", nonnegative("temperature", self.temperature))
        if not self.temperature:
            raise ValueError("temperature=0.0 must be positive: without it all features are alike")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "class_sizes": list(self.class_sizes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Inverse of :meth:`to_dict`. Raises ValueError for keys that are unknown or missing."""
        for key in values:
            require_known(key, cls.__dataclass_fields__, f"unknown key {key!r}")
        for key in ("class_sizes", "dim", "temperature"):
            if key not in values:
                raise ValueError(f"key {key!r} is missing")
        return cls(**values)

    def replace(self, **changes: Any) -> Self:  # type: ignore[override]
        """The same with some values changed."""
        return self.from_dict({**self.to_dict(), **changes})
