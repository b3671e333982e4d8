"""Features and weights of unit length under cross-entropy with a temperature."""

from dataclasses import dataclass
from typing import ClassVar

from ufm.problems.model import Model
from ufm.problems.problem import integers


@dataclass(frozen=True)
class SphereModel(Model):
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

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        if self.n_classes < 2:
            raise ValueError(f"class_sizes={self.class_sizes} must have at least 2 entries: the loss of one class is 0")
        (dim,) = integers("dim", [self.dim])
        if dim < 2:
            raise ValueError(f"dim={dim} must be at least 2: on a line there are two unit vectors, and no way between")
        self._put("dim", dim)
        self._put_positive("temperature", "without it all features are alike")
