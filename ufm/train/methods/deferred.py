"""One method first, another one for the rest of the training."""

from torch import Tensor

from ufm.problems.frames import Array, Frame
from ufm.train.methods.base import Method


class Deferred(Method):
    """``first`` until the share ``defer`` of the training, then ``second``, on the same features."""

    staged = True

    def __init__(self, first: Method, second: Method, defer: float) -> None:
        super().__init__()
        self.first, self.second, self.defer = first, second, defer
        self.divisible = first.divisible and second.divisible

    @property
    def active(self) -> Method:
        """The one whose turn it is."""
        active = self.second if self.late else self.first
        active.whole = self.whole
        return active

    def prepare(self, features: Tensor) -> Tensor:
        """As the one whose turn it is has it."""
        return self.active.prepare(features)

    def loss_of(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Of the one whose turn it is."""
        return self.active.loss_of(vectors, labels)

    def scores(self, features: Tensor) -> Tensor:
        """Of the one whose turn it is."""
        return self.active.scores(features)

    def geometry(self, features: Tensor) -> Tensor:
        """Of the second: where the training is meant to end."""
        return self.second.geometry(features)

    def frame(self, means: Array) -> Frame:
        """Of the second."""
        return self.second.frame(means)
