"""Where papers differ: the choices that a measure depends on."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ufm.files.text import require_known

CHOICES = {
    "between": ("classes", "samples"),
    "within": ("samples", "classes"),
    "cdnv": ("squared", "quartic"),
    "means": ("centered", "raw"),
    "weights": ("raw", "centered"),
}


@dataclass(frozen=True)
class Conventions:
    """The choices; on balanced data the first two make no difference.

    Attributes
    ----------
    between : "classes", as in Papyan et al. (2020): the global mean and the scatter between classes count each class
        the same; or "samples": each sample.
    within : "samples": the scatter within classes is the mean over all samples; or "classes": over the classes' own.
    cdnv : "squared": variances over squared distances of means, as in Galanti et al. (2022); or "quartic": over their
        fourth power, which has a unit, 1 / length^2.
    means : "centered": NC2 and NC3 are of class means minus the global mean; or "raw": of class means as they are.
    weights : "raw": they are of the rows of the classifier as they are; or "centered": minus the mean of all rows.

    Raises
    ------
    ValueError : an unknown choice.
    """

    between: str = "classes"
    within: str = "samples"
    cdnv: str = "squared"
    means: str = "centered"
    weights: str = "raw"

    def __post_init__(self) -> None:
        """Raise ValueError for unknown choices."""
        for name, choice in asdict(self).items():
            require_known(choice, CHOICES[name], f"{name}={choice!r} is unknown")

    def of_between(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of each class in the global mean and between classes, summing to 1."""
        return _parts(self.between, counts)

    def of_within(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weight of each class's own scatter, summing to 1."""
        return _parts(self.within, counts)


def _parts(choice: str, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    parts: NDArray[np.float64] = counts / counts.sum() if choice == "samples" else np.full(len(counts), 1 / len(counts))
    return parts
