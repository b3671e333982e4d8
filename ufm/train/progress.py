"""Where a training stands, and what follows from it: order, seeds and learning rate of every step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ufm.train.config import Config


class Diverged(ArithmeticError):
    """Loss, weights or features are not finite any more."""


@dataclass
class Progress:
    """Steps done, and the sums that the record wants of them.

    Attributes
    ----------
    n_images : size of the training set.
    step : steps done.
    clock : sum of their learning rates.
    loss_sum, loss_count : of the steps of this epoch.
    seconds : spent in steps.
    """

    config: Config
    n_images: int
    step: int = 0
    clock: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0
    _unread: list[Tensor] = field(default_factory=list)

    @property
    def steps_per_epoch(self) -> int:
        """Batches that an epoch is cut into."""
        return self.config.steps_per_epoch(self.n_images)

    def require_batches(self, processes: int) -> None:
        """Raise ValueError if a batch has too few images: every part of it needs two, for its statistics."""
        least, smallest = 2 * self.config.accumulate * processes, self.n_images // self.steps_per_epoch
        if smallest < least:
            raise ValueError(
                f"{self.n_images} images in batches of at most batch_size={self.config.batch_size} make one of "
                f"{smallest}: at least {least} are needed, two for each part on each process"
            )

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step // self.steps_per_epoch

    @property
    def at_boundary(self) -> bool:
        """Whether no epoch is under way."""
        return self.step % self.steps_per_epoch == 0

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.config.rate_of_step(step, self.n_images)

    @property
    def share(self) -> float:
        """Share of the training that is done, in [0, 1]."""
        return self.step / self.total

    @property
    def loss(self) -> float:
        """Mean loss of this epoch so far; NaN before its first step."""
        return self.loss_sum / self.loss_count if self.loss_count else math.nan

    def batches(self) -> list[Tensor]:
        """Indices of the remaining batches of this epoch, each of at most batch_size images, as equal as possible.

        Order: a permutation by numpy's generator seeded with (seed, epoch).
        """
        order = np.random.default_rng((self.config.seed, self.epoch)).permutation(self.n_images)
        parts = np.array_split(order, self.steps_per_epoch)
        return [torch.from_numpy(part) for part in parts[self.step % self.steps_per_epoch :]]

    def seeds(self, count: int, rank: int, view: int = 0) -> list[int]:
        """Seeds of the next ``count`` steps on one process: everything random inside a step comes from it.

        A second view of the images (``view`` = 1) has seeds of its own.
        """
        last = (view,) if view else ()
        entropy = ((self.config.seed, step, rank, *last) for step in range(self.step, self.step + count))
        return [int(np.random.SeedSequence(each).generate_state(1)[0]) for each in entropy]

    def advance(self, loss: Tensor) -> None:
        """Count a step. The loss is not looked at yet: that would wait for the device."""
        self.clock += self.rate(self.step)
        self.step += 1
        self._unread.append(loss)

    def read(self, average: Callable[[Tensor], Tensor] = lambda losses: losses) -> None:
        """Look at the losses, which ``average`` has averaged over the processes.

        Raises Diverged at the first that is not finite, naming epoch, step and learning rate.
        """
        first = self.step - len(self._unread)
        values = average(torch.stack(self._unread)).tolist() if self._unread else []
        self._unread.clear()
        for number, value in enumerate(values, start=first):
            if not math.isfinite(value):
                raise Diverged(
                    f"the loss is {value} in epoch {number // self.steps_per_epoch + 1}, step {number + 1}, at "
                    f"learning rate {self.rate(number):.3g}: a smaller lr or a longer warmup may help"
                )
            self.loss_sum += value
            self.loss_count += 1

    def begin_epoch(self) -> None:
        """Start the sums of an epoch."""
        self.loss_sum, self.loss_count = 0.0, 0

    def numbers(self) -> dict[str, float]:
        """For the record."""
        return {
            "loss": self.loss,
            "step": self.step,
            "rate": self.rate(self.step - 1) if self.step else math.nan,
            "clock": self.clock,
            "training_seconds": self.seconds,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, enough to go on."""
        return {name: getattr(self, name) for name in STATE}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Go on from what :meth:`to_dict` gave."""
        vars(self).update({name: values[name] for name in STATE})

    def after(self) -> str:
        """For messages about what the steps so far have led to."""
        return f"after step {self.step} of {self.total}, at learning rate {self.numbers()['rate']:.3g}"


STATE = ("step", "clock", "loss_sum", "loss_count", "seconds")
